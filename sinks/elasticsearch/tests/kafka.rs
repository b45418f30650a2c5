//! With Kafka in between: the cluster equals the topics, whatever befalls the cluster or the log.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kit::elasticsearch::Elasticsearch;
use kit::elasticsearch::front::{Fault, Front};
use kit::kafka::Kafka;
use kit::process::Child;
use schemas::topic::{COMPLIANCE_STATE, RESOURCE_STATE};
use serde_json::{Value, json};
use sink_elasticsearch::{Config, ROLE};
use stream::kafka::{KafkaConfig, KafkaLog};
use stream::{Log, TopicPlan};
use world::rows::{REQUIREMENTS, Rows, absence, size};
use world::{Run, config, effect, equal, everything, held, once, setup};

/// Limit for what should come; a machine where much else runs needs some of it.
fn limit() -> Duration {
    Duration::from_secs(180 + size() as u64 / 100)
}

fn connect(prefix: &str) -> Arc<dyn Log> {
    connect_to(Kafka::shared().unwrap().bootstrap(), prefix)
}

fn connect_to(bootstrap: String, prefix: &str) -> Arc<dyn Log> {
    let config = KafkaConfig {
        partitions: 3,
        replication_factor: 1,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(bootstrap)
    };
    let log = KafkaLog::connect(config, prefix).unwrap();
    log.apply().unwrap();
    Arc::new(log)
}

/// Runs one of Kafka's own tools.
fn tool(class: &str, args: &[&str]) -> String {
    let bootstrap = Kafka::shared().unwrap().bootstrap();
    let args: Vec<&str> = ["--bootstrap-server", &bootstrap].iter().chain(args).copied().collect();
    kit::java::run(class, &args, "").unwrap()
}

/// Lets the sink's group begin at offset 0 of every topic.
fn rewind(log: &dyn Log, prefix: &str) {
    let group = format!("{prefix}.{}", ROLE.name);
    let reset =
        ["--group", &group, "--reset-offsets", "--to-earliest", "--all-topics", "--execute"];
    let began = Instant::now();
    // Kafka resets no group that has a member, and one that left is one until its time is up.
    while log.committed(ROLE.name, ROLE.inputs).unwrap().iter().any(|one| one.offset > 0) {
        assert!(began.elapsed() < limit(), "the group can't be reset");
        tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", &reset);
    }
}

#[test]
fn a_replay_from_the_start_changes_nothing() {
    let kafka = Kafka::shared().unwrap();
    let prefix = kafka.prefix("elastic-replay");
    let log = connect(&prefix);
    let node = Elasticsearch::shared().unwrap();
    let config = config(&node.url(), "replay");
    setup(&config, false);
    // A tenth of the rows twice: of a key the later one counts.
    let twice = Rows::of(size() / 10, 0);
    twice.write(&*log, &prefix);
    let rows = Rows::of(size(), 1);
    rows.write(&*log, &prefix);

    let began = Instant::now();
    let first = once(&*log, &config);
    let told = |what: &str| println!("{what} after {:?}", began.elapsed());
    told(&format!("{} records are carried, {:?},", first.records(), first.counts));
    equal(node, &config.prefix, &rows);
    let before = everything(node, "replay");
    told(&format!("compared with the topics, {before:?},"));
    assert_eq!(before["replay-changes"].0, twice.resources + rows.resources);

    rewind(&*log, &prefix);
    let again = once(&*log, &config);
    told(&format!("carried again, {:?},", again.counts));
    assert_eq!(again.records(), first.records());
    assert_eq!(again.counts.written, 0, "{again:?}");
    assert_eq!(again.counts.refused + again.counts.dead, 0, "{again:?}");
    assert!(everything(node, "replay") == before, "the replay changed something");
    told("compared again");
}

