//! Records of each topic by hand, and what their rows must hold.

use super::*;
use schemas::{Cause, Credit, ScoreStatus, TopicSpec, Verdict};

fn record(topic: &'static TopicSpec, key: &impl Key, value: Option<Vec<u8>>) -> Record {
    Record {
        topic,
        partition: 0,
        offset: 7,
        timestamp_ms: 1_000,
        key: key.encode().into_bytes(),
        value,
        headers: Vec::new(),
    }
}

fn bytes<V: Value>(value: &V) -> Option<Vec<u8>> {
    Some(Codec::default().encode("t", value).unwrap())
}

fn made(record: &Record) -> Made {
    encode(&Codec::default(), 2, record).unwrap()
}

#[test]
fn a_score_keeps_its_counts_and_tells_where_it_lies() {
    let value = ScoreState {
        status: ScoreStatus::Scored,
        score: Some(750_000_000),
        weight: 3,
        total: 4,
        noncompliant: 2,
        excepted: 1,
        oldest_ms: Some(i64::MAX),
        ..ScoreState::default()
    };
    let record = record(SCORE_HISTORY.spec, &ScoreKey::new("1", "*"), bytes(&value));
    let Made::Row(TableRow::Score(row)) = made(&record) else { panic!("no score") };
    assert_eq!((&*row.account, &*row.requirement, row.at), ("1", "*", 1_000));
    assert_eq!((row.score, row.total, row.noncompliant, row.excepted), (Some(0.75), 4, 2, 1));
    // `date -u -d '2299-12-31 23:59:59' +%s`
    assert_eq!(row.oldest, Some(10_413_791_999_999));
    assert_eq!((row.log_topic, row.log_partition, row.log_offset), ("score.history", 0, 7));
    assert_eq!(row.version, 562_949_953_421_312 + 7, "the second life begins at 2 * 2^48");
}

#[test]
fn a_transition_has_empty_words_where_there_was_no_row() {
    let after = Standing { verdict: Verdict::Fail, credit: Credit::Live };
    let cause = Cause { topic: "observation".into(), partition: 3, offset: 17 };
    let value = ComplianceChange { before: None, after: Some(after), at_ms: 900, cause, row: None };
    let row = transition(&value);
    assert_eq!((&*row.verdict_before, &*row.credit_before), ("", ""));
    assert_eq!((&*row.verdict, &*row.credit), ("fail", "live"));
    assert_eq!((&*row.resource, row.at), ("a/b", 900));
    assert_eq!((&*row.cause_topic, row.cause_partition, row.cause_offset), ("observation", 3, 17));
}

fn transition(value: &ComplianceChange) -> ChangeRow {
    let key = ComplianceKey::new("r", "1", "eu", "a/b", "");
    let record = record(COMPLIANCE_CHANGE.spec, &key, bytes(value));
    let Made::Row(TableRow::Change(row)) = made(&record) else { panic!("no transition") };
    *row
}

#[test]
fn a_transition_says_what_its_row_says() {
    let before = Some(Standing { verdict: Verdict::Fail, credit: Credit::Live });
    let cause = Cause { topic: "observation".into(), partition: 3, offset: 17 };
    let older = ComplianceChange { before, after: None, at_ms: 900, cause, row: None };
    let row = transition(&older);
    assert_eq!([&*row.name, &row.arn, &row.evidence, &row.exception], [""; 4]);
    assert_eq!(row.exception_expires, None);

    let was = ComplianceState {
        resource_type: "T".into(),
        name: "n".into(),
        arn: "arn".into(),
        evidence: "because".into(),
        exception: Some("RISK-1".into()),
        exception_expires_ms: Some(1_000),
        ..ComplianceState::default()
    };
    let row = transition(&ComplianceChange { row: Some(was), ..older });
    assert_eq!((&*row.verdict, &*row.credit), ("", ""), "it is gone");
    assert_eq!([&*row.resource_type, &row.name, &row.arn], ["T", "n", "arn"]);
    assert_eq!([&*row.evidence, &row.exception], ["because", "RISK-1"]);
    assert_eq!(row.exception_expires, Some(1_000));
}

#[test]
fn tombstones_mark_rows_of_tables_and_are_no_events() {
    let key = ComplianceKey::new("r", "1", "eu", "a", "p");
    let Made::Row(TableRow::Compliance(row)) = made(&record(COMPLIANCE_STATE.spec, &key, None))
    else {
        panic!("no row")
    };
    assert_eq!((row.deleted, &*row.verdict, &*row.credit, &*row.part), (1, "", "", "p"));
    assert_eq!(made(&record(COMPLIANCE_CHANGE.spec, &key, None)), Made::Skipped);
}

#[test]
fn one_copy_of_what_concerns_all_accounts_is_a_row() {
    let exception = Exception {
        id: "X".into(),
        approved: true,
        expires_ms: Some(253_402_300_799_000),
        ..Exception::default()
    };
    let mut record = record(EXCEPTION.spec, &ExceptionKey::new("X"), bytes(&exception));
    let Made::Row(TableRow::Exception(row)) = made(&record) else { panic!("no exception") };
    assert_eq!((&*row.state, row.expires), ("approved", Some(10_413_791_999_999)));
    record.partition = 1;
    assert_eq!(made(&record), Made::Skipped);
}

#[test]
fn coverage_is_summed_and_listed() {
    let of = |resource_type: &str, scopes, collected, oldest_ms| TypeCoverage {
        resource_type: resource_type.into(),
        scopes,
        collected,
        failed: 1,
        oldest_ms,
        error: None,
        resources: 0,
    };
    let coverage = vec![of("a", 3, 2, Some(9)), of("b", 4, 4, Some(5)), of("c", 1, 0, None)];
    let owner = Some("o@x".to_owned());
    let value = AccountState { coverage, owner, spend_cents: Some(12), ..AccountState::default() };
    let record = record(ACCOUNT_STATE.spec, &AccountKey::new("1"), bytes(&value));
    let Made::Row(TableRow::Account(row)) = made(&record) else { panic!("no account") };
    assert_eq!((row.scopes, row.scopes_collected, row.scopes_failed), (8, 6, 3));
    assert_eq!((row.oldest, row.spend_cents, &*row.owner), (Some(5), Some(12), "o@x"));
    assert_eq!((row.coverage_type.len(), &row.coverage_collected), (3, &vec![2, 4, 0]));
}

#[test]
fn what_can_not_be_read_is_dead_with_a_reason() {
    let key = ScoreKey::new("1", "*");
    let good = record(SCORE_HISTORY.spec, &key, bytes(&ScoreState::default()));
    let value = Some(b"poison".to_vec());
    let table = [
        (Record { key: b"1".to_vec(), ..good.clone() }, "key"),
        (Record { key: vec![0xff], ..good.clone() }, "key"),
        (Record { value, ..good.clone() }, "not an Avro value"),
        (Record { timestamp_ms: -1, ..good.clone() }, "-1 ms"),
        (Record { timestamp_ms: AT_END_MS, ..good.clone() }, "1970 to 2105"),
    ];
    for (record, part) in table {
        let Made::Dead(reason) = made(&record) else { panic!("{record:?} is alive") };
        assert!(reason.contains(part), "{reason}");
    }
    // `date -u -d 2106-01-01 +%s`
    assert_eq!(AT_END_MS, 4_291_747_200 * 1_000);
}
