//! Explains a score: from tables to what each requirement costs, and why each verdict is so.

use std::collections::BTreeMap;

use schemas::{
    AccountState, Cause, ComplianceChange, ComplianceKey, ComplianceState, Credit, Exception,
    ExceptionPhase, Requirement, SCORE_ONE, ScoreKey, ScoreState, ScoreStatus, Scoring, Severity,
    Verdict,
};
use serde::Serialize;

use crate::{Place, miss};

/// Exceptions that are told as just missing a verdict.
const MISSED_MAX: usize = 3;

/// The parts by which an exception may just miss, the likeliest mistake first. One of another
/// requirement is meant for that one.
const NEAR: [&str; 3] = ["resource", "region", "account"];

/// What is asked for.
pub struct Asked<'a> {
    /// The account's id.
    pub account: &'a str,
    /// This requirement alone, with its verdicts.
    pub requirement: Option<&'a str>,
    /// Verdicts on this resource alone: its id, name or ARN.
    pub resource: Option<&'a str>,
}

/// What the log says of the account.
pub struct Known {
    /// The account; none when nothing is known of it.
    pub account: Option<AccountState>,
    /// Its scores, by requirement and as a whole (`*`).
    pub scores: BTreeMap<ScoreKey, ScoreState>,
    /// Its verdicts.
    pub verdicts: BTreeMap<ComplianceKey, ComplianceState>,
    /// The standard, by id.
    pub requirements: BTreeMap<String, Requirement>,
    /// The risk register.
    pub exceptions: Vec<Exception>,
    /// The last change of each verdict.
    pub last: BTreeMap<ComplianceKey, ComplianceChange>,
}

/// Why an account has its score. Scores are fractions of 1, times UTC milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// When it was looked.
    pub at_ms: i64,
    /// The account's id.
    pub account: String,
    /// The account's name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Of the account as a whole; none when it is not scored.
    pub score: Option<Score>,
    /// Those that were asked for, the costliest first.
    pub requirements: Vec<Explained>,
}

/// Counts and what they come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Whether there is a score, and if not, why.
    pub status: ScoreStatus,
    /// The score.
    pub score: Option<f64>,
    /// The risk weight; of the account the sum of weights that have a score.
    pub weight: i64,
    /// Votes.
    pub total: i64,
    /// Failing votes.
    pub noncompliant: i64,
    /// Failing votes with live credit.
    pub excepted: i64,
    /// Failing votes whose exception lapsed.
    pub expired: i64,
    /// Votes that could not be judged.
    pub unknown: i64,
    /// Scopes that it needs.
    pub scopes: i64,
    /// Those of them that were once completed.
    pub scopes_collected: i64,
    /// When the oldest data behind it was collected.
    pub oldest_ms: Option<i64>,
}

/// A requirement's part in the score.
#[derive(Debug, PartialEq, Serialize)]
pub struct Explained {
    /// Its id.
    pub requirement: String,
    /// Its title.
    pub title: String,
    /// Why the company changed what ships.
    pub changes: Vec<String>,
    /// How bad a failure is.
    pub severity: Severity,
    /// How failures become counts.
    pub scoring: Scoring,
    /// Counts and score.
    pub score: Score,
    /// What it takes from the account's score, as a fraction of 1.
    pub costs: f64,
    /// Its verdicts: failing ones first. Empty unless a requirement or a resource was asked for.
    pub verdicts: Vec<Judged>,
}

/// A verdict and why it is so.
#[derive(Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The resource's region.
    pub region: String,
    /// The resource's id.
    pub resource: String,
    /// The resource's name.
    pub name: String,
    /// The resource's ARN.
    pub arn: String,
    /// The part of the resource; empty for the whole.
    pub part: String,
    /// What was found.
    pub verdict: Verdict,
    /// Newer data could not tell, so it was kept.
    pub held: bool,
    /// Its source has told nothing for long.
    pub stale: bool,
    /// Who judged.
    pub source: String,
    /// Why.
    pub evidence: String,
    /// Since when.
    pub since_ms: i64,
    /// Whether an exception counts.
    pub credit: Credit,
    /// The exception that concerns it.
    pub exception: Option<String>,
    /// Its reason.
    pub exception_reason: Option<String>,
    /// The first moment without its credit.
    pub exception_expires_ms: Option<i64>,
    /// Where the exception stood when credit was given; none in rows of older releases.
    pub exception_phase: Option<ExceptionPhase>,
    /// Exceptions that miss a failure without credit by one part, live ones first.
    pub missed: Vec<Missed>,
    /// The record that last changed the verdict or its credit; none when the history that tells is
    /// no longer in the log.
    pub last: Option<Moved>,
}

