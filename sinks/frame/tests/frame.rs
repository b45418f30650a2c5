//! Whatever the target does, it ends as the log says, and every record is counted once.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use schemas::topic::RESOURCE_STATE;
use sink_frame::{Counts, FrameError, Limits, Role};
use stream::local::Fault;
use stream::{LogError, Outgoing};
use world::{Answer, Held, INPUTS, PINNED, ROLE, Run, Store, letters, local, row, write};

/// Rows of few keys, some that are not for the target, and some that are no rows.
fn rows() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    let key = prop_oneof![4 => "[a-h]", 1 => "skip[a-d]", 1 => "refuse[a-d]"];
    let value = prop_oneof![
        5 => "[0-9]".prop_map(Some),
        1 => Just(Some("rubbish".to_owned())),
        1 => Just(None),
    ];
    prop::collection::vec((key, value), 0..60)
}

/// Gives what the target must hold: each key's last row that can be read.
fn table(rows: &[(String, Option<String>)]) -> BTreeMap<String, String> {
    let mut table = BTreeMap::new();
    for (key, value) in rows {
        let is_taken = !key.starts_with("skip") && !key.starts_with("refuse");
        match value {
            Some(value) if is_taken && value != "rubbish" => {
                table.insert(key.clone(), value.clone());
            }
            None if is_taken => drop(table.remove(key)),
            _ => {}
        }
    }
    table
}

fn outgoing(rows: &[(String, Option<String>)]) -> Vec<Outgoing> {
    rows.iter().map(|(key, value)| row(key, value.as_deref())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_fails_the_target_is_the_table_and_the_counts_add_up(
        rows in rows(),
        busy in 0_usize..3,
        records in 1_usize..20,
    ) {
        let (_folder, log) = local();
        write(&log, outgoing(&rows));
        let held = Arc::new(Mutex::new(Held::default()));
        // Every other key is taken late, and `refuse` never.
        let script = |key: &str, _: Option<&str>, before: usize| match key.as_bytes() {
            [b'r', ..] => Answer::Refuse("no such field"),
            [letter, ..] if letter % 2 == 0 && before < busy => Answer::Busy(None),
            _ => Answer::Take,
        };
        let limits = Limits { records, ..Limits::default() };
        let run = Run { limits, ..Run::default() };
        let done = run.on(&log, &mut Store::new(&held, script)).unwrap();
        prop_assert_eq!(&held.lock().unwrap().rows, &table(&rows));
        let is_bounded = |(_, keys): &(_, Vec<String>)| keys.len() <= records;
        prop_assert!(held.lock().unwrap().deliveries.concat().iter().all(is_bounded));

        let Counts { written, unchanged, superseded, skipped, refused, dead } = done.counts;
        let count = |of: &dyn Fn(&str, &str) -> bool| {
            let of = |(key, value): &&(String, Option<String>)| {
                of(key, value.as_deref().unwrap_or(""))
            };
            rows.iter().filter(of).count() as u64
        };
        let is_dead = |key: &str, value: &str| value == "rubbish" && !key.starts_with("skip");
        prop_assert_eq!(skipped, count(&|key, _| key.starts_with("skip")));
        prop_assert_eq!(dead, count(&is_dead));
        let rest = written + unchanged + superseded + refused;
        prop_assert_eq!(rest + skipped + dead, rows.len() as u64);
        prop_assert_eq!(done.records(), rows.len() as u64);

        // Dead letters are where the rows lie that can't be used.
        let found = letters(&log, "sink-test");
        let reasons = |reason: &str| found.iter().filter(|(_, _, r)| r == reason).count() as u64;
        prop_assert_eq!(reasons("rubbish is no value"), dead);
        prop_assert_eq!(reasons("no such field"), refused);
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        for record in outgoing(&rows) {
            let offset = next.entry(record.partition).or_default();
            let is_letter = found.iter().any(|(p, o, _)| (*p, *o) == (record.partition, *offset));
            let key = String::from_utf8(record.key).unwrap();
            let value = String::from_utf8(record.value.unwrap_or_default()).unwrap();
            if is_dead(&key, &value) || !key.starts_with("refuse") {
                prop_assert_eq!(is_letter, is_dead(&key, &value), "{} at {}", key, offset);
            }
            *offset += 1;
        }

        // Once more from the start, as another group would: nothing changes.
        let before = held.lock().unwrap().rows.clone();
        let again = Run::default();
        let more = again.on(&log, &mut Store::good(&held)).unwrap();
        prop_assert_eq!(more.records(), 0);
        prop_assert_eq!(&held.lock().unwrap().rows, &before);
    }
}

#[test]
fn only_what_was_left_is_tried_again_and_not_before_the_target_says() {
    let (_folder, log) = local();
    write(&log, ["a", "e", "i", "m"].map(|key| row(key, Some("1"))).to_vec());
    let held = Arc::new(Mutex::new(Held::default()));
    let script = |key: &str, _: Option<&str>, before: usize| match (key, before) {
        ("e", 0) => Answer::Busy(Some(Duration::from_millis(1_500))),
        ("m", 0) => Answer::Busy(None),
        _ => Answer::Take,
    };
    let waited = Mutex::new(Vec::new());
    let done = Run::default().telling(&log, &mut Store::new(&held, script), &|progress| {
        waited.lock().unwrap().extend(progress.waiting.clone());
    });
    let done = done.unwrap();
    assert_eq!((done.counts.written, done.retries, done.commits), (4, 1, 1));
    let held = held.lock().unwrap();
    let keys: Vec<&str> = held.tries.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["a", "e", "i", "m", "e", "m"]);
    let pause = held.tries[4].0 - held.tries[3].0;
    assert!(pause >= Duration::from_millis(1_490), "{pause:?}");
    assert_eq!(*waited.lock().unwrap(), ["the store is too busy for e"]);
}

