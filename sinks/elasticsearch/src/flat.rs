//! Makes any JSON document fit a field of the type `flattened`, and says where it was cut. Pure.

use serde_json::{Map, Value, json};

use crate::mapping::DEPTH_MAX;
use crate::names::{hash_of_key, id};

/// Levels that are kept: fewer than the mapping allows, since objects in lists count too.
const LEVELS_MAX: u32 = DEPTH_MAX - 2;

/// Bytes of a member's name: a path of all levels stays far below Lucene's longest term.
const NAME_BYTES_MAX: usize = 256;

/// Bytes of a text that is kept whole. With its path it stays below Lucene's longest term, whatever
/// a server does with long ones.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Paths of cuts that are told; one that is too long hides no more than its own end.
const CUTS_MAX: usize = 20;

/// A document that fits.
#[derive(Debug, PartialEq)]
pub(crate) struct Flat {
    pub(crate) document: Value,
    /// JSON Pointers to what was cut or renamed, the first ones.
    pub(crate) cuts: Vec<String>,
}

/// Reads a document and makes it fit; what is no JSON object becomes the member `value` of one.
pub(crate) fn flat(text: &str) -> Flat {
    if text.is_empty() {
        return Flat { document: json!({}), cuts: Vec::new() };
    }
    // What is nested deeper than the parser follows is a text, as what is no JSON at all.
    let document = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let document = match document {
        Value::Object(_) => document,
        Value::Null => json!({}),
        other => json!({"value": other}),
    };
    let mut cuts = Vec::new();
    let document = fit(document, LEVELS_MAX, &mut String::new(), &mut cuts);
    Flat { document, cuts }
}

fn fit(value: Value, levels: u32, path: &mut String, cuts: &mut Vec<String>) -> Value {
    match value {
        Value::Object(members) if levels > 0 => {
            let mut fitting = Map::new();
            for (name, member) in members {
                let length = path.len();
                let kept = fit_name(&name);
                path.push('/');
                path.push_str(&kept.replace('~', "~0").replace('/', "~1"));
                if kept != name {
                    note(path, cuts);
                }
                fitting.insert(kept, fit(member, levels - 1, path, cuts));
                path.truncate(length);
            }
            Value::Object(fitting)
        }
        Value::Array(items) if levels > 0 => {
            let fitting = items.into_iter().enumerate().map(|(index, item)| {
                let length = path.len();
                path.push_str(&format!("/{index}"));
                let item = fit(item, levels - 1, path, cuts);
                path.truncate(length);
                item
            });
            Value::Array(fitting.collect())
        }
        Value::Object(_) | Value::Array(_) => {
            note(path, cuts);
            Value::String(shortened(value.to_string(), TEXT_BYTES_MAX))
        }
        Value::String(text) if text.len() > TEXT_BYTES_MAX => {
            note(path, cuts);
            Value::String(shortened(text, TEXT_BYTES_MAX))
        }
        plain => plain,
    }
}

/// Keeps a name, or makes one that fits and that no other name of the object becomes.
fn fit_name(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX && !name.contains('\0') {
        return name.to_owned();
    }
    let digest = id(&hash_of_key(name.as_bytes()));
    let plain = name.replace('\0', "\u{fffd}");
    format!("{}~{digest}", shortened(plain, NAME_BYTES_MAX - digest.len() - 1))
}

fn note(path: &str, cuts: &mut Vec<String>) {
    if cuts.len() < CUTS_MAX {
        cuts.push(shortened(path.to_owned(), 4 * NAME_BYTES_MAX));
    }
}

/// Cuts a text at a character's end.
pub(crate) fn shortened(mut text: String, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn levels(value: &Value) -> u32 {
        match value {
            Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or(0),
            Value::Array(items) => items.iter().map(levels).max().unwrap_or(0),
            _ => 0,
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        let text = r#"{"a.b":{"":[1,{"c":null}],"Ü~/":"x"}}"#;
        let Flat { document, cuts } = flat(text);
        assert_eq!((document.to_string().as_str(), cuts), (text, vec![]));
        for (text, wanted) in
            [("", "{}"), ("null", "{}"), ("[1]", r#"{"value":[1]}"#), ("{", r#"{"value":"{"}"#)]
        {
            assert_eq!(flat(text).document.to_string(), wanted);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_and_told() {
        let deep = format!("{}1{}", r#"{"x":"#.repeat(40), "}".repeat(40));
        let cut = flat(&deep);
        assert_eq!(levels(&cut.document), LEVELS_MAX);
        assert_eq!(cut.cuts, ["/x".repeat(LEVELS_MAX as usize)]);
        // Deeper than the parser goes: kept as a text, cut at its limit.
        let deepest = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let cut = flat(&deepest);
        assert_eq!(cut.document["value"].as_str().unwrap().len(), TEXT_BYTES_MAX);

        let long = "ü".repeat(TEXT_BYTES_MAX);
        let cut = flat(&json!({"a": {"b": long}, "k\0": 1, "n".repeat(300): 2}).to_string());
        assert_eq!(cut.document["a"]["b"].as_str().unwrap().len(), TEXT_BYTES_MAX);
        assert_eq!(cut.cuts.len(), 3);
        let names: Vec<&String> = cut.document.as_object().unwrap().keys().collect();
        assert!(names.iter().all(|name| name.len() <= NAME_BYTES_MAX && !name.contains('\0')));
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
            Just(Value::Null),
            (0..3_usize).prop_map(|n| Value::from("y".repeat(n * TEXT_BYTES_MAX))),
        ];
        leaf.prop_recursive(30, 60, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map(".{0,5}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_comes_to_fit(document in documents()) {
            let Flat { document: fitting, cuts } = flat(&document.to_string());
            prop_assert!(fitting.is_object() && levels(&fitting) <= LEVELS_MAX);
            prop_assert_eq!(flat(&fitting.to_string()).document, fitting.clone());
            if document.is_object() && cuts.is_empty() {
                prop_assert_eq!(fitting, document);
            }
        }
    }
}
