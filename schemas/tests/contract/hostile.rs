//! Bytes that nobody should have written: errors, never panics, never huge allocations.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use schemas::{AvroError, Codec, Key, Tick, Topic, Value};

use crate::{
    data::every_choice,
    every_topic,
    golden::golden,
    registry::InMemory,
    round_trip::single_object,
    schema::{Kind, fingerprint},
};

/// The records of a topic that are short enough to be cut at every place.
fn short_records(topic: &str) -> Vec<Vec<u8>> {
    let schema = golden(topic);
    let all = every_choice(&Kind::parse(&schema));
    let records: Vec<_> = all
        .iter()
        .map(|datum| single_object(&schema, datum))
        .filter(|record| record.len() < 5_000)
        .collect();
    assert!(!records.is_empty(), "{topic}");
    records
}

#[test]
fn a_record_that_is_cut_is_an_error() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        for record in short_records(topic.spec.name) {
            for length in 0..record.len() {
                let error = Codec::default().decode::<V>(&record[..length]).unwrap_err();
                assert!(!error.is_transient(), "{length} of {record:?}");
                let framing = matches!(error, AvroError::Framing(_));
                assert_eq!(framing, length < 10, "{length}: {error:?}");
            }
        }
    }
    every_topic!(check);
}

#[test]
fn a_record_that_goes_on_is_an_error() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        for mut record in short_records(topic.spec.name) {
            record.extend_from_slice(&[0, 0]);
            let error = Codec::default().decode::<V>(&record).unwrap_err();
            assert!(matches!(error, AvroError::Trailing { bytes: 2, .. }), "{error:?}");
        }
    }
    every_topic!(check);
    let registry = InMemory::default();
    let record = [registry.foreign(&golden("tick").replace("long", "int")), vec![2, 2]].concat();
    let error = Codec::with_registry(registry).decode::<Tick>(&record).unwrap_err();
    assert!(matches!(error, AvroError::Trailing { bytes: 1, .. }), "{error:?}");
}

#[test]
fn changed_and_random_bytes_never_panic() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let records = short_records(topic.spec.name);
        let head = records[0][..10].to_vec();
        // A foreign schema takes the other path: one more field.
        let registry = InMemory::default();
        let foreign = golden(topic.spec.name).replacen(
            "\"fields\": [",
            "\"fields\": [{\"name\": \"x\", \"type\": \"int\"},",
            1,
        );
        let foreign = registry.foreign(&foreign);
        let codec = Codec::with_registry(registry);
        let mut runner = TestRunner::new(Config { cases: 256, ..Config::default() });
        let input = (
            proptest::sample::select(records),
            any::<(proptest::sample::Index, u8)>(),
            proptest::collection::vec(any::<u8>(), 0..200),
        );
        let outcome = runner.run(&input, |(mut record, (at, byte), body)| {
            let index = at.index(record.len());
            record[index] = byte;
            for bytes in
                [record, [&head[..], &body].concat(), [&foreign[..], &body].concat(), body.clone()]
            {
                // What can be read can be written.
                if let Ok(value) = codec.decode::<V>(&bytes) {
                    Codec::default().encode("t", &value).unwrap();
                }
            }
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", topic.spec.name));
    }
    every_topic!(check);
}

#[test]
fn lengths_that_no_record_has_allocate_nothing() {
    // Zigzag by hand: 2^62 - 1 and 17 MiB as lengths, then the most negative one.
    let lengths: [&[u8]; 3] = [
        &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x80, 0x80, 0x80, 0x11],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ];
    for length in lengths {
        let head = [&[0xc3, 1], &fingerprint(&golden("spend")).to_le_bytes()[..]].concat();
        let error = Codec::default().decode::<schemas::Spend>(&[&head, length].concat());
        let error = error.unwrap_err();
        let AvroError::Datum { source, .. } = &error else { panic!("{error:?}") };
        let text = source.to_string();
        assert!(text.contains("allocate") || text.contains("convert"), "{text}");
        // A list of that many items ends where the bytes end.
        let head = [&[0xc3, 1], &fingerprint(&golden("trust.state")).to_le_bytes()[..]].concat();
        let list = [&head, &[0, 0, 1][..], length].concat();
        let error = Codec::default().decode::<schemas::TrustState>(&list).unwrap_err();
        assert!(matches!(error, AvroError::Datum { .. }), "{error:?}");
    }
}

#[test]
fn bytes_that_are_no_avro_say_so() {
    let decode = |bytes: &[u8]| Codec::default().decode::<Tick>(bytes).unwrap_err();
    for bytes in [&b""[..], b"{\"minute_ms\":1}", &[0xc3], &[0xc3, 2, 0, 0, 0, 0, 0, 0, 0, 0], &[0]]
    {
        let error = decode(bytes);
        assert!(matches!(error, AvroError::Framing(_)), "{error:?}");
    }
    let error = decode(&[0xc3, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert!(matches!(error, AvroError::UnknownFingerprint(0x0102_0304_0506_0708)), "{error:?}");
    assert!(!error.is_transient());
}
