//! JSON documents as scanners write them: one list, or one value after another.

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Deserializer, Value};

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the document's list.
    Item(usize),
    /// In a line: where it begins.
    Line(usize),
}

impl Place {
    /// Names what is in the value by its JSON Pointer.
    pub(crate) fn within(self, pointer: &str) -> String {
        match self {
            // Who wrote one document knows its pointers.
            Place::Line(1) => pointer.to_owned(),
            Place::Line(_) => format!("{self}:{pointer}"),
            Place::Item(_) => format!("{self}{pointer}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Item(index) => write!(f, "/{index}"),
            Place::Line(line) => write!(f, "line {line}"),
        }
    }
}

/// Takes each value of a document: of its list, or of the values that stand one after another.
///
/// # Errors
/// It is no JSON; what was taken before it broke off tells less than the document would.
pub(crate) fn each(text: &str, mut take: impl FnMut(Place, Value)) -> Result<(), String> {
    if text.trim_start().starts_with('[') {
        let mut document = Deserializer::from_str(text);
        let read = document.deserialize_seq(Items(&mut take)).and_then(|()| document.end());
        return read.map_err(broken);
    }
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = text.len() - text[values.byte_offset()..].trim_start().len();
        let Some(value) = values.next() else { return Ok(()) };
        line += text[counted..start].matches('\n').count();
        counted = start;
        take(Place::Line(line), value.map_err(broken)?);
    }
}

/// Tells whether a document is JSON and not a table: no table's header begins with a bracket.
pub(crate) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

fn broken(error: serde_json::Error) -> String {
    format!("it is not JSON: {error}")
}

/// Takes a list's items one by one, so that a long list is never in memory as a whole.
struct Items<'a, F>(&'a mut F);

impl<'de, F: FnMut(Place, Value)> Visitor<'de> for Items<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(item) = items.next_element()? {
            (self.0)(Place::Item(index), item);
            index += 1;
        }
        Ok(())
    }
}

/// Reads a text, trimmed; none where it is missing, null or empty.
///
/// A number is a text too: tools write ids either way. Errors: it is something else.
pub(crate) fn text(row: &Value, pointer: &str) -> Result<Option<String>, String> {
    let text = match row.pointer(pointer) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(format!("`{}` is no text", name(pointer))),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Reads a text that must be there.
pub(crate) fn needed(row: &Value, pointer: &str) -> Result<String, String> {
    text(row, pointer)?.ok_or_else(|| format!("`{}` is missing", name(pointer)))
}

/// Writes a pointer as people name fields: `cloud.account.uid`.
fn name(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(text: &str) -> Result<Vec<(String, Value)>, String> {
        let mut values = Vec::new();
        each(text, |place, value| values.push((place.within("/x"), value)))?;
        Ok(values)
    }

    #[test]
    fn values_are_in_a_list_or_one_after_another() {
        let expected = |places: [&str; 2]| {
            let values = [json!({"a": 1}), json!(null)];
            places.map(str::to_owned).into_iter().zip(values).collect::<Vec<_>>()
        };
        assert_eq!(all(" [{\"a\": 1},\r\n null] ").unwrap(), expected(["/0/x", "/1/x"]));
        assert_eq!(all("{\"a\": 1}\r\nnull").unwrap(), expected(["/x", "line 2:/x"]));
        assert_eq!(all("{\"a\":\n1}\n\n null\n").unwrap(), expected(["/x", "line 4:/x"]));
        assert_eq!(all("").unwrap(), []);
    }

    #[test]
    fn what_is_cut_off_or_too_deep_is_refused() {
        let deep = "{\"a\":".repeat(100_000);
        let list = "[".repeat(100_000);
        for text in ["[1", "[1,", "[1] 2", "{\"a\": 1}\n{\"a\"", "x", &deep, &list] {
            assert!(all(text).unwrap_err().starts_with("it is not JSON: "), "{:.20}", text);
        }
    }

    #[test]
    fn numbers_are_texts_too() {
        let row = json!({"a": {"id": 12, "name": " x ", "none": null, "blank": " "}});
        assert_eq!(text(&row, "/a/id"), Ok(Some("12".to_owned())));
        assert_eq!(text(&row, "/a/name"), Ok(Some("x".to_owned())));
        for nothing in ["/a/none", "/a/blank", "/a/b/c"] {
            assert_eq!(text(&row, nothing), Ok(None), "{nothing}");
        }
        assert_eq!(text(&row, "/a"), Err("`a` is no text".to_owned()));
        assert_eq!(needed(&row, "/a/blank"), Err("`a.blank` is missing".to_owned()));
    }
}
