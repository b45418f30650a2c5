//! Today's schemas read what every release wrote, and tables are read by those releases too.

use apache_avro::{Schema, schema_compatibility::SchemaCompatibility};
use schemas::{Cleanup, topic};

use crate::golden::{golden, released};

/// Tells whether records of `before` and `today` get on: a source's new reader reads old records; of a
/// table each reads the other's, since a roll-back meets what the newer release wrote.
fn get_on(before: &str, today: &str, is_table: bool) -> Result<(), String> {
    let parse = |text| Schema::parse_str(text).expect("a schema");
    let (before, today) = (parse(before), parse(today));
    let result = if is_table {
        SchemaCompatibility::mutual_read(&before, &today)
    } else {
        SchemaCompatibility::can_read(&before, &today)
    };
    result.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn every_releases_records_stay_readable() {
    let released = released();
    assert!(released.len() >= topic::value_schemas().len());
    for file in released {
        let spec = topic::by_name(&file.topic).expect("a topic");
        let is_table = spec.cleanup == Cleanup::Compact;
        let result = get_on(&file.schema, &golden(&file.topic), is_table);
        assert_eq!(result, Ok(()), "{}", file.path);
    }
}

#[test]
fn what_breaks_readers_is_found() {
    let schema = golden("spend");
    let changed = |from: &str, to: &str| {
        assert!(schema.contains(from), "{from} in {schema}");
        schema.replacen(from, to, 1)
    };
    let other_type = changed("\"type\": \"long\"", "\"type\": \"string\"");
    assert!(get_on(&schema, &other_type, false).is_err(), "a changed type");
    let renamed = changed("\"name\": \"currency\"", "\"name\": \"unit\"");
    assert!(get_on(&schema, &renamed, false).is_err(), "a new field without a default");
    let wider: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let mut wider = wider;
    wider["fields"].as_array_mut().expect("fields").push(serde_json::json!(
        {"name": "note", "type": ["null", "string"], "default": null}));
    assert_eq!(get_on(&schema, &wider.to_string(), true), Ok(()), "a new field with a default");
}
