//! A YAML document as it was written: keys in their order, and repeated ones as often as they stand
//! there.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::yaml;

/// A part of a document; numbers, yes and no are the text that they mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Nothing, as after a key without a value.
    Nothing,
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with what they hold.
    Map(Vec<(String, Node)>),
}

/// Reads a document.
///
/// Errors: it is no YAML, or deeper or larger than anybody's list.
pub(crate) fn parse(content: &str) -> Result<Node, String> {
    let options = serde_saphyr::options! {
        budget: yaml::budget(content),
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
    };
    serde_saphyr::from_str_with_options(content, options).map_err(|error| error.to_string())
}

impl Node {
    /// Gives the keys with what they hold; none where it is no map. Nothing is a map without keys.
    pub(crate) fn members(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(members) => Some(members),
            Self::Nothing => Some(&[]),
            Self::Text(_) | Self::List(_) => None,
        }
    }

    /// Gives a list of texts; a text alone is a list of one, nothing an empty one.
    pub(crate) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Nothing => Some(Vec::new()),
            Self::Text(text) => Some(vec![text]),
            Self::List(items) => items.iter().map(Self::text).collect(),
            Self::Map(_) => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some((key, node)) = members.next_entry::<Node, Node>()? {
            let Node::Text(key) = key else {
                return Err(serde::de::Error::custom("a key is no text"));
            };
            map.push((key, node));
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_written_is_lost() {
        let node = parse("a: {x: 1, x: [yes, '', 012]}\nb:\na: -1.5\n").expect("a document");
        let text = |text: &str| Node::Text(text.to_owned());
        let [(a, first), (b, second), (again, third)] = node.members().expect("a map") else {
            panic!("{node:?}")
        };
        assert_eq!((&**a, &**b, &**again), ("a", "b", "a"));
        let list = Node::List(vec![text("true"), text(""), text("12")]);
        assert_eq!(first, &Node::Map(vec![("x".into(), text("1")), ("x".into(), list)]));
        assert_eq!((second, third), (&Node::Nothing, &text("-1.5")));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for content in ["a: b: c", "[", "{[a]: b}", "- &a [*a, *b]", &"[".repeat(100_000)] {
            assert!(parse(content).is_err(), "{}", &content[..content.len().min(20)]);
        }
    }
}
