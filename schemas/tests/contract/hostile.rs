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

/// Reads a record of another writer's schema as a tick; what is wrong with it, in words.
fn of_foreign(schema: &str, datum: &[u8]) -> String {
    let registry = InMemory::default();
    let record = [registry.foreign(schema), datum.to_vec()].concat();
    Codec::with_registry(registry).decode::<Tick>(&record).unwrap_err().to_string()
}

/// The schema of ticks with one more field.
fn with_field(kind: &str) -> String {
    let field = format!("\"fields\": [{{\"name\": \"x\", \"type\": {kind}}},");
    golden("tick").replacen("\"fields\": [", &field, 1)
}

#[test]
fn schemas_that_bound_nothing_are_not_read_with() {
    let none = r#"{"type": "record", "name": "None", "fields": []}"#;
    let lists = |depth: usize| {
        format!("{}\"int\"{}", r#"{"type": "array", "items": "#.repeat(depth), "}".repeat(depth))
    };
    let record = |at: usize| {
        format!(r#"{{"type": "record", "name": "R{at}", "fields": [{{"name": "x", "type": "#)
    };
    let deep: String = (0..30).map(record).collect();
    let deep = format!("{deep}\"int\"{}", "}]}".repeat(30));
    let long = format!(r#"{{"type": "int", "doc": "{}"}}"#, "x".repeat(256 << 10));
    for (kind, reason) in [
        (r#"{"type": "array", "items": "scorecard.Tick"}"#, "scorecard.Tick refers to itself"),
        (r#"["null", "scorecard.Tick"]"#, "scorecard.Tick refers to itself"),
        (r#""null""#, "values of scorecard.Tick.x take no bytes"),
        (none, "values of scorecard.Tick.x take no bytes"),
        (r#"{"type": "array", "items": "null"}"#, "the items of a list take no bytes"),
        (&format!(r#"{{"type": "array", "items": {none}}}"#), "the items of a list take no bytes"),
        (
            r#"{"type": "fixed", "name": "F", "size": 1000001}"#,
            "a value of 1000001 bytes fits into no record",
        ),
        (&deep, "its types lie in each other deeper than 24"),
        (&lists(5), "its lists lie in each other deeper than 4"),
        (&long, "it has more than 262144 bytes"),
    ] {
        // Each step of the first two takes a byte or two: the stack would end before the record.
        let error = of_foreign(&with_field(kind), &[2; 100_000]);
        assert!(error.ends_with(reason), "{kind:.100}: {error}");
    }
    // In a union a byte says which member it is.
    for kind in ["[\"null\", \"int\"]".to_owned(), format!("[{none}, \"int\"]")] {
        let registry = InMemory::default();
        let record = [registry.foreign(&with_field(&kind)), vec![0, 14]].concat();
        let tick = Codec::with_registry(registry).decode::<Tick>(&record).unwrap();
        assert_eq!(tick.minute_ms, 7, "{kind}");
    }
}

#[test]
fn a_list_that_ends_too_early_has_no_more_items() {
    // 200,000 items, of which none is there.
    let datum = [0x80, 0xb5, 0x18];
    for items in ["\"string\"", "\"boolean\"", "[\"null\", \"string\"]"] {
        let list = format!(r#"{{"type": "array", "items": {items}}}"#);
        let error = of_foreign(&with_field(&list), &datum);
        assert!(error.starts_with("the bytes do not fit the schema"), "{items}: {error}");
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
