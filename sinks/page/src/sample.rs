//! An invented organisation for tests, with names that try to be markup.

use schemas::{
    AccountKey, AccountState, AccountStatus, Cause, ComplianceChange, ComplianceKey,
    ComplianceState, Credit, Exception, ExceptionKey, KnownBy, Requirement, RequirementKey,
    Resource, ResourceKey, ResourceState, RollupKey, RollupState, SCORE_ONE, ScoreKey, ScoreState,
    ScoreStatus, Scoring, Severity, Standing, TrustKey, TrustState, TypeCoverage, Verdict,
};

use crate::tables::{DAY_MS, Row, Tables};

/// 2026-03-02T09:00:00Z.
pub(crate) const AT_MS: i64 = 1_772_442_000_000;

/// What somebody called a resource, to see whether it becomes markup.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// Two accounts of Ann, one of Bob, one that was never collected.
pub(crate) const ACCOUNTS: [(&str, &str, &str); 4] = [
    ("111111111111", "payments", "ann"),
    ("222222222222", "<b>checkout</b>", "ann"),
    ("305060708090", "ledger", "bob"),
    ("415161718191", "acquired", "bob"),
];

/// Makes a requirement.
pub(crate) fn requirement(id: &str, title: &str, severity: Severity, weight: i64) -> Requirement {
    Requirement {
        id: id.into(),
        title: title.into(),
        why: "Because of what happened elsewhere.".into(),
        severity,
        weight,
        resource_type: "AWS::S3::Bucket".into(),
        scoring: Scoring::Resources,
        rule: None,
        checks: Vec::new(),
        remediation: "Close it.".into(),
        controls: Vec::new(),
        parameters: "{}".into(),
        changes: Vec::new(),
    }
}

