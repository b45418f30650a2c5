//! What is explained: pure, from tables to the object that is printed.

use std::collections::BTreeMap;

use schemas::{
    AccountState, Cause, ComplianceChange, ComplianceKey, ComplianceState, Credit, ExceptionPhase,
    Requirement, SCORE_ONE, ScoreKey, ScoreState, ScoreStatus, Scoring, Severity, Verdict,
};
use serde::Serialize;

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) account: &'a str,
    pub(super) requirement: Option<&'a str>,
    pub(super) resource: Option<&'a str>,
}

/// What the log says of the account.
pub(super) struct Known {
    pub(super) account: Option<AccountState>,
    pub(super) scores: BTreeMap<ScoreKey, ScoreState>,
    pub(super) verdicts: BTreeMap<ComplianceKey, ComplianceState>,
    /// The standard, by id.
    pub(super) requirements: BTreeMap<String, Requirement>,
    /// The last change of each verdict.
    pub(super) last: BTreeMap<ComplianceKey, ComplianceChange>,
}

/// Why an account has its score. Scores are fractions of 1, times UTC milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Explanation {
    /// When it was looked.
    pub(super) at_ms: i64,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) owner: Option<String>,
    /// Of the account as a whole; none when it is not scored.
    pub(super) score: Option<Score>,
    /// Those that were asked for, the costliest first.
    pub(super) requirements: Vec<Explained>,
}

/// Counts and what they come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Score {
    pub(super) status: ScoreStatus,
    pub(super) score: Option<f64>,
    pub(super) weight: i64,
    pub(super) total: i64,
    pub(super) noncompliant: i64,
    pub(super) excepted: i64,
    pub(super) expired: i64,
    pub(super) unknown: i64,
    pub(super) scopes: i64,
    pub(super) scopes_collected: i64,
    pub(super) oldest_ms: Option<i64>,
}

/// A requirement's part in the score.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Explained {
    pub(super) requirement: String,
    pub(super) title: String,
    pub(super) severity: Severity,
    pub(super) scoring: Scoring,
    pub(super) score: Score,
    /// What it takes from the account's score, as a fraction of 1.
    pub(super) costs: f64,
    /// Its verdicts: failing ones first. Empty unless a requirement or a resource was asked for.
    pub(super) verdicts: Vec<Judged>,
}

/// A verdict and why it is so.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Judged {
    pub(super) region: String,
    pub(super) resource: String,
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) part: String,
    pub(super) verdict: Verdict,
    /// Newer data could not tell, so it was kept.
    pub(super) held: bool,
    /// Its source has told nothing for long.
    pub(super) stale: bool,
    pub(super) source: String,
    pub(super) evidence: String,
    pub(super) since_ms: i64,
    pub(super) credit: Credit,
    pub(super) exception: Option<String>,
    pub(super) exception_reason: Option<String>,
    pub(super) exception_expires_ms: Option<i64>,
    /// Where the exception stood when credit was given; none in rows of older releases.
    pub(super) exception_phase: Option<ExceptionPhase>,
    /// The record that last changed the verdict or its credit; none when the history that tells is
    /// no longer in the log.
    pub(super) last: Option<Moved>,
}

/// What last moved a verdict.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Moved {
    pub(super) at_ms: i64,
    /// The verdict before; none when it was new.
    pub(super) before: Option<Verdict>,
    pub(super) credit_before: Option<Credit>,
    pub(super) cause: Cause,
}

impl Explanation {
    /// Explains what was asked for.
    pub(super) fn new(asked: &Asked<'_>, mut known: Known, at_ms: i64) -> Self {
        let whole = known.scores.remove(&ScoreKey::new(asked.account, "*"));
        let weights = whole.as_ref().map_or(0, |score| score.weight);
        let wanted = |id: &str| asked.requirement.is_none_or(|one| one == id);
        let scores = known.scores.iter().filter(|(key, _)| wanted(&key.requirement));
        let mut requirements: Vec<_> = scores
            .map(|(key, score)| explained(asked, &known, &key.requirement, score, weights))
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
    pub(super) fn has_no_verdict(&self) -> bool {
        self.requirements.iter().all(|one| one.verdicts.is_empty())
    }
}

fn explained(
    asked: &Asked<'_>,
    known: &Known,
    id: &str,
    score: &ScoreState,
    weights: i64,
) -> Explained {
    let requirement = known.requirements.get(id);
    let named = |key: &ComplianceKey, row: &ComplianceState| {
        asked.resource.is_none_or(|one| [&key.resource, &row.name, &row.arn].contains(&&one.into()))
    };
    let verdicts = known.verdicts.iter().filter(|(key, row)| {
        let is_asked = asked.requirement.is_some() || asked.resource.is_some();
        is_asked && key.requirement == id && named(key, row)
    });
    let mut verdicts: Vec<_> =
        verdicts.map(|(key, row)| judged(key, row, known.last.get(key))).collect();
    verdicts.sort_by_key(|one| {
        let order = [Verdict::Fail, Verdict::Unknown, Verdict::Pass, Verdict::NotApplicable];
        order.iter().position(|verdict| *verdict == one.verdict)
    });
    let lost = score.score.map_or(0, |score_of| SCORE_ONE - score_of);
    let costs = score.weight as f64 * lost as f64 / SCORE_ONE as f64 / weights.max(1) as f64;
    Explained {
        requirement: id.to_owned(),
        title: requirement.map_or(String::new(), |one| one.title.clone()),
        severity: requirement.map_or(Severity::default(), |one| one.severity),
        scoring: requirement.map_or(Scoring::default(), |one| one.scoring),
        score: score.into(),
        costs,
        verdicts,
    }
}

fn judged(key: &ComplianceKey, row: &ComplianceState, last: Option<&ComplianceChange>) -> Judged {
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
        last: last.map(|change| Moved {
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
