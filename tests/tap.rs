//! `scorecard tap` on a log in a folder: decoded lines, filters, limits, and a reader that goes.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use kit::kafka::Kafka;
use schemas::{
    AccountKey, Codec, ComplianceKey, Key, Spend, Tick, TickKey, Topic, Value,
    headers::{Event, cloud_event},
    partition_of,
    topic::{COMPLIANCE_STATE, DEADLETTER, SIEM_EVENT, SPEND, TICK},
};
use serde_json::json;
use stream::{
    Log, LogConfig, Outgoing,
    kafka::{KafkaConfig, KafkaLog},
};

const PARTITIONS: i32 = 4;
const AT_MS: i64 = 1_764_547_200_123;
const FIRST: &str = "111111111111";
const SECOND: &str = "222222222222";

fn outgoing<K: Key, V: Value>(topic: &Topic<K, V>, key: &K, value: Option<&V>) -> Outgoing {
    let encode = |value| Codec::default().encode_for(topic.spec, "scorecard", value).unwrap();
    Outgoing {
        topic: topic.spec,
        partition: partition_of(&key.partition_key(), PARTITIONS),
        timestamp_ms: AT_MS,
        key: key.encode().into_bytes(),
        value: value.map(encode),
        headers: cloud_event(&Event { id: "e", kind: topic.spec.name, source: "/t", time_ms: 0 }),
    }
}

fn spend(account: &str, cents: i64) -> Outgoing {
    let value = Spend {
        account: account.to_owned(),
        cents,
        currency: "USD".to_owned(),
        captured_ms: AT_MS,
    };
    outgoing(&SPEND, &AccountKey::new(account), Some(&value))
}

/// Writes a configuration and a log with these records.
fn site(records: Vec<Outgoing>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("log: {{local: ./log}}\npartitions: {PARTITIONS}\n");
    std::fs::write(folder.path().join("scorecard.yaml"), text).unwrap();
    let log = LogConfig::Local {
        dir: folder.path().join("log"),
        partitions: PARTITIONS,
        retention_days: None,
        history_retention_days: None,
    };
    let log = stream::open(&log, "scorecard").unwrap();
    log.apply().unwrap();
    let mut writer = log.writer("test").unwrap();
    writer.append(records).unwrap();
    writer.flush().unwrap();
    folder
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.arg("tap").arg("--config").arg(folder.join("scorecard.yaml")).args(args);
    command
}

