//! What a record carries.

use schemas::topic::{OBSERVATION, RESOURCE_STATE};
use stream::{LogError, Outcome, Outgoing, RECORD_BYTES_MAX};

use crate::harness::{Subject, append, join, read_all, record, tombstone};

pub(crate) fn every_field_survives(subject: &Subject) {
    let log = &*subject.log;
    let topic = OBSERVATION.spec;
    let header = |name: &'static str, value: &'static [u8]| (name.into(), value.into());
    let written = vec![
        Outgoing {
            timestamp_ms: 1,
            headers: vec![
                header("ce_id", b"1"),
                header("ce_id", b"2"),
                header("x", &[0xff, 0]),
                header("empty", b""),
            ],
            ..record(topic, 0, "key", "value")
        },
        Outgoing { timestamp_ms: 1_600_000_000_123, ..record(topic, 0, "", "no key") },
        record(topic, 0, "empty value", ""),
        tombstone(topic, 0, "gone"),
        Outgoing { key: vec![0, 0xff, 0xfe], value: Some(vec![0; 10]), ..record(topic, 0, "", "") },
    ];
    append(log, written.clone());
    let mut member = join(log, "g", "s", &[topic]);
    member.until_read(written.len());
    let copies =
        written.iter().map(|record| Outgoing { topic: RESOURCE_STATE.spec, ..record.clone() });
    // A compacted topic wants a key; that an empty one is a key must hold there, too.
    assert_eq!(member.commit(copies.collect()), Outcome::Committed);
    for topic in [topic, RESOURCE_STATE.spec] {
        let read = read_all(log, &[topic]);
        assert_eq!(read.len(), written.len());
        for (offset, (read, written)) in read.iter().zip(&written).enumerate() {
            assert_eq!(read.topic, topic);
            assert_eq!((read.partition, read.offset), (0, offset as i64));
            assert_eq!(read.timestamp_ms, written.timestamp_ms);
            assert_eq!(read.key, written.key);
            assert_eq!(read.value, written.value);
            assert_eq!(read.headers, written.headers);
        }
    }
}

pub(crate) fn large_records_pass_and_larger_ones_are_refused(subject: &Subject) {
    let log = &*subject.log;
    let topic = OBSERVATION.spec;
    // Bytes without a pattern, so that compression does not make the record small.
    let mut seed = 7_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    })
    .take(RECORD_BYTES_MAX - 3)
    .collect();
    let large = |bytes: usize| Outgoing {
        value: Some(noise[..bytes].to_vec()),
        ..record(topic, 0, "key", "")
    };
    for bytes in [900_000, RECORD_BYTES_MAX - 3] {
        append(log, vec![large(bytes)]);
    }
    let mut member = join(log, "g", "s", &[topic]);
    member.until_read(2);
    assert_eq!(member.records[0].value.as_ref().unwrap().len(), 900_000);
    assert_eq!(member.records[1].value.as_deref(), Some(&noise[..]));
    assert_eq!(member.commit(vec![large(900_000)]), Outcome::Committed);

    let mut too_large = large(RECORD_BYTES_MAX - 3);
    too_large.key.push(b'x');
    let error = log.writer("suite").unwrap().append(vec![too_large.clone()]);
    let expected = RECORD_BYTES_MAX + 1;
    assert!(matches!(error, Err(LogError::TooLarge { bytes, .. }) if bytes == expected));
    let error = member.member.commit(vec![too_large], &[]);
    assert!(matches!(error, Err(LogError::TooLarge { .. })));
    // Nothing of it hinders what comes next.
    assert_eq!(member.commit(vec![record(topic, 1, "k", "v")]), Outcome::Committed);
    assert_eq!(read_all(log, &[topic]).len(), 4);
}
