//! Scores: rows become votes, votes become counts, counts become one number.

use std::collections::BTreeMap;

use schemas::{
    ComplianceState, Credit, Requirement, SCORE_ONE, ScoreState, ScoreStatus, Scoring,
    TypeCoverage, Verdict,
};

/// Votes; the difference of two is a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Votes: passing and failing.
    pub total: i64,
    /// Failing votes, credited or not.
    pub noncompliant: i64,
    /// Failing votes with live credit.
    pub excepted: i64,
    /// Failing votes whose exception lapsed.
    pub expired: i64,
    /// Votes that could not be judged.
    pub unknown: i64,
}

impl std::ops::Add for Counts {
    type Output = Counts;
    fn add(self, other: Counts) -> Counts {
        Counts {
            total: self.total + other.total,
            noncompliant: self.noncompliant + other.noncompliant,
            excepted: self.excepted + other.excepted,
            expired: self.expired + other.expired,
            unknown: self.unknown + other.unknown,
        }
    }
}

impl std::ops::Neg for Counts {
    type Output = Counts;
    fn neg(self) -> Counts {
        Counts {
            total: -self.total,
            noncompliant: -self.noncompliant,
            excepted: -self.excepted,
            expired: -self.expired,
            unknown: -self.unknown,
        }
    }
}

/// Counts the votes of one resource's rows under one requirement.
///
/// Several sources may judge the same resource: each is counted for itself, and the worst of the
/// fresh ones speaks for all, so that one open port is one failure however many scanners find it.
/// Sources that have told nothing for long speak only where no fresh one can tell.
pub fn count_rows<'a>(scoring: Scoring, rows: impl Iterator<Item = &'a ComplianceState>) -> Counts {
    let rows: Vec<_> = rows.collect();
    let fresh = rows.iter().any(|row| !row.stale && row.verdict != Verdict::Unknown);
    let mut sources: BTreeMap<&str, Counts> = BTreeMap::new();
    for row in rows.iter().filter(|row| !(fresh && row.stale)) {
        let sum = sources.entry(&row.source).or_default();
        *sum = *sum + if scoring == Scoring::Summary { summed_up(row) } else { vote(row) };
    }
    let counts = sources.into_values();
    match scoring {
        Scoring::Resources => counts.map(one_vote).fold(Counts::default(), worst_vote),
        Scoring::Findings | Scoring::Summary | Scoring::AllOrNothing | Scoring::Penalty => {
            counts.fold(Counts::default(), worst_counts)
        }
    }
}

/// Merges the votes of two sources about one resource: fail before pass before unknown. An
/// exception that covers it as one source names it covers it.
fn worst_vote(one: Counts, other: Counts) -> Counts {
    match (one.noncompliant + other.noncompliant, one.total + other.total) {
        (0, 0) => Counts { unknown: one.unknown.max(other.unknown), ..Counts::default() },
        (0, _) => Counts { total: 1, ..Counts::default() },
        _ => {
            let excepted = one.excepted.max(other.excepted);
            let expired = if excepted > 0 { 0 } else { one.expired.max(other.expired) };
            Counts { total: 1, noncompliant: 1, excepted, expired, unknown: 0 }
        }
    }
}

/// Gives the worse of two sources' counts: the larger share of failures, then more of them, then
/// more votes. Credit has no part in it, so that an exception never makes another source speak.
fn worst_counts(one: Counts, other: Counts) -> Counts {
    let share = |of: &Counts, beside: &Counts| {
        i128::from(of.noncompliant) * i128::from(beside.total.max(1))
    };
    let shares = [share(&one, &other), share(&other, &one)];
    let rank = |counts: &Counts, share: i128| {
        (share, counts.noncompliant, counts.total, counts.unknown, counts.excepted, counts.expired)
    };
    if rank(&one, shares[0]) >= rank(&other, shares[1]) { one } else { other }
}

fn vote(row: &ComplianceState) -> Counts {
    let none = Counts::default();
    match row.verdict {
        Verdict::Pass => Counts { total: 1, ..none },
        Verdict::Fail => Counts {
            total: 1,
            noncompliant: 1,
            excepted: i64::from(row.credit == Credit::Live),
            expired: i64::from(row.credit == Credit::Lapsed),
            ..none
        },
        Verdict::Unknown => Counts { unknown: 1, ..none },
        Verdict::NotApplicable => none,
    }
}