#[test]
fn a_target_that_needs_a_person_ends_the_run_and_nothing_of_the_batch_is_committed() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1")), row("e", Some("1"))]);
    let held = Arc::new(Mutex::new(Held::default()));
    let script = |key: &str, _: Option<&str>, _: usize| match key {
        "e" => Answer::Stop("403: this key may not write"),
        _ => Answer::Take,
    };
    let ended = Run::default().on(&log, &mut Store::new(&held, script)).unwrap_err();
    assert!(matches!(ended, FrameError::Target(_)), "{ended:?}");
    assert_eq!(ended.to_string(), "403: this key may not write");
    let committed = stream::Log::committed(&log, ROLE.name, &INPUTS).unwrap();
    assert!(committed.iter().all(|position| position.offset == 0), "{committed:?}");

    let done = Run::default().on(&log, &mut Store::good(&held)).unwrap();
    assert_eq!((done.counts.written, done.counts.unchanged), (1, 1));
}

#[test]
fn a_process_that_is_killed_after_a_delivery_leaves_nothing_lost_and_nothing_double() {
    let (_folder, log) = local();
    let keys = ["a", "b", "c", "d", "e", "f"];
    write(&log, keys.map(|key| row(key, Some("1"))).to_vec());
    let held = Arc::new(Mutex::new(Held::default()));
    let die = |key: &str, _: Option<&str>, _: usize| match key {
        "e" => Answer::Die,
        _ => Answer::Take,
    };
    Run::default().dies(&log, &mut Store::new(&held, die));
    let taken = held.lock().unwrap().rows.len() as u64;
    assert!(taken > 0);
    let done = Run::default().on(&log, &mut Store::good(&held)).unwrap();
    assert_eq!((done.counts.unchanged, done.counts.written), (taken, 6 - taken));
    let rows = keys.map(|key| (key.to_owned(), "1".to_owned()));
    assert_eq!(held.lock().unwrap().rows, BTreeMap::from(rows));
}

#[test]
fn a_transaction_that_was_aborted_is_done_again_and_counted_once() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1")), row("a2", Some("rubbish"))]);
    log.set_fault(Fault::AbortCommits(1));
    let held = Arc::new(Mutex::new(Held::default()));
    let done = Run::default().on(&log, &mut Store::good(&held)).unwrap();
    // The row was there already when it was counted.
    let counts = Counts { unchanged: 1, dead: 1, ..Counts::default() };
    assert_eq!((done.counts, done.commits), (counts, 1));
    assert_eq!(letters(&log, "sink-test").len(), 1);
    let assigned = held.lock().unwrap().assigned.clone();
    assert_eq!(assigned.len(), 2, "the target hears where it begins again");
    assert_eq!(assigned[0], assigned[1]);
}

#[test]
fn a_commit_whose_answer_is_lost_is_no_reason_to_do_it_twice() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1")), row("a2", Some("rubbish"))]);
    log.set_fault(Fault::LoseAnswers(1));
    let held = Arc::new(Mutex::new(Held::default()));
    let ended = Run::default().on(&log, &mut Store::good(&held)).unwrap_err();
    assert!(matches!(ended, FrameError::Log { .. }), "{ended:?}");
    let done = Run::default().on(&log, &mut Store::good(&held)).unwrap();
    assert_eq!((done.records(), letters(&log, "sink-test").len()), (0, 1));
}

#[test]
fn a_record_whose_fate_nobody_tells_is_not_committed() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1")), row("e", Some("1"))]);
    let held = Arc::new(Mutex::new(Held::default()));
    let mut store = Store { forgets: Some("e"), ..Store::good(&held) };
    let ended = Run::default().on(&log, &mut store).unwrap_err();
    let text = "running sink-test: nobody knows what became of record 1 of a batch: nothing";
    assert_eq!(ended.to_string(), text);
    let done = Run::default().on(&log, &mut Store::good(&held)).unwrap();
    assert_eq!(done.records(), 2);
}

