//! Dead letters: they are listed, shown, and go back to where they came from as they were.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    borrow::Cow,
    path::Path,
    process::{Command, Output},
};

use schemas::topic::{DEADLETTER, OBSERVATION, RESOURCE_STATE, SPEND};
use stream::{Log, LogConfig, Outgoing, snapshot};

const VALUE: &[u8] = &[0xC3, 0x01, 0x00, 0xFF];

fn scorecard(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.arg("dlq").arg(args[0]).arg("--config").arg(folder.join("scorecard.yaml"));
    command.args(&args[1..]).output().unwrap()
}

fn printed(folder: &Path, args: &[&str]) -> String {
    let done = scorecard(folder, args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn refused(folder: &Path, args: &[&str]) -> String {
    let done = scorecard(folder, args);
    assert!(!done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    String::from_utf8(done.stderr).unwrap()
}

fn header((name, text): (&str, &str)) -> (Cow<'static, str>, Cow<'static, [u8]>) {
    (name.to_owned().into(), text.as_bytes().to_vec().into())
}

fn letter(topic: &str, offset: &str, reason: &str, more: &[(&str, &str)]) -> Outgoing {
    met_by("account", topic, offset, reason, more)
}

fn met_by(stage: &str, topic: &str, offset: &str, reason: &str, more: &[(&str, &str)]) -> Outgoing {
    let headers = [("ce_id", "event-1"), ("dlq_topic", topic), ("dlq_partition", "1")]
        .into_iter()
        .chain([("dlq_offset", offset), ("dlq_reason", reason), ("dlq_stage", stage)])
        .chain([("dlq_time", "2026-01-01T00:00:00.000Z")])
        .chain(more.iter().copied());
    Outgoing {
        topic: DEADLETTER,
        partition: 1,
        timestamp_ms: 1_767_225_600_000,
        key: b"111111111111".to_vec(),
        value: Some(VALUE.to_vec()),
        headers: headers.map(header).collect(),
    }
}

fn open(folder: &Path) -> std::sync::Arc<dyn Log> {
    let dir = folder.join("log");
    let config =
        LogConfig::Local { dir, partitions: 4, retention_days: None, history_retention_days: None };
    stream::open(&config, "scorecard").unwrap()
}

#[test]
fn a_dead_letter_is_listed_shown_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = "log: {local: ./log}\npartitions: 4\nworkbooks: ./workbooks\n";
    std::fs::write(folder.join("scorecard.yaml"), config).unwrap();
    let letters = vec![
        letter(OBSERVATION.spec.name, "17", "unknown schema\n\u{1b}[2Jforged", &[]),
        letter(SPEND.spec.name, "18", "not Avro", &[("dlq_value_bytes", "999999")]),
        letter(RESOURCE_STATE.spec.name, "19", "not Avro", &[]),
        met_by("sink-elasticsearch", RESOURCE_STATE.spec.name, "20", "no such field", &[]),
    ];
    {
        let log = open(folder);
        log.apply().unwrap();
        let mut writer = log.writer("test").unwrap();
        writer.append(letters).unwrap();
        writer.flush().unwrap();
    }

    let list = printed(folder, &["list"]);
    assert_eq!(list.lines().count(), 5, "a reason never makes a line of its own: {list}");
    assert!(list.ends_with("4 dead letters\n") && !list.contains('\u{1b}'), "{list}");
    let json = printed(folder, &["list", "--output", "json", "--topic", "observation"]);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["place"], &line["bytes"]), (&"1/0".into(), &4.into()));
    assert_eq!((&line["source"], &line["stage"]), (&"observation/1/17".into(), &"account".into()));
    let of_sink = printed(folder, &["list", "--stage", "sink-elasticsearch"]);
    assert!(of_sink.contains(" sink-elasticsearch resource.state/1/20 "), "{of_sink}");
    assert!(
        of_sink.contains("no such field") && of_sink.ends_with("\n1 dead letters\n"),
        "{of_sink}"
    );
    let out = folder.join("value");
    let shown = printed(folder, &["show", "1/0", "--value", out.to_str().unwrap()]);
    assert!(shown.contains("header  ce_id: event-1\n"), "{shown}");
    assert_eq!(std::fs::read(out).unwrap(), VALUE);

    let dry = printed(folder, &["retry", "--all", "--topic", "observation", "--dry-run"]);
    assert!(dry.ends_with("0 of 1 records appended\n"), "{dry}");
    let done = printed(folder, &["retry", "1/0"]);
    assert!(done.ends_with("1 of 1 records appended\n"), "{done}");
    // One that can't go back holds up those beside it: nothing is done by halves.
    let cut = refused(folder, &["retry", "1/0", "1/1"]);
    assert!(cut.contains("1/1 can't be tried again: its value was cut to fit"), "{cut}");
    let table = refused(folder, &["retry", "1/2"]);
    assert!(table.contains("which only the account stage writes"), "{table}");
    let of_sink = refused(folder, &["retry", "1/3"]);
    assert!(
        of_sink.contains("sink-elasticsearch meets it again when its group is reset"),
        "{of_sink}"
    );
    let nowhere = refused(folder, &["show", "0/5"]);
    assert!(nowhere.contains("no dead letter at 0/5"), "{nowhere}");
    assert!(refused(folder, &["show", "5"]).contains("PARTITION/OFFSET"));

    let records = snapshot::records(&*open(folder), OBSERVATION.spec).unwrap();
    assert_eq!(records.len(), 1, "retried once");
    let record = &records[0];
    assert_eq!((record.partition, &*record.key), (1, &b"111111111111"[..]));
    assert_eq!(record.value.as_deref(), Some(VALUE));
    assert_eq!(record.timestamp_ms, 1_767_225_600_000);
    assert_eq!(record.headers, [("ce_id".into(), b"event-1".into())]);
}
