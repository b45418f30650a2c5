//! An invented organisation: tables as the processors would leave them, the same on every run.

mod past;
mod standard;

use std::collections::BTreeMap;

#[allow(unused_imports)]
pub(crate) use past::{NEW, SINCE_MS, YOUNG, past};
use schemas::{
    AccountKey, AccountState, AccountStatus, ComplianceKey, ComplianceState, Credit, ExceptionKey,
    KnownBy, PrincipalKind, Requirement, RequirementKey, RollupKey, RollupState, SCORE_ONE,
    ScoreKey, ScoreState, ScoreStatus, Scoring, TrustKey, TrustState, TypeCoverage, Verdict,
};
use sink_workbook::Tables;
use standard::{STANDARD, Text, exceptions, requirement};

/// 2026-03-02T09:00:00Z, a Monday: the time of the sample's tables.
pub(crate) const AT_MS: i64 = 1_772_442_000_000;

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The owner whose workbook is worth looking at.
pub(crate) const MAYA: &str = "maya.lindqvist@example.com";

/// Accounts: id, name, owner, executive, share of failures in hundredths.
const ACCOUNTS: [(&str, &str, Option<&str>, &str, u64); 10] = [
    ("210000000001", "payments-prod", Some(MAYA), "Ruth Adeyemi", 6),
    ("210000000002", "payments-staging", Some(MAYA), "Ruth Adeyemi", 22),
    ("210000000003", "checkout-prod", Some(MAYA), "Ruth Adeyemi", 2),
    ("210000000004", "fraud-analytics", Some(MAYA), "Ruth Adeyemi", 14),
    ("210000000005", "data-lake-landing-zone-eu", Some(MAYA), "Ruth Adeyemi", 9),
    ("210000000006", "sandbox-maya", Some(MAYA), "Ruth Adeyemi", 45),
    ("210000000007", "acquired-shop24", Some(MAYA), "Ruth Adeyemi", 0),
    ("210000000008", "ledger-archive", Some(MAYA), "Ruth Adeyemi", 0),
    ("220000000001", "identity-prod", Some("jonas.weber@example.com"), "Li Wei", 4),
    ("230000000001", "forgotten-poc", None, "", 60),
];

/// The payers; the second one lists the accounts whose ids begin with 22 and 23.
pub(crate) const PAYERS: [&str; 2] = ["100000000001", "100000000002"];

/// The account whose audit role is denied.
pub(crate) const DENIED: &str = "210000000007";

/// The account in which one region could not be listed.
pub(crate) const PARTIAL: &str = "210000000004";

/// Tables with their verdicts one by one, for those who count them again and again.
pub(crate) struct Unpacked {
    pub(crate) tables: Tables,
    pub(crate) rows: BTreeMap<ComplianceKey, ComplianceState>,
}

impl From<Tables> for Unpacked {
    fn from(tables: Tables) -> Self {
        let rows = tables.compliance.iter().collect();
        Self { tables, rows }
    }
}

impl std::ops::Deref for Unpacked {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.tables
    }
}

/// Makes the tables.
pub(crate) fn tables() -> Tables {
    let mut tables = Tables { at_ms: AT_MS, ..Tables::default() };
    for text in STANDARD {
        let requirement = requirement(&text);
        let key = RequirementKey::new(&requirement.id);
        tables.requirements.insert(key, requirement);
    }
    for exception in exceptions() {
        tables.exceptions.insert(ExceptionKey::new(&exception.id), exception);
    }
    let mut dice = Dice(7);
    for (id, name, owner, executive, share) in ACCOUNTS {
        let state = account(id, name, owner, executive);
        tables.accounts.insert(AccountKey::new(id), state);
        if id != DENIED {
            resources(&mut tables, &mut dice, id, share);
        }
    }
    trust(&mut tables);
    finish(&mut tables);
    tables
}

