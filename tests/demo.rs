//! The demo: a seed is all that its workbooks depend on; and what becomes of what is printed.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

type Files = BTreeMap<String, Vec<u8>>;

/// Runs the demo; gives what it printed as JSON, and its workbooks by name.
fn demo(folder: &Path, seed: &str) -> (serde_json::Value, Files) {
    let out = folder.join(format!("out-{seed}"));
    let done = Command::new(env!("CARGO_BIN_EXE_scorecard"))
        .args([
            "demo",
            "--accounts",
            "8",
            "--days",
            "4",
            "--output",
            "json",
            "--seed",
            seed,
            "--out",
        ])
        .arg(&out)
        .output()
        .expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let files = std::fs::read_dir(&out).expect("the folder of workbooks").map(|entry| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, std::fs::read(entry.path()).expect("a workbook"))
    });
    let files = files.collect();
    (serde_json::from_slice(&done.stdout).expect("one JSON object"), files)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (once, again) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let (summary, first) = demo(once.path(), "7");
    let (_, second) = demo(again.path(), "7");
    assert!(first.len() > 1, "some owners: {:?}", first.keys());
    assert!(first == second, "{:?} differ from {:?}", first.keys(), second.keys());
    let (_, other) = demo(once.path(), "8");
    assert!(first != other, "another seed is another organisation");

    // A second run into the same folder has nothing to write.
    let (repeated, _) = demo(once.path(), "7");
    assert_eq!(repeated["workbooks"]["written"], 0);
    assert_eq!(repeated["workbooks"]["unchanged"], first.len());
    assert_eq!(summary["accounts"], repeated["accounts"]);
    let status = |line: &serde_json::Value| line["status"].as_str().map(str::to_owned);
    let accounts = summary["accounts"].as_array().expect("accounts");
    assert_eq!(accounts.len(), 8);
    assert!(accounts.iter().any(|line| status(line).as_deref() == Some("not_collected")));
    assert!(accounts.iter().any(|line| line["score"].as_f64().is_some_and(|score| score < 1.0)));
}

#[test]
fn a_log_that_is_kept_answers_other_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    let scorecard = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command.current_dir(folder.path()).args(args).output().expect("the program starts")
    };
    let demo = ["demo", "--accounts", "4", "--days", "2", "--once", "--keep", "kept"];
    let done = scorecard(&demo);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    // What it says to type is what works, and tells the score that the demo told.
    let line = said.lines().find_map(|line| line.trim().strip_prefix("scorecard explain "));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    let asked: Vec<&str> =
        ["explain", "--output", "json"].into_iter().chain(line.split(' ')).collect();
    let answer = scorecard(&asked);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let explained: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    let score = explained["score"]["score"].as_f64().expect("it has a score");
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    let account = explained["account"].as_str().expect("an id");
    let told = told.lines().find(|line| line.starts_with(account)).expect("its line");
    assert!(
        told.contains(&format!(" {:.1} %", (score * 1_000.0).round() / 10.0)),
        "{told}: {score}"
    );

    let again = scorecard(&demo);
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(
        !again.status.success() && said.contains("--keep kept: the folder is not empty"),
        "{said}"
    );
}

#[test]
fn a_reader_that_goes_is_no_error_and_a_full_disk_is_one() {
    let list = |to: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command.args(["topics", "list"]).stdout(to).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    };
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let done = list(writer.into()).wait_with_output().expect("it ends");
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let done = list(full.into()).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("writing to standard output"), "{done:?}");
}