#[test]
fn whatever_is_refused_for_now_comes_through_once() {
    let kafka = Kafka::shared().unwrap();
    let prefix = kafka.prefix("elastic-faults");
    let log = connect(&prefix);
    let node = Elasticsearch::shared().unwrap();
    let front = Front::start(node.port()).unwrap();
    let mut config = config(&front.url(), "faults");
    config.bulk_bytes = 1 << 20;
    setup(&config, false);
    let mut rows = Rows::of(size() / 3, 0);
    let faults = [
        (Fault::Items { status: 429, one_in: 7 }, 3),
        (Fault::Items { status: 503, one_in: 3 }, 3),
        (Fault::Requests { status: 429, retry_after_s: Some(2) }, 1),
        (Fault::Requests { status: 503, retry_after_s: None }, 2),
        (Fault::Cut, 1),
    ];
    for (round, (fault, requests)) in faults.into_iter().enumerate() {
        rows = Rows { round, ..rows };
        rows.write(&*log, &prefix);
        front.inject(fault, Some(requests));
        let (struck, began) = (front.struck(), Instant::now());
        let progress = once(&*log, &config);
        assert!(front.struck() > struck, "{fault:?} befell nothing");
        assert!(progress.retries > 0, "{fault:?}: {progress:?}");
        assert_eq!(progress.counts.refused + progress.counts.dead, 0, "{fault:?}: {progress:?}");
        if let Fault::Requests { retry_after_s: Some(seconds), .. } = fault {
            assert!(began.elapsed() >= Duration::from_secs(seconds), "it did not wait");
        }
        equal(node, &config.prefix, &rows);
    }
    // A cluster that takes only small requests gets small ones.
    rows = Rows { round: 9, ..rows };
    rows.write(&*log, &prefix);
    front.inject(Fault::TooLarge { bytes_max: 60_000 }, None);
    let before = front.bulks().len();
    let progress = once(&*log, &config);
    assert_eq!(progress.counts.refused, 0, "{progress:?}");
    let bulks = front.bulks().split_off(before);
    assert!(bulks.iter().filter(|bytes| **bytes <= 60_000).count() > 3, "{bulks:?}");
    equal(node, &config.prefix, &rows);
    assert!(front.refused_items() > 0);
}

/// The sink as a process of its own, which the test below starts and kills.
fn be_killed(prefix: &str) {
    let setting = |name: &str| std::env::var(name).unwrap();
    let log = connect_to(setting("TEST_BOOTSTRAP"), prefix);
    once(&*log, &in_small_requests(&setting("TEST_URL")));
}

/// A configuration by which a batch is many requests: some are done when others are not.
fn in_small_requests(url: &str) -> Config {
    Config { bulk_bytes: 256 << 10, ..config(url, "killed") }
}

#[test]
fn a_sink_that_is_killed_in_a_batch_does_it_again() {
    if let Ok(prefix) = std::env::var("TEST_PREFIX") {
        return be_killed(&prefix);
    }
    let kafka = Kafka::shared().unwrap();
    let prefix = kafka.prefix("elastic-killed");
    let log = connect(&prefix);
    let node = Elasticsearch::shared().unwrap();
    let front = Front::start(node.port()).unwrap();
    let config = in_small_requests(&front.url());
    setup(&config, false);
    let rows = Rows::of(size(), 0);
    rows.write(&*log, &prefix);
    // In the first batch, and each time further on.
    for done in 1..=3 {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "a_sink_that_is_killed_in_a_batch_does_it_again", "--nocapture"])
            .env("TEST_PREFIX", &prefix)
            .env("TEST_URL", front.url())
            .env("TEST_BOOTSTRAP", kafka.bootstrap());
        front.lift();
        let (bulks, held, began) = (front.bulks().len(), front.held(), Instant::now());
        let mut sink = Child::spawn(command, folder.path(), "sink").unwrap();
        let wait = |reached: &dyn Fn() -> bool, sink: &mut Child| {
            while !reached() {
                assert!(sink.is_running() && began.elapsed() < limit(), "{}", sink.tail());
                thread::sleep(Duration::from_millis(1));
            }
        };
        wait(&|| front.bulks().len() >= bulks + done, &mut sink);
        front.inject(Fault::Hold, None);
        wait(&|| front.held() > held, &mut sink);
        sink.kill9().unwrap();
    }
    front.lift();
    let committed = log.committed(ROLE.name, ROLE.inputs).unwrap();
    let ends = log.ends(ROLE.inputs).unwrap();
    assert!(committed.iter().zip(&ends).any(|(is, end)| is.offset < end.offset));

    let progress = once(&*log, &config);
    assert!(progress.counts.unchanged > 0, "nothing was done twice: {progress:?}");
    assert_eq!(progress.counts.refused + progress.counts.dead, 0, "{progress:?}");
    equal(node, &config.prefix, &rows);
    assert_eq!(everything(node, "killed")["killed-changes"].0, rows.resources);
}