#[test]
fn patience_ends_a_run_that_gets_nothing_done() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1"))]);
    let held = Arc::new(Mutex::new(Held::default()));
    let run = Run { patience: Some(Duration::from_secs(1)), ..Run::default() };
    let ended = run.on(&log, &mut Store::new(&held, |_, _, _| Answer::Busy(None))).unwrap_err();
    assert_eq!(ended.to_string(), "the store is too busy for a");
    assert!(held.lock().unwrap().tries.len() >= 2);
}

#[test]
fn what_follows_a_batch_is_delivered_before_its_commit_and_chores_at_rest() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1"))]);
    let held = Arc::new(Mutex::new(Held::default()));
    let item = |key: &str| (key.to_owned(), Some("x".to_owned()));
    let follow_ups = vec![vec![item("second")], vec![item("first")]];
    // The process dies before the second lot: the batch is not committed.
    let die = |key: &str, _: Option<&str>, _: usize| match key {
        "second" => Answer::Die,
        _ => Answer::Take,
    };
    let mut store = Store { follow_ups: follow_ups.clone(), ..Store::new(&held, die) };
    Run::default().dies(&log, &mut store);
    let chores = vec![vec![item("late"), item("refuse")], vec![item("early")]];
    let refuse = |key: &str, _: Option<&str>, _: usize| match key {
        "refuse" => Answer::Refuse("too large"),
        _ => Answer::Take,
    };
    let mut store = Store { follow_ups, chores, ..Store::new(&held, refuse) };
    let done = Run::default().on(&log, &mut store).unwrap();
    assert_eq!((done.records(), done.counts.unchanged, done.refused_besides), (1, 1, 1));
    let held = held.lock().unwrap();
    let lots = held.deliveries.concat();
    let lots: Vec<Vec<&str>> =
        lots.iter().map(|(_, keys)| keys.iter().map(String::as_str).collect()).collect();
    let expected: [&[&str]; 8] = [
        &["a"],
        &["first"],
        &["second"],
        &["a"],
        &["first"],
        &["second"],
        &["early"],
        &["late", "refuse"],
    ];
    assert_eq!(lots, expected);
}

#[test]
fn a_log_that_fails_ends_the_run_by_its_own_name() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1"))]);
    log.set_fault(Fault::FailPolls(1));
    let held = Arc::new(Mutex::new(Held::default()));
    let ended = Run::default().on(&log, &mut Store::good(&held)).unwrap_err();
    assert!(matches!(ended, FrameError::Log { sink: "sink-test", .. }), "{ended:?}");
    assert_eq!(ended.to_string(), "running sink-test");
    let _: &LogError = std::error::Error::source(&ended).unwrap().downcast_ref().unwrap();
    assert_eq!(RESOURCE_STATE.spec.name, INPUTS[0].name);
}

/// Has the first batch delivered only when the next one is encoded, and so many commits aborted.
#[track_caller]
fn ahead(role: &'static Role, aborts: u32) -> Held {
    let (_folder, log) = local();
    let rows: Vec<_> = (0..12).map(|n| (format!("a{n:02}"), Some(n.to_string()))).collect();
    write(&log, outgoing(&rows));
    let held = Arc::new(Mutex::new(Held::default()));
    let encoded = Arc::new(AtomicUsize::new(0));
    let seen = encoded.clone();
    let script = move |key: &str, _: Option<&str>, before: usize| {
        let began = Instant::now();
        while key == "a00" && before == 0 && seen.load(Ordering::SeqCst) < 2 {
            assert!(began.elapsed() < Duration::from_secs(20), "no other batch was encoded");
            std::thread::sleep(Duration::from_millis(1));
        }
        Answer::Take
    };
    let limits = Limits { records: 1, ..Limits::default() };
    let run = Run { role, limits, ..Run::default() };
    log.set_fault(Fault::AbortCommits(aborts));
    let done = run.on(&log, &mut Store { encoded, ..Store::new(&held, script) }).unwrap();
    let held = std::mem::take(&mut *held.lock().unwrap());
    assert_eq!((&held.rows, done.records(), done.commits), (&table(&rows), 12, 12));
    held
}

#[test]
fn a_batch_is_encoded_while_the_one_before_is_delivered() {
    assert_eq!(ahead(&ROLE, 0).assigned.len(), 1);
}

#[test]
fn what_was_encoded_ahead_of_an_aborted_batch_is_encoded_again() {
    assert_eq!(ahead(&ROLE, 1).assigned.len(), 2, "the target hears where it begins again");
}

#[test]
fn parts_that_are_cut_ahead_begin_where_those_before_end() {
    let deliveries = ahead(&PINNED, 0).deliveries.concat();
    let pins = deliveries.iter().filter_map(|(pin, _)| pin.map(|pin| (pin.from, pin.to)));
    assert_eq!(pins.collect::<Vec<_>>(), (0..12).map(|n| (n, n + 1)).collect::<Vec<_>>());
}
