//! Dead letters: records that a stage can't use, as they were, with where from and why.

use schemas::{
    headers::{Headers, rfc3339},
    topic::DEADLETTER,
};

use crate::{Outgoing, RECORD_BYTES_MAX, Record};

/// The topic's noun and kind.
pub const DLQ_TOPIC: &str = "dlq_topic";
/// The partition, in decimals.
pub const DLQ_PARTITION: &str = "dlq_partition";
/// The offset, in decimals.
pub const DLQ_OFFSET: &str = "dlq_offset";
/// Why it can't be used, causes included.
pub const DLQ_REASON: &str = "dlq_reason";
/// The stage or sink that met it.
pub const DLQ_STAGE: &str = "dlq_stage";
/// The record's time in RFC 3339: a replay writes the same dead letter.
pub const DLQ_TIME: &str = "dlq_time";
/// Only when the value had to be cut to fit: how many bytes it had.
pub const DLQ_VALUE_BYTES: &str = "dlq_value_bytes";

/// A reason can quote a whole document; this much says enough.
const REASON_BYTES_MAX: usize = 4_096;

/// Room for what a log adds to a record.
const MARGIN_BYTES: usize = 1_024;

/// Makes the dead letter of a record: key, value and headers as they were, and headers that tell
/// where it came from. It goes to the partition of the same number.
pub fn dead_letter(record: &Record, stage: &str, reason: &str) -> Outgoing {
    let mut headers = record.headers.clone();
    let mut add = |name: &'static str, value: String| {
        headers.push((name.into(), value.into_bytes().into()));
    };
    add(DLQ_TOPIC, record.topic.name.to_owned());
    add(DLQ_PARTITION, record.partition.to_string());
    add(DLQ_OFFSET, record.offset.to_string());
    add(DLQ_REASON, cut(reason, REASON_BYTES_MAX).to_owned());
    add(DLQ_STAGE, stage.to_owned());
    add(DLQ_TIME, rfc3339(record.timestamp_ms));
    let mut letter = Outgoing {
        topic: DEADLETTER,
        partition: record.partition,
        timestamp_ms: record.timestamp_ms,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    };
    fit(&mut letter);
    letter
}

/// Cuts the value when the added headers make the record too large for the log: losing its tail is
/// better than a record that can neither be used nor be put away.
fn fit(letter: &mut Outgoing) {
    let room = RECORD_BYTES_MAX
        .saturating_sub(MARGIN_BYTES + letter.key.len() + header_bytes(&letter.headers));
    if let Some(value) = letter.value.as_mut().filter(|value| value.len() > room) {
        let bytes = value.len().to_string().into_bytes();
        value.truncate(room);
        letter.headers.push((DLQ_VALUE_BYTES.into(), bytes.into()));
    }
}

fn header_bytes(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::headers::text;

    #[test]
    fn a_large_record_still_fits_the_log() {
        let record = Record {
            topic: schemas::topic::SPEND.spec,
            partition: 3,
            offset: 7,
            timestamp_ms: 0,
            key: b"key".to_vec(),
            value: Some(vec![1; RECORD_BYTES_MAX - 3]),
            headers: vec![("ce_id".into(), b"x".into())],
        };
        let letter = dead_letter(&record, "tally", &"é".repeat(4_000));
        let value = letter.value.as_ref().expect("the value").len();
        assert!(value + 3 + header_bytes(&letter.headers) <= RECORD_BYTES_MAX);
        assert!(value > RECORD_BYTES_MAX - 8_192, "no more is cut than needed");
        assert_eq!(text(&letter.headers, DLQ_VALUE_BYTES), Some("999997"));
        assert_eq!(text(&letter.headers, "ce_id"), Some("x"));
        assert_eq!(text(&letter.headers, DLQ_TIME), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(text(&letter.headers, DLQ_REASON).map(str::len), Some(4_096));
    }
}
