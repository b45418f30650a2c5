//! A broadcast topic of which a producer reached some partitions only.

use schemas::{Codec, RequirementKey, topic};
use stream::{Log, Publisher, local::LocalLog, snapshot};

fn requirement(id: &str, weight: i64) -> schemas::Requirement {
    schemas::Requirement {
        id: id.to_owned(),
        title: String::new(),
        why: String::new(),
        severity: schemas::Severity::Low,
        weight,
        resource_type: "T".to_owned(),
        scoring: schemas::Scoring::Resources,
        rule: None,
        checks: Vec::new(),
        remediation: String::new(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

#[test]
fn only_what_every_partition_has_is_agreed() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = LocalLog::open(folder.path(), 3, "scorecard").expect("a log");
    log.apply().expect("topics");
    let codec = Codec::default();
    let mut publisher = Publisher::open(&log, &codec, "scorecard", "test").expect("a publisher");
    for id in ["whole", "changed", "gone", "withdrawn"] {
        let key = RequirementKey::new(id);
        publisher.put(&topic::REQUIREMENT, &key, &requirement(id, 1), 1).expect("a record");
    }
    publisher.tombstone(&topic::REQUIREMENT, &RequirementKey::new("withdrawn"), 2).expect("one");
    publisher.flush().expect("durable");

    // What a producer that died in the middle leaves: one partition has the change, two do not.
    let value = |row| codec.encode("scorecard.requirement.v1", &row).expect("bytes");
    let torn = [
        ("changed", Some(value(requirement("changed", 9)))),
        ("gone", None),
        ("new", Some(value(requirement("new", 1)))),
    ];
    let records = torn.into_iter().map(|(key, value)| stream::Outgoing {
        topic: topic::REQUIREMENT.spec,
        partition: 1,
        timestamp_ms: 3,
        key: key.as_bytes().to_vec(),
        value,
        headers: Vec::new(),
    });
    log.writer("test").expect("a writer").append(records.collect()).expect("appended");

    let agreed = snapshot::agreed(&log, &codec, "scorecard", &topic::REQUIREMENT).expect("a table");
    let of: Vec<(&str, Option<i64>)> = agreed
        .iter()
        .map(|(key, row)| (&*key.requirement, row.as_ref().map(|row| row.weight)))
        .collect();
    assert_eq!(of, [("changed", None), ("gone", None), ("new", None), ("whole", Some(1))]);
}
