//! An invented history: records for the topics, and beside them what the tables must hold, worked
//! out from the same values without the sink.

pub(crate) mod tables;

use std::collections::BTreeMap;

use schemas::topic::{
    ACCOUNT_STATE, COMPLIANCE_CHANGE, COMPLIANCE_STATE, EXCEPTION, REQUIREMENT, ROLLUP_STATE,
    SCORE_HISTORY,
};
use schemas::{
    AccountKey, AccountState, AccountStatus, Cause, Codec, ComplianceChange, ComplianceKey,
    ComplianceState, Credit, Exception, ExceptionKey, Key, Placement, Requirement, RequirementKey,
    RollupKey, RollupState, ScoreKey, ScoreState, ScoreStatus, Scoring, Severity, Standing, Topic,
    TypeCoverage, Value, Verdict, partition_of,
};
use serde_json::{Value as Json, json};
use stream::{Log, Outgoing};

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The first instant: 2026-03-01, midnight.
pub(crate) const START_MS: i64 = 1_772_323_200_000;

/// How much happens.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) accounts: i64,
    pub(crate) requirements: i64,
    pub(crate) days: i64,
    /// Resources of an account: each has a row for each requirement.
    pub(crate) resources: i64,
}

/// Records in the order in which they are written, and what they make of the tables.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) records: Vec<Outgoing>,
    partitions: i32,
    prefix: String,
    /// The next offset, by topic and partition.
    offsets: BTreeMap<(&'static str, i32), i64>,
    /// By table and by what tells rows apart; the last one counts.
    tables: BTreeMap<&'static str, BTreeMap<String, Json>>,
    /// Each cut that was ever told, in that order: account, requirement, time, billionths.
    cuts: Vec<(String, String, i64, Option<i64>)>,
}

