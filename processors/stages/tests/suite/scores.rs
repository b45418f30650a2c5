//! Scores: the three answers, weights, shares, and coverage beside every number.

use schemas::{Requirement, ScoreStatus, Scoring};

use crate::{
    build::{checked, requirement},
    world::{BUCKET, World, bucket, opaque},
};

fn weighted(id: &str, weight: i64, pass: &str) -> Requirement {
    Requirement { weight, ..requirement(id, BUCKET, pass) }
}

#[test]
fn not_collected_is_not_the_same_as_not_applicable() {
    let mut w = World::new();
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.requirement(checked("R2", BUCKET, &[("x", false)]));
    let scan = w.next_scan(BUCKET, "r1");
    w.take(scan.start());
    assert_eq!(w.score("R1").status, ScoreStatus::NotCollected);
    assert_eq!(w.score("*").status, ScoreStatus::NotCollected);
    w.take(scan.complete(0));
    let s = w.score("R1");
    assert_eq!(
        (s.status, s.score, s.scopes, s.scopes_collected),
        (ScoreStatus::NotApplicable, None, 1, 1)
    );
    assert_eq!(s.oldest_ms, Some(w.now_ms));
    assert_eq!(w.score("*").status, ScoreStatus::NotApplicable);
    assert_eq!(w.score("R2").status, ScoreStatus::NotCollected, "it needs a report");
    w.scan(&[bucket("b1", false)]);
    assert_eq!(
        (w.score("R1").status, w.score("*").status),
        (ScoreStatus::Scored, ScoreStatus::Scored)
    );
    // Nothing can be told of what is there: neither zero nor full marks.
    w.scan(&[opaque("b2")]);
    assert_eq!((w.score("R1").score, w.counts("R1")), (None, [0, 0, 0, 0, 1]));
}

#[test]
fn an_account_is_the_mean_of_its_requirements_by_risk() {
    let mut w = World::new();
    w.requirement(weighted("R1", 9, "!r.Public"));
    w.requirement(weighted("R2", 3, "has(r.Public)"));
    w.requirement(weighted("R3", 0, "false"));
    w.requirement(Requirement { scoring: Scoring::Penalty, ..weighted("R4", 50, "false") });
    w.requirement(requirement("R5", "Test::User", "true"));
    w.scan(&[bucket("b1", true), bucket("b2", false), bucket("b3", false)]);
    let expected = (9.0 * (2.0 / 3.0) + 3.0 * 1.0) / 12.0;
    let got = w.score("*").score.unwrap() as f64 / 1e9;
    assert!((got - expected).abs() < 1e-9, "{got} {expected}");
    assert_eq!(w.score("*").weight, 12);
    // Votes of all requirements: R1 3/1, R2 3/0, R3 3/3, R4 3/3.
    assert_eq!(w.counts("*"), [12, 7, 0, 0, 0]);
}

#[test]
fn an_account_that_comes_late_is_scored_by_the_whole_standard() {
    let mut w = World::new();
    for id in ["R1", "R2", "R3"] {
        w.requirement(requirement(id, BUCKET, "!r.Public"));
    }
    w.scan(&[]);
    let scores = w.tables().scores;
    let ids: Vec<_> = scores.keys().map(|key| &*key.requirement).collect();
    assert_eq!(ids, ["*", "R1", "R2", "R3"]);
    assert_eq!(w.tables().shares.len(), 3);
}
