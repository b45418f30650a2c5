//! The model's votes: rows become counts, subject by subject, by the words of the design.

use std::{cmp::Ordering, collections::BTreeMap};

use schemas::{ComplianceKey, ComplianceState, Credit, Scoring, Verdict};

use super::sums::Scored;

type Rows<'a> = Vec<&'a ComplianceState>;

/// Counts the rows of one requirement in one account.
pub(super) fn votes(
    rows: &[(&ComplianceKey, &ComplianceState)],
    scoring: Scoring,
    score: &mut Scored,
) {
    let mut subjects: BTreeMap<(&str, &str), BTreeMap<&str, Rows<'_>>> = BTreeMap::new();
    let subject = |key: &'_ ComplianceKey, row: &'_ ComplianceState| -> (String, String) {
        match &*row.arn {
            "" => (key.region.clone(), key.resource.clone()),
            arn => (String::new(), arn.to_owned()),
        }
    };
    let names: Vec<_> = rows.iter().map(|(key, row)| subject(key, row)).collect();
    for ((_, row), (region, resource)) in rows.iter().zip(&names) {
        let sources = subjects.entry((region, resource)).or_default();
        sources.entry(&row.source).or_default().push(row);
    }
    let mut all = Rows::new();
    for sources in subjects.into_values() {
        let tells = |row: &&ComplianceState| !row.stale && row.verdict != Verdict::Unknown;
        let fresh = sources.values().flatten().any(tells);
        let mut sources: Vec<Rows<'_>> = sources.into_values().collect();
        for rows in &mut sources {
            rows.retain(|row| !fresh || !row.stale);
        }
        match scoring {
            Scoring::Resources => one_vote(&sources, score),
            Scoring::AllOrNothing => all.extend(worst(sources, each)),
            Scoring::Findings | Scoring::Penalty => {
                worst(sources, each).into_iter().for_each(|row| each(row, score));
            }
            Scoring::Summary => {
                worst(sources, summed).into_iter().for_each(|row| summed(row, score));
            }
        }
    }
    if scoring == Scoring::Summary {
        score.excepted = score.excepted.min(score.noncompliant);
        score.expired = score.expired.min(score.noncompliant - score.excepted);
    }
    if scoring == Scoring::AllOrNothing {
        vote(&all, false, score);
    }
}

/// Fails when a source says so, and has credit when all that one such source says has; else it
/// passes when a source says so.
fn one_vote(sources: &[Rows<'_>], score: &mut Scored) {
    let single = sources.iter().map(|rows| {
        let mut single = Scored::default();
        vote(rows, true, &mut single);
        single
    });
    let single: Vec<_> = single.collect();
    let any = |has: fn(&Scored) -> i64| i64::from(single.iter().any(|one| has(one) > 0));
    let (failing, excepted) = (any(|one| one.noncompliant), any(|one| one.excepted));
    let judged = any(|one| one.total);
    score.total += judged;
    score.noncompliant += failing;
    score.excepted += excepted;
    score.expired += any(|one| one.expired) * (1 - excepted);
    score.unknown += any(|one| one.unknown) * (1 - judged);
}

fn each(row: &ComplianceState, score: &mut Scored) {
    vote(&[row], false, score);
}

/// What the source counts is what counts; a row without counts is one of those that were counted.
fn summed(row: &ComplianceState, score: &mut Scored) {
    let (failing, total) = match (row.totals, row.verdict) {
        (_, Verdict::NotApplicable) => return,
        (Some(_), Verdict::Unknown) => return score.unknown += 1,
        (None, Verdict::Unknown | Verdict::Pass) => return,
        (Some(totals), Verdict::Pass) => (0, totals.total.max(0)),
        (Some(totals), Verdict::Fail) => {
            let failing = totals.failing.max(1);
            (failing, totals.total.max(failing))
        }
        (None, Verdict::Fail) => (0, 0),
    };
    score.total += total;
    score.noncompliant += failing;
    let covered = if row.totals.is_some() { failing } else { 1 };
    match row.credit {
        Credit::Live => score.excepted += covered,
        Credit::Lapsed => score.expired += covered,
        Credit::None => {}
    }
}

/// The source with the largest share of failures, then with more of them, then with more verdicts.
fn worst(sources: Vec<Rows<'_>>, count: fn(&ComplianceState, &mut Scored)) -> Rows<'_> {
    let sums = sources.into_iter().map(|rows| {
        let mut sum = Scored::default();
        rows.iter().for_each(|row| count(row, &mut sum));
        (sum, rows)
    });
    let compare = |(a, _): &(Scored, Rows<'_>), (b, _): &(Scored, Rows<'_>)| -> Ordering {
        let share = |sum: &Scored| sum.noncompliant as f64 / sum.total.max(1) as f64;
        let more = |s: &Scored| (s.noncompliant, s.total, s.unknown, s.excepted, s.expired);
        share(a).total_cmp(&share(b)).then(more(a).cmp(&more(b)))
    };
    sums.max_by(compare).map_or(Rows::new(), |(_, rows)| rows)
}

/// Rows that share a vote fail with any of them, with credit when every failing one has; what one
/// of them can't tell may hide what the others pass.
fn vote(rows: &[&ComplianceState], unknown_hides_pass: bool, score: &mut Scored) {
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    let failing: Vec<_> = rows.iter().filter(|row| row.verdict == Verdict::Fail).collect();
    if !failing.is_empty() {
        score.total += 1;
        score.noncompliant += 1;
        if failing.iter().all(|row| row.credit == Credit::Live) {
            score.excepted += 1;
        } else if failing.iter().any(|row| row.credit == Credit::Lapsed) {
            score.expired += 1;
        }
    } else if any(Verdict::Unknown) && (unknown_hides_pass || !any(Verdict::Pass)) {
        score.unknown += 1;
    } else if any(Verdict::Pass) {
        score.total += 1;
    }
}
