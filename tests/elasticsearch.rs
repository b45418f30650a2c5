//! `scorecard sink elasticsearch` on Kafka is killed again and again: the cluster equals the log.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kit::elasticsearch::Elasticsearch;
use kit::elasticsearch::front::{Fault, Front};
use kit::kafka::Kafka;
use kit::process::Child;
use schemas::{Codec, ComplianceKey, ComplianceState, Verdict, topic};
use serde_json::{Value, json};
use stream::{Log, LogConfig, Publisher, kafka::KafkaConfig};

const PREFIX: &str = "killed";

/// Verdicts of one round: enough for several batches of the sink.
const VERDICTS: usize = 25_000;

const LIMIT: Duration = Duration::from_secs(180);

fn kafka_config() -> KafkaConfig {
    KafkaConfig {
        partitions: 2,
        replication_factor: 1,
        ..KafkaConfig::new(Kafka::shared().unwrap().bootstrap())
    }
}

/// Writes a verdict for each number, with evidence that names the round.
fn write(log: &dyn Log, round: usize) {
    let mut to = Publisher::open(log, &Codec::default(), PREFIX, "test").unwrap();
    for n in 0..VERDICTS {
        let account = format!("{:012}", n % 40);
        let key = ComplianceKey::new("no-ssh", account, "eu-west-1", format!("sg-{n}"), "");
        let row = ComplianceState {
            verdict: if (n + round).is_multiple_of(3) { Verdict::Fail } else { Verdict::Pass },
            evidence: format!("round {round}"),
            ..ComplianceState::default()
        };
        to.put(&topic::COMPLIANCE_STATE, &key, &row, 1_795_910_340_000).unwrap();
    }
    to.flush().unwrap();
}

fn scorecard(words: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(words).arg("--config").arg(folder.join("scorecard.yaml"));
    command
}

fn run(words: &[&str], folder: &Path) -> Output {
    let output = scorecard(words, folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    output
}

fn configure(folder: &Path, url: &str) {
    let bootstrap = Kafka::shared().unwrap().bootstrap();
    let text = format!(
        "prefix: {PREFIX}\npartitions: 2\nlog:\n  kafka:\n    bootstrap: {bootstrap}\n    \
         replication_factor: 1\n    session_timeout_ms: 6000\nelasticsearch:\n  url: {url}\n  \
         prefix: killed\n  bulk_bytes: 1048576\n  concurrency: 1\n"
    );
    std::fs::write(folder.join("scorecard.yaml"), text).unwrap();
}

fn evidence(node: &Elasticsearch) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    node.each("killed-compliance", &json!({"match_all": {}}), |hit| {
        let source = &hit["_source"];
        let text = |pointer: &str| source.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let row = (text("/message"), text("/result/evaluation"));
        assert!(found.insert(text("/resource/id"), row).is_none(), "twice: {source}");
    })
    .unwrap();
    found
}

#[test]
fn a_sink_that_is_killed_in_mid_batch_loses_and_doubles_nothing() {
    let node = Elasticsearch::shared().unwrap();
    let front = Front::start(node.port()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), &front.url());
    let log = stream::open(&LogConfig::Kafka(kafka_config()), PREFIX).unwrap();
    log.apply().unwrap();

    let would = run(&["setup", "elasticsearch", "--dry-run"], folder.path());
    assert!(String::from_utf8_lossy(&would.stdout).contains("would make index killed-resources"));
    run(&["setup", "elasticsearch"], folder.path());
    let again = run(&["setup", "elasticsearch"], folder.path());
    assert!(String::from_utf8_lossy(&again.stdout).contains("everything is as it must be"));

    for round in 0..3 {
        write(&*log, round);
        // What the cluster did and the sink never heard of is the worst moment to die.
        front.inject(Fault::Cut, Some(1));
        let (bulks, struck) = (front.bulks().len(), front.struck());
        let sink = scorecard(&["sink", "elasticsearch"], folder.path());
        let mut sink = Child::spawn(sink, folder.path(), &format!("sink-{round}")).unwrap();
        let began = Instant::now();
        while front.struck() == struck || front.bulks().len() < bulks + 3 + round {
            assert!(began.elapsed() < LIMIT && sink.is_running(), "{}", sink.tail());
            std::thread::sleep(Duration::from_millis(2));
        }
        sink.kill9().unwrap();
        let group = log.committed("sink-elasticsearch", &[topic::COMPLIANCE_STATE.spec]).unwrap();
        let committed: i64 = group.iter().map(|position| position.offset).sum();
        let written = (VERDICTS * (round + 1)) as i64;
        assert!(committed < written, "it was killed too late: {committed} of {written}");
    }
    let done = run(&["sink", "elasticsearch", "--once"], folder.path());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("dead letters"), "{said}");

    let found = evidence(node);
    assert_eq!(found.len(), VERDICTS);
    for (id, (message, evaluation)) in &found {
        let n: usize = id.strip_prefix("sg-").unwrap().parse().unwrap();
        let wanted = if n % 3 == 1 { "failed" } else { "passed" };
        assert_eq!((&**message, &**evaluation), ("round 2", wanted), "{id}");
    }
    let letters = stream::snapshot::records(&*log, topic::DEADLETTER).unwrap();
    assert!(letters.is_empty());
    let (_, deleted) = node
        .call("GET", "/killed-compliance-all/_count?q=scorecard.deleted:true", &Value::Null)
        .unwrap();
    assert_eq!(deleted["count"], 0, "{deleted}");
}