/// Derives the scores and the sums from accounts and verdicts, as the processors do.
pub(crate) fn finish(tables: &mut Tables) {
    tables.scores.clear();
    let mut sums: BTreeMap<RollupKey, RollupState> = BTreeMap::new();
    for (account, state) in &tables.accounts {
        let rows = tables.compliance.of(&account.account);
        let mut overall = score_state(ScoreStatus::NotCollected, 0);
        overall.scopes = state.coverage.iter().map(|kind| kind.scopes).sum();
        overall.scopes_collected = state.coverage.iter().map(|kind| kind.collected).sum();
        for (key, requirement) in &tables.requirements {
            let score = score(&rows, state, requirement);
            overall.total += score.total;
            overall.noncompliant += score.noncompliant;
            overall.excepted += score.excepted;
            overall.expired += score.expired;
            overall.unknown += score.unknown;
            if let Some(value) = score.score {
                overall.status = ScoreStatus::Scored;
                overall.weight += score.weight;
                overall.weighted_score += score.weight * value;
            }
            let key = ScoreKey::new(&account.account, &key.requirement);
            tables.scores.insert(key, score);
        }
        overall.score = (overall.weight > 0).then(|| overall.weighted_score / overall.weight);
        let owner = state.owner.iter().map(|owner| RollupKey::new("owner", owner));
        let others = [RollupKey::new("enterprise", "all"), RollupKey::new("payer", &state.payer)];
        for key in owner.chain(others) {
            let sum = sums.entry(key).or_default();
            sum.accounts += 1;
            sum.weight += overall.weight;
            sum.weighted_score += overall.weighted_score;
            sum.total += overall.total;
            sum.noncompliant += overall.noncompliant;
            sum.excepted += overall.excepted;
            sum.score = (sum.weight > 0).then(|| sum.weighted_score / sum.weight);
        }
        tables.scores.insert(ScoreKey::new(&account.account, "*"), overall);
    }
    tables.rollups = sums;
    executives(tables);
}

/// Sums up executives' accounts by what they spend; one without a figure weighs as the median.
fn executives(tables: &mut Tables) {
    let mut names: Vec<String> =
        tables.accounts.values().filter_map(|state| state.executive.clone()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let his = tables.accounts.values().filter(|one| one.executive.as_ref() == Some(&name));
        let mut sum = RollupState::default();
        let mut spends: Vec<i64> = his.clone().filter_map(|state| state.spend_cents).collect();
        spends.sort_unstable();
        let median = spends[spends.len() / 2];
        for state in his {
            let score = &tables.scores[&ScoreKey::new(&state.account, "*")];
            sum.accounts += 1;
            sum.total += score.total;
            sum.noncompliant += score.noncompliant;
            sum.excepted += score.excepted;
            let Some(value) = score.score else { continue };
            sum.scored += 1;
            sum.estimated += i64::from(state.spend_cents.is_none());
            let weight = state.spend_cents.unwrap_or(median);
            sum.weight += weight;
            sum.weighted_score += weight * (value / 1_000);
        }
        let score = i128::from(sum.weighted_score) * 1_000 / i128::from(sum.weight);
        sum.score = i64::try_from(score).ok();
        tables.rollups.insert(RollupKey::new("executive", name), sum);
    }
}

/// Trust: an account that nobody knows, a vendor, and one that the register approves.
fn trust(tables: &mut Tables) {
    let rows = [
        ("210000000001", "arn:aws:iam::999900001111:root", KnownBy::Nobody, None, 3),
        ("210000000006", "*", KnownBy::Nobody, None, 1),
        ("220000000001", "arn:aws:iam::464622532012:root", KnownBy::Vendor, Some("Datadog"), 1),
        ("220000000001", "arn:aws:iam::888800001111:root", KnownBy::Register, None, 1),
    ];
    for (at, (account, principal, known_by, vendor, resources)) in (1..).zip(rows) {
        let state = TrustState {
            kind: if principal == "*" { PrincipalKind::Public } else { PrincipalKind::Account },
            principal_account: principal.split(':').nth(4).map(str::to_owned),
            known: known_by != KnownBy::Nobody,
            known_by,
            vendor: vendor.map(str::to_owned),
            resources,
            through: vec!["AWS::IAM::Role/deploy".to_owned()],
            names: vec!["deploy".to_owned()],
            first_seen_ms: AT_MS - at * DAY_MS,
            ..TrustState::default()
        };
        tables.trust.insert(TrustKey::new(account, principal), state);
    }
}

/// Makes a requirement's score without counts.
pub(crate) fn score_state(status: ScoreStatus, weight: i64) -> ScoreState {
    ScoreState { status, weight, ..ScoreState::default() }
}

