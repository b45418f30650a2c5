//! Data of any schema: written by Avro's specification apart from the library, and as JSON.

use std::collections::BTreeMap;

use apache_avro::types::Value;
use proptest::{collection, prelude::*, strategy::Union};
use serde_json::{Value as Json, json};

use crate::schema::Kind;

/// One datum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Text(String),
    Word(u32, String),
    List(Vec<Datum>),
    Map(BTreeMap<String, Datum>),
    /// Position of the member, its name (empty in an option), and what it holds.
    Member(u32, String, Box<Datum>),
    Record(Vec<(String, Datum)>),
}

impl Datum {
    /// Source: Avro 1.12 specification, "Binary Encoding".
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Datum::Null => vec![],
            Datum::Bool(value) => vec![u8::from(*value)],
            Datum::Int(value) => long(i64::from(*value)),
            Datum::Long(value) => long(*value),
            Datum::Text(text) => [long(text.len() as i64), text.as_bytes().to_vec()].concat(),
            Datum::Word(at, _) => long(i64::from(*at)),
            Datum::Member(at, _, inner) => [long(i64::from(*at)), inner.bytes()].concat(),
            Datum::List(items) => blocks(items.iter().map(Datum::bytes)),
            Datum::Map(entries) => blocks(
                entries
                    .iter()
                    .map(|(key, value)| [Datum::Text(key.clone()).bytes(), value.bytes()].concat()),
            ),
            Datum::Record(fields) => fields.iter().flat_map(|(_, value)| value.bytes()).collect(),
        }
    }

    /// The JSON that serde makes of the Rust value.
    pub(crate) fn json(&self) -> Json {
        match self {
            Datum::Null => Json::Null,
            Datum::Bool(value) => json!(value),
            Datum::Int(value) => json!(value),
            Datum::Long(value) => json!(value),
            Datum::Text(text) | Datum::Word(_, text) => json!(text),
            Datum::List(items) => items.iter().map(Datum::json).collect(),
            Datum::Map(entries) => object(entries.iter()),
            Datum::Member(_, name, inner) if name.is_empty() => inner.json(),
            // The members of other unions are the variants of a Rust enum.
            Datum::Member(_, name, inner) => json!({ name: inner.json() }),
            Datum::Record(fields) => object(fields.iter().map(|(name, value)| (name, value))),
        }
    }

    /// The library's own value.
    pub(crate) fn value(&self) -> Value {
        match self {
            Datum::Null => Value::Null,
            Datum::Bool(value) => Value::Boolean(*value),
            Datum::Int(value) => Value::Int(*value),
            Datum::Long(value) => Value::Long(*value),
            Datum::Text(text) => Value::String(text.clone()),
            Datum::Word(at, word) => Value::Enum(*at, word.clone()),
            Datum::List(items) => Value::Array(items.iter().map(Datum::value).collect()),
            Datum::Map(entries) => {
                Value::Map(entries.iter().map(|(key, v)| (key.clone(), v.value())).collect())
            }
            Datum::Member(at, _, inner) => Value::Union(*at, Box::new(inner.value())),
            Datum::Record(fields) => {
                Value::Record(fields.iter().map(|(name, v)| (name.clone(), v.value())).collect())
            }
        }
    }
}

/// Enough data to hold every member of every union, every word of every enum, both booleans, the
/// extremes of numbers, empty, foreign and large texts, empty and filled lists and maps.
pub(crate) fn every_choice(kind: &Kind) -> Vec<Datum> {
    match kind {
        Kind::Plain(name) => plain(name),
        Kind::Enum { symbols, .. } => {
            (0..).zip(symbols).map(|(at, word)| Datum::Word(at, word.clone())).collect()
        }
        Kind::Array(items) => {
            let items = every_choice(items);
            vec![Datum::List(vec![]), Datum::List(items)]
        }
        Kind::Map(values) => {
            let keys = ["", "a/b", "schl\u{fc}ssel \u{1f511}", "~"];
            let filled = keys.into_iter().map(str::to_owned).zip(every_choice(values));
            vec![Datum::Map(BTreeMap::new()), Datum::Map(filled.collect())]
        }
        Kind::Union(members) => {
            let member = |(at, member): (u32, &Kind)| {
                let name = variant(members, member);
                let wrap = move |d| Datum::Member(at, name.clone(), Box::new(d));
                every_choice(member).into_iter().map(wrap)
            };
            (0..).zip(members).flat_map(member).collect()
        }
        Kind::Record { fields, .. } => {
            let choices: Vec<_> = fields.iter().map(|(_, kind)| every_choice(kind)).collect();
            let most = choices.iter().map(Vec::len).max().unwrap_or(1);
            // The fields turn at once, each through its own choices.
            (0..most)
                .map(|turn| {
                    let pick = |choices: &Vec<Datum>| choices[turn % choices.len()].clone();
                    let names = fields.iter().map(|(name, _)| name.clone());
                    Datum::Record(names.zip(choices.iter().map(pick)).collect())
                })
                .collect()
        }
    }
}