/// The most that a source may count: sums of many such counts must not overflow.
const TOTAL_MAX: i64 = 1_000_000_000;

/// Counts a row as its source does. One about a single resource is in those counts already: it has
/// no vote, but credit takes it off the failing ones.
fn summed_up(row: &ComplianceState) -> Counts {
    let Some(totals) = row.totals else {
        return Counts { total: 0, noncompliant: 0, unknown: 0, ..vote(row) };
    };
    // What fails has failing resources, whatever is counted; what passes has none that count.
    let failing = match row.verdict {
        Verdict::Fail => totals.failing.clamp(1, TOTAL_MAX),
        _ => 0,
    };
    let one = vote(row);
    Counts {
        total: one.total * totals.total.clamp(failing, TOTAL_MAX),
        noncompliant: failing,
        excepted: one.excepted * failing,
        expired: one.expired * failing,
        unknown: one.unknown,
    }
}

/// One resource, one vote: it fails with any part, and has credit when every failing part has.
fn one_vote(sum: Counts) -> Counts {
    let none = Counts::default();
    if sum.noncompliant > 0 {
        let excepted = sum.excepted == sum.noncompliant;
        let expired = !excepted && sum.expired > 0;
        return Counts {
            total: 1,
            noncompliant: 1,
            excepted: i64::from(excepted),
            expired: i64::from(expired),
            ..none
        };
    }
    match (sum.unknown > 0, sum.total > 0) {
        (true, _) => Counts { unknown: 1, ..none },
        (false, true) => Counts { total: 1, ..none },
        (false, false) => none,
    }
}

/// Tells whether a requirement's score waits for the collection of a type: one that gives it
/// something to judge, or one that its rule asks about.
pub fn needs(requirement: &Requirement, of_type: &str) -> bool {
    is_fed_by(requirement, of_type) || asks_about(requirement, of_type)
}

/// Tells whether a type gives a requirement something to judge: its rule's, or `report/<source>`.
fn is_fed_by(requirement: &Requirement, of_type: &str) -> bool {
    let source = of_type.strip_prefix("report/");
    let judged = requirement.rule.is_some() && requirement.resource_type == of_type;
    judged || requirement.checks.iter().any(|check| source == Some(&*check.source))
}

fn asks_about(requirement: &Requirement, of_type: &str) -> bool {
    let mut asked = requirement.rule.iter().flat_map(|rule| &rule.related);
    asked.any(|relation| relation.resource_type == of_type)
}

/// Gives the coverage of all that a requirement needs.
///
/// What its rule asks about counts only beside something to judge: alone it would make what was
/// never collected look as if there were nothing.
pub fn coverage_for(requirement: &Requirement, coverage: &[TypeCoverage]) -> TypeCoverage {
    let fed = sum_of(requirement, coverage, is_fed_by);
    if fed.collected == 0 { fed } else { sum_of(requirement, coverage, needs) }
}

fn sum_of(
    requirement: &Requirement,
    coverage: &[TypeCoverage],
    wanted: fn(&Requirement, &str) -> bool,
) -> TypeCoverage {
    let mut sum = TypeCoverage {
        resource_type: requirement.resource_type.clone(),
        scopes: 0,
        collected: 0,
        failed: 0,
        oldest_ms: None,
        error: None,
        resources: 0,
    };
    for one in coverage.iter().filter(|one| wanted(requirement, &one.resource_type)) {
        sum.scopes += one.scopes;
        sum.collected += one.collected;
        sum.failed += one.failed;
        sum.resources += one.resources;
        sum.oldest_ms = match (sum.oldest_ms, one.oldest_ms) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        sum.error = sum.error.or_else(|| one.error.clone());
    }
    sum
}

