//! What a release wrote stays readable, and what is written now can be read after going back.

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use schemas::{Codec, Key, Topic, TopicSpec, Value, topic};
use serde_json::{Value as Json, json};

use crate::{data::every_choice, every_topic, golden, round_trip::single_object, schema::Kind};

/// Tells why today's schema may not follow a released one.
///
/// Source topics must be readable by a newer release; tables, which only stages write, also by an
/// older one.
fn check(is_table: bool, released: &str, today: &str) -> Result<(), String> {
    let parse = |text| Schema::parse_str(text).map_err(|error| error.to_string());
    let (released, today) = (parse(released)?, parse(today)?);
    can_read("the new reader", &released, &today)?;
    if is_table {
        can_read("an old reader", &today, &released)?;
    }
    Ok(())
}

fn can_read(who: &str, writer: &Schema, reader: &Schema) -> Result<(), String> {
    match SchemaCompatibility::can_read(writer, reader) {
        Ok(Compatibility::Full) => Ok(()),
        Ok(Compatibility::Partial) => Err(format!("{who} can't read everything")),
        Err(error) => Err(format!("{who} can't read it: {error}")),
    }
}

/// The outbox is a table too: a sink reads back what it wrote, and may be of an earlier release.
fn is_table(spec: &TopicSpec) -> bool {
    spec.writer.ends_with(" stage") || spec.writer.starts_with("sink")
}

#[test]
fn tables_are_what_stages_and_sinks_write() {
    let names = |wanted| {
        let typed = topic::value_schemas().into_iter().filter_map(|(n, _)| topic::by_name(n));
        typed.filter(|spec| is_table(spec) == wanted).map(|spec| spec.name).collect::<Vec<_>>()
    };
    let sources = "account.listing account.register observation scan.unit report requirement \
                   exception spend tick";
    let tables = "account.state resource.state resource.change trust.state compliance.state \
                  compliance.change score.state score.history contribution rollup.state \
                  alert.state mail.outbox";
    assert_eq!(names(false), sources.split_whitespace().collect::<Vec<_>>());
    assert_eq!(names(true), tables.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn todays_schemas_may_follow_every_release() {
    for file in golden::released() {
        let spec = topic::by_name(&file.topic).expect("a topic");
        let verdict = check(is_table(spec), &file.schema, &golden::golden(&file.topic));
        verdict.unwrap_or_else(|why| panic!("{}: {why}; see schemas/README.md", file.path));
    }
}

#[test]
fn what_a_release_wrote_is_read() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        for file in golden::released().iter().filter(|file| file.topic == topic.spec.name) {
            for datum in every_choice(&Kind::parse(&file.schema)) {
                let bytes = single_object(&file.schema, &datum);
                let read = Codec::default().decode::<V>(&bytes);
                assert!(read.is_ok(), "{}: {:?}", file.path, read.unwrap_err());
            }
        }
    }
    every_topic!(check);
}

#[test]
fn the_bytes_of_another_topic_are_no_value_of_this_one() {
    let tick = Codec::default().encode("t", &schemas::Tick { minute_ms: 60_000 }).unwrap();
    let error = Codec::default().decode::<schemas::Spend>(&tick).unwrap_err();
    assert!(matches!(error, schemas::AvroError::Misfit { .. }), "{error:?}");
    assert!(!error.is_transient());
}

/// A row of a table, with fields as JSON; `status` has the default `off`.
fn row(fields: &[Json]) -> String {
    json!({"type": "record", "name": "Row", "fields": fields}).to_string()
}

fn status(symbols: &[&str], default: Option<&str>) -> Json {
    let mut kind = json!({"type": "enum", "name": "Status", "symbols": symbols});
    if let Some(default) = default {
        kind["default"] = json!(default);
    }
    json!({"name": "status", "type": kind})
}

fn event(records: &[&str]) -> Json {
    let record = |name| json!({"type": "record", "name": name, "fields": []});
    json!({"name": "event", "type": records.iter().map(record).collect::<Vec<_>>()})
}

#[test]
fn changes_are_refused_for_tables_and_sources_as_the_rules_say() {
    let n = || json!({"name": "n", "type": "long"});
    let small = || json!({"name": "n", "type": "int"});
    let text = || json!({"name": "n", "type": "string"});
    let m = || json!({"name": "m", "type": "long"});
    let m_default = || json!({"name": "m", "type": "long", "default": 0});
    let on_off = || status(&["on", "off"], Some("off"));
    let (refused, allowed) = (false, true);
    let cases = [
        ("nothing", row(&[n(), m()]), row(&[n(), m()]), allowed, allowed),
        ("order of fields", row(&[n(), m()]), row(&[m(), n()]), allowed, allowed),
        ("a new field", row(&[n()]), row(&[n(), m()]), refused, refused),
        ("a new field with default", row(&[n()]), row(&[n(), m_default()]), allowed, allowed),
        ("a field gone", row(&[n(), m()]), row(&[n()]), allowed, refused),
        ("one with default gone", row(&[n(), m_default()]), row(&[n()]), allowed, allowed),
        ("a changed type", row(&[n()]), row(&[text()]), refused, refused),
        ("a wider type", row(&[small()]), row(&[n()]), allowed, refused),
        ("a narrower type", row(&[n()]), row(&[small()]), refused, refused),
        (
            "a new word",
            row(&[on_off()]),
            row(&[status(&["on", "off", "x"], Some("off"))]),
            allowed,
            allowed,
        ),
        ("a word gone", row(&[on_off()]), row(&[status(&["off"], Some("off"))]), allowed, allowed),
        (
            "no default word",
            row(&[status(&["a", "b"], None)]),
            row(&[status(&["a"], None)]),
            refused,
            refused,
        ),
        ("a new member", row(&[event(&["A"])]), row(&[event(&["A", "B"])]), allowed, refused),
        ("a member gone", row(&[event(&["A", "B"])]), row(&[event(&["A"])]), refused, refused),
        ("a new name", row(&[n()]), row(&[n()]).replace("Row", "Line"), refused, refused),
    ];
    for (what, released, today, source, table) in cases {
        assert_eq!(check(false, &released, &today).is_ok(), source, "{what} in a source");
        assert_eq!(check(true, &released, &today).is_ok(), table, "{what} in a table");
    }
}

#[test]
fn a_change_of_a_real_schema_is_refused() {
    let today = golden::golden("score.state");
    let without = |name: &str| {
        let mut json: Json = serde_json::from_str(&today).unwrap();
        json["fields"].as_array_mut().unwrap().retain(|field| field["name"] != name);
        json.to_string()
    };
    assert_eq!(check(true, &today, &without("oldest_ms")), Ok(()));
    let why = check(true, &today, &without("total")).unwrap_err();
    assert!(why.contains("an old reader") && why.contains("total"), "{why}");
    let why = check(true, &without("total"), &today).unwrap_err();
    assert!(why.contains("the new reader") && why.contains("total"), "{why}");
}
