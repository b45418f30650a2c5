//! Reads the JSON answers of the `json` and `rest-json` protocols.

use serde_json::{Map, Value};

use super::model::{Kind, Scalar, Service, Shape, Structure, Timestamp};
use super::scalar::{self, ScalarError};

/// What is wrong with a JSON answer.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON: cut off, HTML, empty.
    #[error("not JSON")]
    Syntax(#[from] serde_json::Error),
    /// A value is not what the model says.
    #[error("{member} is {found} where the model has {expected}")]
    Type {
        /// The member's name, or `the answer`.
        member: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A text that is not the value it should be.
    #[error("{member}")]
    Scalar {
        /// The member's name.
        member: String,
        /// Why.
        #[source]
        source: ScalarError,
    },
}

/// Reads a whole answer into the document that boto3 gives.
///
/// Shape: members that are null or that the model does not have are left out, nulls in lists and
/// maps stay; timestamps become ISO 8601. Errors: anything that is not of the model's types.
pub(super) fn decode(service: &Service, output: usize, body: &[u8]) -> Result<Value, JsonError> {
    let answer: Value = serde_json::from_slice(body)?;
    value(service, Kind::Shape(output), "the answer", answer)
}

fn value(service: &Service, kind: Kind, name: &str, found: Value) -> Result<Value, JsonError> {
    let shape = match kind {
        Kind::Scalar(scalar) => return read_scalar(scalar, name, found),
        Kind::Shape(position) => &service.shapes[position],
    };
    match (shape, found) {
        (Shape::Structure(structure), Value::Object(found)) => {
            members(service, structure, found).map(Value::Object)
        }
        (Shape::List { element, .. }, Value::Array(found)) => {
            let items = found.into_iter().map(|item| part(service, element.target, name, item));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        (Shape::Map { value: of, .. }, Value::Object(found)) => {
            let entries = found.into_iter().map(|(key, item)| {
                let item = part(service, of.target, &key, item)?;
                Ok((key, item))
            });
            entries.collect::<Result<_, JsonError>>().map(Value::Object)
        }
        (Shape::List { .. }, found) => Err(wrong_type(name, &found, "a list")),
        (_, found) => Err(wrong_type(name, &found, "an object")),
    }
}

/// Reads what a list or a map holds: a null holds its place there, as Trusted Advisor's columns
/// without a value do.
fn part(service: &Service, kind: Kind, name: &str, found: Value) -> Result<Value, JsonError> {
    if found.is_null() { Ok(found) } else { value(service, kind, name, found) }
}

fn members(
    service: &Service,
    structure: &Structure,
    found: Map<String, Value>,
) -> Result<Map<String, Value>, JsonError> {
    let mut out = Map::new();
    for (wire, item) in found {
        if item.is_null() {
            continue;
        }
        match structure.by_wire.get(&wire) {
            Some(&position) => {
                let member = &structure.members[position];
                let item = value(service, member.target, &member.name, item)?;
                out.insert(member.name.clone(), item);
            }
            // boto3 drops what its model does not have, so our documents do.
            None => tracing::debug!(service = service.name, member = wire, "unknown member"),
        }
    }
    Ok(out)
}

fn read_scalar(scalar: Scalar, name: &str, found: Value) -> Result<Value, JsonError> {
    let in_member = |source| JsonError::Scalar { member: name.to_owned(), source };
    match (scalar, found) {
        (Scalar::Timestamp(_), Value::Number(seconds)) => {
            scalar::timestamp_of_seconds(&seconds).map_err(in_member)
        }
        (Scalar::Timestamp(format), Value::String(text)) => {
            scalar::timestamp(&text, text_format(format)).map_err(in_member)
        }
        (Scalar::Policy, Value::String(text)) => Ok(scalar::policy(&text)),
        (Scalar::String | Scalar::Blob, found @ Value::String(_)) => Ok(found),
        (Scalar::Integer | Scalar::Float, found @ Value::Number(_)) => Ok(found),
        (Scalar::Boolean, found @ Value::Bool(_)) => Ok(found),
        (_, found) => Err(wrong_type(name, &found, expected(scalar))),
    }
}

/// A JSON text can't be a default timestamp (seconds), so it is read as ISO 8601.
fn text_format(format: Timestamp) -> Timestamp {
    match format {
        Timestamp::Default => Timestamp::Iso8601,
        other => other,
    }
}

fn wrong_type(member: &str, found: &Value, expected: &'static str) -> JsonError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a flag",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    JsonError::Type { member: member.to_owned(), found, expected }
}

fn expected(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::String | Scalar::Blob | Scalar::Policy => "a text",
        Scalar::Integer | Scalar::Float => "a number",
        Scalar::Boolean => "a flag",
        Scalar::Timestamp(_) => "a timestamp",
    }
}
