//! On Kafka: a sink that is killed and started again writes each event once.
//!
//! The test runs itself as a child that is the sink, kills it at odd moments while changes are
//! appended, and compares the events with the changes, one by one.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::env;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use kit::kafka::Kafka;
use schemas::topic::{COMPLIANCE_CHANGE, RESOURCE_CHANGE, SIEM_EVENT};
use schemas::{
    ChangeKind, Codec, ComplianceKey, Credit, ResourceChange, ResourceKey, TopicSpec, Verdict,
};
use sink_frame::{Frame, Limits};
use sink_siem::{Config, ROLE, Siem};
use stream::kafka::{KafkaConfig, KafkaLog};
use stream::worker::Stop;
use stream::{Log, Outgoing, snapshot};
use world::{
    AT_MS, PARTITIONS, cause, check, finding, inventory, of_requirement, placed, requirement,
    standing, transition,
};

const BROKERS: &str = "SIEM_TEST_BROKERS";
const PREFIX: &str = "SIEM_TEST_PREFIX";

/// Rounds of changes and kills, and the changes of each.
const ROUNDS: u32 = 6;
const CHANGES: u32 = 400;

fn connect(bootstrap: &str, prefix: &str) -> KafkaLog {
    let config = KafkaConfig {
        partitions: PARTITIONS,
        replication_factor: 1,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(bootstrap)
    };
    KafkaLog::connect(config, prefix).unwrap()
}

/// Batches are small, so that a kill meets many of them at work.
fn run(log: &dyn Log, once: bool) {
    let frame = Frame {
        role: &ROLE,
        log,
        slot: "s",
        limits: Limits { records: 20, bytes: 1 << 20, linger: Duration::ZERO },
        once,
        patience: Some(Duration::from_secs(60)),
        tell: &|_| (),
    };
    let (codec, config) = (Codec::default(), Config::default());
    frame.run(&mut Siem::new(log, &codec, &config), &Stop::new()).unwrap();
}

/// Not a test of its own: the sink, until it is killed.
#[test]
fn child() {
    let (Ok(brokers), Ok(prefix)) = (env::var(BROKERS), env::var(PREFIX)) else { return };
    run(&connect(&brokers, &prefix), false);
}

fn start(bootstrap: &str, prefix: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(BROKERS, bootstrap)
        .env(PREFIX, prefix)
        .spawn()
        .unwrap()
}

/// Offsets of the events' topic, markers and open transactions included.
fn end(log: &dyn Log) -> i64 {
    log.ends(&[SIEM_EVENT]).unwrap().iter().map(|end| end.offset).sum()
}

/// Some changes of many accounts: half of them findings, half of the inventory.
fn changes(round: u32) -> Vec<Outgoing> {
    let of = |number: u32| {
        let account = format!("{:012}", number % 37);
        let id = format!("{round}.{number}");
        if number.is_multiple_of(2) {
            let fails = Some(standing(Verdict::Fail, Credit::ALL[number as usize % 3]));
            let key = ComplianceKey::new("s3-public-access", &*account, "eu-west-1", id, "");
            return placed(finding(&key, &transition(None, fails)), &account);
        }
        let change = ResourceChange {
            kind: ChangeKind::Created,
            at_ms: AT_MS,
            differences: Vec::new(),
            cause: cause(),
            first_trusted: Vec::new(),
        };
        let key = ResourceKey::new(&*account, "eu-west-1", "AWS::S3::Bucket", id);
        placed(inventory(&key, &change), &account)
    };
    (0..CHANGES).map(of).collect()
}

fn append(log: &dyn Log, records: Vec<Outgoing>) {
    let mut writer = log.writer("test").unwrap();
    writer.append(records).unwrap();
    writer.flush().unwrap();
}

/// The places of a topic's records, each with the partition that its event must lie in.
fn places(log: &dyn Log, topic: &'static TopicSpec) -> BTreeMap<String, i32> {
    let records = snapshot::records(log, topic).unwrap();
    let places = records.iter().map(|record| {
        (format!("{}/{}/{}", topic.name, record.partition, record.offset), record.partition)
    });
    places.collect()
}

#[test]
fn a_sink_that_is_killed_and_restarted_writes_each_event_once() {
    let node = Kafka::shared().unwrap();
    let (bootstrap, prefix) = (node.bootstrap(), node.prefix("siem"));
    let log = connect(&bootstrap, &prefix);
    log.apply().unwrap();
    let everywhere = (0..PARTITIONS)
        .map(|partition| Outgoing { partition, ..placed(of_requirement(&requirement()), "") });
    append(&log, everywhere.collect());
    for round in 0..ROUNDS {
        append(&log, changes(round));
        let before = end(&log);
        let mut child = start(&bootstrap, &prefix);
        // It is killed amid its work: a little is written, most is not.
        let start = Instant::now();
        while end(&log) < before + 5 + 25 * i64::from(round) {
            assert!(start.elapsed() < Duration::from_secs(60), "the sink writes nothing");
            thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut expected = places(&log, COMPLIANCE_CHANGE.spec);
    expected.extend(places(&log, RESOURCE_CHANGE.spec));
    assert_eq!(expected.len(), (ROUNDS * CHANGES) as usize);
    let written = snapshot::records(&log, SIEM_EVENT).unwrap().len();
    assert!(written < expected.len(), "no kill came before the end of the work");
    run(&log, true);

    let events = snapshot::records(&log, SIEM_EVENT).unwrap();
    let mut told = BTreeMap::new();
    for record in &events {
        let event: serde_json::Value =
            serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
        check(&event);
        let uid = event["metadata"]["uid"].as_str().unwrap().to_owned();
        assert_eq!(told.insert(uid.clone(), record.partition), None, "{uid} is told twice");
    }
    assert_eq!(told, expected);
}
