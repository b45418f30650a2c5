//! Bytes that are not as they should be: torn, foreign, newer. An error each time, or the value.

use proptest::prelude::*;
use schemas::{AvroError, Codec, Observation, Severity, Tick};

#[test]
fn a_word_of_a_newer_writer_is_the_default_in_avro_and_an_error_where_people_write() {
    use apache_avro::writer::datum::GenericDatumWriter;
    use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value as Avro};
    let newer = r#"{"type": "enum", "name": "scorecard.Severity",
        "symbols": ["info", "low", "medium", "high", "critical", "apocalyptic"]}"#;
    let newer = Schema::parse_str(newer).expect("a schema");
    let writer = GenericDatumWriter::builder(&newer).build().expect("a writer");
    let read = |symbol: &str, index| {
        let value = Avro::Enum(index, symbol.to_owned());
        let bytes = writer.write_value_to_vec(value).expect("bytes");
        let reader =
            GenericDatumReader::builder(&newer).human_readable(false).build().expect("a reader");
        reader.read_deser::<Severity>(&mut bytes.as_slice()).expect("a word")
    };
    assert_eq!(read("low", 1), Severity::Low);
    assert_eq!(read("apocalyptic", 5), Severity::High, "the default");
    assert_eq!(serde_json::from_str::<Severity>("\"low\"").ok(), Some(Severity::Low));
    let error = serde_json::from_str::<Severity>("\"lwo\"").expect_err("a typing error");
    assert!(error.to_string().contains("unknown variant `lwo`"), "{error}");
}

#[test]
fn foreign_bytes_are_told_apart() {
    let codec = Codec::default();
    let tick = |bytes: &[u8]| codec.decode::<Tick>(bytes).expect_err("an error");
    assert!(matches!(tick(b""), AvroError::Framing(_)));
    assert!(matches!(tick(b"{\"minute_ms\":1}"), AvroError::Framing(_)));
    assert!(matches!(
        tick(&[0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        AvroError::UnknownFingerprint(_)
    ));
    assert!(matches!(tick(&[0, 0, 0, 0, 7, 1]), AvroError::NoRegistry(7)));
    let good = codec.encode("t", &Tick { minute_ms: 1 << 40 }).expect("bytes");
    assert!(matches!(tick(&good[..good.len() - 1]), AvroError::Datum { .. }), "torn");
    for error in [tick(b""), tick(&good[..good.len() - 1])] {
        assert!(!error.is_transient(), "{error}: such a record is poison");
    }
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let codec = Codec::default();
        let mut bytes = codec
            .encode("t", &Tick { minute_ms: 0 })
            .map(|good| good[..10].to_vec())
            .expect("a frame");
        bytes.extend(&tail);
        let _ = codec.decode::<Tick>(&bytes);
        let observation = crate::wire::frame::<Observation>();
        let _ = codec.decode::<Observation>(&[observation, tail].concat());
    }
}
