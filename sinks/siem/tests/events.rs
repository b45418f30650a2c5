//! Events are what OCSF says they are: held to its schema, and compared with events made by hand.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use proptest::{collection::vec, option, prelude::*, sample::select};
use schemas::headers::text;
use schemas::topic::{COMPLIANCE_CHANGE, SIEM_EVENT};
use schemas::{
    ChangeKind, Codec, ComplianceChange, ComplianceKey, ComplianceState, Credit, Difference,
    Requirement, ResourceChange, ResourceKey, Severity, Standing, Verdict,
};
use serde_json::{Value, json};
use sink_siem::{Account, Config, Known, Unfit, event};
use stream::{Outgoing, RECORD_BYTES_MAX, Record};
use world::{
    ACCOUNT, AT_MS, account, cause, check, failing, finding, inventory, requirement, row, standing,
    transition, transition_of,
};

const FAIL: Standing = Standing { verdict: Verdict::Fail, credit: Credit::None };

fn known() -> Known {
    let account = account();
    let account = Account {
        provider: account.provider,
        name: account.name,
        owner: account.owner,
        executive: account.executive,
    };
    Known {
        requirements: [(requirement().id, requirement())].into(),
        accounts: [(ACCOUNT.to_owned(), account)].into(),
    }
}

fn made(record: &Record, known: &Known) -> Option<Value> {
    let made = event(record, known, &Config::default(), &Codec::default()).unwrap()?;
    let event = serde_json::from_slice(made.value.as_ref().unwrap()).unwrap();
    check(&event);
    Some(event)
}

#[test]
fn a_new_failure_is_a_created_finding() {
    let event = made(&finding(&row(), &transition(None, Some(FAIL))), &known()).unwrap();
    let expected = json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200_301,
        "type_name": "Compliance Finding: Create",
        "time": AT_MS,
        "severity_id": 4,
        "severity": "High",
        "status_id": 1,
        "status": "New",
        "message": "Fails: Buckets block public access (logs/2024 in prod-web)",
        "metadata": {
            "version": "1.8.0",
            "profiles": ["cloud"],
            "uid": "compliance.change/1/17",
            "correlation_uid": "observation/1/99",
            "log_name": "compliance.change",
            "product": {
                "name": "scorecard",
                "vendor_name": "scorecard",
                "version": env!("CARGO_PKG_VERSION")
            },
        },
        "cloud": {
            "provider": "AWS",
            "region": "eu-west-1",
            "account": {
                "uid": "123456789012",
                "name": "prod-web",
                "type_id": 10,
                "type": "AWS Account"
            },
        },
        "finding_info": {
            "uid": "s3-public-access/123456789012/eu-west-1/logs%2F2024/",
            "title": "Buckets block public access",
            "desc": "One wrong policy opens a bucket to everyone.",
            "first_seen_time": AT_MS,
        },
        "compliance": {
            "control": "s3-public-access",
            "standards": ["CIS AWS 3.0.0", "FSBP"],
            "requirements": ["CIS AWS 3.0.0 2.1.4", "CIS AWS 3.0.0 2.1.5", "FSBP S3.1"],
            "status_id": 3,
            "status": "Fail",
        },
        "resources": [{
            "uid": "logs/2024",
            "type": "AWS::S3::Bucket",
            "region": "eu-west-1",
            "role_id": 3,
            "role": "Affected",
            "owner": { "name": "ada@example.com", "email_addr": "ada@example.com" },
        }],
        "remediation": { "desc": "Turn on all four settings." },
        "unmapped": {
            "after": { "verdict": "fail", "credit": "none" },
            "weight": 8,
            "executive": "Grace",
        },
    });
    assert_eq!(event, expected);
}