/// A number that looks like chance and is the same each time.
fn chance(of: &[i64], sides: i64) -> i64 {
    let mix = |sum: u64, one: &i64| {
        let sum = (sum ^ *one as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^ (sum >> 29)
    };
    (of.iter().fold(0x5eed, mix) % sides as u64) as i64
}

pub(crate) fn account(n: i64) -> String {
    format!("{:012}", 100_000_000_000 + n)
}

pub(crate) fn requirement(n: i64) -> String {
    format!("requirement-{n}")
}

/// A row that stands so since this time.
fn row_of(key: &ComplianceKey, standing: Standing, at_ms: i64) -> ComplianceState {
    let Standing { verdict, credit } = standing;
    ComplianceState {
        resource_type: "AWS::S3::Bucket".into(),
        name: "tab\there".into(),
        arn: format!("arn:aws:s3:::{}", key.resource),
        verdict,
        evidence: format!("because 'of' {verdict}"),
        source: "rule".into(),
        credit,
        exception: (credit != Credit::None).then(|| exception_of(key).to_owned()),
        since_ms: at_ms,
        ..ComplianceState::default()
    }
}

impl World {
    pub(crate) fn new(log: &dyn Log, prefix: &str) -> Self {
        Self { partitions: log.partitions(), prefix: prefix.to_owned(), ..Self::default() }
    }

    /// A whole history.
    pub(crate) fn of(log: &dyn Log, prefix: &str, size: Size) -> Self {
        let mut world = Self::new(log, prefix);
        world.standard(size);
        for day in 0..size.days {
            world.day(size, day);
        }
        world
    }

    pub(crate) fn standard(&mut self, size: Size) {
        for n in 0..size.requirements {
            let value = Requirement {
                id: requirement(n),
                title: format!("It's \"{n}\"\\"),
                why: String::new(),
                severity: [Severity::Low, Severity::High, Severity::Critical][n as usize % 3],
                weight: n + 1,
                resource_type: "AWS::S3::Bucket".into(),
                scoring: Scoring::Resources,
                rule: None,
                checks: Vec::new(),
                remediation: String::new(),
                controls: Vec::new(),
                parameters: "{}".into(),
                changes: Vec::new(),
            };
            let key = RequirementKey::new(requirement(n));
            let at = self.put(&REQUIREMENT, &key, Some(&value), START_MS);
            let row = json!({"requirement": value.id, "at": START_MS, "title": value.title,
                "severity": value.severity, "weight": value.weight, "log_offset": at.1});
            self.expect("requirement_history", format!("{} {START_MS}", value.id), row);
        }
        for n in 0..3 {
            let value = Exception {
                id: format!("RISK-{n}"),
                approved: true,
                accounts: vec!["*".into()],
                owner: format!("owner-{n}@example.com"),
                expires_ms: (n > 0).then_some(START_MS + 900 * DAY_MS),
                ..Exception::default()
            };
            let at = self.put(&EXCEPTION, &ExceptionKey::new(&*value.id), Some(&value), START_MS);
            let row = json!({"exception": value.id, "at": START_MS, "state": "approved",
                "accounts": ["*"], "expires": value.expires_ms, "log_offset": at.1});
            self.expect("exception_history", format!("{} {START_MS}", value.id), row);
        }
    }

    fn day(&mut self, size: Size, day: i64) {
        let at_ms = START_MS + day * DAY_MS;
        for n in 0..size.accounts {
            self.account(n, day, at_ms);
            self.verdicts(size, n, day, at_ms + HOUR_MS / 2);
            for hour in (0..24).step_by(4) {
                self.cuts(size, n, day, at_ms + hour * HOUR_MS);
            }
        }
        self.sums(size, day, at_ms + 23 * HOUR_MS);
    }

    /// An account, whose owner may be another one than the day before.
    pub(crate) fn account(&mut self, n: i64, day: i64, at_ms: i64) {
        let coverage = TypeCoverage {
            resource_type: "AWS::S3::Bucket".into(),
            scopes: 10,
            collected: 10 - chance(&[n, day, 1], 4),
            failed: chance(&[n, day, 2], 3),
            oldest_ms: Some(at_ms - DAY_MS),
            error: None,
            resources: 5,
        };
        let value = AccountState {
            provider: "aws".into(),
            account: account(n),
            payer: format!("payer-{}", n % 2),
            name: format!("account {n}\n"),
            status: AccountStatus::Active,
            owner: Some(owner(n, day)),
            executive: (n % 3 > 0).then(|| "chief".into()),
            listed: true,
            spend_cents: (n % 4 > 0).then_some(100 * n + day),
            coverage: vec![coverage.clone()],
            ..AccountState::default()
        };
        let at = self.put(&ACCOUNT_STATE, &AccountKey::new(account(n)), Some(&value), at_ms);
        let row = json!({"account": value.account, "at": at_ms, "deleted": 0, "name": value.name,
            "payer": value.payer, "owner": owner(n, day),
            "executive": if n % 3 > 0 { "chief" } else { "" }, "spend_cents": value.spend_cents,
            "scopes": 10, "scopes_collected": coverage.collected, "oldest": at_ms - DAY_MS,
            "collected": [coverage.collected], "log_partition": at.0, "log_offset": at.1});
        self.expect("account_history", format!("{} {at_ms}", account(n)), row);
    }

    /// Rows of verdicts that are new, change, or go.
    fn verdicts(&mut self, size: Size, n: i64, day: i64, at_ms: i64) {
        for r in 0..size.requirements {
            for one in 0..size.resources {
                let standing = |day: i64| standing(&[n, r, one], day);
                let (before, after) = (standing(day - 1), standing(day));
                if before == after {
                    continue;
                }
                let key = ComplianceKey::new(
                    requirement(r),
                    account(n),
                    "eu-west-1",
                    format!("bucket/{one}"),
                    "",
                );
                self.verdict(&key, after, at_ms);
                let cause = Cause { topic: "observation".into(), partition: 1, offset: day };
                self.change(&key, before, after, at_ms, cause);
            }
        }
    }

    pub(crate) fn verdict(&mut self, key: &ComplianceKey, standing: Option<Standing>, at_ms: i64) {
        let value = standing.map(|standing| row_of(key, standing, at_ms));
        let at = self.put(&COMPLIANCE_STATE, key, value.as_ref(), at_ms);
        let rows = self.tables.entry("compliance").or_default();
        rows.remove(&key.encode());
        if let Some(value) = value {
            let row = json!({"requirement": key.requirement, "account": key.account,
                "resource": key.resource, "at": at_ms, "verdict": value.verdict,
                "credit": value.credit, "evidence": value.evidence, "name": value.name,
                "exception": value.exception.unwrap_or_default(), "since": at_ms,
                "log_partition": at.0, "log_offset": at.1});
            rows.insert(key.encode(), row);
        }
    }

    pub(crate) fn change(
        &mut self,
        key: &ComplianceKey,
        before: Option<Standing>,
        after: Option<Standing>,
        at_ms: i64,
        cause: Cause,
    ) {
        let told = |standing: Option<Standing>| match standing {
            Some(Standing { verdict, credit }) => (verdict.to_string(), credit.to_string()),
            None => Default::default(),
        };
        let mut row = json!({"requirement": key.requirement, "account": key.account,
            "resource": key.resource, "at": at_ms, "verdict_before": told(before).0,
            "credit_before": told(before).1, "verdict": told(after).0, "credit": told(after).1,
            "cause_topic": cause.topic, "cause_offset": cause.offset});
        let name = format!("{} {at_ms} {cause}", key.encode());
        // Some are of an older release, which wrote no row.
        let standing = after.or(before).filter(|_| chance(&[at_ms, cause.offset], 4) > 0);
        let carried = standing.map(|standing| row_of(key, standing, at_ms));
        let told = |of: fn(&ComplianceState) -> &str| carried.as_ref().map_or("", of);
        row["name"] = told(|row| &row.name).into();
        row["arn"] = told(|row| &row.arn).into();
        row["evidence"] = told(|row| &row.evidence).into();
        row["exception"] = told(|row| row.exception.as_deref().unwrap_or("")).into();
        let value = ComplianceChange { before, after, at_ms, cause, row: carried };
        let at = self.put(&COMPLIANCE_CHANGE, key, Some(&value), at_ms);
        row["log_partition"] = at.0.into();
        row["log_offset"] = at.1.into();
        self.expect("compliance_change", name, row);
    }

    /// The cut of an hour: each requirement's score, and the account's.
    fn cuts(&mut self, size: Size, n: i64, day: i64, at_ms: i64) {
        for r in 0..size.requirements {
            let seed = [n, r, day, at_ms / HOUR_MS % 24];
            let total = chance(&seed, 6) * 8;
            let noncompliant = chance(&[seed[0], seed[1], seed[2], 7], total + 1);
            let excepted = chance(&[seed[0], seed[1], seed[2], 8], noncompliant + 1);
            self.cut(n, &requirement(r), r + 1, (total, noncompliant, excepted), at_ms);
        }
        let failing = chance(&[n, day, at_ms / HOUR_MS % 24, 3], 81);
        self.cut(n, "*", 6, (80, failing, 0), at_ms);
    }

    /// A score of `(total, noncompliant, excepted)`.
    pub(crate) fn cut(
        &mut self,
        n: i64,
        requirement: &str,
        weight: i64,
        of: (i64, i64, i64),
        at_ms: i64,
    ) {
        let (total, noncompliant, excepted) = of;
        let good = total - noncompliant + excepted;
        let score = (total > 0).then(|| good * schemas::SCORE_ONE / total);
        let status = if total > 0 { ScoreStatus::Scored } else { ScoreStatus::NotApplicable };
        let value = ScoreState {
            status,
            score,
            weight,
            weighted_score: score.unwrap_or(0) * weight,
            total,
            noncompliant,
            excepted,
            ..ScoreState::default()
        };
        let key = ScoreKey::new(account(n), requirement);
        self.cuts.push((account(n), requirement.to_owned(), at_ms, score));
        let at = self.put(&SCORE_HISTORY, &key, Some(&value), at_ms);
        let row = json!({"account": key.account, "requirement": requirement, "at": at_ms,
            "status": status, "billionths": score, "weight": weight, "total": total,
            "noncompliant": noncompliant, "excepted": excepted, "log_partition": at.0,
            "log_offset": at.1});
        self.expect("score_history", format!("{} {at_ms}", key.encode()), row);
    }

    fn sums(&mut self, size: Size, day: i64, at_ms: i64) {
        let owners = (0..size.accounts).map(|n| ("owner", owner(n, day)));
        let all = owners.chain([("enterprise", "all".to_owned()), ("payer", "payer-0".to_owned())]);
        let names: std::collections::BTreeSet<_> = all.collect();
        for (nth, (kind, id)) in (0..).zip(names) {
            let score = Some(chance(&[nth, day, 9], 1_000) * 1_000_000);
            self.sum(kind, &id, score, at_ms);
        }
    }

    /// A sum; none is a tombstone.
    pub(crate) fn sum(&mut self, kind: &str, id: &str, score: Option<i64>, at_ms: i64) {
        let value = score.map(|score| RollupState {
            score: Some(score),
            weight: 10,
            accounts: 3,
            scored: 2,
            total: 50,
            noncompliant: 7,
            excepted: 1,
            ..RollupState::default()
        });
        let key = RollupKey::new(kind, id);
        let at = self.put(&ROLLUP_STATE, &key, value.as_ref(), at_ms);
        let row = json!({"kind": kind, "id": id, "at": at_ms,
            "deleted": i64::from(value.is_none()), "billionths": score,
            "accounts": if value.is_some() { 3 } else { 0 }, "log_partition": at.0,
            "log_offset": at.1});
        self.expect("rollup_history", format!("{} {at_ms}", key.encode()), row);
    }

    fn expect(&mut self, table: &'static str, name: String, row: Json) {
        self.tables.entry(table).or_default().insert(name, row);
    }

    /// Appends a record, to each partition where it concerns all; gives where it lies.
    fn put<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: Option<&V>,
        at_ms: i64,
    ) -> (i32, i64) {
        let name = topic.spec.full_name(&self.prefix);
        let value = value.map(|value| Codec::default().encode(&name, value).unwrap());
        let partitions = match topic.spec.placement {
            Placement::Broadcast => 0..self.partitions,
            _ => {
                let own = partition_of(&key.partition_key(), self.partitions);
                own..own + 1
            }
        };
        let first = partitions.start;
        let offset = self.offsets.get(&(topic.spec.name, first)).copied().unwrap_or(0);
        for partition in partitions {
            *self.offsets.entry((topic.spec.name, partition)).or_default() += 1;
            self.records.push(Outgoing {
                topic: topic.spec,
                partition,
                timestamp_ms: at_ms,
                key: key.encode().into_bytes(),
                value: value.clone(),
                headers: Vec::new(),
            });
        }
        (first, offset)
    }

    /// Appends bytes that nobody can read.
    pub(crate) fn poison(&mut self, partition: i32) {
        *self.offsets.entry((SCORE_HISTORY.spec.name, partition)).or_default() += 1;
        self.records.push(Outgoing {
            topic: SCORE_HISTORY.spec,
            partition,
            timestamp_ms: START_MS,
            key: ScoreKey::new(account(0), "*").encode().into_bytes(),
            value: Some(b"poison".to_vec()),
            headers: vec![("ce_id".into(), b"poison"[..].into())],
        });
    }

    /// Forgets that a topic has records: it is made anew.
    pub(crate) fn begin_anew(&mut self, topic: &str) {
        self.offsets.retain(|(name, _), _| *name != topic);
    }

    /// Writes the records that were not written yet.
    pub(crate) fn write(&mut self, log: &dyn Log) -> usize {
        let records = std::mem::take(&mut self.records);
        let count = records.len();
        let mut writer = log.writer("test").unwrap();
        for part in records.chunks(1_000) {
            writer.append(part.to_vec()).unwrap();
        }
        writer.flush().unwrap();
        count
    }

    /// Gives the rows that a table must hold, in the order of their texts.
    pub(crate) fn rows(&self, table: &str) -> Vec<Json> {
        let rows = self.tables.get(table);
        sorted(rows.into_iter().flatten().map(|(_, row)| row.clone()).collect())
    }

    /// Works the days out of the cuts: the last score, the worst and the best of each.
    pub(crate) fn days(&self) -> Vec<Json> {
        let mut days = BTreeMap::<_, Vec<_>>::new();
        for (account, requirement, at, score) in &self.cuts {
            let day = at / DAY_MS;
            days.entry((account, requirement, day)).or_default().push((*at, *score));
        }
        let rows = days.into_iter().map(|((account, requirement, day), mut cuts)| {
            cuts.sort_by_key(|(at, _)| *at);
            let last = cuts.last().unwrap().1;
            let scores = || cuts.iter().filter_map(|(_, score)| *score);
            json!({"id": account, "requirement": requirement, "day": day, "score": last,
                "worst": scores().min(), "best": scores().max()})
        });
        sorted(rows.collect())
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &'static str> {
        self.tables.keys().copied()
    }
}

