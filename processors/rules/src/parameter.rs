//! Parameters: values that a rule's texts call by name, and that a company may change.

use std::collections::BTreeMap;

use serde_json::Value;

/// The parameters of a rule, by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// A value that a rule's texts call `param.NAME`.
///
/// Shape: a bool, an int of 64 bits, a double, a string, or a list of values of one of these kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter(Value);

impl Parameter {
    /// Takes a value as a parameter; none when it is of no kind that parameters have.
    pub fn of(value: Value) -> Option<Self> {
        kind(&value).is_some().then_some(Self(value))
    }

    /// Gives the value.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Names the kind of value, with its article.
    pub fn kind(&self) -> &'static str {
        kind(&self.0).expect("a parameter has a kind")
    }

    /// Tells whether a value of the other's kind may stand in this one's place: every list may be
    /// empty.
    pub fn is_like(&self, other: &Self) -> bool {
        let are_lists = self.0.is_array() && other.0.is_array();
        let is_empty = |one: &Self| one.0.as_array().is_some_and(Vec::is_empty);
        self.kind() == other.kind() || are_lists && (is_empty(self) || is_empty(other))
    }
}

/// Reads parameters from the text of a JSON object, as the topic `requirement` carries them.
///
/// None when the text is none, or a member is of no kind that parameters have.
pub fn parameters(json: &str) -> Option<Parameters> {
    let members: BTreeMap<String, Value> = serde_json::from_str(json).ok()?;
    let parameter = |(name, value)| Parameter::of(value).map(|parameter| (name, parameter));
    members.into_iter().map(parameter).collect()
}

fn kind(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Bool(_) => "a bool",
        Value::Number(number) if number.is_i64() => "an int",
        Value::Number(number) if number.is_f64() => "a double",
        Value::String(_) => "a string",
        Value::Array(items) => return list_kind(items),
        Value::Number(_) | Value::Null | Value::Object(_) => return None,
    })
}

fn list_kind(items: &[Value]) -> Option<&'static str> {
    let mut kinds = items.iter().map(kind);
    let Some(first) = kinds.next() else { return Some("an empty list") };
    if kinds.any(|kind| kind != first) {
        return None;
    }
    Some(match first? {
        "a bool" => "a list of bools",
        "an int" => "a list of ints",
        "a double" => "a list of doubles",
        "a string" => "a list of strings",
        _ => return None,
    })
}