#[test]
fn the_schema_refuses_what_ocsf_does_not_know() {
    let event = made(&finding(&row(), &transition(None, Some(FAIL))), &known()).unwrap();
    let (_, schema) = &world::CLASSES[0];
    assert!(schema.is_valid(&event));
    let spoiled = |spoil: &dyn Fn(&mut Value)| {
        let mut event = event.clone();
        spoil(&mut event);
        !schema.is_valid(&event)
    };
    assert!(spoiled(&|event| event["time"] = json!(AT_MS / 1_000)), "seconds");
    assert!(spoiled(&|event| event["activity_id"] = json!(2)), "the type's activity is another");
    assert!(spoiled(&|event| event["severity_id"] = json!(7)));
    assert!(spoiled(&|event| event["verdict"] = json!("fail")), "no attribute of the class");
    assert!(spoiled(&|event| event["resources"][0]["arn"] = json!("arn")), "nor of the object");
    for required in ["cloud", "compliance", "finding_info", "metadata", "time", "type_uid"] {
        let remove = |event: &mut Value| drop(event.as_object_mut().unwrap().remove(required));
        assert!(spoiled(&remove), "{required}");
    }
}

/// Activity, status of the finding, and status of compliance that each transition must have.
#[test]
fn every_transition_has_its_activity_and_status() {
    use Verdict::{Fail, NotApplicable, Pass, Unknown};
    let none = |verdict| Some(standing(verdict, Credit::None));
    let live = Some(standing(Fail, Credit::Live));
    let lapsed = Some(standing(Fail, Credit::Lapsed));
    let cases = [
        (None, none(Fail), Some((1, 1, 3))),
        (None, live, Some((1, 3, 3))),
        (none(Pass), none(Fail), Some((1, 1, 3))),
        (none(Unknown), none(Fail), Some((1, 1, 3))),
        // An exception is granted, expires, and is taken back: still failing.
        (none(Fail), live, Some((2, 3, 3))),
        (live, lapsed, Some((2, 1, 3))),
        (live, none(Fail), Some((2, 1, 3))),
        // Unknown is never pass.
        (none(Fail), none(Unknown), Some((2, 1, 0))),
        (none(Fail), none(Pass), Some((3, 4, 1))),
        (live, none(Pass), Some((3, 4, 1))),
        (none(Unknown), none(Pass), Some((3, 4, 1))),
        (none(Fail), none(NotApplicable), Some((3, 4, 99))),
        (none(Fail), None, Some((3, 4, 99))),
        (none(Unknown), None, Some((3, 4, 99))),
        // What never failed is no finding.
        (None, none(Pass), None),
        (None, none(Unknown), None),
        (none(Pass), none(Unknown), None),
        (none(Unknown), none(Unknown), None),
        (none(Pass), none(NotApplicable), None),
        (none(Pass), None, None),
    ];
    for (before, after, expected) in cases {
        let event = made(&finding(&row(), &transition(before, after)), &known());
        let found = event.map(|event| {
            let number = |value: &Value| value.as_u64().unwrap();
            let activity = number(&event["activity_id"]);
            assert_eq!(number(&event["type_uid"]), 200_300 + activity);
            let first = &event["finding_info"]["first_seen_time"];
            assert_eq!(first == &json!(AT_MS), activity == 1, "only the first is the first");
            (activity, number(&event["status_id"]), number(&event["compliance"]["status_id"]))
        });
        assert_eq!(found, expected, "{before:?} to {after:?}");
    }
}

#[test]
fn a_finding_names_its_resource_its_evidence_and_its_exception() {
    let live = Some(standing(Verdict::Fail, Credit::Live));
    let row_of = failing(Credit::Live);
    let event = made(&finding(&row(), &transition_of(None, live, &row_of)), &known()).unwrap();
    let resource = json!({
        "uid": "arn:aws:s3:::logs/2024",
        "uid_alt": "logs/2024",
        "name": "Logs of 2024",
        "type": "AWS::S3::Bucket",
        "region": "eu-west-1",
        "role_id": 3,
        "role": "Affected",
        "owner": { "name": "ada@example.com", "email_addr": "ada@example.com" },
    });
    assert_eq!(event["resources"], json!([resource]));
    let details = json!(["BlockPublicAcls is off", "a live exception accepts the risk"]);
    assert_eq!(event["compliance"]["status_details"], details);
    let exception = json!({
        "uid": "RISK-7",
        "reason": "moves away in May",
        "expiration_time": AT_MS + 1,
    });
    assert_eq!(event["unmapped"]["exception"], exception);

    let gone = made(&finding(&row(), &transition_of(live, None, &row_of)), &known()).unwrap();
    assert_eq!(gone["resources"], json!([resource]), "what is gone is still named");
    assert_eq!(gone["compliance"].get("status_details"), None);
    assert_eq!(gone["unmapped"].get("exception"), None);

    // Without a requirement the row tells the type, and without an ARN the id is the name.
    let nameless = ComplianceState { arn: String::new(), ..row_of };
    let record = finding(&row(), &transition_of(None, live, &nameless));
    let event = made(&record, &Known::default()).unwrap();
    let resource = &event["resources"][0];
    assert_eq!([&resource["uid"], &resource["type"]], ["logs/2024", "AWS::S3::Bucket"]);
    assert_eq!(resource.get("uid_alt"), None);
}

