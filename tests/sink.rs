//! `scorecard sink s3`: a log goes in, and boto3 finds the inventory in the bucket.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kit::moto::Moto;
use kit::process::Child;
use schemas::{Codec, Resource, ResourceState, topic};
use serde_json::Value;
use stream::{Log, LogConfig, Publisher};

const BUCKET: &str = "inventory";

/// Limit for what should come; a machine where much else runs needs some of it.
const LIMIT: Duration = Duration::from_secs(120);

fn open(folder: &Path) -> std::sync::Arc<dyn Log> {
    let dir = folder.join("log");
    let config =
        LogConfig::Local { dir, partitions: 4, retention_days: None, history_retention_days: None };
    stream::open(&config, "scorecard").unwrap()
}

fn resource(account: u32, id: &str) -> Resource {
    Resource {
        provider: "aws".to_owned(),
        account: format!("{account:012}"),
        region: "eu-west-1".to_owned(),
        resource_type: "AWS::EC2::SecurityGroup".to_owned(),
        id: id.to_owned(),
        name: id.to_owned(),
        arn: String::new(),
        tags: [("account".to_owned(), account.to_string())].into(),
        configuration: "{}".to_owned(),
        supplementary: "{}".to_owned(),
        errors: Default::default(),
        truncated: Vec::new(),
        captured_ms: 1_795_910_340_000,
    }
}

/// Writes groups of accounts, and tombstones for the first one of each.
fn write(folder: &Path, accounts: u32, groups: u32) {
    let log = open(folder);
    log.apply().unwrap();
    let mut publisher = Publisher::open(&*log, &Codec::default(), "scorecard", "test").unwrap();
    for account in 0..accounts {
        for group in 0..groups {
            let resource = resource(account, &format!("sg-{group}"));
            let (key, scope_region) = (resource.key(), resource.region.clone());
            let state = ResourceState { resource, scope_region, first_seen_ms: 0 };
            publisher.put(&topic::RESOURCE_STATE, &key, &state, 0).unwrap();
        }
        let gone = resource(account, "sg-0").key();
        publisher.tombstone(&topic::RESOURCE_STATE, &gone, 0).unwrap();
    }
    publisher.flush().unwrap();
}

fn scorecard(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command
        .args(args)
        .arg("--config")
        .arg(folder.join("scorecard.yaml"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE");
    command
}

fn sink(folder: &Path) -> Output {
    scorecard(folder, &["sink", "s3", "--once"]).output().unwrap()
}

fn configure(folder: &Path, moto: &Moto) {
    let s3 = format!("{{bucket: {BUCKET}, prefix: security/, endpoint: \"{}\"}}", moto.endpoint());
    let config = format!("log: {{local: ./log}}\ns3: {s3}\n");
    std::fs::write(folder.join("scorecard.yaml"), config).unwrap();
}

fn python(verb: &str, moto: &Moto) -> String {
    kit::python("sinks/s3/tests/bucket.py", &[verb, &moto.endpoint(), BUCKET]).unwrap()
}

#[test]
fn the_log_is_found_in_the_bucket_by_boto3() {
    let moto = Moto::start().unwrap();
    python("make", &moto);
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), &moto);
    write(folder.path(), 10, 5);

    let done = sink(folder.path());
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{told}");
    // Ten accounts with four objects and a file each, and a mark for each of four partitions.
    let line = "bucket inventory: 60 records taken, 54 objects put, 10 deleted\n";
    assert!(told.ends_with(line), "{told}");
    let objects: serde_json::Map<String, Value> =
        serde_json::from_str(&python("show", &moto)).unwrap();
    let documents = objects.iter().filter(|(key, _)| key.starts_with("security/Resources/"));
    let found: BTreeSet<(String, String, String)> = documents
        .map(|(key, object)| {
            let document: Value = serde_json::from_str(object["body"].as_str().unwrap()).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (key.clone(), text(&document["awsAccountId"]), text(&document["resourceId"]))
        })
        .collect();
    let group = |account: u32, group: u32| {
        let folder = "security/Resources/ec2/securitygroup";
        let key = format!("{folder}/sg-{group}.{account:012}.eu-west-1.json");
        (key, format!("{account:012}"), format!("sg-{group}"))
    };
    let accounts = 0..10;
    assert_eq!(found, accounts.flat_map(|a| (1..5).map(move |g| group(a, g))).collect());

    // Once more: nothing is left to take.
    let told = String::from_utf8(sink(folder.path()).stderr).unwrap();
    assert!(
        told.contains("bucket inventory: 0 records taken, 14 objects put, 0 deleted"),
        "{told}"
    );
}

/// A row of a page of metrics: its value.
fn metric(page: &str, row: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {row} in\n{page}")).parse().unwrap()
}