/// Makes the document of the resource with the hostile name.
pub(crate) fn document() -> ResourceState {
    ResourceState {
        resource: Resource {
            provider: "aws".into(),
            account: "111111111111".into(),
            region: "eu-west-1".into(),
            resource_type: "AWS::S3::Bucket".into(),
            id: "bucket/1".into(),
            name: HOSTILE.into(),
            arn: String::new(),
            tags: [("team".to_owned(), HOSTILE.to_owned())].into(),
            configuration: format!("{{\"address\":\"10.0.0.7\",\"name\":{:?}}}", "</pre><script>"),
            supplementary: "{}".into(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: AT_MS,
        },
        scope_region: "eu-west-1".into(),
        first_seen_ms: AT_MS - DAY_MS,
    }
}

/// Makes the tables.
pub(crate) fn tables() -> Tables {
    let mut tables = Tables::default();
    tables.take(Row::Tick(AT_MS));
    tables.reading.is_loaded = true;
    let open = requirement("s3-public", "No bucket is public", Severity::Critical, 10);
    let logs = requirement("s3-logs", "Buckets keep logs", Severity::Low, 2);
    for one in [open, logs] {
        tables.take(Row::Requirement(RequirementKey::new(&*one.id), Some(one)));
    }
    for (id, name, owner) in ACCOUNTS {
        account(&mut tables, id, name, owner);
    }
    verdicts(&mut tables);
    let sum = RollupState { score: Some(SCORE_ONE / 2), accounts: 3, ..RollupState::default() };
    tables.take(Row::Sum(RollupKey::new("executive", "eve"), Some(sum)));
    let state = document();
    tables.take(Row::Resource(state.resource.key(), Some(Box::new(state)), (0, 7)));
    tables
}

fn account(tables: &mut Tables, id: &str, name: &str, owner: &str) {
    let is_collected = name != "acquired";
    let state = AccountState {
        account: id.into(),
        payer: "999999999999".into(),
        name: name.into(),
        status: AccountStatus::Active,
        owner: Some(owner.into()),
        executive: Some("eve".into()),
        listed: true,
        spend_cents: Some(100_000),
        coverage: vec![TypeCoverage {
            resource_type: "AWS::S3::Bucket".into(),
            scopes: 2,
            collected: if is_collected { 2 } else { 0 },
            failed: i64::from(!is_collected),
            oldest_ms: is_collected.then_some(AT_MS - 3_600_000),
            error: (!is_collected).then(|| HOSTILE.to_owned()),
            resources: 4,
        }],
        ..AccountState::default()
    };
    tables.take(Row::Account(AccountKey::new(id), Some(state)));
    if !is_collected {
        return;
    }
    // One bucket of four is public, and two keep no logs.
    let scored = |noncompliant, weight: i64| {
        let score = SCORE_ONE - noncompliant * SCORE_ONE / 4;
        ScoreState {
            status: ScoreStatus::Scored,
            score: Some(score),
            weight,
            weighted_score: weight * score,
            total: 4,
            noncompliant,
            scopes: 2,
            scopes_collected: 2,
            oldest_ms: Some(AT_MS - 3_600_000),
            ..ScoreState::default()
        }
    };
    let (public, logs) = (scored(1, 10), scored(2, 2));
    let whole = ScoreState {
        weight: 12,
        weighted_score: public.weighted_score + logs.weighted_score,
        total: 8,
        noncompliant: 3,
        score: Some((public.weighted_score + logs.weighted_score) / 12),
        ..public.clone()
    };
    for back in 1..40 {
        let before = ScoreState { weighted_score: whole.weighted_score / 2, ..whole.clone() };
        let cut = if back > 5 { before } else { whole.clone() };
        tables.take(Row::Cut(ScoreKey::new(id, "*"), cut, AT_MS - back * DAY_MS));
    }
    for (requirement, score) in [("s3-public", public), ("s3-logs", logs), ("*", whole)] {
        tables.take(Row::Score(ScoreKey::new(id, requirement), Some(score)));
    }
}

fn verdicts(tables: &mut Tables) {
    let row = |name: &str, verdict, credit| ComplianceState {
        resource_type: "AWS::S3::Bucket".into(),
        name: name.into(),
        verdict,
        credit,
        evidence: HOSTILE.into(),
        source: "rule".into(),
        since_ms: AT_MS - 2 * DAY_MS,
        ..ComplianceState::default()
    };
    for (id, ..) in &ACCOUNTS[..3] {
        let mut put = |requirement: &str, resource: &str, row: ComplianceState| {
            let key = ComplianceKey::new(requirement, *id, "eu-west-1", resource, "");
            tables.take(Row::Verdict(key, Some(row)));
        };
        put("s3-public", "bucket/1", row(HOSTILE, Verdict::Fail, Credit::None));
        put("s3-logs", "bucket/2", row("two", Verdict::Fail, Credit::None));
        let mut credited = row("three", Verdict::Fail, Credit::Live);
        credited.exception = Some("RISK-1".into());
        put("s3-logs", "bucket/3", credited);
        put("s3-logs", "bucket/4", row("four", Verdict::Unknown, Credit::None));
    }
    let standing = |verdict| Some(Standing { verdict, credit: Credit::None });
    let change = ComplianceChange {
        before: standing(Verdict::Pass),
        after: standing(Verdict::Fail),
        at_ms: AT_MS - 2 * DAY_MS,
        cause: Cause { topic: "observation".into(), partition: 2, offset: 41 },
        row: None,
    };
    let key = ComplianceKey::new("s3-public", ACCOUNTS[0].0, "eu-west-1", "bucket/1", "");
    tables.take(Row::Turned(key, change));
    let exception = Exception {
        id: "RISK-1".into(),
        accounts: ACCOUNTS[..3].iter().map(|(id, ..)| (*id).to_owned()).collect(),
        requirements: vec!["s3-logs".into()],
        resource: "bucket/3".into(),
        approved: true,
        reason: HOSTILE.into(),
        expires_ms: Some(AT_MS + 3 * DAY_MS),
        ..Exception::default()
    };
    tables.take(Row::Exception(ExceptionKey::new("RISK-1"), Some(exception)));
    let trust = TrustState {
        principal_account: Some("555555555555".into()),
        known_by: KnownBy::Nobody,
        resources: 1,
        through: vec!["role".into()],
        first_seen_ms: AT_MS,
        ..TrustState::default()
    };
    let principal = format!("arn:aws:iam::555555555555:{HOSTILE}");
    tables.take(Row::Trust(TrustKey::new(ACCOUNTS[0].0, principal), Some(trust)));
}

/// The key of the resource that the index holds.
pub(crate) fn resource_key() -> ResourceKey {
    document().resource.key()
}
