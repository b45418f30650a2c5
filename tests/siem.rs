//! `scorecard sink siem`: changes go in, and `scorecard tap` shows the events that follow.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;
use std::process::Command;

use schemas::{Cause, Codec, ComplianceChange, ComplianceKey, Credit, Standing, Verdict, topic};
use serde_json::Value;
use stream::{LogConfig, Publisher};

const ACCOUNT: &str = "123456789012";

/// Runs a command of the binary and gives what it printed: standard output, standard error.
fn scorecard(folder: &Path, args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(args).arg("--config").arg(folder.join("scorecard.yaml"));
    let done = command.output().unwrap();
    let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(done.status.success(), "{err}");
    (out, err)
}

/// Writes a row that begins to fail, gets credit, loses it, and passes; and one that passes.
fn write(folder: &Path) {
    let dir = folder.join("log");
    let log =
        LogConfig::Local { dir, partitions: 4, retention_days: None, history_retention_days: None };
    let log = stream::open(&log, "scorecard").unwrap();
    log.apply().unwrap();
    let mut publisher = Publisher::open(&*log, &Codec::default(), "scorecard", "test").unwrap();
    let standing = |verdict, credit| Some(Standing { verdict, credit });
    let failing = |credit| standing(Verdict::Fail, credit);
    let passing = standing(Verdict::Pass, Credit::None);
    let steps = [
        ("failing", None, failing(Credit::None)),
        ("failing", failing(Credit::None), failing(Credit::Live)),
        ("failing", failing(Credit::Live), failing(Credit::Lapsed)),
        ("failing", failing(Credit::Lapsed), passing),
        ("passing", None, passing),
    ];
    for (number, (resource, before, after)) in (0..).zip(steps) {
        let key = ComplianceKey::new("s3-encryption", ACCOUNT, "eu-west-1", resource, "");
        let cause = Cause { topic: "observation".to_owned(), partition: 0, offset: number };
        let at_ms = 1_764_547_200_000 + number;
        let change = ComplianceChange { before, after, at_ms, cause, row: None };
        publisher.put(&topic::COMPLIANCE_CHANGE, &key, &change, at_ms).unwrap();
    }
    publisher.flush().unwrap();
}

#[test]
fn a_finding_lives_and_ends_in_the_topic() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = "log: {local: ./log}\npartitions: 4\nsiem: {splunk: {index: cloud}}\n";
    std::fs::write(folder.join("scorecard.yaml"), config).unwrap();
    write(folder);
    let (_, told) = scorecard(folder, &["sink", "siem", "--once"]);
    assert!(told.ends_with("siem: 5 records taken, 4 events told\n"), "{told}");
    let (_, told) = scorecard(folder, &["sink", "siem", "--once"]);
    assert!(told.ends_with("siem: 0 records taken, 0 events told\n"), "each is told once: {told}");

    let args = ["tap", "siem.event", "--from-start", "--limit", "4", "--account", ACCOUNT];
    let (lines, _) = scorecard(folder, &args);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let life: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["key"], ACCOUNT);
            assert_eq!(line["headers"]["splunk.header.index"], "cloud");
            assert_eq!(line["headers"]["ce_id"], line["value"]["metadata"]["uid"]);
            let text = |name: &str| line["value"][name].as_str().unwrap();
            (text("activity_name"), text("status"), line["value"]["time"].as_i64().unwrap() % 10)
        })
        .collect();
    let expected = [
        ("Create", "New", 0),
        ("Update", "Suppressed", 1),
        ("Update", "New", 2),
        ("Close", "Resolved", 3),
    ];
    assert_eq!(life, expected);
}

#[test]
fn a_header_that_can_not_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = "log: {local: ./log}\nsiem: {splunk: {host: \"a\\tb\"}}\n";
    std::fs::write(folder.path().join("scorecard.yaml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(["sink", "siem", "--config"]).arg(folder.path().join("scorecard.yaml"));
    let done = command.output().unwrap();
    assert!(!done.status.success());
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("splunk.header.host must be a text"), "{told}");
}
