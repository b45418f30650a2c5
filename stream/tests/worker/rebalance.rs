//! Partitions that move between workers of one process.

use std::{collections::BTreeSet, time::Duration};

use stream::store::Stores;

use crate::{
    exact::check_counts,
    harness::{Feed, Rig, wait_for},
};

pub(crate) fn two_workers_share_and_take_over(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(100);
    let first = rig.config();
    let (stores, progress) = (first.stores.clone(), first.progress.clone());
    let mut second = with_stores(rig, "slot-1", &stores);
    second.progress = progress.clone();
    let second_slot_tasks = second.progress.clone();
    let first = rig.start(first);
    wait_for("the first worker's tasks", || rig.is_done(&progress));
    let second = rig.start(second);
    feed.append(100);
    wait_for("both workers' tasks", || rig.is_done(&second_slot_tasks));
    feed.append(50);
    // The first leaves; the second must take over all it had.
    let first = first.end().unwrap();
    feed.append(50);
    wait_for("the second worker's tasks", || rig.is_done(&progress));
    let partitions: BTreeSet<i32> = progress.tasks().into_keys().collect();
    assert_eq!(partitions, BTreeSet::from([0, 1, 2]));
    let second = second.end().unwrap();
    assert!(first.records > 0 && second.records > 0, "{first:?} {second:?}");
    let read: usize =
        crate::harness::inputs().into_iter().map(|topic| rig.records(topic).len()).sum();
    assert_eq!(first.records + second.records, read as u64, "each record is counted once");
    feed.check(rig);
    check_counts(rig);
}

pub(crate) fn workers_come_and_go_under_load(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    let config = rig.config();
    let (stores, progress) = (config.stores.clone(), config.progress.clone());
    let steady = rig.start(config);
    for round in 0..3 {
        let mut config = with_stores(rig, "slot-1", &stores);
        config.progress = progress.clone();
        let guest = rig.start(config);
        for _ in 0..10 {
            feed.append(8);
            std::thread::sleep(Duration::from_millis(10 + 5 * round));
        }
        guest.end().unwrap();
    }
    wait_for("the end of the input", || rig.is_done(&progress));
    steady.end().unwrap();
    feed.check(rig);
    check_counts(rig);
}

fn with_stores(rig: &Rig, slot: &str, stores: &Stores) -> stream::worker::WorkerConfig {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut config = rig.config_in(elsewhere.path());
    config.slot = slot.to_owned();
    config.stores = stores.clone();
    config
}