/// An exception that does not concern a verdict, though all but one of its parts cover it.
#[derive(Debug, PartialEq, Serialize)]
pub struct Missed {
    /// The exception's id.
    pub exception: String,
    /// Where it stands.
    pub phase: ExceptionPhase,
    /// The part: resource, region or account.
    pub part: &'static str,
}

/// What last moved a verdict.
#[derive(Debug, PartialEq, Serialize)]
pub struct Moved {
    /// When.
    pub at_ms: i64,
    /// The verdict before; none when it was new.
    pub before: Option<Verdict>,
    /// The credit before.
    pub credit_before: Option<Credit>,
    /// The record that did it.
    pub cause: Cause,
}

impl Explanation {
    /// Explains what was asked for.
    pub fn new(asked: &Asked<'_>, mut known: Known, at_ms: i64) -> Self {
        let whole = known.scores.remove(&ScoreKey::new(asked.account, "*"));
        let weights = whole.as_ref().map_or(0, |score| score.weight);
        let wanted = |id: &str| asked.requirement.is_none_or(|one| one == id);
        let scores = known.scores.iter().filter(|(key, _)| wanted(&key.requirement));
        let mut requirements: Vec<_> = scores
            .map(|(key, score)| explained(asked, &known, &key.requirement, score, weights, at_ms))
            .collect();
        if asked.resource.is_some() {
            requirements.retain(|one| !one.verdicts.is_empty());
        }
        requirements.sort_by(|a, b| {
            let costs = b.costs.total_cmp(&a.costs);
            costs.then_with(|| a.requirement.cmp(&b.requirement))
        });
        let account = known.account.as_ref();
        Self {
            at_ms,
            account: asked.account.to_owned(),
            name: account.map_or(String::new(), |account| account.name.clone()),
            owner: account.and_then(|account| account.owner.clone()),
            score: whole.as_ref().map(Score::from),
            requirements,
        }
    }

    /// Whether nothing that was asked for has a verdict.
    pub fn has_no_verdict(&self) -> bool {
        self.requirements.iter().all(|one| one.verdicts.is_empty())
    }
}

fn explained(
    asked: &Asked<'_>,
    known: &Known,
    id: &str,
    score: &ScoreState,
    weights: i64,
    now_ms: i64,
) -> Explained {
    let requirement = known.requirements.get(id);
    let named = |key: &ComplianceKey, row: &ComplianceState| {
        asked.resource.is_none_or(|one| [&key.resource, &row.name, &row.arn].contains(&&one.into()))
    };
    let verdicts = known.verdicts.iter().filter(|(key, row)| {
        let is_asked = asked.requirement.is_some() || asked.resource.is_some();
        is_asked && key.requirement == id && named(key, row)
    });
    let mut verdicts: Vec<_> = verdicts.map(|(key, row)| judged(key, row, known, now_ms)).collect();
    verdicts.sort_by_key(|one| {
        let order = [Verdict::Fail, Verdict::Unknown, Verdict::Pass, Verdict::NotApplicable];
        order.iter().position(|verdict| *verdict == one.verdict)
    });
    let lost = score.score.map_or(0, |score_of| SCORE_ONE - score_of);
    let costs = score.weight as f64 * lost as f64 / SCORE_ONE as f64 / weights.max(1) as f64;
    Explained {
        requirement: id.to_owned(),
        title: requirement.map_or(String::new(), |one| one.title.clone()),
        changes: requirement.map_or(Vec::new(), |one| one.changes.clone()),
        severity: requirement.map_or(Severity::default(), |one| one.severity),
        scoring: requirement.map_or(Scoring::default(), |one| one.scoring),
        score: score.into(),
        costs,
        verdicts,
    }
}

/// Gives the exceptions that just miss a row which has no credit.
///
/// What an exception asks of tags is not looked at: they stand in the inventory.
fn missed(key: &ComplianceKey, row: &ComplianceState, known: &Known, now_ms: i64) -> Vec<Missed> {
    if row.verdict != Verdict::Fail || row.credit == Credit::Live {
        return Vec::new();
    }
    let place = Place { account: known.account.as_ref(), resource: None };
    let near = known.exceptions.iter().filter_map(|one| {
        let part = miss(one, key, row, place).filter(|part| NEAR.contains(part))?;
        Some(Missed { exception: one.id.clone(), phase: one.phase(now_ms), part })
    });
    let mut near: Vec<_> = near.collect();
    let rank = |part| NEAR.iter().position(|one| *one == part);
    near.sort_by(|a, b| {
        let order = (rank(a.part), a.phase).cmp(&(rank(b.part), b.phase));
        order.then_with(|| a.exception.cmp(&b.exception))
    });
    near.truncate(MISSED_MAX);
    near
}