fn lines(done: &Output) -> Vec<serde_json::Value> {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = std::str::from_utf8(&done.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tap(folder: &tempfile::TempDir, args: &[&str]) -> Vec<serde_json::Value> {
    lines(&command(folder.path(), args).output().unwrap())
}

#[test]
fn records_are_decoded_and_tombstones_are_null() {
    let gone: Option<&Spend> = None;
    let folder = site(vec![spend(FIRST, 1_234), outgoing(&SPEND, &AccountKey::new(FIRST), gone)]);
    let partition = partition_of(FIRST, PARTITIONS);
    let lines = tap(&folder, &["spend", "--from-start", "--limit", "2"]);
    let headers = json!({
        "ce_specversion": "1.0",
        "ce_id": "e",
        "ce_type": "scorecard.spend.v1",
        "ce_source": "/t",
        "ce_time": "1970-01-01T00:00:00.000Z",
        "content-type": "application/avro",
    });
    let line = |offset: i64, value: serde_json::Value| {
        json!({
            "topic": "scorecard.spend.v1",
            "partition": partition,
            "offset": offset,
            "time": "2025-12-01T00:00:00.123Z",
            "key": FIRST,
            "headers": headers,
            "value": value,
        })
    };
    let value = json!({
        "account": FIRST,
        "cents": 1_234,
        "currency": "USD",
        "captured_ms": AT_MS,
    });
    assert_eq!(lines, [line(0, value), line(1, json!(null))]);
    let full_name = tap(&folder, &["scorecard.spend.v1", "--from-start", "--limit", "1"]);
    assert_eq!(full_name, lines[..1]);
}

#[test]
fn an_account_is_found_wherever_it_stands_in_the_key() {
    let row = |account: &str| {
        let key = ComplianceKey::new("r", account, "eu-west-1", "a/b", "");
        outgoing(&COMPLIANCE_STATE, &key, None)
    };
    let folder = site(vec![
        spend(FIRST, 1),
        spend(SECOND, 2),
        spend(FIRST, 3),
        row(FIRST),
        row(SECOND),
        Outgoing {
            topic: DEADLETTER,
            headers: vec![("dlq_topic".into(), b"compliance.state".into())],
            ..row(SECOND)
        },
    ]);
    let cents = |args: &[&str]| -> Vec<i64> {
        let lines = tap(&folder, args);
        lines.iter().map(|line| line["value"]["cents"].as_i64().unwrap()).collect()
    };
    assert_eq!(cents(&["spend", "--from-start", "--limit", "2", "--account", FIRST]), [1, 3]);
    assert_eq!(cents(&["spend", "--from-start", "--limit", "1", "--account", SECOND]), [2]);
    for topic in ["compliance.state", "deadletter"] {
        let rows = tap(&folder, &[topic, "--from-start", "--limit", "1", "--account", SECOND]);
        assert_eq!(rows[0]["key"], format!("r/{SECOND}/eu-west-1/a%2Fb/"));
    }
}

#[test]
fn what_has_another_form_is_shown_as_far_as_it_can_be() {
    let tick = outgoing(&TICK, &TickKey { minute_ms: 60_000 }, Some(&Tick { minute_ms: 60_000 }));
    let everywhere = (0..PARTITIONS).map(|partition| Outgoing { partition, ..tick.clone() });
    let event = Outgoing {
        topic: SIEM_EVENT,
        value: Some(br#"{"class_uid": 2003}"#.to_vec()),
        ..spend(FIRST, 1)
    };
    let broken = Outgoing { value: Some(vec![0xc3, 0x00]), ..spend(SECOND, 1) };
    let letter = Outgoing {
        topic: DEADLETTER,
        headers: vec![("dlq_topic".into(), b"spend".into())],
        ..spend(FIRST, 7)
    };
    let folder = site(everywhere.chain([event, broken, letter]).collect());
    let one = |topic| tap(&folder, &[topic, "--from-start", "--limit", "1"]).swap_remove(0);
    assert_eq!(one("siem.event")["value"], json!({ "class_uid": 2003 }));
    assert_eq!(one("deadletter")["value"]["cents"], 7, "by the topic that it came from");
    let undecoded = one("spend");
    assert_eq!(undecoded["undecoded"]["bytes"], "c300");
    assert!(undecoded["undecoded"]["reason"].as_str().unwrap().contains("not an Avro value"));
    assert!(undecoded.get("value").is_none(), "it is no tombstone");
    let ticks = one("tick");
    assert_eq!((&ticks["partition"], &ticks["value"]["minute_ms"]), (&json!(0), &json!(60_000)));
}

#[test]
fn what_can_not_be_asked_for_is_told() {
    let folder = site(Vec::new());
    let refused = |args: &[&str]| {
        let done = command(folder.path(), args).output().unwrap();
        assert!(!done.status.success());
        String::from_utf8(done.stderr).unwrap()
    };
    let error = refused(&["spends"]);
    assert!(error.contains("no topic \"spends\"") && error.contains("siem.event"), "{error}");
    let error = refused(&["tick", "--account", FIRST]);
    assert!(error.contains("no account is in the key of tick"), "{error}");
}

#[test]
fn it_ends_quietly_when_its_reader_goes() {
    let folder = site((0..5_000).map(|cents| spend(FIRST, cents)).collect());
    let mut child = command(folder.path(), &["spend", "--from-start"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"cents\":0"), "{line}");
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
}

/// A local log has one process at a time, so what comes later is seen on Kafka only.
#[test]
fn it_follows_the_end() {
    let node = Kafka::shared().unwrap();
    let (bootstrap, prefix) = (node.bootstrap(), node.prefix("tap"));
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "prefix: {prefix}\npartitions: 2\nlog: {{kafka: {{bootstrap: '{bootstrap}', \
         replication_factor: 1}}}}\n"
    );
    std::fs::write(folder.path().join("scorecard.yaml"), text).unwrap();
    let config =
        KafkaConfig { partitions: 2, replication_factor: 1, ..KafkaConfig::new(bootstrap) };
    let log = KafkaLog::connect(config, &prefix).unwrap();
    log.apply().unwrap();
    let mut writer = log.writer("test").unwrap();
    let mut append = |cents| {
        writer.append(vec![Outgoing { partition: 0, ..spend(FIRST, cents) }]).unwrap();
        writer.flush().unwrap();
    };
    append(-1);
    let mut child =
        command(folder.path(), &["spend", "--limit", "3"]).stdout(Stdio::piped()).spawn().unwrap();
    // Nobody says when it has begun to follow: records come until it has what it wants.
    let start = Instant::now();
    let mut cents = 0;
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not end");
        append(cents);
        cents += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    let lines = lines(&child.wait_with_output().unwrap());
    let seen: Vec<_> = lines.iter().map(|line| line["value"]["cents"].as_i64().unwrap()).collect();
    assert_eq!(seen, [seen[0], seen[0] + 1, seen[0] + 2]);
    assert!(seen[0] >= 0, "what was there before is not shown");
}
