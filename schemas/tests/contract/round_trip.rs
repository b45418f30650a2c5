//! Every value travels both ways, byte for byte as the specification writes it.

use std::fmt::Debug;

use apache_avro::{Schema, reader::datum::GenericDatumReader};
use proptest::test_runner::{Config, TestRunner};
use schemas::{
    Codec, Key, Topic, Value,
    topic::{ACCOUNT_CHANGELOG, DEADLETTER, ROLLUP_CHANGELOG, SIEM_EVENT, typed_json},
};

use crate::{
    data::{Datum, any_datum, every_choice},
    every_topic,
    golden::golden,
    schema::{Kind, fingerprint},
};

#[test]
fn every_choice_of_every_value_travels() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let schema = golden(topic.spec.name);
        let avro = Schema::parse_str(&schema).unwrap();
        for datum in every_choice(&Kind::parse(&schema)) {
            travels::<V>(&schema, &avro, &datum);
            let bytes = single_object(&schema, &datum);
            let json = typed_json(topic.spec, &Codec::default(), &bytes).unwrap();
            same(&json, &Some(datum.json()));
        }
    }
    every_topic!(check);
    for other in [SIEM_EVENT, DEADLETTER, ACCOUNT_CHANGELOG, ROLLUP_CHANGELOG] {
        assert_eq!(typed_json(other, &Codec::default(), b"{}").unwrap(), None);
    }
}

#[test]
fn any_value_travels() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let schema = golden(topic.spec.name);
        let avro = Schema::parse_str(&schema).unwrap();
        let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
        let outcome = runner.run(&any_datum(&Kind::parse(&schema)), |datum| {
            travels::<V>(&schema, &avro, &datum);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", topic.spec.name));
    }
    every_topic!(check);
}

/// Bytes by the specification are the codec's bytes, and both readers find the datum's fields.
fn travels<V: Value>(schema: &str, avro: &Schema, datum: &Datum) {
    let codec = Codec::default();
    let bytes = single_object(schema, datum);
    let value: V = codec.decode(&bytes).unwrap();
    same(&serde_json::to_value(&value).unwrap(), &datum.json());
    same(&codec.encode("any", &value).unwrap(), &bytes);
    let reader = GenericDatumReader::builder(avro).build().unwrap();
    same(&reader.read_value(&mut &bytes[10..]).unwrap(), &datum.value());
}

/// Single-object encoding: marker, fingerprint (little-endian), datum.
pub(crate) fn single_object(schema: &str, datum: &Datum) -> Vec<u8> {
    [&[0xc3, 0x01], &fingerprint(schema).to_le_bytes()[..], &datum.bytes()].concat()
}

/// `assert_eq` for large things.
fn same<T: PartialEq + Debug>(found: &T, expected: &T) {
    if found != expected {
        let cut = |value: &T| format!("{value:?}").chars().take(2_000).collect::<String>();
        panic!("found {}\nexpected {}", cut(found), cut(expected));
    }
}

#[test]
fn every_choice_holds_every_member_and_word() {
    let kind = Kind::parse(&golden("observation"));
    let json: Vec<_> = every_choice(&kind).iter().map(|d| d.json()["event"].clone()).collect();
    for variant in ["Started", "Observed", "Completed", "Failed"] {
        assert!(json.iter().any(|event| event.get(variant).is_some()), "{variant}");
    }
    let kind = Kind::parse(&golden("compliance.state"));
    let json: Vec<_> = every_choice(&kind).iter().map(Datum::json).collect();
    for verdict in schemas::Verdict::ALL {
        assert!(json.iter().any(|row| row["verdict"] == verdict.as_str()), "{verdict}");
    }
    assert!(json.iter().any(|row| row["exception"].is_null()));
    assert!(json.iter().any(|row| row["exception"].is_string()));
}