#[test]
fn severities_are_ocsfs() {
    // Source: the dictionary of OCSF 1.8.0, `severity_id`.
    let severities = [
        (Severity::Info, 1, "Informational"),
        (Severity::Low, 2, "Low"),
        (Severity::Medium, 3, "Medium"),
        (Severity::High, 4, "High"),
        (Severity::Critical, 5, "Critical"),
    ];
    for (severity, id, word) in severities {
        let mut known = known();
        known.requirements.get_mut("s3-public-access").unwrap().severity = severity;
        let event = made(&finding(&row(), &transition(None, Some(FAIL))), &known).unwrap();
        assert_eq!((&event["severity_id"], &event["severity"]), (&json!(id), &json!(word)));
    }
}

#[test]
fn what_is_not_known_is_not_invented() {
    let event = made(&finding(&row(), &transition(None, Some(FAIL))), &Known::default()).unwrap();
    assert_eq!(event["severity"], "Unknown");
    assert_eq!(event["finding_info"]["title"], "s3-public-access");
    assert_eq!(event["message"], "Fails: s3-public-access (logs/2024 in 123456789012)");
    let cloud = json!({
        "provider": "Unknown",
        "region": "eu-west-1",
        "account": { "uid": ACCOUNT, "type_id": 0, "type": "Unknown" },
    });
    assert_eq!(event["cloud"], cloud);
    assert!(event.get("remediation").is_none());
}

fn change(differences: Vec<Difference>) -> ResourceChange {
    ResourceChange {
        kind: ChangeKind::Updated,
        at_ms: AT_MS,
        differences,
        cause: cause(),
        first_trusted: vec!["arn:aws:iam::999988887777:root".to_owned()],
    }
}

fn difference(path: &str, before: Option<&str>, after: Option<&str>) -> Difference {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Difference { path: path.to_owned(), before: owned(before), after: owned(after) }
}

