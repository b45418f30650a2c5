//! JSON as the `cel` crate's interpreter has it, and back.
//!
//! The crate's own conversion makes unsigned integers of positive numbers, which it then compares
//! with no others. The benchmark of rules includes this file by its path.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as CelValue;
use cel::objects::{Key, Map};
use serde_json::{Value, json};

/// Converts a value for the interpreter, which borrows nothing.
pub(crate) fn to_cel(json: &Value) -> CelValue {
    match json {
        Value::Null => CelValue::Null,
        Value::Bool(truth) => CelValue::Bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(int) => CelValue::Int(int),
            None => CelValue::Float(number.as_f64().expect("a double")),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(members) => {
            let map: HashMap<Key, CelValue> = members
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)))
                .collect();
            CelValue::Map(Map { map: Arc::new(map) })
        }
    }
}

/// Converts a value of the interpreter; what JSON has not is null.
pub(crate) fn to_json(value: &CelValue) -> Value {
    match value {
        CelValue::Bool(truth) => json!(truth),
        CelValue::Int(number) => json!(number),
        CelValue::Float(number) => json!(number),
        CelValue::String(text) => json!(**text),
        CelValue::List(items) => items.iter().map(to_json).collect(),
        CelValue::Map(map) => map
            .map
            .iter()
            .map(|(key, value)| match key {
                Key::String(key) => ((**key).clone(), to_json(value)),
                other => panic!("a key that JSON has not: {other:?}"),
            })
            .collect(),
        _ => Value::Null,
    }
}
