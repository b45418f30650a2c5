//! Zombies and restarts.

use std::time::{Duration, Instant};

use schemas::topic::{OBSERVATION, RESOURCE_STATE};
use stream::{LogError, Outcome, Polled};

use crate::harness::{Subject, append, at, join, pairs, read_all, record, texts};

pub(crate) fn a_zombie_of_the_same_slot_is_fenced(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    append(log, vec![record(input, 0, "a", "1")]);
    let mut zombie = join(log, "g", "s", &[input]);
    zombie.until_read(1);

    let mut heir = join(log, "g", "s", &[input]);
    heir.until_owns(&[0, 1, 2]);
    heir.until_read(1);

    let ghost = record(RESOURCE_STATE.spec, 0, "k", "zombie");
    assert_eq!(zombie.commit(vec![ghost]), Outcome::Fenced);
    let output = record(RESOURCE_STATE.spec, 0, "k", "heir");
    assert_eq!(heir.commit(vec![output]), Outcome::Committed);
    let records = read_all(log, &[RESOURCE_STATE.spec]);
    assert_eq!(texts(&records), pairs(&[("k", "heir")]));

    let heard = hears_of_its_end(zombie.member.as_mut());
    assert!(heard, "the zombie is not told that its partitions are lost");
    assert_eq!(heir.commit(Vec::new()), Outcome::Committed);
}

/// Whether polls tell a fenced member that its partitions are lost, or that it can't go on.
fn hears_of_its_end(member: &mut dyn stream::Member) -> bool {
    let start = Instant::now();
    let mut lost = false;
    while start.elapsed() < Duration::from_secs(30) {
        match member.poll(Duration::from_millis(50)) {
            Ok(Polled::Revoked { lost: true, .. }) => lost = true,
            Ok(_) => {}
            Err(LogError::Fenced { group, slot }) => {
                assert_eq!((group.as_str(), slot.as_str()), ("g", "s"));
                return lost;
            }
            Err(error) => panic!("{error}"),
        }
    }
    false
}

pub(crate) fn a_restarted_member_goes_on_where_it_committed(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    let records = ["a", "b", "c"].map(|key| record(input, 1, key, "1"));
    append(log, records.to_vec());
    let mut member = join(log, "g", "s", &[input]);
    member.until_read(3);
    // Two of three are done; the third was read but is not committed.
    let outcome = member.member.commit(Vec::new(), &[at(input, 1, 2)]);
    assert_eq!(outcome.unwrap(), Outcome::Committed);
    drop(member);

    let mut restarted = join(log, "g", "s", &[input]);
    restarted.until_read(1);
    assert_eq!(texts(&restarted.records), pairs(&[("c", "1")]));
    assert_eq!(restarted.commit(Vec::new()), Outcome::Committed);
    assert_eq!(log.committed("g", &[input]).unwrap()[1], at(input, 1, 3));
}