#[test]
fn a_resources_change_is_inventory_info() {
    let key = ResourceKey::new(ACCOUNT, "global", "AWS::IAM::Role", "deploy");
    let one = difference("/configuration/MaxSessionDuration", Some("3600"), None);
    let event = made(&inventory(&key, &change(vec![one])), &known()).unwrap();
    let expected = json!({
        "activity_id": 2,
        "activity_name": "Collect",
        "category_uid": 5,
        "category_name": "Discovery",
        "class_uid": 5023,
        "class_name": "Cloud Resources Inventory Info",
        "type_uid": 502_302,
        "type_name": "Cloud Resources Inventory Info: Collect",
        "time": AT_MS,
        "severity_id": 1,
        "severity": "Informational",
        "message": "Updated: AWS::IAM::Role deploy in prod-web",
        "metadata": {
            "version": "1.8.0",
            "profiles": ["cloud"],
            "uid": "resource.change/1/17",
            "correlation_uid": "observation/1/99",
            "log_name": "resource.change",
            "product": {
                "name": "scorecard",
                "vendor_name": "scorecard",
                "version": env!("CARGO_PKG_VERSION")
            },
        },
        "cloud": {
            "provider": "AWS",
            "account": {
                "uid": "123456789012",
                "name": "prod-web",
                "type_id": 10,
                "type": "AWS Account"
            },
        },
        "resources": [{
            "uid": "deploy",
            "type": "AWS::IAM::Role",
            "owner": { "name": "ada@example.com", "email_addr": "ada@example.com" },
        }],
        "unmapped": {
            "change": "updated",
            "differences": [{ "path": "/configuration/MaxSessionDuration", "before": "3600" }],
            "first_trusted": ["arn:aws:iam::999988887777:root"],
            "executive": "Grace",
        },
    });
    assert_eq!(event, expected);
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let key = ResourceKey::new(ACCOUNT, "eu-west-1", "AWS::S3::Bucket", "b");
    let long = "ü".repeat(600);
    let many = (0..101).map(|i| difference(&format!("/{i}"), None, Some(&long)));
    let event = made(&inventory(&key, &change(many.collect())), &known()).unwrap();
    assert_eq!(event["metadata"]["is_truncated"], true);
    let differences = event["unmapped"]["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 100);
    assert_eq!(differences[0]["after"], "ü".repeat(512), "1,024 bytes");

    let mut known = known();
    known.requirements.get_mut("s3-public-access").unwrap().why = "w".repeat(5_000);
    let event = made(&finding(&row(), &transition(None, Some(FAIL))), &known).unwrap();
    assert_eq!(event["metadata"]["is_truncated"], true);
    assert_eq!(event["finding_info"]["desc"], "w".repeat(4_096));

    let long = ComplianceState { evidence: "e".repeat(5_000), ..failing(Credit::None) };
    let record = finding(&row(), &transition_of(None, Some(FAIL), &long));
    let event = made(&record, &self::known()).unwrap();
    assert_eq!(event["metadata"]["is_truncated"], true);
    assert_eq!(event["compliance"]["status_details"], json!(["e".repeat(4_096)]));
}

#[test]
fn records_that_can_not_be_used_are_told() {
    let of = |record: &Record| event(record, &known(), &Config::default(), &Codec::default());
    let good = finding(&row(), &transition(None, Some(FAIL)));
    let without = Record { value: None, ..good.clone() };
    assert!(matches!(of(&without), Err(Unfit::Tombstone)));
    let strange = Record { key: b"%zz".to_vec(), ..good.clone() };
    assert!(matches!(of(&strange), Err(Unfit::Key)));
    let broken = Record { value: Some(vec![1, 2, 3]), ..good };
    assert!(matches!(of(&broken), Err(Unfit::Value(_))));
    let id = "r".repeat(RECORD_BYTES_MAX / 3);
    let key = ComplianceKey::new("s3-public-access", ACCOUNT, "eu-west-1", id, "");
    let large = finding(&key, &transition(None, Some(FAIL)));
    assert!(matches!(of(&large), Err(Unfit::TooLarge(bytes)) if bytes > RECORD_BYTES_MAX));
}

#[test]
fn records_carry_cloud_events_and_what_splunk_reads() {
    let record = finding(&row(), &transition(None, Some(FAIL)));
    let config = r#"{"splunk": {"index": "cloud", "sourcetype": "scorecard:ocsf"}}"#;
    let config: Config = serde_json::from_str(config).unwrap();
    let Outgoing { topic, partition, timestamp_ms, key, headers, .. } =
        event(&record, &known(), &config, &Codec::default()).unwrap().unwrap();
    assert_eq!((topic, partition, timestamp_ms), (SIEM_EVENT, 1, AT_MS));
    assert_eq!(key, ACCOUNT.as_bytes());
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", "compliance.change/1/17"),
        ("ce_type", "scorecard.siem.event.v1"),
        ("ce_source", "/scorecard/sink-siem"),
        ("ce_time", "2025-12-01T00:00:00.123Z"),
        ("content-type", "application/json"),
        ("splunk.header.index", "cloud"),
        ("splunk.header.sourcetype", "scorecard:ocsf"),
    ] {
        assert_eq!(text(&headers, name), Some(value), "{name}");
    }
    assert_eq!(headers.len(), 8, "and nothing for what is not configured");
    let plain = event(&record, &known(), &Config::default(), &Codec::default()).unwrap().unwrap();
    assert_eq!(plain.headers.len(), 6);
    assert_eq!(record.topic, COMPLIANCE_CHANGE.spec);
}

