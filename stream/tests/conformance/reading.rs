//! Reading: order, starts, ends, waiting.

use std::{
    thread,
    time::{Duration, Instant},
};

use schemas::topic::{OBSERVATION, REPORT, RESOURCE_STATE, TICK};
use stream::{Outcome, Outgoing};

use crate::harness::{
    PARTITIONS, Subject, append, at, join, reached, read_all, record, starts, texts_of,
};

pub(crate) fn records_come_in_the_order_of_each_partition(subject: &Subject) {
    let log = &*subject.log;
    let records = (0..3_000).map(|i| record(TICK.spec, i % PARTITIONS, "k", &i.to_string()));
    append(log, records.collect());
    let read = read_all(log, &[TICK.spec]);
    for partition in 0..PARTITIONS {
        let values: Vec<i32> =
            texts_of(&read, partition).iter().map(|(_, value)| value.parse().unwrap()).collect();
        let expected: Vec<i32> = (0..3_000).filter(|i| i % PARTITIONS == partition).collect();
        assert_eq!(values, expected);
        let own = read.iter().filter(|r| r.partition == partition);
        assert!(own.map(|r| r.offset).eq(0..1_000));
    }
}

pub(crate) fn reading_starts_where_it_was_told(subject: &Subject) {
    let log = &*subject.log;
    let records = (0..10).map(|i| record(TICK.spec, 0, "k", &i.to_string()));
    append(log, records.collect());
    let mut reader = log.reader(&[at(TICK.spec, 0, 7)]).unwrap();
    let mut read = Vec::new();
    let start = Instant::now();
    while read.len() < 3 && start.elapsed() < Duration::from_secs(30) {
        read.extend(reader.poll(Duration::from_millis(100)).unwrap());
    }
    let offsets: Vec<_> = read.iter().map(|r| r.offset).collect();
    assert_eq!(offsets, [7, 8, 9]);
    assert_eq!(reader.positions().unwrap(), [at(TICK.spec, 0, 10)]);
}

pub(crate) fn reading_starts_where_a_time_begins(subject: &Subject) {
    let log = &*subject.log;
    let at_ms =
        |ms: i64| Outgoing { timestamp_ms: ms, ..record(TICK.spec, 0, "k", &ms.to_string()) };
    // Of each time three records, one time is missing, and partition 1 holds one record alone.
    let times = (1_000..1_100).filter(|ms| *ms != 1_050);
    append(log, times.flat_map(|ms| [at_ms(ms), at_ms(ms), at_ms(ms)]).collect());
    append(log, vec![Outgoing { partition: 1, ..at_ms(1_050) }]);
    for (time_ms, first, other) in [
        (i64::MIN, 0, 0),
        (1_000, 0, 0),
        (1_001, 3, 0),
        (1_050, 150, 0),
        (1_051, 150, 1),
        (1_099, 294, 1),
        (1_100, 297, 1),
        (i64::MAX, 297, 1),
    ] {
        let begins = log.begins(&[TICK.spec], time_ms).unwrap();
        let expected = [at(TICK.spec, 0, first), at(TICK.spec, 1, other), at(TICK.spec, 2, 0)];
        assert_eq!(begins, expected, "{time_ms}");
    }
    assert!(log.begins(&[REPORT.spec], 0).unwrap().iter().all(|begin| begin.offset == 0));
}

pub(crate) fn positions_reach_the_ends_past_markers(subject: &Subject) {
    let log = &*subject.log;
    let mut member = join(log, "g", "s", &[OBSERVATION.spec]);
    member.until_owns(&[0, 1, 2]);
    for i in 0..3 {
        let output = record(RESOURCE_STATE.spec, i % 2, "k", "v");
        assert_eq!(member.commit(vec![output]), Outcome::Committed);
    }
    // read_all ends only when positions reach the ends, and partition 2 is empty.
    assert_eq!(read_all(log, &[RESOURCE_STATE.spec]).len(), 3);
    let ends = log.ends(&[RESOURCE_STATE.spec]).unwrap();
    assert!(ends[0].offset >= 2 && ends[1].offset >= 1 && ends[2].offset == 0);

    // A reader that starts at the end is there without a record.
    let mut reader = log.reader(&ends).unwrap();
    assert!(reader.poll(Duration::from_millis(50)).unwrap().is_empty());
    assert!(reached(&reader.positions().unwrap(), &ends));
}

pub(crate) fn a_waiting_reader_is_woken(subject: &Subject) {
    let log = subject.log.clone();
    let mut reader = log.reader(&starts(&[TICK.spec])).unwrap();
    // The first polls set the reader up.
    for _ in 0..5 {
        assert!(reader.poll(Duration::from_millis(100)).unwrap().is_empty());
    }
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        append(&*log, vec![record(TICK.spec, 1, "k", "v")]);
    });
    let start = Instant::now();
    let mut read = Vec::new();
    while read.is_empty() && start.elapsed() < Duration::from_secs(20) {
        read = reader.poll(Duration::from_secs(20)).unwrap();
    }
    assert_eq!(read.len(), 1);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    writer.join().unwrap();
}

pub(crate) fn the_end_of_an_input_is_known(subject: &Subject) {
    let log = &*subject.log;
    let inputs = [OBSERVATION.spec, REPORT.spec];
    append(log, vec![record(OBSERVATION.spec, 0, "a", "1")]);
    let mut member = join(log, "g", "s", &inputs);
    member.until_owns(&[0, 1, 2]);
    let all_at_end = |member: &crate::harness::Joined| {
        starts(&inputs).iter().all(|p| member.member.at_end(p.topic, p.partition))
    };
    let settle = |member: &mut crate::harness::Joined| {
        let start = Instant::now();
        while !all_at_end(member) {
            assert!(start.elapsed() < Duration::from_secs(30), "never at the end");
            member.turn();
        }
    };
    settle(&mut member);
    assert_eq!(member.records.len(), 1);

    // A transaction into an input ends with a marker on Kafka; the end is found all the same.
    let output = record(REPORT.spec, 2, "k", "v");
    assert_eq!(member.commit(vec![output]), Outcome::Committed);
    member.until_read(2);
    settle(&mut member);
    assert!(!member.member.at_end(TICK.spec, 0), "a topic that is no input");
}
