//! Compacted topics: the last record of each key survives.

use std::time::{Duration, Instant};

use schemas::topic::RESOURCE_STATE;
use stream::Outgoing;

use crate::harness::{Subject, append, pairs, read_all, record, texts_of, tombstone};

pub(crate) fn the_last_record_of_each_key_survives(subject: &Subject) {
    let log = &*subject.log;
    let topic = RESOURCE_STATE.spec;
    (subject.hasten)(topic);
    append(
        log,
        vec![
            record(topic, 0, "a", "1"),
            record(topic, 0, "b", "1"),
            record(topic, 0, "a", "2"),
            record(topic, 0, "c", "1"),
            tombstone(topic, 0, "b"),
            record(topic, 0, "a", "3"),
            record(topic, 1, "a", "other partition"),
        ],
    );
    let expected = pairs(&[("c", "1"), ("b", "-"), ("a", "3")]);
    let mut end = record(topic, 0, "end", "x");
    let start = Instant::now();
    let read = loop {
        // Kafka never compacts the segment that is written: later records, by their timestamps,
        // roll it.
        end = Outgoing { timestamp_ms: end.timestamp_ms + 10_000, ..end };
        append(log, vec![end.clone()]);
        (subject.compact)();
        let read = read_all(log, &[topic]);
        let mut texts = texts_of(&read, 0);
        texts.retain(|(key, _)| key != "end");
        if texts == expected {
            break read;
        }
        // Whatever was compacted so far, the last values are the same.
        let last = |key: &str| &texts.iter().rfind(|(k, _)| k == key).unwrap().1;
        assert_eq!([last("a"), last("b"), last("c")], ["3", "-", "1"]);
        assert!(start.elapsed() < Duration::from_secs(60), "not compacted: {texts:?}");
    };
    let own: Vec<i64> = read.iter().filter(|r| r.partition == 0).map(|r| r.offset).collect();
    assert_eq!(own[..3], [3, 4, 5], "offsets stay what they were");
    assert_eq!(texts_of(&read, 1), pairs(&[("a", "other partition")]));
    // New records go on behind the gaps.
    append(log, vec![record(topic, 0, "d", "1")]);
    let after = read_all(log, &[topic]);
    let newest = after.iter().rfind(|r| r.partition == 0).unwrap();
    assert_eq!(newest.key, b"d");
    assert!(newest.offset > own[3]);
}
