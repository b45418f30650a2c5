//! Groups: sharing, taking over, pausing, resuming.

use std::collections::BTreeSet;

use schemas::topic::{OBSERVATION, REPORT};
use stream::{Log, Outcome};

use crate::harness::{PARTITIONS, Subject, append, join, record, until};

fn fill(log: &dyn Log, value: &str) {
    let mut records = Vec::new();
    for partition in 0..PARTITIONS {
        records.push(record(OBSERVATION.spec, partition, "o", value));
        records.push(record(REPORT.spec, partition, "r", value));
    }
    append(log, records);
}

pub(crate) fn a_lone_member_gets_everything(subject: &Subject) {
    let log = &*subject.log;
    fill(log, "1");
    let mut member = join(log, "g", "s", &[OBSERVATION.spec, REPORT.spec]);
    member.until_owns(&[0, 1, 2]);
    member.until_read(2 * PARTITIONS as usize);
    fill(log, "2");
    member.until_read(4 * PARTITIONS as usize);
}

pub(crate) fn two_members_share_and_one_takes_over(subject: &Subject) {
    let log = &*subject.log;
    let inputs = [OBSERVATION.spec, REPORT.spec];
    let mut first = join(log, "g", "a", &inputs);
    first.until_owns(&[0, 1, 2]);
    let mut second = join(log, "g", "b", &inputs);
    until(&mut [&mut first, &mut second], |members| {
        members[0].owned == [0, 1] && members[1].owned == [2]
    });

    fill(log, "1");
    until(&mut [&mut first, &mut second], |members| {
        members[0].records.len() == 4 && members[1].records.len() == 2
    });
    // Partitions of one number go together: both topics, and nothing else.
    for (member, expected) in [(&first, vec![0, 1]), (&second, vec![2])] {
        for topic in inputs {
            let own = member.records.iter().filter(|r| r.topic == topic);
            let partitions: BTreeSet<_> = own.map(|r| r.partition).collect();
            assert_eq!(partitions, expected.iter().copied().collect());
        }
    }
    assert_eq!(first.commit(Vec::new()), Outcome::Committed);
    assert_eq!(second.commit(Vec::new()), Outcome::Committed);

    drop(first);
    second.records.clear();
    second.until_owns(&[0, 1, 2]);
    fill(log, "2");
    second.until_read(2 * PARTITIONS as usize);
    assert!(second.records.iter().all(|r| r.value.as_deref() == Some(b"2")));
}

pub(crate) fn groups_do_not_disturb_each_other(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    fill(log, "1");
    let mut one = join(log, "one", "s", &[input]);
    one.until_read(3);
    assert_eq!(one.commit(Vec::new()), Outcome::Committed);
    let mut two = join(log, "two", "s", &[input]);
    two.until_read(3);
    let of = |group| log.committed(group, &[input]).unwrap();
    assert!(of("one").iter().all(|position| position.offset == 1));
    assert!(of("two").iter().all(|position| position.offset == 0));
    assert_eq!(one.commit(Vec::new()), Outcome::Committed);
}

pub(crate) fn a_paused_partition_waits_and_others_flow(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    let mut member = join(log, "g", "s", &[input, REPORT.spec]);
    member.until_owns(&[0, 1, 2]);
    member.member.pause(input, 1, true).unwrap();
    fill(log, "1");
    member.until_read(2 * PARTITIONS as usize - 1);
    for _ in 0..5 {
        member.turn();
    }
    assert!(!member.records.iter().any(|r| r.topic == input && r.partition == 1));
    assert!(!member.member.at_end(input, 1));
    member.member.pause(input, 1, false).unwrap();
    member.until_read(2 * PARTITIONS as usize);
    assert!(member.member.pause(input, PARTITIONS, true).is_err());
}

pub(crate) fn resume_reads_again_from_the_committed_positions(subject: &Subject) {
    let log = &*subject.log;
    fill(log, "1");
    let mut member = join(log, "g", "s", &[OBSERVATION.spec]);
    member.until_read(3);
    assert_eq!(member.commit(Vec::new()), Outcome::Committed);
    fill(log, "2");
    member.until_read(6);
    // An abort: what was read since the commit comes again, and nothing before it.
    member.records.clear();
    member.resume(&[0, 1, 2]);
    assert!(member.next.values().all(|position| position.offset == 1));
    member.until_read(3);
    assert!(member.records.iter().all(|r| r.value.as_deref() == Some(b"2")));
}
