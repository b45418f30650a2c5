//! The fields of each kind of document: one list, and the mappings that follow from it. Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::names::Kind;

/// Fields by their dotted names with a word for their type, by the set that they belong to.
static FIELDS: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("fields.json")).expect("a test reads the list of fields")
});

/// Characters of a keyword that is found: at four bytes each they stay below Lucene's longest term,
/// 32,766 bytes. Longer ones are kept and not found.
const KEYWORD_CHARS_MAX: u32 = 8_191;

/// Characters of a value within a configuration that is found; its path is part of the term.
const VALUE_CHARS_MAX: u32 = 1_024;

/// Levels of a configuration; documents are cut to fit ([`crate::flat`]).
pub(crate) const DEPTH_MAX: u32 = 20;

/// What a server calls things by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Elasticsearch,
    OpenSearch,
}

/// Gives the fields of a kind: dotted names with a word for their type.
pub(crate) fn fields(kind: Kind) -> BTreeMap<&'static str, &'static str> {
    let sets = ["common", kind.name()].into_iter().chain(kind.shared_fields().iter().copied());
    let fields = sets.flat_map(|set| &FIELDS[set]);
    fields.map(|(name, word)| (name.as_str(), word.as_str())).collect()
}

/// Gives a kind's mapping, without what says which mapping it is.
pub(crate) fn mapping(kind: Kind, flavour: Flavour) -> Value {
    let mut properties = Map::new();
    for (name, word) in fields(kind) {
        insert(&mut properties, name, typed(word, flavour));
    }
    json!({"dynamic": "strict", "date_detection": false, "properties": properties})
}

/// Puts a field below its parents, which are made when they are not there.
fn insert(properties: &mut Map<String, Value>, name: &str, field: Value) {
    match name.split_once('.') {
        None => drop(properties.insert(name.to_owned(), field)),
        Some((parent, rest)) => {
            let parent = properties.entry(parent).or_insert_with(|| json!({}));
            let below = parent.as_object_mut().expect("fields are objects");
            let below = below.entry("properties").or_insert_with(|| json!({}));
            insert(below.as_object_mut().expect("properties are an object"), rest, field);
        }
    }
}

fn typed(word: &str, flavour: Flavour) -> Value {
    match word {
        "keyword" => json!({"type": "keyword", "ignore_above": KEYWORD_CHARS_MAX}),
        "flattened" if flavour == Flavour::OpenSearch => json!({"type": "flat_object"}),
        "flattened" => {
            json!({"type": "flattened", "depth_limit": DEPTH_MAX, "ignore_above": VALUE_CHARS_MAX})
        }
        "stored" => json!({"type": "object", "enabled": false}),
        "ip" => json!({"type": "ip", "ignore_malformed": true}),
        plain => json!({"type": plain}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_objects_and_a_nested_parent_keeps_its_type() {
        let mapping = mapping(Kind::Resources, Flavour::Elasticsearch);
        let openings = &mapping["properties"]["scorecard"]["properties"]["openings"];
        assert_eq!(openings["type"], "nested");
        assert_eq!(openings["properties"]["ports"]["type"], "integer_range");
        assert_eq!(mapping["properties"]["resource"]["properties"]["id"]["type"], "keyword");
        let open = super::mapping(Kind::Resources, Flavour::OpenSearch);
        let tags = &open["properties"]["scorecard"]["properties"]["tags"];
        assert_eq!(*tags, json!({"type": "flat_object"}));
    }

    #[test]
    fn every_kind_has_fields_and_few_enough_of_them() {
        for kind in Kind::ALL {
            let count = fields(kind).len();
            // The server's limit is 1,000, objects included.
            assert!((30..300).contains(&count), "{kind:?}: {count}");
        }
    }
}
