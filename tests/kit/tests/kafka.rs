//! The Kafka node keeps its data over restarts and compacts fast; seen with Kafka's own tools.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kit::java;
use kit::kafka::Kafka;

fn create_topic(kafka: &Kafka, topic: &str, settings: &[&str]) {
    let bootstrap = kafka.bootstrap();
    let mut args =
        vec!["--bootstrap-server", &bootstrap, "--create", "--topic", topic, "--partitions", "1"];
    for setting in settings {
        args.extend(["--config", setting]);
    }
    java::run("org.apache.kafka.tools.TopicCommand", &args, "").unwrap();
}

fn produce(kafka: &Kafka, topic: &str, records: &[(&str, &str)]) {
    let lines: Vec<String> =
        records.iter().map(|(key, value)| format!("{key}:{value}\n")).collect();
    let args = [
        "--bootstrap-server",
        &kafka.bootstrap(),
        "--topic",
        topic,
        "--reader-property",
        "parse.key=true",
        "--reader-property",
        "key.separator=:",
    ];
    java::run("org.apache.kafka.tools.ConsoleProducer", &args, &lines.concat()).unwrap();
}

/// All records of the topic, as (key, value), in the order of the log.
fn consume(kafka: &Kafka, topic: &str) -> Vec<(String, String)> {
    let args = [
        "--bootstrap-server",
        &kafka.bootstrap(),
        "--topic",
        topic,
        "--from-beginning",
        "--timeout-ms",
        "3000",
        "--formatter-property",
        "print.key=true",
        "--formatter-property",
        "key.separator=:",
    ];
    let output = java::run("org.apache.kafka.tools.consumer.ConsoleConsumer", &args, "").unwrap();
    let records = output.lines().map(|line| line.split_once(':').unwrap());
    records.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn owned(records: &[(&str, &str)]) -> Vec<(String, String)> {
    records.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn data_survives_a_clean_restart_and_kill_9() {
    let mut kafka = Kafka::start().unwrap();
    let bootstrap = kafka.bootstrap();
    create_topic(&kafka, "kept", &[]);
    produce(&kafka, "kept", &[("a", "1"), ("b", "2")]);

    kafka.restart().unwrap();
    assert_eq!(kafka.bootstrap(), bootstrap);
    produce(&kafka, "kept", &[("a", "3")]);

    let pid = kafka.pid().unwrap();
    kafka.kill9().unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(kafka.pid(), None);
    kafka.restart().unwrap();
    assert_eq!(consume(&kafka, "kept"), owned(&[("a", "1"), ("b", "2"), ("a", "3")]));
}

#[test]
fn compaction_is_seen_in_seconds() {
    let kafka = Kafka::shared().unwrap();
    let topic = kafka.prefix("compacted");
    let settings = ["cleanup.policy=compact", "segment.ms=100", "min.cleanable.dirty.ratio=0.01"];
    create_topic(kafka, &topic, &settings);
    produce(kafka, &topic, &[("a", "1"), ("b", "1"), ("a", "2"), ("a", "3")]);
    // The active segment is never compacted: a later record rolls it.
    produce(kafka, &topic, &[("c", "1")]);
    let expected: BTreeMap<_, _> =
        owned(&[("a", "3"), ("b", "1"), ("c", "1")]).into_iter().collect();
    let start = Instant::now();
    loop {
        let records = consume(kafka, &topic);
        if records.len() == 3 {
            assert_eq!(records.into_iter().collect::<BTreeMap<_, _>>(), expected);
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "not compacted: {records:?}");
    }
}

#[test]
fn a_topic_that_nobody_made_is_an_error() {
    let kafka = Kafka::shared().unwrap();
    let topic = kafka.prefix("missing");
    let bootstrap = kafka.bootstrap();
    let args = ["--bootstrap-server", &bootstrap, "--describe", "--topic", &topic];
    let error = java::run("org.apache.kafka.tools.TopicCommand", &args, "").unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn prefixes_differ() {
    let kafka = Kafka::shared().unwrap();
    assert_ne!(kafka.prefix("same"), kafka.prefix("same"));
}