/// Any datum of a schema.
pub(crate) fn any_datum(kind: &Kind) -> BoxedStrategy<Datum> {
    match kind {
        Kind::Plain(name) => any_plain(name),
        Kind::Enum { .. } => proptest::sample::select(every_choice(kind)).boxed(),
        Kind::Array(items) => collection::vec(any_datum(items), 0..4).prop_map(Datum::List).boxed(),
        Kind::Map(values) => collection::btree_map(any::<String>(), any_datum(values), 0..4)
            .prop_map(Datum::Map)
            .boxed(),
        Kind::Union(members) => Union::new((0..).zip(members).map(|(at, m)| {
            let name = variant(members, m);
            any_datum(m).prop_map(move |d| Datum::Member(at, name.clone(), Box::new(d))).boxed()
        }))
        .boxed(),
        Kind::Record { fields, .. } => {
            let names: Vec<_> = fields.iter().map(|(name, _)| name.clone()).collect();
            let values: Vec<_> = fields.iter().map(|(_, kind)| any_datum(kind)).collect();
            let record =
                move |values| Datum::Record(names.clone().into_iter().zip(values).collect());
            values.prop_map(move |values: Vec<Datum>| record(values)).boxed()
        }
    }
}

fn plain(name: &str) -> Vec<Datum> {
    match name {
        "null" => vec![Datum::Null],
        "boolean" => vec![Datum::Bool(false), Datum::Bool(true)],
        "int" => [0, -1, i32::MAX, i32::MIN].map(Datum::Int).to_vec(),
        "long" => [0, -1, i64::MAX, i64::MIN, 1 << 53].map(Datum::Long).to_vec(),
        "string" => {
            let large = "{\"Gr\u{f6}\u{df}e\":\"\u{0}\\\"\"}".repeat(6_000);
            let texts = ["", "plain", "\u{5e74}\u{1f980}\n\u{0}\"\\", &large];
            texts.map(|text| Datum::Text(text.to_owned())).to_vec()
        }
        other => panic!("no topic holds a {other} yet"),
    }
}

fn any_plain(name: &str) -> BoxedStrategy<Datum> {
    match name {
        "int" => any::<i32>().prop_map(Datum::Int).boxed(),
        "long" => any::<i64>().prop_map(Datum::Long).boxed(),
        "string" => any::<String>().prop_map(Datum::Text).boxed(),
        other => proptest::sample::select(plain(other)).boxed(),
    }
}

/// The name of the Rust enum's variant; empty in an option.
fn variant(members: &[Kind], member: &Kind) -> String {
    let option = members.iter().any(|member| member.name() == "null");
    if option { String::new() } else { member.name().to_owned() }
}

fn object<'a>(fields: impl Iterator<Item = (&'a String, &'a Datum)>) -> Json {
    Json::Object(fields.map(|(name, value)| (name.clone(), value.json())).collect())
}

/// Zigzag, then seven bits a byte, the lowest first.
fn long(value: i64) -> Vec<u8> {
    let mut rest = (value.wrapping_shl(1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// One block of all items, then an empty one.
fn blocks(items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return long(0);
    }
    [long(items.len() as i64), items.concat(), long(0)].concat()
}

#[test]
fn numbers_are_those_of_the_specification() {
    // Expected values: Avro 1.12 specification, "Primitive Types", and "Complex Types".
    for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (-64, vec![0x7f])] {
        assert_eq!(Datum::Long(value).bytes(), bytes, "{value}");
    }
    assert_eq!(Datum::Long(64).bytes(), [0x80, 0x01]);
    assert_eq!(Datum::Text("foo".to_owned()).bytes(), [0x06, 0x66, 0x6f, 0x6f]);
    let list = Datum::List(vec![Datum::Long(3), Datum::Long(27)]);
    assert_eq!(list.bytes(), [0x04, 0x06, 0x36, 0x00]);
}
