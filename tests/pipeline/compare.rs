//! Compares what was expected with what is there, and says what differs: key and both values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::{Map, Value};

/// Differences that one message shows.
const SHOWN_MAX: usize = 25;

/// Scores in tables are whole billionths, and sums of them carry the rounding of each.
const TOLERANCE: f64 = 2e-9;

/// Excel's times are fractions of days: a millisecond may be lost.
const TIME_TOLERANCE_MS: i64 = 1;

/// Fails with the keys whose values differ, each with both values.
pub(crate) fn expect_same<V: Serialize>(
    what: &str,
    expected: &BTreeMap<String, V>,
    found: &BTreeMap<String, V>,
) -> Result<()> {
    let mut differences = Vec::new();
    let (expected, found) = (serde_json::to_value(expected)?, serde_json::to_value(found)?);
    both_ways("", &expected, &found, &mut differences);
    expect_none(what, &differences)
}

/// Notes the places at which two values differ, also within documents that are kept as text.
fn both_ways(path: &str, one: &Value, other: &Value, out: &mut Vec<String>) {
    let document = |value: &Value| serde_json::from_str::<Map<String, Value>>(value.as_str()?).ok();
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => both_ways(&format!("{path} {key}"), a, b, out),
                    (Some(a), None) => out.push(format!("{path} {key}: {a} and nothing")),
                    (_, b) => out.push(format!("{path} {key}: nothing and {}", b.unwrap())),
                }
            }
        }
        (one, other) if one == other => {}
        (one, other) => match (document(one), document(other)) {
            (Some(a), Some(b)) => both_ways(path, &Value::Object(a), &Value::Object(b), out),
            _ => out.push(format!("{path}: {one} and {other}")),
        },
    }
}

/// Fails with the differences, if there are any.
pub(crate) fn expect_none(what: &str, differences: &[String]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut text = format!("{what}: {} differences", differences.len());
    for difference in differences.iter().take(SHOWN_MAX) {
        write!(text, "\n  {difference}")?;
    }
    bail!(text)
}

/// Notes where `found` is not as the model says; of an object only what the model names counts.
pub(crate) fn differences(path: &str, model: &Value, found: &Value, out: &mut Vec<String>) {
    match model {
        Value::Object(members) if is_time(model) => {
            let ms = |value: &Value| value["ms"].as_i64();
            let (expected, there) = (members["ms"].as_i64(), ms(found));
            let near = |(a, b): (i64, i64)| (a - b).abs() <= TIME_TOLERANCE_MS;
            if !expected.zip(there).is_some_and(near) {
                out.push(format!("{path}: the model says {model}, there is {found}"));
            }
        }
        Value::Object(members) if members.contains_key("text") => {
            if found.as_str().is_none_or(|text| text.trim().is_empty()) {
                out.push(format!("{path}: the model says some text, there is {found}"));
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                differences(&format!("{path} {name}"), value, &found[name], out);
            }
        }
        _ if same(model, found) => {}
        _ => out.push(format!("{path}: the model says {model}, there is {found}")),
    }
}

/// Notes which keys only one side has.
pub(crate) fn key_differences(path: &str, model: &Value, found: &Value, out: &mut Vec<String>) {
    let (Some(model), Some(found)) = (model.as_object(), found.as_object()) else {
        out.push(format!("{path}: the model says {model}, there is {found}"));
        return;
    };
    for (key, value) in model.iter().filter(|(key, _)| !found.contains_key(*key)) {
        out.push(format!("{path} {key}: the model says {value}, there is nothing"));
    }
    for (key, value) in found.iter().filter(|(key, _)| !model.contains_key(*key)) {
        out.push(format!("{path} {key}: the model says nothing, there is {value}"));
    }
}

fn is_time(value: &Value) -> bool {
    value.get("ms").is_some()
}

fn same(model: &Value, found: &Value) -> bool {
    match (model.as_f64(), found.as_f64()) {
        (Some(model), Some(found)) if model.fract() == 0.0 && model.abs() >= 1.0 => model == found,
        (Some(model), Some(found)) => (model - found).abs() <= TOLERANCE,
        _ => model == found,
    }
}