#[test]
fn a_cluster_that_is_away_for_a_while_is_waited_for() {
    let kafka = Kafka::shared().unwrap();
    let prefix = kafka.prefix("elastic-away");
    let log = connect(&prefix);
    let mut node = Elasticsearch::start().unwrap();
    let config = config(&node.url(), "away");
    setup(&config, false);
    let rows = Rows::of(size(), 0);
    rows.write(&*log, &prefix);
    let run = Run { once: false, patience: None, ..Run::new(&*log, &config) };
    let newer = Rows { round: 1, ..rows };
    thread::scope(|scope| {
        let running = scope.spawn(|| run.go().unwrap());
        let waits = |wanted: &dyn Fn(&sink_frame::Progress) -> bool| {
            let began = Instant::now();
            while !wanted(&run.progress.lock().unwrap()) {
                assert!(began.elapsed() < limit(), "{:?}", run.progress.lock().unwrap());
                assert!(!running.is_finished());
                thread::sleep(Duration::from_millis(20));
            }
        };
        waits(&|progress| progress.commits > 0);
        node.stop().unwrap();
        newer.write(&*log, &prefix);
        waits(&|progress| progress.waiting.is_some());
        thread::sleep(absence());
        node.restart().unwrap();
        let ends = log.ends(ROLE.inputs).unwrap();
        waits(&|progress| {
            let reached = |end: &stream::Position| {
                let position = progress.positions.get(&(end.topic.name, end.partition));
                end.offset == 0 || position.is_some_and(|offset| *offset >= end.offset)
            };
            progress.waiting.is_none() && ends.iter().all(reached)
        });
        run.stop.stop();
        let progress = running.join().unwrap();
        assert_eq!(progress.counts.refused + progress.counts.dead, 0, "{progress:?}");
        assert!(progress.retries > 0);
    });
    equal(&node, &config.prefix, &newer);
}

#[test]
fn a_topic_that_was_made_anew_beats_what_it_was_before() {
    let kafka = Kafka::shared().unwrap();
    let prefix = kafka.prefix("elastic-anew");
    let log = connect(&prefix);
    let node = Elasticsearch::shared().unwrap();
    let config = config(&node.url(), "anew");
    setup(&config, false);
    let old = Rows::of(size() / 3, 0);
    old.write(&*log, &prefix);
    // Offsets of the old life are far above those that follow.
    Rows { round: 1, ..old }.write(&*log, &prefix);
    once(&*log, &config);

    let topics = [RESOURCE_STATE.spec, COMPLIANCE_STATE.spec];
    for topic in topics {
        let name = topic.full_name(&prefix);
        tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", &name]);
    }
    let began = Instant::now();
    while !topics.iter().all(|topic| log.plan().unwrap().contains(&TopicPlan::Create(topic))) {
        assert!(began.elapsed() < limit(), "the topics stay");
    }
    drop(log);
    let log = connect(&prefix);
    let new = Rows::of(old.resources / 2, 2);
    new.write(&*log, &prefix);
    let progress = once(&*log, &config);
    equal(node, &config.prefix, &new);
    let gone = (old.resources - new.resources) * (1 + REQUIREMENTS);
    assert_eq!(effect(&progress, "swept"), gone as u64);
    let versions: BTreeMap<bool, usize> = held(node, "anew-resources-all").into_values().fold(
        BTreeMap::new(),
        |mut counts, (version, _)| {
            *counts.entry(version >> 48 == 2).or_default() += 1;
            counts
        },
    );
    assert_eq!(versions[&true], new.resources, "{versions:?}");
    let (_, life) =
        node.call("GET", "/anew-control/_doc/life-resource.state", &Value::Null).unwrap();
    assert_eq!(life["_source"]["lives"].as_array().unwrap().len(), 2, "{life}");

    // Rewound, the old rows do not come back.
    let before = everything(node, "anew");
    rewind(&*log, &prefix);
    assert_eq!(once(&*log, &config).counts.written, 0);
    assert!(everything(node, "anew") == before);
    let every = json!({"query": {"match_all": {}}});
    assert!(!world::search(node, "anew-resources", &every).is_empty());
}
