//! Batches of a target that needs them repeated exactly: the same records after every kind of end.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use schemas::topic::{RESOURCE_CHANGE, RESOURCE_STATE};
use sink_frame::{Limits, Pin, Role};
use stream::local::Fault;
use stream::{Log, Membership, Noted, Outgoing, Polled, Position};
use world::{Answer, Held, PINNED, Run, Store, local, row, write};

fn of(records: usize) -> Run {
    let limits = Limits { records, ..Limits::default() };
    Run { role: &PINNED, limits, ..Run::default() }
}

/// A row of the table, or an event of the same partition.
fn rows(count: usize) -> Vec<Outgoing> {
    let one = |index: usize| {
        let letter = char::from(b'a' + (index % 7) as u8);
        let row = row(&format!("{letter}{index}"), Some("1"));
        if index.is_multiple_of(3) { Outgoing { topic: RESOURCE_CHANGE.spec, ..row } } else { row }
    };
    (0..count).map(one).collect()
}

/// What a part was: its pin, and its keys sorted.
type Part = (Pin, Vec<String>);

/// The parts of each batch.
fn batches(held: &Mutex<Held>) -> Vec<Vec<Part>> {
    let held = held.lock().unwrap();
    let part = |(pin, keys): &(Option<Pin>, Vec<String>)| {
        let mut keys = keys.clone();
        keys.sort();
        (pin.unwrap(), keys)
    };
    held.deliveries.iter().map(|parts| parts.iter().map(part).collect()).collect()
}

/// The keys that lie where a pin says, read from the log in another way.
fn keys_of(written: &[Outgoing], pin: &Pin) -> Vec<String> {
    let here = written
        .iter()
        .filter(|row| row.topic.name == pin.topic.name && row.partition == pin.partition);
    let offsets = here.enumerate();
    let within = offsets.filter(|(offset, _)| (pin.from..pin.to).contains(&(*offset as i64)));
    let mut keys: Vec<String> =
        within.map(|(_, row)| String::from_utf8(row.key.clone()).unwrap()).collect();
    keys.sort();
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_batch_that_may_be_there_is_repeated_exactly_whatever_came_since(
        count in 1_usize..40,
        more in 0_usize..40,
        first in 1_usize..12,
        second in 1_usize..12,
        dies_at in 0_usize..40,
    ) {
        let (_folder, log) = local();
        let mut written = rows(count);
        write(&log, written.clone());
        let held = Arc::new(Mutex::new(Held::default()));
        let mut left = dies_at.min(count - 1);
        let script = |_: &str, _: Option<&str>, _: usize| {
            left = left.wrapping_sub(1);
            if left == usize::MAX { Answer::Die } else { Answer::Take }
        };
        of(first).dies(&log, &mut Store::new(&held, script));
        let before = batches(&held);
        let later: Vec<Outgoing> = rows(count + more).split_off(count);
        write(&log, later.clone());
        written.extend(later);
        // Another size of batches, and more to take.
        of(second).on(&log, &mut Store::good(&held)).unwrap();
        let all = batches(&held);

        // Each part of the batch in which it died comes first of its place, with the same pin and
        // keys.
        let after: Vec<Part> = all[before.len()..].concat();
        for killed in before.last().unwrap() {
            let again = after.iter().find(|(pin, _)| {
                (pin.topic.name, pin.partition) == (killed.0.topic.name, killed.0.partition)
            });
            prop_assert_eq!(again, Some(killed));
        }
        let all = all.concat();
        // Each batch holds just what lies where its pin says.
        for (pin, keys) in &all {
            prop_assert_eq!(keys, &keys_of(&written, pin), "{:?}", pin);
        }
        // A target that takes each pin once holds each row once.
        let mut once: Vec<_> = all.iter().map(|(pin, keys)| {
            ((pin.topic.name, pin.partition, pin.from, pin.to), keys.clone())
        }).collect();
        once.sort();
        once.dedup();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for key in once.iter().flat_map(|(_, keys)| keys) {
            *seen.entry(key.clone()).or_default() += 1;
        }
        prop_assert_eq!(seen.len(), written.len());
        prop_assert!(seen.values().all(|times| *times == 1), "{:?}", seen);
    }
}

#[test]
fn an_aborted_pin_or_commit_leads_to_the_same_batch() {
    for aborts in 1..4 {
        let (_folder, log) = local();
        let rows = ["a", "e", "i"].map(|key| row(key, Some("1"))).to_vec();
        write(&log, rows);
        log.set_fault(Fault::AbortCommits(aborts));
        let held = Arc::new(Mutex::new(Held::default()));
        let done = of(2).on(&log, &mut Store::good(&held)).unwrap();
        assert_eq!((done.records(), done.commits), (3, 2), "{aborts}");
        let mut pins: Vec<(i64, i64)> =
            batches(&held).concat().iter().map(|(pin, _)| (pin.from, pin.to)).collect();
        pins.dedup();
        assert_eq!(pins, [(0, 2), (2, 3)], "{aborts}");
    }
}

#[test]
fn a_pin_whose_records_are_gone_holds_nothing_up() {
    const TABLE: Role = Role { inputs: &[RESOURCE_STATE.spec], ..PINNED };
    let partition = row("a", None).partition;
    let position = Position { topic: RESOURCE_STATE.spec, partition, offset: 2 };
    // A batch that ended where it begins now, and a note of somebody else.
    for note in ["2", "not a number"] {
        let (_folder, log) = local();
        write(&log, ["a", "e", "i"].map(|key| row(key, Some("1"))).to_vec());
        let (group, slot) = (TABLE.name.to_owned(), "other".to_owned());
        let membership = Membership { group, slot, inputs: TABLE.inputs.to_vec() };
        let mut member = log.join(&membership).unwrap();
        assert!(matches!(member.poll(Duration::from_secs(9)).unwrap(), Polled::Assigned(_)));
        let noted = Noted { position, note: note.to_owned() };
        member.commit_noted(Vec::new(), &[noted]).unwrap();
        drop(member);
        let held = Arc::new(Mutex::new(Held::default()));
        let done = Run { role: &TABLE, ..of(5) }.on(&log, &mut Store::good(&held)).unwrap();
        assert_eq!(done.records(), 1, "{note}");
    }
}
