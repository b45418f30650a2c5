//! `scorecard mail` and `scorecard sink mail`: looked at, sent, killed, sent once more.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kit::hook::Hook;
use kit::mailpit::{Fault, Line, Mailpit};
use schemas::{AccountKey, AccountState, Codec, Tick, TickKey, topic};
use serde_json::Value;
use stream::{LogConfig, Publisher};

/// 2026-11-30T07:00:00Z, a Monday: eight o'clock in Berlin.
const MONDAY_MS: i64 = 1_796_022_000_000;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(args).arg("--config").arg(folder.join("scorecard.yaml"));
    command
}

/// Runs a command of the binary and gives what it printed: standard output, standard error.
fn scorecard(folder: &Path, args: &[&str]) -> (String, String) {
    let done = command(folder, args).output().unwrap();
    let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(done.status.success(), "{err}");
    (out, err)
}

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes a log with accounts of three owners, of whom one has no address, and a Monday's tick.
fn fill(folder: &Path, port: u16) {
    let config = format!(
        "log: {{local: ./log}}\n\
         mail:\n  server: smtp://127.0.0.1:{port}\n  from: Scores <scores@example.com>\n  \
         owners: {{cron: \"0 8 * * MON\", time_zone: Europe/Berlin}}\n  \
         enterprise: {{cron: \"0 7 * * MON\", recipients: [ciso@example.com]}}\n"
    );
    std::fs::write(folder.join("scorecard.yaml"), config).unwrap();
    let dir = folder.join("log");
    let log =
        LogConfig::Local { dir, partitions: 4, retention_days: None, history_retention_days: None };
    let log = stream::open(&log, "scorecard").unwrap();
    log.apply().unwrap();
    let mut publisher = Publisher::open(&*log, &Codec::default(), "scorecard", "test").unwrap();
    for (number, owner) in ["ann@example.com", "bob@example.com", "Platform"].iter().enumerate() {
        let account = format!("{number:012}");
        let state = AccountState {
            account: account.clone(),
            name: format!("account {number}"),
            owner: Some((*owner).to_owned()),
            listed: true,
            ..AccountState::default()
        };
        publisher.put(&topic::ACCOUNT_STATE, &AccountKey::new(account), &state, 0).unwrap();
    }
    let (key, tick) = (TickKey { minute_ms: MONDAY_MS }, Tick { minute_ms: MONDAY_MS });
    publisher.put(&topic::TICK, &key, &tick, MONDAY_MS).unwrap();
    publisher.flush().unwrap();
}

#[test]
fn a_killed_sink_repeats_one_message_and_the_outbox_tells() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Mailpit::start().unwrap();
    let line = Line::start(server.smtp_port()).unwrap();
    fill(folder, line.port());
    let (planned, _) = scorecard(folder, &["mail", "plan", "--output", "json"]);
    let planned = json(&planned);
    let of = |name: &str| -> Vec<&str> {
        planned.iter().filter_map(|line| line[name].as_str()).collect()
    };
    assert_eq!(of("recipient"), ["ciso@example.com", "ann@example.com", "bob@example.com"]);
    assert_eq!(of("status"), ["not planned"; 3]);
    assert_eq!(of("skipped"), ["the owner's name in the register is no address"]);

    line.fails(Fault::HoldsAnswer, 1);
    let mut sink = command(folder, &["sink", "mail"]).stderr(Stdio::null()).spawn().unwrap();
    assert!(line.has_failed(1, Duration::from_secs(60)));
    sink.kill().unwrap();
    sink.wait().unwrap();
    let (_, told) = scorecard(folder, &["sink", "mail", "--once"]);
    assert!(told.contains("mail: 3 sent"), "{told}");
    assert!(told.contains("nobody gets these") && !told.contains('\u{1b}'), "no colours: {told}");
    let (_, told) = scorecard(folder, &["sink", "mail", "--once", "--log-format", "json"]);
    assert!(told.contains("mail: 0 sent"), "{told}");
    let events: Vec<&str> = told.lines().filter(|line| line.starts_with('{')).collect();
    let event = &json(&events.join("\n"))[0];
    assert_eq!((&event["level"], &event["fields"]["reports"]), (&"WARN".into(), &1.into()));

    assert_eq!(server.messages().unwrap().len(), 4, "three, and one of them again");
    let (rows, _) = scorecard(folder, &["mail", "outbox", "--output", "json"]);
    let rows = json(&rows);
    assert!(rows.iter().all(|row| row["status"] == "sent"), "{rows:?}");
    let uncertain: i64 = rows.iter().map(|row| row["uncertain"].as_i64().unwrap()).sum();
    assert_eq!((rows.len(), uncertain), (3, 1));
    let (text, _) = scorecard(folder, &["mail", "outbox"]);
    assert_eq!(text.matches("(may have arrived before)").count(), 1, "{text}");
}

