//! What comes out is what the fold says, whatever the sizes of transactions and buffers.

use std::time::Duration;

use schemas::{
    AccountKey,
    topic::{ACCOUNT_REGISTER, ACCOUNT_STATE, SCAN_UNIT},
};
use stream::{
    snapshot,
    worker::{Limits, caught_up, lag},
};

use crate::{
    harness::{Feed, Rig, inputs, wait_for},
    tally::POLICY,
};

pub(crate) fn the_tables_and_events_equal_the_fold(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(400);
    let config = rig.config();
    let stores = config.stores.clone();
    let report = rig.run(config).unwrap();
    feed.check(rig);
    rig.check(&stores);
    let read: usize = inputs().into_iter().map(|topic| rig.records(topic).len()).sum();
    assert_eq!(report.records, read as u64);
    assert!(report.commits > read as u64 / 40, "transactions are bounded: {report:?}");
    assert_eq!((report.dead, report.aborts, report.fenced), (0, 0, 0));
}

pub(crate) fn small_buffers_and_transactions_change_nothing(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(300);
    let mut config = rig.config();
    config.buffer_records_max = 4;
    config.limits = Limits { records_max: 7, ..Limits::default() };
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn bytes_end_a_transaction(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(100);
    let mut config = rig.config();
    config.limits =
        Limits { records_max: 100_000, bytes_max: 1_000, linger: Duration::from_secs(60) };
    let stores = config.stores.clone();
    let report = rig.run(config).unwrap();
    let made: usize =
        rig.records(ACCOUNT_STATE.spec).iter().map(|r| r.value.as_ref().map_or(0, Vec::len)).sum();
    assert!(report.commits as usize >= made / 2_000, "{} bytes, {report:?}", made);
    rig.check(&stores);
}

pub(crate) fn the_smallest_timestamp_is_next(rig: &mut Rig) {
    // The spend is written first; the register's entry, which is older, still comes before it.
    let mut feed = Feed::new(rig);
    feed.later(10_000);
    feed.spend("acc1", 5, "USD");
    feed.flush();
    feed.later(-9_000);
    feed.register("acc1");
    feed.flush();
    let config = rig.config();
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    let entry = rig.table(&ACCOUNT_REGISTER)[&AccountKey::new("acc1")].clone();
    let row = rig.table(&ACCOUNT_STATE)[&AccountKey::new("acc1")].clone();
    assert!(entry.owner.is_some());
    assert_eq!(row.owner, entry.owner);
    rig.check(&stores);
}

pub(crate) fn input_that_comes_while_it_runs_is_counted_once(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    let config = rig.config();
    let stores = config.stores.clone();
    let running = rig.start(config);
    for _ in 0..20 {
        feed.append(15);
        std::thread::sleep(Duration::from_millis(10));
    }
    wait_for("the end of the input", || rig.is_done(&running.progress));
    running.end().unwrap();
    feed.check(rig);
    check_counts(rig);
    // Attempts count an account's spends: each number once and in order is "exactly once".
    drop(stores);
}

pub(crate) fn pending_work_goes_on_without_input(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    for account in 0..40 {
        feed.spend(&format!("many{account}"), 1, "USD");
    }
    feed.later(1_000);
    feed.register(POLICY);
    feed.flush();
    let mut config = rig.config();
    config.limits.bytes_max = 300;
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    let policy = rig.table(&ACCOUNT_REGISTER)[&AccountKey::new(POLICY)].clone();
    let rows = rig.table(&ACCOUNT_STATE);
    assert_eq!(rows.len(), 40);
    assert!(rows.values().all(|row| row.executive == policy.executive));
    rig.check(&stores);
}

pub(crate) fn catching_up_is_told_by_positions_and_pending_work(rig: &mut Rig) {
    let group = rig.group();
    assert!(caught_up(&*rig.log, &group, &inputs(), None).unwrap(), "nothing is to be read");
    let mut feed = Feed::new(rig);
    feed.append(50);
    assert!(!caught_up(&*rig.log, &group, &inputs(), None).unwrap());
    let written: usize = inputs().into_iter().map(|topic| rig.records(topic).len()).sum();
    assert!(lag(&*rig.log, &group, &inputs()).unwrap() >= written as i64);
    let config = rig.config();
    let progress = config.progress.clone();
    assert!(!rig.is_done(&progress), "no task runs");
    let running = rig.start(config);
    wait_for("the end of the input", || rig.is_done(&running.progress));
    let tasks = running.progress.tasks();
    let records: u64 = tasks.values().map(|task| task.records).sum();
    assert_eq!(records, written as u64);
    running.end().unwrap();
    assert!(caught_up(&*rig.log, &group, &inputs(), None).unwrap());
    assert!(!rig.is_done(&progress), "the tasks are closed");
}

/// Each account's spends are numbered without a gap or a repeat, from 1 after each closing.
pub(crate) fn check_counts(rig: &Rig) {
    let codec = schemas::Codec::default();
    let events = snapshot::history(&*rig.log, &codec, &rig.prefix, &SCAN_UNIT).unwrap();
    let mut last = std::collections::BTreeMap::new();
    let mut spends = 0;
    for (_, key, event) in events.into_iter().filter(|(_, _, event)| event.scan == "spend") {
        let before = last.insert(key.account.clone(), event.attempt).unwrap_or(0);
        assert!(event.attempt == before + 1 || event.attempt == 1, "{key:?}: {before}, {event:?}");
        spends += 1;
    }
    assert!(spends > 0);
}
