//! Records of the log: Avro of every topic's type, by our schemas and by another writer's.

use std::{error::Error, sync::LazyLock};

use apache_avro::rabin::Rabin;
use schemas::{AvroError, Codec, Key, Registry, Topic, Value, topic};

use super::{USUAL, is_a_record};
use crate::Target;

/// What stands between another writer's schema and his datum.
const BETWEEN: &[u8] = b"\n%%\n";

/// A list makes room for the items that it says it has, up to 16 MiB, before they are read; a
/// foreign one may lie four deep.
const LISTS_BYTES_MIN: usize = 72 << 20;

pub(super) const OWN: Target = Target {
    name: "avro",
    run: own,
    words: &["\u{c3}\u{1}", "\0", "\u{2}", "\u{7f}"],
    bytes_min: LISTS_BYTES_MIN,
    ..USUAL
};

pub(super) const FOREIGN: Target = Target {
    name: "avro-foreign",
    run: foreign,
    seeds: &["schemas/avsc/tick.avsc", "schemas/avsc/report.avsc", "schemas/avsc/trust.state.avsc"],
    words: &[
        "\n%%\n",
        "\"type\":",
        "\"record\"",
        "\"name\":\"scorecard.Tick\"",
        "\"fields\":[",
        "\"array\"",
        "\"items\":",
        "\"map\"",
        "\"values\":",
        "\"enum\"",
        "\"symbols\":[",
        "\"fixed\"",
        "\"size\":1000000000",
        "\"null\"",
        "\"long\"",
        "\"string\"",
        "\"bytes\"",
        "\"default\":",
        "\"aliases\":[",
        "\"logicalType\":\"decimal\"",
        "[\"null\",",
        "\u{2}\u{2}",
    ],
    bytes_min: LISTS_BYTES_MIN,
    ..USUAL
};

/// Reads bytes as a topic's value, and what could be read can be written and read again.
type Read = fn(&Codec, &[u8]) -> Result<(), AvroError>;

fn read<V: Value>(codec: &Codec, bytes: &[u8]) -> Result<(), AvroError> {
    let value = codec.decode::<V>(bytes)?;
    if bytes.len() < super::RECORD_BYTES_MAX {
        is_a_record(&value);
    }
    Ok(())
}

/// By topic: how its values are read, and what a record of its own schema begins with.
static TOPICS: LazyLock<Vec<(Read, [u8; 10])>> = LazyLock::new(|| {
    let mut all: Vec<(&str, Read, [u8; 10])> = Vec::new();
    fn add<K: Key, V: Value>(all: &mut Vec<(&str, Read, [u8; 10])>, topic: Topic<K, V>) {
        let fingerprint = V::get_schema().fingerprint::<Rabin>();
        let mut head = [0xc3, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        head[2..].copy_from_slice(&fingerprint.bytes);
        all.push((topic.spec.name, read::<V>, head));
    }
    macro_rules! topics {
        ($($topic:ident)+) => { $(add(&mut all, topic::$topic);)+ };
    }
    topics! {
        ACCOUNT_LISTING ACCOUNT_REGISTER OBSERVATION SCAN_UNIT REPORT REQUIREMENT EXCEPTION SPEND
        TICK ACCOUNT_STATE RESOURCE_STATE RESOURCE_CHANGE TRUST_STATE COMPLIANCE_STATE
        COMPLIANCE_CHANGE SCORE_STATE SCORE_HISTORY CONTRIBUTION ROLLUP_STATE ALERT_STATE
        MAIL_OUTBOX
    }
    let names: Vec<&str> = all.iter().map(|(name, ..)| *name).collect();
    let wanted: Vec<&str> = topic::value_schemas().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, wanted, "every typed topic is read");
    all.into_iter().map(|(_, read, head)| (read, head)).collect()
});

/// An input is a record as it is, and a datum of the topic that its first byte chooses.
fn own(input: &[u8]) {
    let Some((choice, datum)) = input.split_first() else { return };
    let (read, head) = &TOPICS[usize::from(*choice) % TOPICS.len()];
    let codec = Codec::default();
    told(read(&codec, input));
    told(read(&codec, &[&head[..], datum].concat()));
}

/// Knows one schema, which somebody else registered.
struct Known(String);

/// The id of that schema, and what a record of it begins with.
const HEAD: [u8; 5] = [0, 0, 0, 0, 1];

impl Registry for Known {
    fn id_of(&self, _: &str, _: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
        Ok(2)
    }

    fn schema_of(&self, _: u32) -> Result<String, Box<dyn Error + Send + Sync>> {
        Ok(self.0.clone())
    }
}

/// An input is a schema and a datum; it is read as the value of some topics.
fn foreign(input: &[u8]) {
    let at = input.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (schema, datum) = match at {
        Some(at) => (&input[..at], &input[at + BETWEEN.len()..]),
        None => (input, &[][..]),
    };
    let codec = Codec::with_registry(Known(String::from_utf8_lossy(schema).into_owned()));
    let record = [&HEAD[..], datum].concat();
    told(codec.decode::<schemas::Tick>(&record).map(drop));
    told(read::<schemas::Report>(&codec, &record));
    told(read::<schemas::TrustState>(&codec, &record));
}

/// An error says something, and that waiting is no help.
fn told(read: Result<(), AvroError>) {
    if let Err(error) = read {
        assert!(!error.to_string().is_empty() && !error.is_transient(), "{error:?}");
    }
}