fn any_standing() -> impl Strategy<Value = Option<Standing>> {
    let standing = (select(Verdict::ALL), select(Credit::ALL));
    option::of(standing.prop_map(|(verdict, credit)| Standing { verdict, credit }))
}

fn any_known() -> impl Strategy<Value = Known> {
    let requirement =
        (select(Severity::ALL), vec(".{0,20}", 0..4), (".{0,40}", ".{0,40}", ".{0,40}", ".{0,10}"))
            .prop_map(|(severity, controls, (title, why, remediation, resource_type))| {
                Requirement {
                    severity,
                    controls,
                    title,
                    why,
                    remediation,
                    resource_type,
                    ..requirement()
                }
            });
    let account = (".{0,8}", ".{0,12}", option::of(".{0,12}"), option::of(".{0,12}")).prop_map(
        |(provider, name, owner, executive)| Account { provider, name, owner, executive },
    );
    let account = prop_oneof![account, Just(known().accounts[ACCOUNT].clone())];
    (option::of(requirement), option::of(account)).prop_map(|(requirement, account)| Known {
        requirements: requirement.into_iter().map(|one| (one.id.clone(), one)).collect(),
        accounts: account.into_iter().map(|one| (ACCOUNT.to_owned(), one)).collect(),
    })
}

fn any_row() -> impl Strategy<Value = ComplianceState> {
    let texts = (".{0,12}", ".{0,12}", ".{0,12}", ".{0,40}");
    let exception = (option::of(".{0,8}"), option::of(".{0,40}"), option::of(any_time()));
    (texts, exception).prop_map(|((resource_type, name, arn, evidence), exception)| {
        let (exception, exception_reason, exception_expires_ms) = exception;
        ComplianceState {
            resource_type,
            name,
            arn,
            evidence,
            exception,
            exception_reason,
            exception_expires_ms,
            ..ComplianceState::default()
        }
    })
}

/// Times of the years 2001 to 2286, which the schemas take for milliseconds.
fn any_time() -> impl Strategy<Value = i64> {
    1_000_000_000_000..=9_999_999_999_999_i64
}

proptest! {
    #[test]
    fn any_transition_gives_a_valid_event(
        (before, after) in (any_standing(), any_standing()),
        row in option::of(any_row()),
        known in any_known(),
        at_ms in any_time(),
        (region, resource, part) in (".{0,12}", ".{0,60}", ".{0,20}"),
    ) {
        let key = ComplianceKey::new("s3-public-access", ACCOUNT, region, resource, part);
        let change = ComplianceChange { at_ms, row, ..transition(before, after) };
        let event = made(&finding(&key, &change), &known);
        let fails = after.is_some_and(|after| after.verdict == Verdict::Fail);
        prop_assert!(event.is_some() || !fails, "no failure is kept from a SIEM");
        if let Some(event) = event {
            prop_assert_eq!(&event["time"], &json!(at_ms));
            let suppressed = event["status_id"] == 3;
            let live = after.is_some_and(|after| after.credit == Credit::Live);
            prop_assert_eq!(suppressed, live && event["activity_id"] != 3);
            let passes = after.is_some_and(|after| after.verdict == Verdict::Pass);
            prop_assert_eq!(event["compliance"]["status_id"] == 1, passes);
        }
    }

    #[test]
    fn any_change_of_a_resource_gives_a_valid_event(
        kind in select(ChangeKind::ALL),
        differences in vec((".{0,30}", option::of(".{0,30}"), option::of(".{0,30}")), 0..5),
        first_trusted in vec(".{0,30}", 0..3),
        known in any_known(),
        at_ms in any_time(),
        (region, resource_type, id) in (".{0,12}", ".{0,20}", ".{0,60}"),
    ) {
        let key = ResourceKey::new(ACCOUNT, region, resource_type, id.clone());
        let differences = differences
            .into_iter()
            .map(|(path, before, after)| Difference { path, before, after })
            .collect();
        let change = ResourceChange { kind, at_ms, differences, cause: cause(), first_trusted };
        let event = made(&inventory(&key, &change), &known).unwrap();
        prop_assert_eq!(&event["resources"][0]["uid"], &json!(id));
    }
}
