//! The values that a rule computes with: mostly borrowed from the document.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::rc::Rc;

use serde_json::{Number, Value};

/// A value; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(Cow<'a, str>),
    /// A list or an object of the document.
    Json(&'a Value),
    Tags(&'a BTreeMap<String, String>),
    List(Rc<Vec<Val<'a>>>),
    Map(Rc<BTreeMap<String, Val<'a>>>),
    /// An instant in UTC milliseconds.
    Time(i64),
    /// The instant of evaluation, kept apart so that comparisons know what time changes.
    Now,
    /// Whole days between an instant and now, kept apart for the same reason.
    Days(Days),
}

/// Whole days since an instant, or until it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Days {
    pub(crate) at_ms: i64,
    pub(crate) until: bool,
}

impl<'a> Val<'a> {
    /// Borrows a value of a document.
    pub(crate) fn of(json: &'a Value) -> Val<'a> {
        match json {
            Value::Null => Val::Null,
            Value::Bool(truth) => Val::Bool(*truth),
            Value::Number(number) => of_number(number),
            Value::String(text) => Val::Str(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Val::Json(json),
        }
    }

    /// Gives the list or object of the document that this is.
    pub(crate) fn as_json(&self) -> Option<&'a Value> {
        match self {
            Val::Json(json) => Some(json),
            _ => None,
        }
    }

    /// Takes over a value that lives nowhere else.
    pub(crate) fn owned(json: Value) -> Val<'a> {
        match json {
            Value::Null => Val::Null,
            Value::Bool(truth) => Val::Bool(truth),
            Value::Number(number) => of_number(&number),
            Value::String(text) => Val::Str(Cow::Owned(text)),
            Value::Array(items) => Val::List(Rc::new(items.into_iter().map(Val::owned).collect())),
            Value::Object(members) => Val::Map(Rc::new(
                members.into_iter().map(|(key, value)| (key, Val::owned(value))).collect(),
            )),
        }
    }

    /// Makes a list of texts.
    pub(crate) fn texts(texts: Vec<String>) -> Val<'a> {
        let items = texts.into_iter().map(|text| Val::Str(Cow::Owned(text))).collect();
        Val::List(Rc::new(items))
    }

    /// Gives the value as JSON, borrowed where it is that already.
    pub(crate) fn to_json(&self) -> Cow<'a, Value> {
        let owned = match self {
            Val::Json(json) => return Cow::Borrowed(json),
            Val::Null => Value::Null,
            Val::Bool(truth) => Value::Bool(*truth),
            Val::Int(number) => Value::from(*number),
            Val::Double(number) => Value::from(*number),
            Val::Str(text) => Value::String(text.to_string()),
            Val::Tags(tags) => {
                tags.iter().map(|(key, value)| (key.clone(), Value::from(&**value))).collect()
            }
            Val::List(items) => {
                Value::Array(items.iter().map(|item| item.to_json().into_owned()).collect())
            }
            Val::Map(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), value.to_json().into_owned()))
                .collect(),
            Val::Time(_) | Val::Now | Val::Days(_) => Value::String(self.to_text()),
        };
        Cow::Owned(owned)
    }

    /// Gives the value as a person would write it in a sentence.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Val::Str(text) => text.to_string(),
            Val::Time(ms) => crate::library::time::format(*ms),
            Val::Now => "now".to_owned(),
            Val::Days(_) => "days".to_owned(),
            Val::List(_) | Val::Json(Value::Array(_)) => {
                let items = self.items().into_iter().flatten();
                items.map(|item| item.to_text()).collect::<Vec<_>>().join(", ")
            }
            _ => self.to_json().to_string(),
        }
    }

    /// Names the value's type in CEL's words.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null",
            Val::Bool(_) => "a bool",
            Val::Int(_) | Val::Days(_) => "an int",
            Val::Double(_) => "a double",
            Val::Str(_) => "a string",
            Val::Json(Value::Array(_)) | Val::List(_) => "a list",
            Val::Json(_) | Val::Tags(_) | Val::Map(_) => "a map",
            Val::Time(_) | Val::Now => "a timestamp",
        }
    }

    /// Walks a list's items or a map's keys; none for anything else.
    pub(crate) fn items(&self) -> Option<Items<'a>> {
        match self {
            Val::Json(Value::Array(items)) => Some(Items::Array(items.iter())),
            Val::Json(Value::Object(members)) => Some(Items::Members(members.keys())),
            Val::Tags(tags) => Some(Items::Tags(tags.keys())),
            Val::List(items) => Some(Items::List(Rc::clone(items), 0)),
            Val::Map(members) => {
                let keys = members.keys().map(|key| Val::Str(Cow::Owned(key.clone()))).collect();
                Some(Items::List(Rc::new(keys), 0))
            }
            _ => None,
        }
    }

    /// Gives how many items, keys or characters there are; none for anything else.
    pub(crate) fn size(&self) -> Option<usize> {
        match self {
            Val::Str(text) => Some(text.chars().count()),
            Val::Json(Value::Array(items)) => Some(items.len()),
            Val::Json(Value::Object(members)) => Some(members.len()),
            Val::Tags(tags) => Some(tags.len()),
            Val::List(items) => Some(items.len()),
            Val::Map(members) => Some(members.len()),
            _ => None,
        }
    }

    /// Gives what walking through the value costs, in steps: never less than its size.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Val::Str(text) => text.len(),
            other => other.size().unwrap_or(0),
        }
    }

    /// Gives what walking through all that is in the value costs, in steps.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Val::Str(text) => text_weight(text),
            Val::Json(json) => json_weight(json),
            Val::Tags(tags) => tags.values().map(|value| text_weight(value)).sum(),
            Val::List(items) => 1 + items.iter().map(Val::weight).sum::<usize>(),
            Val::Map(members) => 1 + members.values().map(Val::weight).sum::<usize>(),
            _ => 1,
        }
    }

    /// Tells whether this is a map.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Val::Json(Value::Object(_)) | Val::Tags(_) | Val::Map(_))
    }

    /// Gives a map's member; none when it is absent or this is no map.
    pub(crate) fn member(&self, key: &str) -> Option<Val<'a>> {
        match self {
            Val::Json(Value::Object(members)) => members.get(key).map(Val::of),
            Val::Tags(tags) => tags.get(key).map(|value| Val::Str(Cow::Borrowed(value))),
            Val::Map(members) => members.get(key).cloned(),
            _ => None,
        }
    }
}

