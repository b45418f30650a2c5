//! Records to make events of, and the JSON Schemas that events are held to.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemas::topic::{ACCOUNT_STATE, COMPLIANCE_CHANGE, REQUIREMENT, RESOURCE_CHANGE};
use schemas::{
    AccountKey, AccountState, Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState,
    Credit, Key, Requirement, RequirementKey, ResourceChange, ResourceKey, Scoring, Severity,
    Standing, Topic, Value, Verdict, partition_of,
};
use stream::{Outgoing, Record};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const AT_MS: i64 = 1_764_547_200_123;
pub(crate) const PARTITIONS: i32 = 3;

/// The classes' schemas, by their `class_uid`.
pub(crate) static CLASSES: LazyLock<[(u64, Validator); 2]> = LazyLock::new(|| {
    let compile = |text: &str| {
        let schema = serde_json::from_str(text).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    };
    [
        (2003, compile(include_str!("../ocsf/compliance_finding.json"))),
        (5023, compile(include_str!("../ocsf/cloud_resources_inventory_info.json"))),
    ]
});

/// Holds an event to the schema of its class.
pub(crate) fn check(event: &serde_json::Value) {
    let class = event["class_uid"].as_u64().unwrap();
    let (_, schema) = CLASSES.iter().find(|(uid, _)| *uid == class).unwrap();
    let problems: Vec<String> =
        schema.iter_errors(event).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}\n{event:#}");
}

pub(crate) fn cause() -> Cause {
    Cause { topic: "observation".to_owned(), partition: 1, offset: 99 }
}

pub(crate) fn standing(verdict: Verdict, credit: Credit) -> Standing {
    Standing { verdict, credit }
}

pub(crate) fn transition(before: Option<Standing>, after: Option<Standing>) -> ComplianceChange {
    ComplianceChange { before, after, at_ms: AT_MS, cause: cause(), row: None }
}

/// A transition into a row, as it stands or last was.
pub(crate) fn transition_of(
    before: Option<Standing>,
    after: Option<Standing>,
    row: &ComplianceState,
) -> ComplianceChange {
    ComplianceChange { row: Some(row.clone()), ..transition(before, after) }
}

/// A failing row with the exception that concerns it.
pub(crate) fn failing(credit: Credit) -> ComplianceState {
    ComplianceState {
        resource_type: "AWS::S3::Bucket".to_owned(),
        name: "Logs of 2024".to_owned(),
        arn: "arn:aws:s3:::logs/2024".to_owned(),
        verdict: Verdict::Fail,
        evidence: "BlockPublicAcls is off".to_owned(),
        credit,
        exception: Some("RISK-7".to_owned()),
        exception_reason: Some("moves away in May".to_owned()),
        exception_expires_ms: Some(AT_MS + 1),
        ..ComplianceState::default()
    }
}

pub(crate) fn row() -> ComplianceKey {
    ComplianceKey::new("s3-public-access", ACCOUNT, "eu-west-1", "logs/2024", "")
}

pub(crate) fn requirement() -> Requirement {
    Requirement {
        id: "s3-public-access".to_owned(),
        title: "Buckets block public access".to_owned(),
        why: "One wrong policy opens a bucket to everyone.".to_owned(),
        severity: Severity::High,
        weight: 8,
        resource_type: "AWS::S3::Bucket".to_owned(),
        scoring: Scoring::Resources,
        rule: None,
        checks: Vec::new(),
        remediation: "Turn on all four settings.".to_owned(),
        controls: ["CIS AWS 3.0.0 2.1.4", "CIS AWS 3.0.0 2.1.5", "FSBP S3.1"]
            .map(str::to_owned)
            .to_vec(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

pub(crate) fn account() -> AccountState {
    AccountState {
        provider: "aws".to_owned(),
        account: ACCOUNT.to_owned(),
        name: "prod-web".to_owned(),
        owner: Some("ada@example.com".to_owned()),
        executive: Some("Grace".to_owned()),
        ..AccountState::default()
    }
}

/// A record of a typed topic, at an offset of the partition of its account.
pub(crate) fn record<K: Key, V: Value>(topic: &Topic<K, V>, key: &K, value: &V) -> Record {
    Record {
        topic: topic.spec,
        partition: 1,
        offset: 17,
        timestamp_ms: AT_MS,
        key: key.encode().into_bytes(),
        value: Some(Codec::default().encode_for(topic.spec, "t", value).unwrap()),
        headers: Vec::new(),
    }
}

pub(crate) fn finding(key: &ComplianceKey, change: &ComplianceChange) -> Record {
    record(&COMPLIANCE_CHANGE, key, change)
}

pub(crate) fn inventory(key: &ResourceKey, change: &ResourceChange) -> Record {
    record(&RESOURCE_CHANGE, key, change)
}

pub(crate) fn of_requirement(requirement: &Requirement) -> Record {
    record(&REQUIREMENT, &RequirementKey::new(&*requirement.id), requirement)
}

pub(crate) fn of_account(account: &AccountState) -> Record {
    record(&ACCOUNT_STATE, &AccountKey::new(&*account.account), account)
}

/// The record as its writer appends it to the partition of an account.
pub(crate) fn placed(record: Record, account: &str) -> Outgoing {
    let partition = partition_of(&AccountKey::new(account).partition_key(), PARTITIONS);
    Outgoing { partition, ..record.into() }
}
