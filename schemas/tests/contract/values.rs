//! Values of every kind survive both ways, and their bytes are what Avro's specification says.

use std::collections::BTreeMap;

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value as Avro};
use schemas::{
    AccountListing, AccountRegister, AccountStatus, Cause, ChangeKind, CheckMapping, Codec,
    ComplianceChange, ComplianceState, Contribution, Credit, Difference, Exception, Finding,
    FindingStatus, FindingSubject, Observation, ObservationEvent, PrincipalKind, Report,
    ReportEvent, Requirement, Resource, ResourceChange, ResourceState, RollupState, RuleText,
    ScanUnit, ScoreState, ScoreStatus, Scoring, Severity, Spend, Standing, Tick, TrustState, Value,
    Verdict,
};

use crate::{golden::golden, schema};

const UGLY: &str = "ü \u{0} \"<>&' \u{1F512}\n";

pub(crate) fn resource() -> Resource {
    Resource {
        provider: "aws".into(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        resource_type: "AWS::S3::Bucket".into(),
        id: UGLY.into(),
        name: String::new(),
        arn: "arn:aws:s3:::b".into(),
        tags: BTreeMap::from([(UGLY.into(), String::new()), ("a".into(), UGLY.into())]),
        configuration: format!("{{\"Large\":\"{}\"}}", "x".repeat(300_000)),
        supplementary: "{}".into(),
        errors: BTreeMap::from([("Acl".into(), "AccessDenied: no".into())]),
        truncated: vec!["/configuration/Large".into()],
        captured_ms: i64::MAX,
    }
}

/// Encodes, checks the frame and the datum by other means, decodes.
#[track_caller]
fn check<V: Value>(topic: &str, value: &V) {
    let codec = Codec::default();
    let bytes = codec.encode(&format!("scorecard.{topic}.v1"), value).expect("bytes");
    let text = golden(topic);
    assert_eq!(bytes[..2], [0xc3, 0x01]);
    assert_eq!(bytes[2..10], schema::fingerprint(&text).to_le_bytes(), "{topic}'s fingerprint");
    let parsed = Schema::parse_str(&text).expect("a schema");
    let reader = GenericDatumReader::builder(&parsed).build().expect("a reader");
    let mut datum = &bytes[10..];
    let read = reader.read_value(&mut datum).expect("a datum of the golden schema");
    assert!(datum.is_empty(), "the datum ends with the bytes");
    let json = serde_json::to_value(value).expect("JSON");
    let Avro::Record(fields) = read else { panic!("{topic} is a record") };
    let names: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
    for name in json.as_object().expect("an object").keys() {
        assert!(names.contains(&name), "{topic}.{name} is in the datum");
    }
    for (name, field) in &fields {
        if let Avro::String(text) = field {
            assert_eq!(json[name].as_str(), Some(text.as_str()), "{topic}.{name}");
        }
        if let Avro::Long(number) = field {
            assert_eq!(json[name].as_i64(), Some(*number), "{topic}.{name}");
        }
    }
    assert_eq!(&codec.decode::<V>(&bytes).expect("the value"), value);
}

#[test]
fn accounts_and_registers() {
    for status in AccountStatus::ALL {
        check(
            "account.listing",
            &AccountListing {
                provider: "aws".into(),
                account: "111122223333".into(),
                payer: String::new(),
                name: UGLY.into(),
                email: "a@example.com".into(),
                status: *status,
            },
        );
    }
    for owner in [None, Some(String::new()), Some(UGLY.to_owned())] {
        check(
            "account.register",
            &AccountRegister {
                account: "1".into(),
                name: owner.clone(),
                owner,
                executive: None,
                third_party: true,
                approved: false,
            },
        );
    }
    check(
        "spend",
        &Spend { account: "1".into(), cents: i64::MIN, currency: "USD".into(), captured_ms: 0 },
    );
    check("tick", &Tick { minute_ms: i64::MAX });
    check(
        "exception",
        &Exception {
            id: "RA-1".into(),
            accounts: vec!["*".into()],
            requirements: vec![],
            resource: UGLY.into(),
            approved: true,
            reason: String::new(),
            owner: String::new(),
            expires_ms: Some(-1),
        },
    );
}

#[test]
fn the_standard() {
    for (severity, scoring) in Severity::ALL.iter().zip(Scoring::ALL) {
        check(
            "requirement",
            &Requirement {
                id: "r".into(),
                title: UGLY.into(),
                why: String::new(),
                severity: *severity,
                weight: 0,
                resource_type: "T".into(),
                scoring: *scoring,
                rule: Some(RuleText {
                    each: None,
                    part: Some("p".into()),
                    applies: None,
                    pass: "true".into(),
                    message: Some(UGLY.into()),
                }),
                checks: vec![CheckMapping {
                    source: "s".into(),
                    check: "c".into(),
                    warn_passes: true,
                }],
                remediation: String::new(),
            },
        );
    }
}

#[test]
fn what_is_seen() {
    for event in [
        ObservationEvent::Started {},
        ObservationEvent::Observed { resource: resource() },
        ObservationEvent::Completed { count: i64::MAX },
        ObservationEvent::Failed { error: UGLY.into() },
    ] {
        check(
            "observation",
            &Observation {
                scan: "2026".into(),
                attempt: i32::MAX,
                provider: "aws".into(),
                account: "1".into(),
                region: "global".into(),
                resource_type: "T".into(),
                event,
            },
        );
    }
    check(
        "scan.unit",
        &ScanUnit {
            scan: "s".into(),
            attempt: 1,
            account: "1".into(),
            region: "r".into(),
            collectors: vec![String::new(), UGLY.into()],
        },
    );
    for (subject, status) in FindingSubject::ALL.iter().zip(FindingStatus::ALL) {
        let finding = Finding {
            check: "c".into(),
            subject: *subject,
            region: "r".into(),
            resource: UGLY.into(),
            status: *status,
            message: String::new(),
        };
        for event in [
            ReportEvent::Started {},
            ReportEvent::Found { finding },
            ReportEvent::Completed { count: 0, complete: true },
            ReportEvent::Failed { error: String::new() },
        ] {
            let (source, report, account) = ("s".into(), "r".into(), "1".into());
            check("report", &Report { source, report, account, event });
        }
    }
}

#[test]
fn tables_and_changes() {
    let cause = Cause { topic: "observation".into(), partition: 3, offset: i64::MAX };
    check(
        "resource.state",
        &ResourceState { resource: resource(), scope_region: "global".into(), first_seen_ms: 0 },
    );
    for kind in ChangeKind::ALL {
        check(
            "resource.change",
            &ResourceChange {
                kind: *kind,
                at_ms: 0,
                differences: vec![Difference {
                    path: "/a".into(),
                    before: None,
                    after: Some("1".into()),
                }],
                cause: cause.clone(),
            },
        );
    }
    for kind in PrincipalKind::ALL {
        check(
            "trust.state",
            &TrustState {
                kind: *kind,
                principal_account: None,
                known: false,
                through: vec![UGLY.into()],
            },
        );
    }
    for (verdict, credit) in Verdict::ALL.iter().zip(Credit::ALL.iter().cycle()) {
        let standing = Standing { verdict: *verdict, credit: *credit };
        check(
            "compliance.state",
            &ComplianceState {
                resource_type: "T".into(),
                name: UGLY.into(),
                arn: String::new(),
                verdict: *verdict,
                held: true,
                evidence: UGLY.into(),
                source: "rule".into(),
                credit: *credit,
                exception: Some("RA-1".into()),
                exception_reason: None,
                exception_expires_ms: Some(i64::MIN),
                since_ms: 0,
                flips_ms: None,
            },
        );
        check(
            "compliance.change",
            &ComplianceChange {
                before: None,
                after: Some(standing),
                at_ms: 0,
                cause: cause.clone(),
            },
        );
    }
    for status in ScoreStatus::ALL {
        let score = ScoreState {
            status: *status,
            score: Some(1),
            weight: 2,
            weighted_score: 3,
            total: 4,
            noncompliant: 5,
            excepted: 6,
            expired: 7,
            unknown: 8,
            scopes: 9,
            scopes_collected: 10,
            oldest_ms: None,
        };
        check("score.state", &score);
        check("score.history", &score);
    }
    check(
        "contribution",
        &Contribution {
            weight: None,
            score: Some(i64::MAX),
            total: 0,
            noncompliant: 0,
            excepted: 0,
        },
    );
    check(
        "rollup.state",
        &RollupState {
            score: None,
            weight: 1,
            weighted_score: 2,
            accounts: 3,
            scored: 4,
            total: 5,
            noncompliant: 6,
            excepted: 7,
        },
    );
}