fn score(
    rows: &[(ComplianceKey, ComplianceState)],
    account: &AccountState,
    requirement: &Requirement,
) -> ScoreState {
    let penalty = requirement.scoring == Scoring::Penalty;
    let weight = if penalty { 0 } else { requirement.weight };
    let mut score = score_state(ScoreStatus::NotCollected, weight);
    let kind = account.coverage.iter().find(|kind| kind.resource_type == requirement.resource_type);
    if let Some(kind) = kind {
        (score.scopes, score.scopes_collected) = (kind.scopes, kind.collected);
        score.oldest_ms = kind.oldest_ms;
    }
    for (_, row) in rows.iter().filter(|(key, _)| key.requirement == requirement.id) {
        let fail = i64::from(row.verdict == Verdict::Fail);
        score.total += i64::from(row.verdict == Verdict::Pass) + fail;
        score.noncompliant += fail;
        score.excepted += fail * i64::from(row.credit == Credit::Live);
        score.expired += fail * i64::from(row.credit == Credit::Lapsed);
        score.unknown += i64::from(row.verdict == Verdict::Unknown);
    }
    if requirement.scoring == Scoring::AllOrNothing {
        score.excepted = i64::from(score.noncompliant > 0 && score.excepted == score.noncompliant);
        score.total = score.total.min(1);
        score.noncompliant = score.noncompliant.min(1);
    }
    if score.total > 0 {
        let good = score.total - score.noncompliant + score.excepted;
        let value = (good * SCORE_ONE + score.total / 2) / score.total;
        score.status = ScoreStatus::Scored;
        score.score = Some(value);
        score.weighted_score = weight * value;
    } else if score.scopes_collected > 0 {
        score.status = ScoreStatus::NotApplicable;
    }
    score
}

/// Makes an account whose every type was collected, with the sample's two exceptions to that.
pub(crate) fn account(id: &str, name: &str, owner: Option<&str>, executive: &str) -> AccountState {
    let mut kinds: Vec<&str> = STANDARD.iter().map(|text| text.4).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let regional = |kind: &str| ["EC2", "RDS"].iter().any(|service| kind.contains(service));
    let coverage = kinds.into_iter().map(|kind| {
        let scopes = if regional(kind) { 4 } else { 1 };
        let denied = id == DENIED;
        let failed = match kind {
            _ if denied => scopes,
            "AWS::EC2::SecurityGroup" if id == PARTIAL => 1,
            _ => 0,
        };
        TypeCoverage {
            resource_type: kind.to_owned(),
            scopes,
            collected: scopes - failed,
            failed,
            oldest_ms: (!denied).then_some(AT_MS - 23 * 60_000 - scopes * 7_000),
            error: (failed > 0).then(|| {
                "AccessDenied: not authorized to perform sts:AssumeRole on role/audit".to_owned()
            }),
            resources: scopes,
        }
    });
    AccountState {
        provider: "aws".to_owned(),
        account: id.to_owned(),
        payer: PAYERS[usize::from(!id.starts_with("21"))].to_owned(),
        name: name.to_owned(),
        status: AccountStatus::Active,
        owner: owner.map(str::to_owned),
        executive: (!executive.is_empty()).then(|| executive.to_owned()),
        listed: true,
        spend_cents: spend(id),
        coverage: coverage.collect(),
        ..AccountState::default()
    }
}

/// What an account spends in hundredths; of one there is no figure.
fn spend(id: &str) -> Option<i64> {
    let last = id.get(11..)?.parse::<i64>().ok()?;
    (id != PARTIAL).then_some(if id.starts_with("21") { 1_234_567 * last } else { 45_000 })
}

/// A linear congruential generator: the same numbers on every machine. Source: Knuth's MMIX.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn resources(tables: &mut Tables, dice: &mut Dice, account: &str, share: u64) {
    let regions = ["eu-central-1", "eu-west-1", "us-east-1", "ap-southeast-2"];
    for Text(id, _, _, _, kind, scoring, _) in STANDARD {
        let single = scoring == Scoring::AllOrNothing;
        let archive = account == "210000000008";
        let count = match id {
            _ if single => 1,
            "rds-encryption" if archive => 0,
            _ => 4 + dice.below(24),
        };
        for n in 0..count {
            let regional = kind.contains("EC2") || kind.contains("RDS");
            let region = if regional { regions[dice.below(4) as usize] } else { "global" };
            let region = if kind.contains("S3") { regions[dice.below(2) as usize] } else { region };
            let fails = dice.below(100) < if single { share / 2 } else { share };
            let unknown = !fails && !archive && dice.below(100) < 2;
            let (name, arn) = named(kind, account, region, n);
            let verdict = match (fails, unknown) {
                (true, _) => Verdict::Fail,
                (_, true) => Verdict::Unknown,
                _ => Verdict::Pass,
            };
            let part = if id == "iam-access-key-age" {
                format!("AKIA{n:04}EXAMPLE")
            } else {
                String::new()
            };
            let mut row =
                row(verdict, kind, &name, &arn, AT_MS - dice.below(9_000) as i64 * 3_600_000);
            row.evidence = evidence(verdict, id, &name);
            if id == "rds-encryption" {
                row.source = "cloudsploit".to_owned();
            }
            if fails {
                except(&mut row, account, id, &name);
            }
            let key = ComplianceKey::new(id, account, region, &name, part);
            tables.compliance.insert(&key, &row);
        }
    }
}