#[test]
fn a_sink_that_listens_tells_of_itself() {
    let moto = Moto::start().unwrap();
    python("make", &moto);
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), &moto);
    write(folder.path(), 10, 5);
    let port = kit::ports::free();
    let mut command = scorecard(folder.path(), &["sink", "s3"]);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    let mut running = Child::spawn(command, folder.path(), "sink").unwrap();
    let get = |path: &str| {
        let answer = kit::http::request(port, "GET", path, "", b"").ok()?;
        (answer.status == 200).then(|| String::from_utf8(answer.body).unwrap())
    };
    let start = Instant::now();
    // It is ready from the start; it has taken all when its records are counted.
    let page = loop {
        let page = get("/metrics").unwrap_or_default();
        let taken: f64 = page
            .lines()
            .filter(|line| line.starts_with("scorecard_sink_records_total{"))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum();
        let lags = page.lines().filter(|line| line.starts_with("scorecard_sink_lag_records{"));
        let lags: Vec<&str> = lags.collect();
        if taken == 60.0 && !lags.is_empty() && lags.iter().all(|line| line.ends_with(" 0.0")) {
            break page;
        }
        assert!(running.is_running() && start.elapsed() < LIMIT, "{page}");
        std::thread::sleep(Duration::from_millis(100));
    };
    // Sixty rows in a batch or several: the first of each account may lie before its tombstone.
    let of = |name: &str| metric(&page, &format!("scorecard_sink_{name}"));
    let superseded = of("records_total{sink=\"sink-s3\",outcome=\"superseded\"}");
    let written = of("records_total{sink=\"sink-s3\",outcome=\"written\"}");
    assert_eq!(superseded + written, 60.0);
    assert!(of("effects_total{sink=\"sink-s3\",effect=\"put\"}") >= 40.0);
    assert!(of("success_age_seconds{sink=\"sink-s3\"}") < 60.0);
    assert_eq!(of("waiting{sink=\"sink-s3\"}"), 0.0);
    assert_eq!(get("/readyz").as_deref(), Some("ready\n"));
    let tasks: Value = serde_json::from_str(&get("/tasks").unwrap()).unwrap();
    assert_eq!(tasks["sinks"][0]["name"], "sink-s3");
    assert_eq!(tasks["sinks"][0]["lag"], 0);
    let url = format!("http://127.0.0.1:{port}");
    let mut top = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    let top = top.args(["top", "--once", "--url", &url]).output().unwrap();
    let top = String::from_utf8(top.stdout).unwrap();
    assert!(top.contains("\nsink-s3: lag 0, "), "{top}");
    running.signal("TERM").unwrap();
    let ended = running.wait(LIMIT).unwrap();
    assert!(ended.status.success(), "{}", ended.stderr);
}

#[test]
fn setup_looks_whether_the_bucket_is_there() {
    let moto = Moto::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), &moto);
    let setup = |more: &[&str]| {
        let done = scorecard(folder.path(), &["setup", "s3"]).args(more).output().unwrap();
        (done.status.success(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
    };
    let (fine, told) = setup(&["--dry-run"]);
    assert!(fine && told.contains("below security/Resources/"), "{told}");
    assert!(told.ends_with("nothing was asked of it: this was a dry run\n"), "{told}");
    let (fine, told) = setup(&[]);
    assert!(!fine && told.contains("looking into it in bucket inventory: NoSuchBucket"), "{told}");
    python("make", &moto);
    let (fine, told) = setup(&[]);
    assert!(fine && told.ends_with("bucket inventory can be reached and listed\n"), "{told}");
}

#[test]
fn without_a_bucket_the_command_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scorecard.yaml"), "log: {local: ./log}\n").unwrap();
    let done = sink(folder.path());
    assert!(!done.status.success());
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("the configuration has no `s3`"), "{told}");
}

/// Clients tell their causes in their own texts too; nothing listens on port 1.
#[test]
fn a_server_that_can_not_be_reached_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scorecard.yaml");
    let url = "http://127.0.0.1:1";
    let config = format!(
        "log: {{local: ./log}}\nelasticsearch: {{url: {url}}}\nclickhouse: {{url: {url}}}\n"
    );
    std::fs::write(&file, config).unwrap();
    for system in ["elasticsearch", "clickhouse"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        let done = command.args(["setup", system, "--config"]).arg(&file).output().unwrap();
        assert!(!done.status.success());
        let told = String::from_utf8(done.stderr).unwrap();
        for cause in ["client error (Connect)", "Connection refused"] {
            assert_eq!(told.matches(cause).count(), 1, "{told}");
        }
        let causes: Vec<&str> = told.trim().split(": ").collect();
        let once: BTreeSet<_> = causes.iter().collect();
        assert_eq!(once.len(), causes.len(), "{told}");
    }
}
