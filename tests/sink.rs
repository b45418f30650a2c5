//! `scorecard sink s3`: a log goes in, and boto3 finds the inventory in the bucket.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use kit::moto::Moto;
use schemas::{Codec, Resource, ResourceState, topic};
use serde_json::Value;
use stream::{Log, LogConfig, Publisher};

const BUCKET: &str = "inventory";

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

fn sink(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scorecard"))
        .args(["sink", "s3", "--once", "--config"])
        .arg(folder.join("scorecard.yaml"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .output()
        .unwrap()
}

fn python(verb: &str, moto: &Moto) -> String {
    kit::python("sinks/s3/tests/bucket.py", &[verb, &moto.endpoint(), BUCKET]).unwrap()
}

#[test]
fn the_log_is_found_in_the_bucket_by_boto3() {
    let moto = Moto::start().unwrap();
    python("make", &moto);
    let folder = tempfile::tempdir().unwrap();
    let endpoint = moto.endpoint();
    let s3 = format!("{{bucket: {BUCKET}, prefix: security/, endpoint: \"{endpoint}\"}}");
    let config = format!("log: {{local: ./log}}\ns3: {s3}\n");
    std::fs::write(folder.path().join("scorecard.yaml"), config).unwrap();
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

#[test]
fn without_a_bucket_the_command_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scorecard.yaml"), "log: {local: ./log}\n").unwrap();
    let done = sink(folder.path());
    assert!(!done.status.success());
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("the configuration has no `s3`"), "{told}");
}
