//! What earlier releases wrote is read, continued and replayed by this one.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kit::process::Child;
use serde_json::Value;

/// Tasks of a local log: two stages with four partitions.
const TASKS: usize = 8;

/// The archives, each of one release.
fn releases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/released");
    let listed = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let archives: Vec<_> =
        listed.filter(|path| path.extension().is_some_and(|e| e == "xz")).collect();
    assert!(!archives.is_empty());
    archives
}

/// Unpacks an archive; gives the folder that the release wrote.
fn unpack(archive: &Path, into: &Path) -> PathBuf {
    let done = Command::new("tar").arg("xJf").arg(archive).arg("-C").arg(into).status().unwrap();
    assert!(done.success(), "{}", archive.display());
    let name = archive.file_name().unwrap().to_str().unwrap();
    into.join(name.trim_end_matches(".tar.xz"))
}

fn scorecard(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(args).arg("--config").arg(folder.join("scorecard.yaml"));
    command
}

fn said(folder: &Path, args: &[&str]) -> String {
    let output = scorecard(folder, args).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {args:?}: {error}", folder.display());
    String::from_utf8(output.stdout).unwrap()
}

/// Whether all that was said is said still; members may be new, and it is later now.
fn holds(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => before.iter().all(|(name, value)| {
            name == "at_ms" || now.get(name).is_some_and(|now| holds(value, now))
        }),
        (Value::Array(before), Value::Array(now)) => {
            before.len() == now.len() && before.iter().zip(now).all(|(a, b)| holds(a, b))
        }
        _ => before == now,
    }
}

/// Today's `explain` says what the release's own said.
fn explains(folder: &Path) {
    let told = fs::read_to_string(folder.join("explained.jsonl")).unwrap();
    let mut count = 0;
    for line in told.lines() {
        let before: Value = serde_json::from_str(line).unwrap();
        let account = before["account"].as_str().unwrap();
        let now = said(folder, &["explain", "--account", account, "--output", "json"]);
        let now: Value = serde_json::from_str(&now).unwrap();
        assert!(holds(&before, &now), "{}:\n{before:#}\nbecame\n{now:#}", folder.display());
        assert!(!before["requirements"].as_array().unwrap().is_empty());
        count += 1;
    }
    assert!(count > 1, "{count} accounts");
}

/// The stages go on with the release's own tables: nothing is read again to restore them.
fn goes_on(folder: &Path) {
    let command = scorecard(folder, &["process", "--log", "stream=info", "--log-format", "json"]);
    let mut stages = Child::spawn(command, folder, "process").unwrap();
    let limit = Duration::from_secs(60);
    let opened = |stages: &Child| {
        let lines = stages.stderr();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let tasks = lines.filter(|line| line["fields"]["message"] == "a task runs");
        tasks.map(|line| line["fields"]["rows"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let began = std::time::Instant::now();
    while opened(&stages).len() < TASKS {
        assert!(began.elapsed() < limit && stages.is_running(), "{}", stages.tail());
        std::thread::sleep(Duration::from_millis(100));
    }
    let rows = opened(&stages);
    assert!(stages.terminate(limit).unwrap().success(), "{}", stages.tail());
    assert_eq!(rows, [0; TASKS], "{}: rows that were restored", folder.display());
}

#[test]
fn what_releases_wrote_is_read_continued_and_replayed() {
    for archive in releases() {
        let place = tempfile::tempdir().unwrap();
        let folder = unpack(&archive, place.path());
        explains(&folder);
        goes_on(&folder);
        explains(&folder);
        // The tables follow from the events by today's steps, byte by byte.
        let replayed = said(&folder, &["replay"]);
        assert!(replayed.contains("compliance.state"), "{replayed}");
        let workbooks = folder.join("workbooks");
        said(&folder, &["render", "--all", "--out", workbooks.to_str().unwrap()]);
        assert!(workbooks.join("enterprise.xlsx").is_file());
    }
}