pub(crate) fn sorted(mut rows: Vec<Json>) -> Vec<Json> {
    rows.sort_by_cached_key(ToString::to_string);
    rows
}

/// Who answers for an account on a day.
pub(crate) fn owner(n: i64, day: i64) -> String {
    format!("owner-{}@example.com", (n + i64::from(day >= 2 && n % 2 == 0)) % 3)
}

/// The exception that concerns a row, when one does.
pub(crate) fn exception_of(key: &ComplianceKey) -> &'static str {
    let sum: usize = key.encode().bytes().map(usize::from).sum();
    ["RISK-0", "RISK-1", "RISK-2"][sum % 3]
}

/// How a row stands on a day; none when there is none.
fn standing(row: &[i64; 3], day: i64) -> Option<Standing> {
    if day < 0 {
        return None;
    }
    // Every other day a row is looked at again.
    let day = day / 2 * 2;
    let seed = [row[0], row[1], row[2], day];
    let (verdict, credit) = match chance(&seed, 12) {
        0 => return None,
        1..=6 => (Verdict::Pass, Credit::None),
        7 => (Verdict::Unknown, Credit::None),
        8 => (Verdict::Fail, Credit::Live),
        9 => (Verdict::Fail, Credit::Lapsed),
        _ => (Verdict::Fail, Credit::None),
    };
    Some(Standing { verdict, credit })
}
