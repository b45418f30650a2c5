//! Each kind of record comes to a document whose fields are all on the list.

use std::collections::BTreeMap;

use schemas::{
    AccountKey, AccountState, Cause, ChangeKind, ComplianceChange, ComplianceKey, ComplianceState,
    Credit, Difference, ExceptionPhase, Resource, ResourceChange, ResourceKey, ResourceState,
    RollupKey, RollupState, ScoreKey, ScoreState, Standing, Topic, TrustCondition, TrustKey,
    TrustState, TypeCoverage, Verdict,
};

use super::*;
use crate::facts::of_account;
use crate::mapping::fields;

const AT_MS: i64 = 1_764_547_199_999;
const AT: &str = "2025-11-30T23:59:59.999Z";

fn record<K: Key, V: Row>(topic: &Topic<K, V>, key: &K, value: Option<&V>) -> Record {
    Record {
        topic: topic.spec,
        partition: 3,
        offset: 17,
        timestamp_ms: AT_MS,
        key: key.encode().into_bytes(),
        value: value.map(|value| Codec::default().encode("t", value).unwrap()),
        headers: Vec::new(),
    }
}

/// Gives the document, once its fields are on the list of its kind.
fn checked(record: &Record, known: &Known) -> Value {
    let (mut document, _) = document(record, known, &Codec::default()).unwrap();
    set(&mut document, "event.id", json!("x"));
    let kind = kind_of(record.topic).unwrap();
    let list = fields(kind);
    for field in leaves(&document, "", &list) {
        assert!(list.contains_key(&*field), "{kind:?}: {field} is not on the list: {document}");
    }
    document
}

/// Gives dotted names down to fields that hold documents of their own.
fn leaves(value: &Value, name: &str, list: &BTreeMap<&str, &str>) -> Vec<String> {
    let ends = ["flattened", "stored", "integer_range"];
    match value {
        Value::Object(members) if !list.get(name).is_some_and(|word| ends.contains(word)) => {
            let below = members.iter().flat_map(|(member, value)| {
                let dot = if name.is_empty() { "" } else { "." };
                leaves(value, &format!("{name}{dot}{member}"), list)
            });
            below.collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| leaves(item, name, list)).collect(),
        _ => vec![name.to_owned()],
    }
}

fn group() -> ResourceState {
    let resource = Resource {
        provider: "aws".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        resource_type: "AWS::EC2::SecurityGroup".to_owned(),
        id: "sg-1".to_owned(),
        name: "web".to_owned(),
        arn: "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1".to_owned(),
        tags: [("team.name".to_owned(), "shop".to_owned())].into(),
        configuration: r#"{"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}], "PrivateIpAddress": "10.0.0.1"}"#
            .to_owned(),
        supplementary: "{}".to_owned(),
        errors: [("rules".to_owned(), "AccessDenied: no".to_owned())].into(),
        truncated: vec!["/configuration/x".to_owned()],
        captured_ms: AT_MS,
    };
    ResourceState { resource, scope_region: "eu-west-1".to_owned(), first_seen_ms: AT_MS }
}

#[test]
fn a_resource_is_found_by_its_account_its_ports_and_its_addresses() {
    let state = group();
    let account = AccountState {
        provider: "aws".to_owned(),
        name: "Shop".to_owned(),
        owner: Some("ann".to_owned()),
        ..AccountState::default()
    };
    let known = Known::from([((About::Account, "111122223333".to_owned()), of_account(&account))]);
    let record = record(&topic::RESOURCE_STATE, &state.resource.key(), Some(&state));
    let document = checked(&record, &known);
    assert_eq!(document["@timestamp"], AT);
    assert_eq!(document["event"]["kind"], "asset");
    assert_eq!(document["cloud"]["account"]["name"], "Shop");
    assert_eq!(document["scorecard"]["owner"], "ann");
    assert_eq!(document["scorecard"]["openings"][0]["world"], true);
    assert_eq!(document["scorecard"]["tags"]["team.name"], "shop");
    assert_eq!(document["related"]["ip"], json!(["10.0.0.1"]));
    assert_eq!(document["scorecard"]["cut"], json!(["/configuration/x"]));
    assert_eq!(document["kafka"]["offset"], 17);
    let gone = checked(&Record { value: None, ..record }, &known);
    assert_eq!(gone["scorecard"]["deleted"], true);
    assert_eq!(gone["event"]["type"], json!(["deletion"]));
    assert_eq!(gone["resource"]["id"], "sg-1");
}

