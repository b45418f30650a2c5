//! The quick set of the fault matrix: rows that take seconds, each with a fixed seed.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{process::Command, time::Duration};

use kit::process::Child;

/// Limit for a round; one that waits for sessions to end and runs beside others took 100 s.
const LIMIT: Duration = Duration::from_secs(500);

/// Runs one round, which must pass.
fn passes(row: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
    command.args(["row", row, "--seed", "20261124"]);
    let ended = Child::spawn(command, folder.path(), "round").unwrap().wait(LIMIT).unwrap();
    println!("{}", ended.stdout);
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn row_01_processes_are_killed() {
    passes("1");
}

#[test]
fn row_03_the_only_broker_is_killed() {
    passes("3");
}

#[test]
fn row_06_workers_come_and_go() {
    passes("6");
}

#[test]
fn row_07_input_comes_twice() {
    passes("7");
}

#[test]
fn row_09_poison() {
    passes("9");
}

#[test]
fn row_11_exceptions_come_and_go() {
    passes("11");
}
