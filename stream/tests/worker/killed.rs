//! A worker's process that is killed at any time loses nothing and counts nothing twice.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use stream::{
    Log,
    local::LocalLog,
    worker::{Failpoint, Stop},
};

use crate::harness::{Feed, PARTITIONS, Rig, inputs};

/// Names the folder of the log to the child process.
const FOLDER: &str = "SCORECARD_TEST_FOLDER";

fn rig(folder: &std::path::Path) -> Rig {
    let log = LocalLog::open(folder.join("log"), PARTITIONS, "scorecard").unwrap();
    log.apply().unwrap();
    Rig::new(Arc::new(log), "scorecard", None)
}

/// Not a test of its own: what the killed process does. It tells of each commit that it is about to
/// make. Nothing happens unless `killed_at_any_time` names it a folder.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = std::path::PathBuf::from(folder);
    let rig = rig(&folder);
    let mut config = rig.config_in(&folder.join("state"));
    config.limits.records_max = 10;
    config.checkpoint_interval = Duration::from_millis(20);
    config.hook = Some(Arc::new(|at| {
        if at == Failpoint::BeforeCommit {
            let mut out = std::io::stdout().lock();
            out.write_all(b"commit\n").and_then(|()| out.flush()).unwrap();
        }
        false
    }));
    rig.worker(config).run(&Stop::new()).unwrap();
}

#[test]
fn killed_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let sums = {
        let rig = rig(folder.path());
        let mut feed = Feed::new(&rig);
        feed.append(5_000);
        feed.sums
    };
    let mut read = 0;
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Some commits later, and some odd time after that, so that it strikes before, in and after
        // a commit, and while tables are restored.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let commits = lines.filter(|line| line.as_ref().is_ok_and(|line| line == "commit"));
        assert!(commits.take(1 + round * 7 % 25).count() > 0, "the child commits");
        thread::sleep(Duration::from_micros(round as u64 * 311 % 2_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let rig = rig(folder.path());
        let sum = |positions: Vec<stream::Position>| -> i64 {
            positions.iter().map(|position| position.offset).sum()
        };
        let now = sum(rig.log.committed(&rig.group(), &inputs()).unwrap());
        assert!(now >= read, "positions never go back");
        assert!(now < sum(rig.log.ends(&inputs()).unwrap()), "it was killed at work");
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
