//! The laws of scores, as tables and properties.

use proptest::prelude::*;
use schemas::{
    ComplianceState, Credit, Requirement, SCORE_ONE, ScoreStatus, Scoring, Severity, Totals,
    TypeCoverage, Verdict,
};

use crate::{
    score::{Counts, Weighted, account_score, count_rows, requirement_score},
    testing::state,
};

fn requirement(scoring: Scoring, weight: i64) -> Requirement {
    Requirement {
        id: "R1".into(),
        title: "t".into(),
        why: "w".into(),
        severity: Severity::High,
        weight,
        resource_type: "T".into(),
        scoring,
        rule: None,
        checks: vec![],
        remediation: "m".into(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

fn coverage(collected: i64) -> TypeCoverage {
    TypeCoverage {
        resource_type: "T".into(),
        scopes: 1,
        collected,
        failed: 0,
        oldest_ms: None,
        error: None,
        resources: 0,
    }
}

fn row(verdict: Verdict, credit: Credit) -> ComplianceState {
    ComplianceState { credit, ..state(verdict) }
}

fn rows() -> impl Strategy<Value = Vec<ComplianceState>> {
    let verdict = prop::sample::select(Verdict::ALL);
    let credit = prop::sample::select(Credit::ALL);
    let totals = prop::option::of((-1..9_i64, -1..9_i64));
    let row = (verdict, credit, totals).prop_map(|(verdict, credit, totals)| {
        let credit = if verdict == Verdict::Fail { credit } else { Credit::None };
        let totals = totals.map(|(failing, total)| Totals { failing, total });
        ComplianceState { totals, ..row(verdict, credit) }
    });
    prop::collection::vec(row, 0..6)
}

/// Rows of several sources, fresh and stale.
fn rows_of_sources() -> impl Strategy<Value = Vec<ComplianceState>> {
    let source = prop::sample::select(&["rule", "prowler", "securityhub"][..]);
    let sources = prop::collection::vec((source, any::<bool>()), 6);
    (rows(), sources).prop_map(|(rows, sources)| {
        let of = |(row, (source, stale)): (ComplianceState, (&str, bool))| ComplianceState {
            source: source.to_owned(),
            stale,
            ..row
        };
        rows.into_iter().zip(sources).map(of).collect()
    })
}

fn score(scoring: Scoring, resources: &[Vec<ComplianceState>]) -> Option<i64> {
    let counts = resources.iter().map(|rows| count_rows(scoring, rows.iter()));
    let counts = counts.fold(Counts::default(), |sum, one| sum + one);
    requirement_score(&requirement(scoring, 1), counts, &coverage(1)).score
}

#[test]
fn a_resource_with_two_failing_parts_votes_once() {
    use {Credit as C, Verdict as V};
    let fail = |credit| row(V::Fail, credit);
    let pass = || row(V::Pass, C::None);
    let unknown = || row(V::Unknown, C::None);
    for (rows, expected) in [
        (vec![], (0, 0, 0, 0, 0)),
        (vec![row(V::NotApplicable, C::None)], (0, 0, 0, 0, 0)),
        (vec![pass(), pass()], (1, 0, 0, 0, 0)),
        (vec![fail(C::None), fail(C::None), pass()], (1, 1, 0, 0, 0)),
        (vec![fail(C::Live), fail(C::None)], (1, 1, 0, 0, 0)),
        (vec![fail(C::Live), fail(C::Live)], (1, 1, 1, 0, 0)),
        (vec![fail(C::Live), fail(C::Lapsed)], (1, 1, 0, 1, 0)),
        (vec![pass(), unknown()], (0, 0, 0, 0, 1)),
        (vec![fail(C::None), unknown()], (1, 1, 0, 0, 0)),
    ] {
        let c = count_rows(Scoring::Resources, rows.iter());
        let got = (c.total, c.noncompliant, c.excepted, c.expired, c.unknown);
        assert_eq!(got, expected, "{rows:?}");
    }
}

#[test]
fn what_a_source_sums_up_is_counted_as_it_says() {
    use {Credit as C, Verdict as V};
    let sum = |verdict, credit, failing, total| ComplianceState {
        totals: Some(Totals { failing, total }),
        ..row(verdict, credit)
    };
    let of = |source: &str, row: ComplianceState| ComplianceState { source: source.into(), ..row };
    let listed = |credit| row(V::Fail, credit);
    let whole = 1_000_000_000;
    for (resources, expected, score) in [
        // 3 of 120 fail, one of those listed is excepted: 118 of 120.
        (
            vec![vec![sum(V::Fail, C::None, 3, 120)], vec![listed(C::Live)], vec![listed(C::None)]],
            (120, 3, 1, 0, 0),
            Some(983_333_333),
        ),
        (vec![vec![sum(V::Fail, C::Live, 3, 120)]], (120, 3, 3, 0, 0), Some(whole)),
        (vec![vec![sum(V::Fail, C::Lapsed, 3, 4)]], (4, 3, 0, 3, 0), Some(whole / 4)),
        // More are listed with credit than are counted as failing.
        (
            vec![vec![sum(V::Fail, C::None, 1, 2)], vec![listed(C::Live)], vec![listed(C::Live)]],
            (2, 1, 1, 0, 0),
            Some(whole),
        ),
        // Warnings that pass do not fail, whatever is counted; a failure is never none.
        (vec![vec![sum(V::Pass, C::None, 3, 120)]], (120, 0, 0, 0, 0), Some(whole)),
        (vec![vec![sum(V::Fail, C::None, 0, 0)]], (1, 1, 0, 0, 0), Some(0)),
        (vec![vec![sum(V::Fail, C::None, -5, -7)]], (1, 1, 0, 0, 0), Some(0)),
        (vec![vec![sum(V::Pass, C::None, 0, 0)]], (0, 0, 0, 0, 0), None),
        (vec![vec![sum(V::Unknown, C::None, 3, 120)]], (0, 0, 0, 0, 1), None),
        // Without a sum nothing is known, however many rows there are.
        (vec![vec![row(V::Pass, C::None)], vec![listed(C::None)]], (0, 0, 0, 0, 0), None),
        // Two checks of one source add up; of two sources the worse speaks.
        (
            vec![vec![sum(V::Fail, C::None, 1, 4), sum(V::Pass, C::None, 0, 4)]],
            (8, 1, 0, 0, 0),
            Some(whole * 7 / 8),
        ),
        (
            vec![vec![
                of("a", sum(V::Fail, C::None, 1, 4)),
                of("b", sum(V::Fail, C::None, 2, 100)),
            ]],
            (4, 1, 0, 0, 0),
            Some(whole * 3 / 4),
        ),
        (
            vec![vec![sum(V::Fail, C::None, i64::MAX, i64::MAX); 4]],
            (4 * whole, 4 * whole, 0, 0, 0),
            Some(0),
        ),
    ] {
        let counts = resources.iter().map(|rows| count_rows(Scoring::Summary, rows.iter()));
        let counts = counts.fold(Counts::default(), |sum, one| sum + one);
        let got = requirement_score(&requirement(Scoring::Summary, 1), counts, &coverage(1));
        let told = (got.total, got.noncompliant, got.excepted, got.expired, got.unknown);
        assert_eq!((told, got.score), (expected, score), "{resources:?}");
    }
}

#[test]
fn the_worst_of_the_fresh_sources_speaks() {
    use Verdict::{Fail, NotApplicable, Pass, Unknown};
    let of = |source: &str, stale: bool, verdicts: &[Verdict]| -> Vec<ComplianceState> {
        let row = |verdict: &Verdict| ComplianceState {
            source: source.into(),
            stale,
            ..row(*verdict, Credit::None)
        };
        verdicts.iter().map(row).collect()
    };
    for (rows, as_one, as_many) in [
        ([of("a", false, &[Fail]), of("b", false, &[Pass])], (1, 1, 0), (1, 1, 0)),
        ([of("a", true, &[Fail]), of("b", false, &[Pass])], (1, 0, 0), (1, 0, 0)),
        ([of("a", true, &[Fail]), of("b", true, &[Pass])], (1, 1, 0), (1, 1, 0)),
        ([of("a", true, &[Fail]), of("b", false, &[NotApplicable])], (0, 0, 0), (0, 0, 0)),
        ([of("a", true, &[Fail]), of("b", false, &[Unknown])], (1, 1, 0), (1, 1, 0)),
        ([of("a", false, &[Unknown]), of("b", false, &[Pass])], (1, 0, 0), (1, 0, 0)),
        ([of("a", false, &[Unknown]), of("b", false, &[])], (0, 0, 1), (0, 0, 1)),
        ([of("a", false, &[Fail, Pass, Pass]), of("b", false, &[Fail])], (1, 1, 0), (1, 1, 0)),
        ([of("a", false, &[Fail, Fail]), of("b", false, &[Fail])], (1, 1, 0), (2, 2, 0)),
        ([of("a", false, &[Fail, Pass]), of("b", false, &[Pass, Pass])], (1, 1, 0), (2, 1, 0)),
    ] {
        for (scoring, expected) in [(Scoring::Resources, as_one), (Scoring::Findings, as_many)] {
            for order in [[0, 1], [1, 0]] {
                let counts = count_rows(scoring, order.iter().flat_map(|at| &rows[*at]));
                let got = (counts.total, counts.noncompliant, counts.unknown);
                assert_eq!(got, expected, "{scoring} {rows:?}");
            }
        }
    }
}

#[test]
fn nothing_is_not_a_hundred_percent() {
    let of = |collected| {
        requirement_score(
            &requirement(Scoring::Resources, 5),
            Counts::default(),
            &coverage(collected),
        )
    };
    assert_eq!((of(1).status, of(1).score), (ScoreStatus::NotApplicable, None));
    assert_eq!((of(0).status, of(0).score), (ScoreStatus::NotCollected, None));
}

#[test]
fn an_account_is_the_weighted_mean_of_what_has_a_score() {
    let of = |weight, total, noncompliant| {
        let counts = Counts { total, noncompliant, ..Counts::default() };
        requirement_score(&requirement(Scoring::Resources, weight), counts, &coverage(1))
    };
    let mut sums = Weighted::default();
    for score in [of(10, 4, 1), of(2, 3, 3), of(7, 0, 0)] {
        sums.add(&score, 1);
    }
    // (10 * 3/4 + 2 * 0) / 12 = 0.625
    assert_eq!(account_score(&sums, &[]).score, Some(625_000_000));
    sums.add(&of(2, 3, 3), -1);
    assert_eq!(account_score(&sums, &[]).score, Some(750_000_000));
}

#[test]
fn a_penalty_is_not_averaged_in() {
    let counts = Counts { total: 2, noncompliant: 2, ..Counts::default() };
    let score = requirement_score(&requirement(Scoring::Penalty, 5), counts, &coverage(1));
    assert_eq!((score.weight, score.weighted_score, score.score), (0, 0, Some(0)));
}

proptest! {
    #[test]
    fn total_is_pass_and_fail(rows in rows()) {
        let c = count_rows(Scoring::Findings, rows.iter());
        let passing = rows.iter().filter(|r| r.verdict == Verdict::Pass).count() as i64;
        let failing = rows.iter().filter(|r| r.verdict == Verdict::Fail).count() as i64;
        prop_assert_eq!((c.total, c.noncompliant), (passing + failing, failing));
        let one = count_rows(Scoring::Resources, rows.iter());
        prop_assert!(one.total + one.unknown <= 1);
        prop_assert!(one.excepted + one.expired <= one.noncompliant);
    }

    #[test]
    fn a_compliant_resource_lowers_no_score(
        resources in prop::collection::vec(rows_of_sources(), 0..5),
        scoring in prop::sample::select(Scoring::ALL),
    ) {
        let before = score(scoring, &resources);
        let mut more = resources;
        more.push(vec![row(Verdict::Pass, Credit::None)]);
        prop_assert!(score(scoring, &more) >= before);
    }

    #[test]
    fn an_exception_lowers_no_score_and_its_end_brings_back_what_was(
        resources in prop::collection::vec(rows_of_sources(), 1..5),
        named in prop::sample::subsequence(vec!["rule", "prowler", "securityhub"], 1..=3),
        scoring in prop::sample::select(Scoring::ALL),
        pick in any::<prop::sample::Index>(),
    ) {
        let without: Vec<Vec<ComplianceState>> = resources
            .iter()
            .map(|rows| {
                let without = |row: &ComplianceState| ComplianceState {
                    credit: Credit::None,
                    ..row.clone()
                };
                rows.iter().map(without).collect()
            })
            .collect();
        let granted = |credit| {
            let mut resources = without.clone();
            let at = pick.index(resources.len());
            for r in &mut resources[at] {
                // It may cover the resource only as some of the sources name it.
                if r.verdict == Verdict::Fail && named.contains(&&*r.source) {
                    r.credit = credit;
                }
            }
            score(scoring, &resources)
        };
        let before = score(scoring, &without);
        prop_assert!(granted(Credit::Live) >= before);
        prop_assert_eq!(granted(Credit::Lapsed), before);
    }

    #[test]
    fn a_score_lies_between_none_and_all(
        resources in prop::collection::vec(rows_of_sources(), 0..5),
        scoring in prop::sample::select(Scoring::ALL),
    ) {
        if let Some(score) = score(scoring, &resources) {
            prop_assert!((0..=SCORE_ONE).contains(&score));
        }
    }
}
