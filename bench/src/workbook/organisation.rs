//! An organisation of any size, the same on every run: its tables, and its verdicts one by one.

use std::collections::BTreeMap;

use anyhow::Result;
use schemas::{
    AccountKey, AccountState, AccountStatus, ComplianceKey, ComplianceState, Credit, Exception,
    ExceptionKey, ExceptionPhase, Requirement, RequirementKey, RollupKey, RollupState, SCORE_ONE,
    ScoreKey, ScoreState, ScoreStatus, Scoring, Tick, TickKey, TypeCoverage, Verdict, topic,
};
use sink_workbook::Tables;
use stream::Publisher;

use crate::streams::Random;

/// 2026-03-02T09:00:00Z.
pub(crate) const AT_MS: i64 = 1_772_442_000_000;

pub(crate) const DAY_MS: i64 = 86_400_000;

const REGIONS: [&str; 5] =
    ["eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-southeast-2"];

/// What is counted of an organisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) owners: usize,
    pub(crate) accounts: usize,
    pub(crate) requirements: usize,
    /// Rows that fail or could not be judged.
    pub(crate) rows: usize,
    /// Rows that pass.
    pub(crate) passing: usize,
}

/// An organisation.
pub(crate) struct Organisation {
    size: Size,
    requirements: Vec<Requirement>,
    exceptions: Vec<Exception>,
}

impl Organisation {
    /// Makes one. Its requirements are those that ship, and variants of them where more are wanted.
    pub(crate) fn new(size: Size) -> Self {
        let shipped = producer_standard::shipped().requirements;
        let requirements = (0..size.requirements).map(|n| {
            let (variant, mut one) = (n / shipped.len(), shipped[n % shipped.len()].clone());
            if variant > 0 {
                one.id = format!("{}-{variant}", one.id);
                one.title = format!("{}, variant {variant}", one.title);
            }
            one.scoring = Scoring::Resources;
            one
        });
        let exceptions = (0..size.accounts.div_ceil(10)).map(|n| Exception {
            id: format!("RA-{n}"),
            accounts: vec![account_id(n * 10)],
            requirements: vec!["*".to_owned()],
            resource: "*".to_owned(),
            approved: true,
            reason: "replaced by the new platform".to_owned(),
            owner: owner(n % size.owners),
            expires_ms: Some(AT_MS + (n as i64 % 400 - 100) * DAY_MS),
            ..Exception::default()
        });
        Self { size, requirements: requirements.collect(), exceptions: exceptions.collect() }
    }