/// Makes a verdict.
pub(crate) fn row(
    verdict: Verdict,
    kind: &str,
    name: &str,
    arn: &str,
    since_ms: i64,
) -> ComplianceState {
    ComplianceState {
        resource_type: kind.to_owned(),
        name: name.to_owned(),
        arn: arn.to_owned(),
        verdict,
        source: "rule".to_owned(),
        since_ms,
        ..ComplianceState::default()
    }
}

fn named(kind: &str, account: &str, region: &str, n: u64) -> (String, String) {
    match kind {
        "AWS::S3::Bucket" => {
            let name = format!(
                "{}-{}-{n:02}",
                ["invoices", "exports", "logs", "web"][(n % 4) as usize],
                &account[9..]
            );
            (name.clone(), format!("arn:aws:s3:::{name}"))
        }
        "AWS::EC2::SecurityGroup" => {
            let name = format!("sg-0{}{n:06x}", &account[9..]);
            (name.clone(), format!("arn:aws:ec2:{region}:{account}:security-group/{name}"))
        }
        "AWS::IAM::Role" => {
            let name = format!("deploy-{n:02}");
            (name.clone(), format!("arn:aws:iam::{account}:role/{name}"))
        }
        "AWS::RDS::DBInstance" => {
            let name = format!("orders-{n:02}");
            (name.clone(), format!("arn:aws:rds:{region}:{account}:db:{name}"))
        }
        "AWS::IAM::User" => {
            let name = format!("user{n:02}");
            (name.clone(), format!("arn:aws:iam::{account}:user/{name}"))
        }
        _ => (account.to_owned(), String::new()),
    }
}

fn evidence(verdict: Verdict, requirement: &str, name: &str) -> String {
    match (verdict, requirement) {
        (Verdict::Unknown, _) => "AccessDenied: not authorized to read it".to_owned(),
        (Verdict::Pass, _) => String::new(),
        (_, "s3-public-access") => {
            format!("bucket {name} can be reached by everyone through its policy or its grants")
        }
        (_, "ec2-admin-ports") => format!("group {name} opens TCP 22 to 0.0.0.0/0"),
        (_, "iam-role-trust") => {
            format!("role {name} trusts account 999900001111, which nobody approved")
        }
        (_, "iam-console-mfa") => format!("user {name} has a password and no MFA device"),
        (_, "rds-encryption") => format!("RDS instance {name} is not encrypted"),
        (_, "iam-access-key-age") => format!("a key of {name} is more than 90 days old"),
        (_, "iam-root") => "the root account has no MFA device".to_owned(),
        (_, "cloudtrail-enabled") => "no trail records all regions".to_owned(),
        (_, "s3-encryption") => format!("bucket {name} is encrypted with a key of AWS's"),
        _ => format!("{name} is not in use"),
    }
}

/// Annotates a failing row as the exception step does.
fn except(row: &mut ComplianceState, account: &str, requirement: &str, name: &str) {
    let fits = exceptions().into_iter().find(|exception| {
        let end = exception.resource.trim_start_matches('*');
        exception.requirements[0] == requirement
            && exception.accounts.iter().any(|id| id == "*" || id == account)
            && name.ends_with(end)
    });
    let Some(exception) = fits else { return };
    let live = exception.approved && exception.expires_ms.is_none_or(|ms| ms > AT_MS);
    row.credit = if live { Credit::Live } else { Credit::Lapsed };
    row.exception = Some(exception.id);
    row.exception_reason = Some(exception.reason);
    row.exception_expires_ms = exception.expires_ms.filter(|_| exception.approved);
}