fn verdict(verdict: Verdict) -> ComplianceState {
    ComplianceState {
        verdict,
        resource_type: "AWS::EC2::SecurityGroup".to_owned(),
        name: "web".to_owned(),
        arn: "arn:aws:ec2:eu-west-1:1:security-group/sg-1".to_owned(),
        evidence: "port 22".to_owned(),
        exception: Some("RISK-1".to_owned()),
        exception_reason: Some("old".to_owned()),
        exception_expires_ms: Some(AT_MS),
        exception_phase: Some(ExceptionPhase::Live),
        flips_ms: Some(AT_MS),
        totals: Some(schemas::Totals { failing: 1, total: 2 }),
        ..ComplianceState::default()
    }
}

#[test]
fn a_verdict_is_in_the_words_that_kibana_counts() {
    let key = ComplianceKey::new("no-ssh", "1", "eu-west-1", "sg-1", "22");
    for (found, word, outcome) in [
        (Verdict::Pass, "passed", "success"),
        (Verdict::Fail, "failed", "success"),
        (Verdict::Unknown, "unknown", "unknown"),
        (Verdict::NotApplicable, "not_applicable", "success"),
    ] {
        let row = verdict(found);
        let document = checked(&record(&topic::COMPLIANCE_STATE, &key, Some(&row)), &Known::new());
        assert_eq!(document["result"]["evaluation"], word);
        assert_eq!(document["event"]["outcome"], outcome);
        assert_eq!(document["rule"]["id"], "no-ssh");
        assert_eq!(document["resource"]["id"], "sg-1");
        assert_eq!(document["scorecard"]["exception"]["expires"], AT);
    }
}

#[test]
fn accounts_trust_and_figures_are_documents() {
    let account = AccountState {
        provider: "aws".to_owned(),
        payer: "9".to_owned(),
        units: vec!["prod".to_owned()],
        tags: [("a".to_owned(), "b".to_owned())].into(),
        status_since_ms: Some(AT_MS),
        spend_cents: Some(5),
        coverage: vec![TypeCoverage {
            resource_type: "T".to_owned(),
            scopes: 3,
            collected: 2,
            failed: 1,
            oldest_ms: Some(AT_MS),
            error: Some("denied".to_owned()),
            resources: 4,
        }],
        ..AccountState::default()
    };
    let none = Known::new();
    let key = AccountKey::new("1");
    let document = checked(&record(&topic::ACCOUNT_STATE, &key, Some(&account)), &none);
    assert_eq!(document["scorecard"]["scopes_failed"], 1);

    let trust = TrustState {
        through: vec!["k".to_owned()],
        names: vec!["n".to_owned()],
        conditions: vec![TrustCondition { key: "sts:ExternalId".to_owned(), resources: 1 }],
        principal_account: Some("2".to_owned()),
        vendor: Some("V".to_owned()),
        ..TrustState::default()
    };
    let key = TrustKey::new("1", "arn:aws:iam::2:root");
    let document = checked(&record(&topic::TRUST_STATE, &key, Some(&trust)), &none);
    assert_eq!(document["scorecard"]["trust"]["principal_account"], "2");

    let score = ScoreState {
        score: Some(750_000_000),
        total: 4,
        noncompliant: 1,
        oldest_ms: Some(AT_MS),
        ..ScoreState::default()
    };
    for (requirement, whole) in [("*", true), ("no-ssh", false)] {
        let key = ScoreKey::new("1", requirement);
        for topic in [topic::SCORE_STATE, topic::SCORE_HISTORY] {
            let document = checked(&record(&topic, &key, Some(&score)), &none);
            assert_eq!(document["scorecard"]["score"]["value"], 0.75);
            assert_eq!(document["scorecard"]["score"]["whole_account"], whole);
            assert_eq!(document["passed_findings"], 3);
        }
    }
    let rollup =
        RollupState { score: Some(1), trusted_by: vec!["1".to_owned()], ..RollupState::default() };
    let key = RollupKey::new("owner", "ann");
    let document = checked(&record(&topic::ROLLUP_STATE, &key, Some(&rollup)), &none);
    assert_eq!(document["scorecard"]["rollup"]["id"], "ann");
}