    /// Gives the verdicts, one after another; every run gives the same.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = (ComplianceKey, ComplianceState)> {
        let mut random = Random::new(8);
        let all = self.size.rows + self.size.passing;
        (0..all).map(move |n| {
            let passes = random.below(all as u64) < self.size.passing as u64;
            self.verdict(n, passes, &mut random)
        })
    }

    fn verdict(
        &self,
        n: usize,
        passes: bool,
        random: &mut Random,
    ) -> (ComplianceKey, ComplianceState) {
        // Some accounts have many times as many rows as most.
        let place = (random.unit().powf(1.5) * self.size.accounts as f64) as usize;
        let account = account_id(place);
        let requirement = &self.requirements[random.below(self.requirements.len() as u64) as usize];
        let region = REGIONS[random.below(REGIONS.len() as u64) as usize];
        let (_, service, kind) = parts(&requirement.resource_type);
        let name = format!("{kind}-{:08x}-{n}", random.next() as u32).to_lowercase();
        let arn = format!("arn:aws:{service}:{region}:{account}:{kind}/{name}").to_lowercase();
        let verdict = match (passes, random.below(50)) {
            (true, _) => Verdict::Pass,
            (false, 0) => Verdict::Unknown,
            (false, _) => Verdict::Fail,
        };
        let exception = self.exceptions.get(place / 10).filter(|_| {
            verdict == Verdict::Fail && place.is_multiple_of(10) && random.below(2) == 0
        });
        let state = ComplianceState {
            resource_type: requirement.resource_type.clone(),
            name: name.clone(),
            evidence: format!("{name} has no {kind} setting: expected true, found false"),
            arn,
            verdict,
            source: "rule".to_owned(),
            since_ms: AT_MS - random.below(400 * 86_400) as i64 * 1_000,
            ..ComplianceState::default()
        };
        let key = ComplianceKey::new(&requirement.id, account, region, name, "");
        (key, exception.map_or(state.clone(), |exception| excepted(state, exception)))
    }

    /// Gives the tables, with scores that are counted from the verdicts, which themselves are left
    /// out.
    pub(crate) fn tables(&self) -> Tables {
        let mut tables = Tables { at_ms: AT_MS, ..Tables::default() };
        for one in &self.requirements {
            tables.requirements.insert(RequirementKey::new(&one.id), one.clone());
        }
        for one in &self.exceptions {
            tables.exceptions.insert(ExceptionKey::new(&one.id), one.clone());
        }
        for n in 0..self.size.accounts {
            tables.accounts.insert(AccountKey::new(account_id(n)), self.account(n));
        }
        let votes = self.votes();
        for (account, state) in &tables.accounts {
            let overall = self.scores(&account.account, &votes, &mut tables.scores);
            for key in sums_of(state) {
                add(tables.rollups.entry(key).or_default(), &overall);
            }
            tables.scores.insert(ScoreKey::new(&account.account, "*"), overall);
        }
        tables
    }

    /// Publishes tables and verdicts.
    pub(crate) fn publish(&self, publisher: &mut Publisher) -> Result<()> {
        let tables = self.tables();
        for (key, row) in &tables.requirements {
            publisher.put(&topic::REQUIREMENT, key, row, AT_MS)?;
        }
        for (key, row) in &tables.exceptions {
            publisher.put(&topic::EXCEPTION, key, row, AT_MS)?;
        }
        for (key, row) in &tables.accounts {
            publisher.put(&topic::ACCOUNT_STATE, key, row, AT_MS)?;
        }
        for (key, row) in &tables.scores {
            publisher.put(&topic::SCORE_STATE, key, row, AT_MS)?;
        }
        for (key, row) in &tables.rollups {
            publisher.put(&topic::ROLLUP_STATE, key, row, AT_MS)?;
        }
        for (key, row) in self.verdicts() {
            publisher.put(&topic::COMPLIANCE_STATE, &key, &row, AT_MS)?;
        }
        let tick = Tick { minute_ms: AT_MS };
        publisher.put(&topic::TICK, &TickKey { minute_ms: AT_MS }, &tick, AT_MS)?;
        Ok(publisher.flush()?)
    }

    fn account(&self, n: usize) -> AccountState {
        let coverage = self.requirements.iter().map(|one| &one.resource_type);
        let kinds: std::collections::BTreeSet<&String> = coverage.collect();
        let coverage = kinds.into_iter().map(|kind| TypeCoverage {
            resource_type: kind.clone(),
            scopes: REGIONS.len() as i64,
            collected: REGIONS.len() as i64 - i64::from(n.is_multiple_of(50)),
            oldest_ms: Some(AT_MS - 23 * 60_000),
            failed: 0,
            error: None,
            resources: 1,
        });
        AccountState {
            provider: "aws".to_owned(),
            account: account_id(n),
            payer: format!("{:012}", 900_000_000_001_usize + n % 5),
            name: format!(
                "{}-{}-{n}",
                ["payments", "checkout", "ledger", "search", "media"][n % 5],
                ["prod", "staging", "dev"][n % 3]
            ),
            status: AccountStatus::Active,
            // Every hundredth belongs to one who has many.
            owner: Some(owner(if n.is_multiple_of(100) { 0 } else { n % self.size.owners })),
            executive: Some(format!("Executive {}", n % 40)),
            listed: true,
            spend_cents: (!n.is_multiple_of(30)).then_some(10_000 + 7_919 * n as i64),
            coverage: coverage.collect(),
            ..AccountState::default()
        }
    }

    /// Counts the verdicts by account and requirement: all votes, failing, credited, unknown.
    fn votes(&self) -> BTreeMap<ScoreKey, [i64; 4]> {
        let mut votes: BTreeMap<ScoreKey, [i64; 4]> = BTreeMap::new();
        for (key, row) in self.verdicts() {
            let [total, failing, credited, unknown] =
                votes.entry(ScoreKey::new(key.account, key.requirement)).or_default();
            *total += i64::from(row.verdict != Verdict::Unknown);
            *failing += i64::from(row.verdict == Verdict::Fail);
            *credited += i64::from(row.credit == Credit::Live);
            *unknown += i64::from(row.verdict == Verdict::Unknown);
        }
        votes
    }

    /// Adds an account's scores and gives what they come to.
    fn scores(
        &self,
        account: &str,
        votes: &BTreeMap<ScoreKey, [i64; 4]>,
        to: &mut BTreeMap<ScoreKey, ScoreState>,
    ) -> ScoreState {
        let mut overall = ScoreState { status: ScoreStatus::NotApplicable, ..covered() };
        for one in &self.requirements {
            let key = ScoreKey::new(account, &one.id);
            let [total, noncompliant, excepted, unknown] =
                votes.get(&key).copied().unwrap_or_default();
            let mut state = ScoreState { status: ScoreStatus::NotApplicable, ..covered() };
            (state.total, state.noncompliant) = (total, noncompliant);
            (state.excepted, state.unknown, state.weight) = (excepted, unknown, one.weight);
            if total > 0 {
                let score = (total - noncompliant + excepted) * SCORE_ONE / total;
                (state.status, state.score) = (ScoreStatus::Scored, Some(score));
                state.weighted_score = one.weight * score;
                overall.status = ScoreStatus::Scored;
                overall.weight += one.weight;
                overall.weighted_score += state.weighted_score;
            }
            overall.total += total;
            overall.noncompliant += noncompliant;
            overall.excepted += excepted;
            overall.unknown += unknown;
            to.insert(key, state);
        }
        overall.score = (overall.weight > 0).then(|| overall.weighted_score / overall.weight);
        overall
    }
}