#[test]
fn a_preview_is_files_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Mailpit::start().unwrap();
    fill(folder, server.smtp_port());
    let out = folder.join("out");
    let args = ["mail", "preview", "--owner", "ann@example.com", "--out", out.to_str().unwrap()];
    let (files, _) = scorecard(folder, &args);
    assert_eq!(files.lines().count(), 3, "{files}");
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    let message = String::from_utf8(read("owner-ann@example.com.eml")).unwrap();
    assert!(message.contains("To: ann@example.com\r\n"), "{message}");
    let page = String::from_utf8(read("owner-ann@example.com.html")).unwrap();
    assert!(page.contains("src=\"owner-ann@example.com.png\""), "{page}");
    assert!(read("owner-ann@example.com.png").starts_with(b"\x89PNG"));
    assert_eq!(server.messages().unwrap().len(), 0);
    let mut nobody = command(folder, &["mail", "preview", "--owner", "eve@example.com"]);
    let told = String::from_utf8(nobody.output().unwrap().stderr).unwrap();
    assert!(told.contains("there are no accounts of eve@example.com"), "{told}");
}

/// What the doctor says of a part of the configuration: whether all is well, and what it found.
fn diagnosis(folder: &Path, part: &str) -> (bool, String) {
    let done = command(folder, &["doctor", "--output", "json"]).output().unwrap();
    let checks = json(&String::from_utf8(done.stdout).unwrap());
    let [check] = checks.iter().filter(|one| one["part"] == part).collect::<Vec<_>>()[..] else {
        panic!("not one check of {part}: {checks:?}");
    };
    assert_eq!(check["advice"].is_string(), check["is_well"] == false, "{check}");
    (check["is_well"] == true, check["found"].as_str().unwrap().to_owned())
}

#[test]
fn the_doctor_greets_the_server_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Mailpit::start().unwrap();
    let hook = Hook::start().unwrap();
    fill(folder, server.smtp_port());
    let file = folder.join("scorecard.yaml");
    let config = std::fs::read_to_string(&file).unwrap();
    let url = hook.url();
    let alerts = format!("alerts: {{webhook: {{url: \"{url}\"}}}}\n");
    std::fs::write(&file, format!("{config}{alerts}")).unwrap();
    let (is_well, found) = diagnosis(folder, "mail");
    assert!(is_well, "{found}");
    let (is_well, found) = diagnosis(folder, "alerts");
    assert!(is_well && found.contains("status"), "{found}");
    assert!(server.messages().unwrap().is_empty());
    let methods: Vec<String> = hook.take().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["OPTIONS", "OPTIONS"], "one a diagnosis");

    // Nobody listens at the first port of all.
    let gone = config.replace(&server.smtp_port().to_string(), "1");
    std::fs::write(&file, format!("{gone}alerts: {{webhook: {{url: \"http://127.0.0.1:1\"}}}}\n"))
        .unwrap();
    for part in ["mail", "alerts"] {
        let (is_well, found) = diagnosis(folder, part);
        assert!(!is_well && found.contains("refused"), "{part}: {found}");
    }
}