#[test]
fn changes_are_events_at_their_own_time() {
    let cause = Cause { topic: "observation".to_owned(), partition: 1, offset: 2 };
    let change = ResourceChange {
        kind: ChangeKind::Updated,
        at_ms: AT_MS - 1,
        differences: vec![Difference {
            path: "/configuration/a".to_owned(),
            before: None,
            after: Some("x".repeat(10_000)),
        }],
        cause: cause.clone(),
        first_trusted: vec!["p".to_owned()],
    };
    let key = ResourceKey::new("1", "r", "T", "i");
    let document = checked(&record(&topic::RESOURCE_CHANGE, &key, Some(&change)), &Known::new());
    assert_eq!(document["@timestamp"], "2025-11-30T23:59:59.998Z");
    assert_eq!(document["event"]["created"], AT);
    assert_eq!(document["event"]["action"], "resource-updated");
    let after = &document["scorecard"]["differences"]["items"][0]["after"];
    assert_eq!(after.as_str().unwrap().len(), 4_096);

    let standing = |verdict, credit| Some(Standing { verdict, credit });
    let (pass, fail) =
        (standing(Verdict::Pass, Credit::None), standing(Verdict::Fail, Credit::None));
    let credited = standing(Verdict::Fail, Credit::Live);
    let key = ComplianceKey::new("q", "1", "r", "i", "");
    for (before, after, action) in [
        (None, pass, "verdict-given"),
        (pass, fail, "verdict-changed"),
        (fail, credited, "credit-changed"),
        (fail, None, "verdict-gone"),
    ] {
        let cause = cause.clone();
        let change = ComplianceChange { before, after, at_ms: AT_MS, cause, row: None };
        let record = record(&topic::COMPLIANCE_CHANGE, &key, Some(&change));
        assert_eq!(checked(&record, &Known::new())["event"]["action"], action);
        let empty = Record { value: None, ..record };
        let error = document_error(&empty);
        assert!(matches!(error, Unfit::Empty), "{error}");
    }
}

#[test]
fn a_transition_says_of_its_resource_what_the_verdict_says() {
    let row = verdict(Verdict::Fail);
    let key = ComplianceKey::new("no-ssh", "1", "eu-west-1", "sg-1", "22");
    let table = checked(&record(&topic::COMPLIANCE_STATE, &key, Some(&row)), &Known::new());
    let fails = Some(Standing { verdict: Verdict::Fail, credit: Credit::Live });
    let told = |before, after, row: Option<&ComplianceState>| {
        let cause = Cause { topic: "tick".to_owned(), partition: 3, offset: 1 };
        let row = row.cloned();
        let change = ComplianceChange { before, after, at_ms: AT_MS, cause, row };
        checked(&record(&topic::COMPLIANCE_CHANGE, &key, Some(&change)), &Known::new())
    };
    let whole = told(None, fails, Some(&row));
    for field in ["/resource", "/entity", "/result", "/message", "/scorecard/arn", "/rule"] {
        assert!(table.pointer(field).is_some(), "{field}");
        assert_eq!(whole.pointer(field), table.pointer(field), "{field}");
    }
    assert_eq!(whole["scorecard"]["exception"], table["scorecard"]["exception"]);
    assert_eq!(whole["event"]["outcome"], "success");

    let gone = told(fails, None, Some(&row));
    assert_eq!(gone["entity"]["id"], row.arn);
    assert_eq!(gone["entity"]["name"], "web");
    assert_eq!([&gone["message"], &gone["result"]], [&Value::Null; 2], "it is judged no more");

    // Older releases wrote no row.
    let older = told(None, fails, None);
    assert_eq!(older["entity"], json!({"id": "sg-1"}));
    assert_eq!(older["result"], json!({"evaluation": "failed"}));
}

fn document_error(record: &Record) -> Unfit {
    document(record, &Known::new(), &Codec::default()).unwrap_err()
}
