//! A worker's process that is killed at any time loses nothing and counts nothing twice.

use std::{
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use stream::{Log, local::LocalLog, worker::Stop};

use crate::harness::{Feed, PARTITIONS, Rig};

/// Names the folder of the log to the child process.
const FOLDER: &str = "SCORECARD_TEST_FOLDER";

fn rig(folder: &std::path::Path) -> Rig {
    let log = LocalLog::open(folder.join("log"), PARTITIONS, "scorecard").unwrap();
    log.apply().unwrap();
    Rig::new(Arc::new(log), "scorecard", None)
}

/// Not a test: what the killed process does.
#[test]
#[ignore = "the child of killed_at_any_time"]
fn child() {
    let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let rig = rig(&folder);
    let mut config = rig.config_in(&folder.join("state"));
    config.limits.records_max = 10;
    config.checkpoint_interval = Duration::from_millis(20);
    rig.worker(config).run(&Stop::new()).unwrap();
}

#[test]
fn killed_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut sums = std::collections::BTreeMap::new();
    let mut read = 0;
    for round in 0..12_u64 {
        if round == 0 {
            let rig = rig(folder.path());
            let mut feed = Feed::new(&rig);
            feed.append(3_000);
            sums = feed.sums;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--ignored"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Odd times, a few of them before the child has begun.
        thread::sleep(Duration::from_millis(40 + round * 37 % 230));
        child.kill().unwrap();
        child.wait().unwrap();
        let rig = rig(folder.path());
        let committed = rig.log.committed(&rig.group(), &crate::harness::inputs()).unwrap();
        let now: i64 = committed.iter().map(|position| position.offset).sum();
        assert!(now >= read, "positions never go back");
        read = now;
    }
    assert!(read > 0, "the child got somewhere");
    let rig = rig(folder.path());
    let config = rig.config_in(&folder.path().join("state"));
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    let mut feed = Feed::new(&rig);
    feed.sums = sums;
    feed.check(&rig);
    rig.check(&stores);
}
