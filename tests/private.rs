//! What the program writes is for its own user alone.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Gives the files and folders below a folder that others may touch, and how many there are.
fn open_to_others(folder: &Path, open: &mut Vec<String>) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        if mode & 0o077 != 0 {
            open.push(format!("{} {mode:o}", entry.path().display()));
        }
        count += 1;
        if entry.file_type().unwrap().is_dir() {
            count += open_to_others(&entry.path(), open);
        }
    }
    count
}

#[test]
fn nobody_else_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_scorecard"))
        .args(["demo", "--once", "--accounts", "2", "--days", "1", "--out"])
        .arg(folder.path().join("out"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    let mut open = Vec::new();
    assert!(open_to_others(folder.path(), &mut open) > 3);
    assert!(open.is_empty(), "{open:#?}");
}