fn judged(key: &ComplianceKey, row: &ComplianceState, known: &Known, now_ms: i64) -> Judged {
    Judged {
        region: key.region.clone(),
        resource: key.resource.clone(),
        name: row.name.clone(),
        arn: row.arn.clone(),
        part: key.part.clone(),
        verdict: row.verdict,
        held: row.held,
        stale: row.stale,
        source: row.source.clone(),
        evidence: row.evidence.clone(),
        since_ms: row.since_ms,
        credit: row.credit,
        exception: row.exception.clone(),
        exception_reason: row.exception_reason.clone(),
        exception_expires_ms: row.exception_expires_ms,
        exception_phase: row.exception_phase,
        missed: missed(key, row, known, now_ms),
        last: known.last.get(key).map(|change| Moved {
            at_ms: change.at_ms,
            before: change.before.map(|standing| standing.verdict),
            credit_before: change.before.map(|standing| standing.credit),
            cause: change.cause.clone(),
        }),
    }
}

impl From<&ScoreState> for Score {
    fn from(row: &ScoreState) -> Self {
        Self {
            status: row.status,
            score: row.score.map(|score| score as f64 / SCORE_ONE as f64),
            weight: row.weight,
            total: row.total,
            noncompliant: row.noncompliant,
            excepted: row.excepted,
            expired: row.expired,
            unknown: row.unknown,
            scopes: row.scopes,
            scopes_collected: row.scopes_collected,
            oldest_ms: row.oldest_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(id: &str, resource: &str, expires_ms: i64) -> Exception {
        Exception {
            id: id.into(),
            accounts: vec!["1".into()],
            requirements: vec!["R1".into()],
            resource: resource.into(),
            approved: true,
            expires_ms: Some(expires_ms),
            ..Exception::default()
        }
    }

    fn known(exceptions: Vec<Exception>) -> Known {
        let key = ComplianceKey::new("R1", "1", "r", "sg-1", "");
        let row = ComplianceState {
            name: "web".into(),
            verdict: Verdict::Fail,
            ..ComplianceState::default()
        };
        let score = |weight, weighted_score| ScoreState {
            status: ScoreStatus::Scored,
            score: Some(SCORE_ONE / 4),
            weight,
            weighted_score,
            total: 4,
            noncompliant: 3,
            ..ScoreState::default()
        };
        let scores = [
            (ScoreKey::new("1", "*"), score(10, 0)),
            (ScoreKey::new("1", "R1"), score(8, 2 * SCORE_ONE)),
        ];
        Known {
            account: Some(AccountState::default()),
            scores: scores.into(),
            verdicts: BTreeMap::from([(key, row)]),
            requirements: BTreeMap::new(),
            exceptions,
            last: BTreeMap::new(),
        }
    }

    #[test]
    fn what_just_misses_a_failure_is_told_with_the_likeliest_first() {
        let far = Exception { regions: vec!["s".into()], ..exception("far", "sg-2", 9) };
        let elsewhere = Exception { regions: vec!["s".into()], ..exception("elsewhere", "*", 9) };
        let other = Exception { requirements: vec!["R2".into()], ..exception("other", "*", 9) };
        let exceptions =
            vec![far, elsewhere, other, exception("over", "sg-9", 1), exception("near", "web?", 9)];
        let asked = Asked { account: "1", requirement: Some("R1"), resource: None };
        let explanation = Explanation::new(&asked, known(exceptions), 5);
        let missed = &explanation.requirements[0].verdicts[0].missed;
        let told: Vec<_> = missed
            .iter()
            .map(|one| format!("{} {} {}", one.exception, one.phase, one.part))
            .collect();
        assert_eq!(told, ["near live resource", "over expired resource", "elsewhere live region"]);
    }

    #[test]
    fn a_resource_is_found_by_any_of_its_names_and_costs_are_shares() {
        let of = |resource| Asked { account: "1", requirement: None, resource };
        for name in ["sg-1", "web"] {
            let found = Explanation::new(&of(Some(name)), known(Vec::new()), 5);
            assert_eq!(found.requirements.len(), 1, "{name}");
        }
        let none = Explanation::new(&of(Some("sg")), known(Vec::new()), 5);
        assert!(none.has_no_verdict() && none.requirements.is_empty());
        let whole = Explanation::new(&of(None), known(Vec::new()), 5);
        assert!(whole.has_no_verdict(), "verdicts are shown when they are asked for");
        // Weight 8 of 10, three quarters lost.
        assert!((whole.requirements[0].costs - 0.6).abs() < 1e-9);
    }
}
