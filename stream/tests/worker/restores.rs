//! Stores that are empty, stale, old, damaged or somebody else's.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use schemas::topic::ACCOUNT_STATE;
use stream::{
    store::{Marks, Stores},
    view::Store,
    worker::{Failpoint, Restoring, WorkerError},
};

use crate::{
    harness::{Feed, PARTITIONS, Rig, local},
    tally::POLICY,
};

/// The key of a row that no step writes.
const GHOST: &str = "ghost";

pub(crate) fn an_empty_folder_is_filled_from_the_log(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(200);
    rig.run(rig.config()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut config = rig.config_in(elsewhere.path());
    let heard: Arc<Mutex<Vec<(i32, Restoring)>>> = Arc::default();
    config.on_restore = Some(Arc::new({
        let heard = heard.clone();
        move |partition, far| heard.lock().unwrap().push((partition, far))
    }));
    let stores = config.stores.clone();
    let before = written(rig);
    let report = rig.run(config).unwrap();
    // Compaction may take old versions at any time; without it both counts are the same.
    let rows = written(rig)..=before;
    assert!(rows.contains(&report.restored), "{}, not {rows:?}: a row once", report.restored);
    assert_eq!(report.records, 0, "no input is read again");
    let heard = heard.lock().unwrap();
    let ended = heard.iter().filter(|(_, far)| far.done >= far.total && far.total > 0);
    assert_eq!(ended.count(), 3);
    rig.check(&stores);
    drop(stores);
    feed.append(50);
    let config = rig.config_in(elsewhere.path());
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn a_stale_store_is_rolled_forward(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(200);
    rig.run(rig.config()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    copy(rig.state.path(), elsewhere.path());
    plant(rig, elsewhere.path());
    feed.append(100);
    rig.run(rig.config()).unwrap();
    let config = rig.config_in(elsewhere.path());
    let stores = config.stores.clone();
    let report = rig.run(config).unwrap();
    assert!(report.restored > 0, "what was missed is read");
    assert_eq!(pluck(rig, &stores), 3, "none is rebuilt");
    assert_eq!(report.records, 0);
    feed.check(rig);
    rig.check(&stores);
}

/// Work commits rows without any new input position: positions that agree prove nothing.
pub(crate) fn a_store_that_missed_work_is_rolled_forward(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    for account in 0..30 {
        feed.spend(&format!("many{account}"), 1, "USD");
    }
    feed.later(1_000);
    feed.register(POLICY);
    feed.flush();
    let deaths = Arc::new(AtomicU32::new(0));
    for nth in 1..12 {
        let mut config = rig.config();
        config.limits.bytes_max = 1;
        config.checkpoint_interval = Duration::ZERO;
        let deaths = deaths.clone();
        let passed = AtomicU32::new(0);
        config.hook = Some(Arc::new(move |at| {
            let dies = at == Failpoint::AfterCommit
                && passed.fetch_add(1, Ordering::SeqCst) + 1 == nth * 2;
            deaths.fetch_add(u32::from(dies), Ordering::SeqCst);
            dies
        }));
        match rig.run(config) {
            Err(WorkerError::Died(_)) | Ok(_) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(deaths.load(Ordering::SeqCst) > 4);
    let config = rig.config();
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn an_old_store_is_rebuilt(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(100);
    rig.run(rig.config()).unwrap();
    plant(rig, rig.state.path());
    std::thread::sleep(Duration::from_millis(5));
    let mut config = rig.config();
    config.store_age_max = Duration::from_millis(1);
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    assert_eq!(pluck(rig, &stores), 0, "all are rebuilt");
    rig.check(&stores);
    drop(stores);
    // By the records' time too, where the log goes by that: what a store missed is eight days newer
    // than what it knows.
    let elsewhere = tempfile::tempdir().unwrap();
    copy(rig.state.path(), elsewhere.path());
    plant(rig, elsewhere.path());
    feed.later(8 * 24 * 3_600_000);
    feed.append(100);
    rig.run(rig.config()).unwrap();
    let config = rig.config_in(elsewhere.path());
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    let kept = if rig.log.ages_by_records() { 0 } else { PARTITIONS as usize };
    assert_eq!(pluck(rig, &stores), kept, "all are rebuilt where records' times tell an age");
    feed.check(rig);
    // Such a jump makes Kafka compact the input too, so that the fold would see less of it.
    rig.check_disk(&stores);
}

pub(crate) fn a_store_of_another_log_is_rebuilt(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    // One that is longer, and one that is shorter: its tables' positions are all to be found here.
    for others in [300, 20] {
        let other = local();
        Feed::new(&other).append(others);
        other.run(other.config_in(rig.state.path())).unwrap();
        feed.append(60);
        let config = rig.config();
        let stores = config.stores.clone();
        rig.run(config).unwrap();
        feed.check(rig);
        rig.check(&stores);
    }
}

pub(crate) fn a_damaged_store_is_rebuilt(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(200);
    rig.run(rig.config()).unwrap();
    // Half of the bytes of one file are turned round, each time another file.
    for index in 0.. {
        let files = files(rig.state.path());
        let Some(file) = files.get(index) else { break };
        let mut bytes = fs::read(file).unwrap();
        bytes.iter_mut().step_by(2).for_each(|byte| *byte ^= 0x5a);
        fs::write(file, bytes).unwrap();
        feed.append(20);
        let config = rig.config();
        let stores = config.stores.clone();
        rig.run(config).unwrap();
        feed.check(rig);
        rig.check(&stores);
    }
}

pub(crate) fn lost_positions_are_an_error(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(100);
    rig.run(rig.config()).unwrap();
    let rows = rig.table(&ACCOUNT_STATE);
    for _ in 0..2 {
        let elsewhere = tempfile::tempdir().unwrap();
        let mut config = rig.config_in(elsewhere.path());
        config.group_prefix = "renamed".to_owned();
        let ended = rig.run(config);
        assert!(matches!(ended, Err(WorkerError::PositionsLost { .. })), "{ended:?}");
    }
    assert_eq!(rig.table(&ACCOUNT_STATE), rows, "nothing was counted twice");
}

/// Counts the rows in the tables' topics, each version.
fn written(rig: &Rig) -> u64 {
    let topics = [ACCOUNT_STATE.spec, schemas::topic::ACCOUNT_CHANGELOG];
    topics.into_iter().map(|topic| rig.records(topic).len() as u64).sum()
}

/// Plants a row that only a rebuild removes, and tells whether one is there.
fn plant(rig: &Rig, state: &Path) {
    let stores = Stores::open(state).unwrap();
    for partition in 0..PARTITIONS {
        let store = stores.lease(&rig.identity(partition)).unwrap().unwrap();
        store.apply([("timers", GHOST, Some(&b"boo"[..]))], &Marks::default()).unwrap();
    }
}

/// Removes what was planted, and tells in how many partitions it was left.
fn pluck(rig: &Rig, stores: &Stores) -> usize {
    let left = (0..PARTITIONS).filter(|&partition| {
        let store = stores.lease(&rig.identity(partition)).unwrap().unwrap();
        let found = store.get("timers", GHOST).unwrap().is_some();
        store.apply([("timers", GHOST, None)], &Marks::default()).unwrap();
        found
    });
    left.count()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
