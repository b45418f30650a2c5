//! Transactions: whole, in order, positions included.

use std::collections::BTreeSet;

use schemas::topic::{OBSERVATION, REPORT, RESOURCE_CHANGE, RESOURCE_STATE};
use stream::{Outcome, Outgoing};

use crate::harness::{PARTITIONS, Subject, append, at, join, pairs, read_all, record, texts_of};

pub(crate) fn a_commit_is_seen_whole_with_its_positions(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    append(log, vec![record(input, 0, "a", "1"), record(input, 2, "b", "2")]);
    let mut member = join(log, "g", "s", &[input]);
    member.until_read(2);

    let outputs: Vec<Outgoing> = (0..PARTITIONS)
        .flat_map(|p| {
            [record(RESOURCE_STATE.spec, p, "k", "v"), record(RESOURCE_CHANGE.spec, p, "k", "c")]
        })
        .collect();
    assert_eq!(member.commit(outputs), Outcome::Committed);

    for topic in [RESOURCE_STATE.spec, RESOURCE_CHANGE.spec] {
        let records = read_all(log, &[topic]);
        let partitions: BTreeSet<_> = records.iter().map(|r| r.partition).collect();
        assert_eq!(partitions, (0..PARTITIONS).collect());
        assert_eq!(records.len(), PARTITIONS as usize);
    }
    let expected = [at(input, 0, 1), at(input, 1, 0), at(input, 2, 1)];
    assert_eq!(log.committed("g", &[input]).unwrap(), expected);
}

pub(crate) fn positions_alone_can_be_committed(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    append(log, vec![record(input, 1, "a", "1")]);
    let mut member = join(log, "g", "s", &[input]);
    member.until_read(1);
    assert_eq!(member.commit(Vec::new()), Outcome::Committed);
    let committed = log.committed("g", &[input]).unwrap();
    assert_eq!(committed[1], at(input, 1, 1));
    assert_eq!(log.committed("other", &[input]).unwrap()[1], at(input, 1, 0));
}

pub(crate) fn records_alone_can_be_committed(subject: &Subject) {
    let log = &*subject.log;
    let mut member = join(log, "g", "s", &[OBSERVATION.spec]);
    member.until_owns(&[0, 1, 2]);
    let output = record(RESOURCE_STATE.spec, 1, "k", "v");
    let outcome = member.member.commit(vec![output], &[]).unwrap();
    assert_eq!(outcome, Outcome::Committed);
    assert_eq!(read_all(log, &[RESOURCE_STATE.spec]).len(), 1);
    let committed = log.committed("g", &[OBSERVATION.spec]).unwrap();
    assert!(committed.iter().all(|position| position.offset == 0));
}

pub(crate) fn many_small_commits_keep_their_order(subject: &Subject) {
    let log = &*subject.log;
    let mut member = join(log, "g", "s", &[REPORT.spec]);
    member.until_owns(&[0, 1, 2]);
    let mut expected = Vec::new();
    for i in 0..20 {
        let value = i.to_string();
        let output = record(RESOURCE_CHANGE.spec, 0, "k", &value);
        assert_eq!(member.commit(vec![output]), Outcome::Committed);
        expected.push(("k".to_owned(), value));
    }
    let records = read_all(log, &[RESOURCE_CHANGE.spec]);
    assert_eq!(texts_of(&records, 0), expected);
    let offsets: Vec<_> = records.iter().map(|r| r.offset).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
}

pub(crate) fn a_large_commit_is_seen_whole(subject: &Subject) {
    let log = &*subject.log;
    let mut member = join(log, "g", "s", &[REPORT.spec]);
    member.until_owns(&[0, 1, 2]);
    let outputs: Vec<_> = (0..5_000)
        .map(|i| {
            let key = i.to_string();
            record(RESOURCE_CHANGE.spec, i % PARTITIONS, &key, &"x".repeat(500))
        })
        .collect();
    assert_eq!(member.commit(outputs), Outcome::Committed);
    let records = read_all(log, &[RESOURCE_CHANGE.spec]);
    assert_eq!(records.len(), 5_000);
    let first = texts_of(&records, 1).swap_remove(0);
    assert_eq!(first, pairs(&[("1", &"x".repeat(500))])[0]);
}