/// Bytes of text that are looked through in the time of a step.
pub(crate) const BYTES_A_STEP: usize = 64;

fn text_weight(text: &str) -> usize {
    1 + text.len() / BYTES_A_STEP
}

fn json_weight(json: &Value) -> usize {
    match json {
        Value::String(text) => text_weight(text),
        Value::Array(items) => 1 + items.iter().map(json_weight).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(json_weight).sum::<usize>(),
        _ => 1,
    }
}

fn of_number<'a>(number: &Number) -> Val<'a> {
    match number.as_i64() {
        Some(int) => Val::Int(int),
        None => Val::Double(number.as_f64().unwrap_or(f64::MAX)),
    }
}

/// Compares as CEL's `==` does: numbers by value, other types only with their own.
pub(crate) fn equal(left: &Val<'_>, right: &Val<'_>) -> bool {
    match (left, right) {
        (Val::Null, Val::Null) => true,
        (Val::Bool(left), Val::Bool(right)) => left == right,
        (Val::Str(left), Val::Str(right)) => left == right,
        (Val::Time(left), Val::Time(right)) => left == right,
        (Val::Int(_) | Val::Double(_), Val::Int(_) | Val::Double(_)) => {
            order(left, right) == Some(Ordering::Equal)
        }
        _ if left.is_map() && right.is_map() => equal_maps(left, right),
        _ if left.is_map() || right.is_map() || left.size() != right.size() => false,
        (Val::Json(_) | Val::List(_), Val::Json(_) | Val::List(_)) => {
            let pairs = left.items().into_iter().flatten().zip(right.items().into_iter().flatten());
            pairs.into_iter().all(|(left, right)| equal(&left, &right))
        }
        _ => false,
    }
}

fn equal_maps(left: &Val<'_>, right: &Val<'_>) -> bool {
    let same = |key: Val<'_>| match &key {
        Val::Str(key) => match (left.member(key), right.member(key)) {
            (Some(left), Some(right)) => equal(&left, &right),
            _ => false,
        },
        _ => false,
    };
    left.size() == right.size() && left.items().into_iter().flatten().all(same)
}

/// Orders two values of one kind; none when their types have no order.
pub(crate) fn order(left: &Val<'_>, right: &Val<'_>) -> Option<Ordering> {
    match (left, right) {
        (Val::Int(left), Val::Int(right)) => Some(left.cmp(right)),
        (Val::Double(left), Val::Double(right)) => left.partial_cmp(right),
        (Val::Int(left), Val::Double(right)) => (*left as f64).partial_cmp(right),
        (Val::Double(left), Val::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Val::Str(left), Val::Str(right)) => Some(left.cmp(right)),
        (Val::Bool(left), Val::Bool(right)) => Some(left.cmp(right)),
        (Val::Time(left), Val::Time(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// A walk over a list's items or a map's keys.
pub(crate) enum Items<'a> {
    Array(std::slice::Iter<'a, Value>),
    Members(serde_json::map::Keys<'a>),
    Tags(btree_map::Keys<'a, String, String>),
    List(Rc<Vec<Val<'a>>>, usize),
}

impl<'a> Iterator for Items<'a> {
    type Item = Val<'a>;

    fn next(&mut self) -> Option<Val<'a>> {
        match self {
            Items::Array(items) => items.next().map(Val::of),
            Items::Members(keys) => keys.next().map(|key| Val::Str(Cow::Borrowed(key))),
            Items::Tags(keys) => keys.next().map(|key| Val::Str(Cow::Borrowed(key))),
            Items::List(items, at) => {
                *at += 1;
                items.get(*at - 1).cloned()
            }
        }
    }
}
