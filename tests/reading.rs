//! Every command that tells what it found tells it to people and to other programs.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The commands with what they want to know besides the log; the account is put in for `ID`.
const COMMANDS: [&str; 15] = [
    "coverage",
    "dlq list",
    "doctor",
    "exceptions",
    "explain --account ID",
    "history --account ID --from 2000-01-01",
    "mail outbox",
    "mail plan",
    "replay",
    "top --once",
    "topics apply",
    "topics list",
    "topics plan",
    "trust",
    "validate",
];

/// Those that take `--output` and are read elsewhere: with the accounts, servers or other logs that
/// they need.
const ELSEWHERE: [&str; 8] = [
    "demo",
    "reshard",
    "run",
    "trend",
    "trend exceptions",
    "trend movers",
    "trend time-to-fix",
    "trend what-if",
];

fn scorecard(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scorecard")).args(args).output().unwrap()
}

/// Adds the commands below `path` that can be told how to print.
fn add_those_with_output(path: &[&str], found: &mut BTreeSet<String>) {
    let shown = scorecard(&[path, &["--help"]].concat());
    let help = String::from_utf8(shown.stdout).unwrap();
    if help.contains("--output <") {
        found.insert(path.join(" "));
    }
    let below = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let below = below.split("\n\n").next().unwrap_or_default();
    let names = below.lines().filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' '));
    for name in names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
        add_those_with_output(&[path, &[name]].concat(), found);
    }
}

fn name(command: &str) -> String {
    command.split(" --").next().unwrap().to_owned()
}

#[test]
fn no_command_is_left_out() {
    let mut found = BTreeSet::new();
    add_those_with_output(&[], &mut found);
    let known: BTreeSet<_> = COMMANDS.map(name).into_iter().chain(ELSEWHERE.map(name)).collect();
    assert_eq!(found, known);
}

/// A configuration that has a log, and a server that mail would go through.
fn kept_demo(folder: &Path) -> String {
    let (log, out) = (folder.join("log"), folder.join("out"));
    let [log, out] = [&log, &out].map(|path| path.to_str().unwrap());
    let done = scorecard(&[
        "demo",
        "--accounts",
        "6",
        "--days",
        "8",
        "--keep",
        log,
        "--out",
        out,
        "--once",
        "--output",
        "json",
    ]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    summary["accounts"][0]["account"].as_str().unwrap().to_owned()
}

#[test]
fn people_read_tables_and_programs_read_json() {
    let folder = tempfile::tempdir().unwrap();
    let account = kept_demo(folder.path());
    let config = folder.path().join("log/scorecard.yaml");
    let mail = "mail={server: smtp://127.0.0.1:1, from: a@example.com, \
                owners: {cron: \"0 8 * * MON\"}}";
    for command in COMMANDS {
        let command = command.replace("ID", &account);
        let mut args: Vec<_> = command.split(' ').collect();
        if name(&command) != "topics list" {
            args.extend(["--config", config.to_str().unwrap(), "--set", mail]);
        }
        let table = scorecard(&args);
        let said = String::from_utf8_lossy(&table.stderr).into_owned();
        // No mail server is there: the doctor finds that, and says it.
        assert_eq!(table.status.success(), command != "doctor", "{command}: {said}");
        let text = String::from_utf8(table.stdout).unwrap();
        assert!(serde_json::from_str::<Value>(&text).is_err(), "{command}: {text}");

        args.extend(["--output", "json"]);
        let json = scorecard(&args);
        assert_eq!(json.status.success(), command != "doctor", "{command}");
        let text = String::from_utf8(json.stdout).unwrap();
        let values: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(values.iter().all(Value::is_object), "{command}: {text}");
        let may_be_none = ["dlq list", "mail outbox"].contains(&command.as_str());
        assert!(may_be_none || !values.is_empty(), "{command} found nothing");
    }
}

#[test]
fn the_environment_and_set_speak_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("scorecard.yaml");
    let text = "prefix: ours\n\
                log: {kafka: {bootstrap: \"broker-1:9092\"}}\n\
                aws: {role: audit-role, payers: [{account: \"111111111111\"}]}\n";
    std::fs::write(&config, text).unwrap();
    let said = |command: &str| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        run.args(command.split(' ')).env("SCORECARD_CONFIG", &config);
        let done = run.output().unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        out + &err
    };
    assert!(said("topics acls").contains("--topic ours.tick.v1"));
    assert!(said("topics acls --set prefix=theirs").contains("--topic theirs.tick.v1"));
    assert!(said("asyncapi").contains("ours.tick.v1"));
    let role = "aws-role --format json --trust arn:aws:iam::999988887777:root";
    assert!(said(&format!("{role} --payer 111111111111")).contains("arn:aws:iam::999988887777"));
    assert!(said(&format!("{role} --payer 222222222222")).contains("has no payer 222222222222"));
    for command in ["trend --all", "trend movers", "trend movers --set prefix=theirs"] {
        let told = said(command);
        assert!(told.contains("the configuration has no `clickhouse`"), "{command}: {told}");
    }
    let told = said("top --set log.kafka.bootstrap=127.0.0.1:1 --once");
    assert!(told.contains("127.0.0.1:1"), "{told}");
}
