//! The objects hold together: each reference leads to an object, each field is one that we map.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{contents, ndjson, objects};
use crate::mapping;
use crate::names::{Kind, Names};

fn parsed() -> Vec<Value> {
    ndjson("scorecard").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_reference_leads_to_an_object_before_it() {
    let mut there = BTreeSet::new();
    let mut references = 0;
    for object in parsed() {
        for reference in object["references"].as_array().unwrap() {
            let target = (reference["type"].to_string(), reference["id"].to_string());
            assert!(there.contains(&target), "{target:?} of {}", object["id"]);
            references += 1;
        }
        let name = (object["type"].to_string(), object["id"].to_string());
        assert!(there.insert(name.clone()), "{name:?} twice");
    }
    assert!(references > 20, "{references}");
}

/// Names of fields in a query: the words before `:`, `<` and `>`.
fn fields_of(query: &str) -> Vec<String> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let mut fields = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| words[at]);
        match *word {
            "<" | ">" => fields.extend(before.map(str::to_owned)),
            word => fields.extend(word.strip_suffix(':').map(str::to_owned)),
        }
    }
    fields
}

#[test]
fn every_field_is_mapped_for_what_reads_it() {
    assert_eq!(fields_of("a.b: x and not c > 0 or d: (e or f)"), ["a.b", "c", "d"]);
    let check = |kind: Kind, field: &str, of: &str, is_counted: bool| {
        let fields: BTreeMap<_, _> = mapping::fields(kind);
        let word = fields.get(field).unwrap_or_else(|| panic!("{of}: no {field} in {kind:?}"));
        assert!(!is_counted || *word != "text", "{of}: {field} is text, and can't be counted");
    };
    for chart in contents::charts() {
        let (fields, queries) = chart.reads();
        fields.iter().for_each(|field| check(chart.kind, field, chart.name, true));
        let queried = queries.iter().flat_map(|query| fields_of(query));
        queried.for_each(|field| check(chart.kind, &field, chart.name, false));
    }
    for search in contents::searches() {
        search.columns.iter().for_each(|field| check(search.kind, field, search.name, false));
        fields_of(search.query).iter().for_each(|one| check(search.kind, one, search.name, false));
        check(search.kind, search.sort.0, search.name, true);
    }
}

#[test]
fn panels_share_the_width_and_none_covers_another() {
    for dashboard in parsed().iter().filter(|object| object["type"] == "dashboard") {
        let panels = dashboard["attributes"]["panelsJSON"].as_str().unwrap();
        let panels: Vec<Value> = serde_json::from_str(panels).unwrap();
        assert_eq!(panels.len(), dashboard["references"].as_array().unwrap().len());
        let mut taken = BTreeSet::new();
        for panel in &panels {
            let of = |name: &str| panel["gridData"][name].as_u64().unwrap();
            for x in of("x")..of("x") + of("w") {
                for y in of("y")..of("y") + of("h") {
                    assert!(x < 48 && taken.insert((x, y)), "{} at {x}, {y}", dashboard["id"]);
                }
            }
        }
    }
}

#[test]
fn another_prefix_reads_other_aliases() {
    let titles = |prefix: &str| -> Vec<String> {
        let objects = objects(&Names::new(prefix));
        let views = objects.iter().filter(|object| object["type"] == "index-pattern");
        views.map(|view| view["attributes"]["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles("scorecard").len(), Kind::ALL.len());
    assert!(titles("other").iter().all(|title| title.starts_with("other-")));
}
