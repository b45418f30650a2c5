//! The examples of the manual's page about scores, computed by the functions of the pipeline.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;

use compliance::{Counts, Weighted, account_score, requirement_score};
use rollup::{Spending, replace};
use schemas::{
    Contribution, Requirement, RollupState, SCORE_ONE, ScoreState, Scoring, Severity, TypeCoverage,
};

const PAGE: &str = include_str!("../../../docs/src/scores.md");

/// Gives the rows of the table with this heading, as cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let start = PAGE.find(heading).unwrap_or_else(|| panic!("no table {heading:?}"));
    let lines = PAGE[start..].lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.map(cells).collect()
}

/// Gives a share of 1 in billionths as the page writes it.
fn told(score: Option<i64>) -> String {
    let Some(score) = score else { return "N/A".to_owned() };
    let thousandths = (score + 5_000) / 10_000;
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn requirement(id: &str, weight: i64) -> Requirement {
    Requirement {
        id: id.to_owned(),
        title: String::new(),
        why: String::new(),
        severity: Severity::High,
        weight,
        resource_type: String::new(),
        scoring: Scoring::Resources,
        rule: None,
        checks: Vec::new(),
        remediation: String::new(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

/// What a requirement needs was collected, so that nothing to judge is N/A.
fn collected() -> TypeCoverage {
    TypeCoverage {
        resource_type: String::new(),
        scopes: 1,
        collected: 1,
        failed: 0,
        oldest_ms: None,
        error: None,
        resources: 0,
    }
}

/// Gives the scores of the first table by account, each held to what the page says of it.
fn scores() -> BTreeMap<&'static str, Vec<ScoreState>> {
    let mut scores: BTreeMap<&str, Vec<ScoreState>> = BTreeMap::new();
    for row in table("| account | requirement |") {
        let [account, id, counts @ .., score] = &row[..] else { panic!("{row:?}") };
        let counts: Vec<i64> = counts.iter().map(|cell| cell.parse().unwrap()).collect();
        let [weight, total, noncompliant, excepted] = counts[..] else { panic!("{row:?}") };
        let requirement = requirement(id, weight);
        let counts = Counts { total, noncompliant, excepted, ..Counts::default() };
        let state = requirement_score(&requirement, counts, &collected());
        assert_eq!(told(state.score), *score, "{row:?}");
        scores.entry(account).or_default().push(state);
    }
    scores
}

fn sums(of: &[ScoreState]) -> (i64, f64) {
    let weight = of.iter().filter(|one| one.score.is_some()).map(|one| one.weight).sum();
    (weight, of.iter().map(|one| one.weighted_score).sum::<i64>() as f64 / SCORE_ONE as f64)
}

#[test]
fn accounts_and_owners_are_as_the_page_says() {
    let scores = scores();
    let accounts = table("| account | sum of weights |");
    assert_eq!(accounts.len(), scores.len());
    for row in accounts {
        let of = &scores[row[0]];
        let mut weighted = Weighted::default();
        of.iter().for_each(|score| weighted.add(score, 1));
        let state = account_score(&weighted, &[]);
        let (weight, sum) = sums(of);
        assert_eq!((row[1], row[2]), (&*weight.to_string(), &*sum.to_string()), "{row:?}");
        assert_eq!(told(state.score), row[3], "{row:?}");
    }
    let all: Vec<ScoreState> = scores.into_values().flatten().collect();
    let mut sum = RollupState::default();
    for (score, accounts) in all.iter().zip([2, 0, 0, 0, 0, 0]) {
        let share = Contribution {
            weight: Some(score.weight),
            score: score.score,
            total: score.total,
            noncompliant: score.noncompliant,
            excepted: score.excepted,
        };
        sum = replace(sum, None, Some(&share), accounts).unwrap();
    }
    let owner = &table("| who | sum of weights |")[0];
    let (weight, weighted) = sums(&all);
    assert_eq!((owner[1], owner[2]), (&*weight.to_string(), &*weighted.to_string()));
    assert_eq!(told(sum.score), owner[3]);
}

#[test]
fn executives_are_as_the_page_says() {
    let rows = table("| who | accounts (score, spend) |");
    assert_eq!(rows.len(), 3);
    for row in rows {
        let shares: Vec<Contribution> = row[1]
            .split(';')
            .map(|account| {
                let words: Vec<&str> = account.split_whitespace().collect();
                let [_, score, "%", spend] = words[..] else { panic!("{account}") };
                let score: f64 = score.parse().unwrap();
                Contribution {
                    weight: spend.parse().ok().map(|whole: i64| whole * 100),
                    score: Some((score / 100.0 * SCORE_ONE as f64).round() as i64),
                    total: 1,
                    noncompliant: 0,
                    excepted: 0,
                }
            })
            .collect();
        let mut sum = RollupState::default();
        Spending::of(shares.iter()).finish(&mut sum);
        assert_eq!(told(sum.score), row[2], "{row:?}");
    }
}
