//! What the program logs is asked for in words that are understood.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::process::Command;

#[test]
fn a_filter_that_is_none_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_scorecard"))
        .args(["schema", "--log", "stream=[loud"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("--log") && told.contains("is no filter"), "{told}");
}