/// Gives the id of the nth account.
pub(crate) fn account_id(n: usize) -> String {
    format!("{:012}", 210_000_000_000_usize + n)
}

/// Gives the nth owner.
pub(crate) fn owner(n: usize) -> String {
    format!("owner{n:04}@example.com")
}

/// Gives the parts of a resource's type: `AWS::S3::Bucket`.
fn parts(kind: &str) -> (&str, &str, &str) {
    let mut parts = kind.splitn(3, "::");
    let mut next = || parts.next().unwrap_or("resource");
    (next(), next(), next())
}

fn excepted(state: ComplianceState, exception: &Exception) -> ComplianceState {
    let live = exception.expires_ms.is_some_and(|ms| ms > AT_MS);
    ComplianceState {
        credit: if live { Credit::Live } else { Credit::Lapsed },
        exception: Some(exception.id.clone()),
        exception_reason: Some(exception.reason.clone()),
        exception_expires_ms: exception.expires_ms,
        exception_phase: Some(if live { ExceptionPhase::Live } else { ExceptionPhase::Expired }),
        ..state
    }
}

fn covered() -> ScoreState {
    ScoreState { scopes: 100, scopes_collected: 100, ..ScoreState::default() }
}

fn sums_of(state: &AccountState) -> [RollupKey; 4] {
    [
        RollupKey::new("enterprise", "all"),
        RollupKey::new("payer", &state.payer),
        RollupKey::new("owner", state.owner.as_deref().unwrap_or_default()),
        RollupKey::new("executive", state.executive.as_deref().unwrap_or_default()),
    ]
}

fn add(sum: &mut RollupState, overall: &ScoreState) {
    sum.accounts += 1;
    sum.scored += i64::from(overall.score.is_some());
    sum.weight += overall.weight;
    sum.weighted_score += overall.weighted_score;
    sum.total += overall.total;
    sum.noncompliant += overall.noncompliant;
    sum.excepted += overall.excepted;
    sum.score = (sum.weight > 0).then(|| sum.weighted_score / sum.weight);
}
