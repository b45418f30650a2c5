//! Compares what was expected with what is there, and says what differs: key and both values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::{Map, Value};

/// Differences that one message shows.
const SHOWN_MAX: usize = 25;

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