/// Derives the score of a requirement in an account.
///
/// `score = 1 - (noncompliant - excepted) / total`, in billionths, rounded half up; none when
/// nothing counts.
pub fn requirement_score(
    requirement: &Requirement,
    raw: Counts,
    coverage: &TypeCoverage,
) -> ScoreState {
    let counts = match requirement.scoring {
        Scoring::AllOrNothing => all_or_nothing(raw),
        Scoring::Summary => summary(raw),
        _ => raw,
    };
    let score = (counts.total > 0)
        .then(|| mean(counts.total - counts.noncompliant + counts.excepted, counts.total));
    // A penalty is shown beside the scores, never averaged in.
    let weight = if requirement.scoring == Scoring::Penalty { 0 } else { requirement.weight };
    let status = match score {
        Some(_) => ScoreStatus::Scored,
        None if coverage.collected > 0 => ScoreStatus::NotApplicable,
        None => ScoreStatus::NotCollected,
    };
    ScoreState {
        status,
        score,
        weight,
        weighted_score: score.unwrap_or(0) * weight,
        total: counts.total,
        noncompliant: counts.noncompliant,
        excepted: counts.excepted,
        expired: counts.expired,
        unknown: counts.unknown,
        scopes: coverage.scopes,
        scopes_collected: coverage.collected,
        oldest_ms: coverage.oldest_ms,
    }
}

fn all_or_nothing(raw: Counts) -> Counts {
    let failing = raw.noncompliant > 0;
    let excepted = failing && raw.excepted == raw.noncompliant;
    Counts {
        total: i64::from(raw.total > 0),
        noncompliant: i64::from(failing),
        excepted: i64::from(excepted),
        expired: i64::from(failing && !excepted && raw.expired > 0),
        unknown: i64::from(raw.total == 0 && raw.unknown > 0),
    }
}

/// A source may list more resources than it counts: not more are excepted than fail.
fn summary(raw: Counts) -> Counts {
    let excepted = raw.excepted.min(raw.noncompliant);
    Counts { excepted, expired: raw.expired.min(raw.noncompliant - excepted), ..raw }
}

/// Gives a part of a whole in billionths, rounded half up.
pub fn mean(part: i64, whole: i64) -> i64 {
    let (part, whole) = (i128::from(part) * i128::from(SCORE_ONE), i128::from(whole.max(1)));
    i64::try_from((part + whole / 2).div_euclid(whole)).unwrap_or(i64::MAX)
}

/// The running sums of an account's requirements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weighted {
    /// Votes of all requirements.
    pub counts: Counts,
    /// Sum of the weights that have a score.
    pub weight: i64,
    /// Sum of weight times score, in billionths.
    pub weighted_score: i64,
    /// Requirements that have a score.
    pub scored: i64,
    /// Requirements that nothing applies to, though it was collected.
    pub not_applicable: i64,
    /// Requirements.
    pub requirements: i64,
}

impl Weighted {
    /// Adds a requirement's score (`sign` 1) or takes it back (`sign` -1).
    pub fn add(&mut self, score: &ScoreState, sign: i64) {
        let counts = Counts {
            total: score.total,
            noncompliant: score.noncompliant,
            excepted: score.excepted,
            expired: score.expired,
            unknown: score.unknown,
        };
        self.counts = self.counts + if sign < 0 { -counts } else { counts };
        self.requirements += sign;
        if score.status == ScoreStatus::Scored {
            self.weight += sign * score.weight;
            self.scored += sign;
        }
        if score.status == ScoreStatus::NotApplicable {
            self.not_applicable += sign;
        }
        self.weighted_score += sign * score.weighted_score;
    }
}

/// Derives an account's score: the mean of its requirements' scores, weighted by risk.
pub fn account_score(sums: &Weighted, coverage: &[TypeCoverage]) -> ScoreState {
    let score = (sums.weight > 0).then(|| {
        let half = sums.weight / 2;
        (sums.weighted_score + half).div_euclid(sums.weight)
    });
    let status = match score {
        Some(_) => ScoreStatus::Scored,
        None if sums.scored + sums.not_applicable > 0 => ScoreStatus::NotApplicable,
        None => ScoreStatus::NotCollected,
    };
    ScoreState {
        status,
        score,
        weight: sums.weight,
        weighted_score: sums.weighted_score,
        total: sums.counts.total,
        noncompliant: sums.counts.noncompliant,
        excepted: sums.counts.excepted,
        expired: sums.counts.expired,
        unknown: sums.counts.unknown,
        scopes: coverage.iter().map(|one| one.scopes).sum(),
        scopes_collected: coverage.iter().map(|one| one.collected).sum(),
        oldest_ms: coverage.iter().filter_map(|one| one.oldest_ms).min(),
    }
}
