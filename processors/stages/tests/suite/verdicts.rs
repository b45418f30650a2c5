//! Verdicts: rules judge documents, and changes of rules and documents reach every row.

use schemas::{Requirement, Resource, RuleText, Scoring, Verdict, topic};

use crate::{
    build::{Source, requirement, resource},
    world::{BUCKET, ME, World, bucket, opaque},
};
use Verdict::{Fail, NotApplicable, Pass, Unknown};

fn private(id: &str) -> Requirement {
    requirement(id, BUCKET, "!r.Public")
}

fn keys(id: &str, keys: &[(&str, bool)]) -> Resource {
    let items: Vec<_> = keys.iter().map(|(k, ok)| format!(r#"{{"Id":"{k}","Ok":{ok}}}"#)).collect();
    resource(ME, "r1", "Test::User", id, &format!(r#"{{"Keys":[{}]}}"#, items.join(",")))
}

fn each_key(id: &str, scoring: Scoring) -> Requirement {
    let rule = RuleText {
        each: Some("r.Keys".into()),
        part: Some("item.Id".into()),
        pass: "item.Ok".into(),
        ..RuleText::default()
    };
    Requirement { rule: Some(rule), scoring, ..requirement(id, "Test::User", "true") }
}

#[test]
fn a_rule_passes_fails_or_cannot_tell() {
    let mut w = World::new();
    w.requirement(private("R1"));
    w.scan(&[bucket("b1", false), bucket("b2", true), opaque("b3")]);
    assert_eq!(w.verdict("R1", "b1"), Some(Pass));
    assert_eq!(w.verdict("R1", "b2"), Some(Fail));
    assert_eq!(w.verdict("R1", "b3"), Some(Unknown));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 1]);
    assert_eq!(w.score("R1").score, Some(500_000_000));
    assert_eq!(w.row("R1", "b2", "").unwrap().evidence, "bad");
}

#[test]
fn a_rule_that_does_not_apply_has_no_vote() {
    let mut w = World::new();
    let mut row = private("R1");
    row.rule.as_mut().unwrap().applies = Some("has(r.Public)".into());
    w.requirement(row);
    w.scan(&[opaque("b1"), bucket("b2", false)]);
    assert_eq!(w.verdict("R1", "b1"), Some(NotApplicable));
    assert_eq!(w.counts("R1"), [1, 0, 0, 0, 0]);
}

#[test]
fn what_cannot_be_told_any_more_is_held() {
    let mut w = World::new();
    w.requirement(private("R1"));
    w.scan(&[bucket("b1", false), bucket("b2", true)]);
    let since = w.row("R1", "b2", "").unwrap().since_ms;
    let renamed = Resource { name: "other".into(), ..opaque("b2") };
    w.scan(&[opaque("b1"), renamed]);
    let (b1, b2) = (w.row("R1", "b1", "").unwrap(), w.row("R1", "b2", "").unwrap());
    assert_eq!((b1.verdict, b1.held), (Pass, true));
    assert_eq!((b2.verdict, b2.held, b2.since_ms), (Fail, true, since));
    assert_eq!(b2.name, "other", "what it is called is known");
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    w.scan(&[bucket("b1", true), bucket("b2", true)]);
    let b1 = w.row("R1", "b1", "").unwrap();
    assert_eq!((b1.verdict, b1.held), (Fail, false));
    // A resource that is made anew has no history.
    w.scan(&[]);
    w.scan(&[opaque("b1")]);
    assert_eq!(w.verdict("R1", "b1"), Some(Unknown));
}

#[test]
fn parts_appear_and_vanish_with_their_items() {
    let mut w = World::new();
    w.requirement(each_key("R1", Scoring::Findings));
    w.scan(&[keys("u", &[("A", true), ("B", false)])]);
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    w.scan(&[keys("u", &[("B", false), ("C", false)])]);
    assert_eq!(w.row("R1", "u", "A"), None);
    assert_eq!(w.row("R1", "u", "C").unwrap().verdict, Fail);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    // The list can't be read: nothing vanishes.
    w.scan(&[resource(ME, "r1", "Test::User", "u", "{}")]);
    assert!(w.row("R1", "u", "B").unwrap().held);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    w.scan(&[keys("u", &[])]);
    assert_eq!(w.tables().verdicts.len(), 0);
    assert_eq!((w.counts("R1"), w.score("R1").score), ([0; 5], None));
}

#[test]
fn a_changed_rule_judges_anew() {
    let mut w = World::new();
    w.requirement(private("R1"));
    w.scan(&[bucket("b1", false), bucket("b2", true)]);
    w.requirement(requirement("R1", BUCKET, "r.Public"));
    assert_eq!((w.verdict("R1", "b1"), w.verdict("R1", "b2")), (Some(Fail), Some(Pass)));
    // Another type: the old rows go, even though their ids come back in the new type.
    w.requirement(requirement("R1", "Test::User", "true"));
    assert_eq!((w.tables().verdicts.len(), w.counts("R1")), (0, [0; 5]));
    w.requirement(private("R1"));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    assert_eq!(w.changes().len(), 2, "the inventory did not move");
}

#[test]
fn a_broken_rule_is_unknown_and_never_pass() {
    let mut w = World::new();
    w.requirement(requirement("R1", BUCKET, "nope(r)"));
    w.scan(&[bucket("b1", false)]);
    let row = w.row("R1", "b1", "").unwrap();
    assert_eq!(row.verdict, Unknown);
    assert!(row.evidence.contains("nope"), "{}", row.evidence);
    assert_eq!(w.score("R1").score, None);
}

#[test]
fn a_changed_weight_scores_anew() {
    let mut w = World::new();
    w.requirement(private("R1"));
    w.requirement(requirement("R2", BUCKET, "true"));
    w.scan(&[bucket("b1", true)]);
    // (10 * 0 + 10 * 1) / 20
    assert_eq!(w.score("*").score, Some(500_000_000));
    w.requirement(Requirement { weight: 30, ..private("R1") });
    // (30 * 0 + 10 * 1) / 40
    assert_eq!(w.score("*").score, Some(250_000_000));
    assert_eq!((w.score("R1").weight, w.score("*").weight), (30, 40));
}

#[test]
fn a_changed_parameter_judges_anew() {
    let mut w = World::new();
    let of = |parameters: &str| {
        let row = requirement("R1", BUCKET, "r.Public == param.open || param.size > 1");
        Requirement { parameters: parameters.to_owned(), ..row }
    };
    w.requirement(of(r#"{"open": "no", "size": 1}"#));
    w.scan(&[bucket("b1", false)]);
    assert_eq!((w.verdict("R1", "b1"), w.counts("R1")), (Some(Fail), [1, 1, 0, 0, 0]));
    w.requirement(of(r#"{"open": "no", "size": 2}"#));
    assert_eq!((w.verdict("R1", "b1"), w.counts("R1")), (Some(Pass), [1, 0, 0, 0, 0]));
    // A text that is no parameters is a fault of the rule.
    w.requirement(Requirement { id: "R2".to_owned(), ..of("nonsense") });
    assert_eq!(w.verdict("R2", "b1"), Some(Unknown));
    assert!(w.row("R2", "b1", "").unwrap().evidence.contains("parameters"));
}

#[test]
fn each_scoring_method_counts_in_its_own_way() {
    let mut w = World::new();
    w.scan(&[
        keys("u1", &[("A", true), ("B", false), ("C", false)]),
        keys("u2", &[("A", true)]),
        keys("u3", &[]),
    ]);
    for (scoring, counts, score, weight) in [
        (Scoring::Resources, [2, 1, 0, 0, 0], 500_000_000, 10),
        (Scoring::Findings, [4, 2, 0, 0, 0], 500_000_000, 10),
        (Scoring::AllOrNothing, [1, 1, 0, 0, 0], 0, 10),
        (Scoring::Penalty, [4, 2, 0, 0, 0], 500_000_000, 0),
        (Scoring::Resources, [2, 1, 0, 0, 0], 500_000_000, 10),
    ] {
        w.requirement(each_key("R1", scoring));
        let s = w.score("R1");
        assert_eq!((w.counts("R1"), s.score, s.weight), (counts, Some(score), weight), "{scoring}");
        // A penalty stands beside the scores: the account has none.
        assert_eq!(w.score("*").score, (weight > 0).then_some(score));
    }
}

#[test]
fn a_requirement_that_goes_takes_rows_scores_and_shares_with_it() {
    let mut w = World::new();
    w.requirement(private("R1"));
    w.requirement(requirement("R2", BUCKET, "true"));
    w.scan(&[bucket("b1", true)]);
    w.take(Source::Requirement("R1".into(), None));
    let t = w.tables();
    assert!(t.verdicts.keys().all(|key| key.requirement == "R2"));
    assert!(t.scores.keys().all(|key| key.requirement != "R1"));
    assert!(t.shares.keys().all(|key| key.requirement == "R2"));
    assert_eq!(w.score("*").score, Some(1_000_000_000));
    w.take(Source::Requirement("R2".into(), None));
    let t = w.tables();
    assert_eq!((t.verdicts.len(), t.shares.len(), t.sums.len()), (0, 0, 0));
    assert_eq!((t.scores.len(), w.score("*").score), (1, None));
    assert_eq!(w.counts("*"), [0; 5]);
}

#[test]
fn a_resource_of_more_rows_than_a_piece_is_counted_once() {
    let mut w = World::new();
    let count = 2 * stages::account::PIECE + 50;
    let names: Vec<_> = (0..count).map(|i| format!("K{i:04}")).collect();
    let parts: Vec<_> = names.iter().map(|name| (&**name, !name.ends_with('0'))).collect();
    let failing = i64::try_from(count / 10).unwrap();
    let total = i64::try_from(count).unwrap();
    w.requirement(each_key("R1", Scoring::Findings));
    w.scan(&[keys("u0", &[("A", true)]), keys("u1", &parts), keys("u2", &[("Z", false)])]);
    assert_eq!(w.counts("R1"), [total + 2, failing + 1, 0, 0, 0]);
    w.requirement(each_key("R1", Scoring::Resources));
    assert_eq!(w.counts("R1"), [3, 2, 0, 0, 0]);
    w.except(crate::build::exception("e", "R1", "u1", None));
    assert_eq!(w.counts("R1"), [3, 2, 1, 0, 0]);
    w.requirement(each_key("R1", Scoring::Findings));
    assert_eq!(w.counts("R1"), [total + 2, failing + 1, failing, 0, 0]);
    w.take(Source::Requirement("R1".into(), None));
    assert_eq!(w.tables().verdicts.len(), 0);
    assert_eq!(w.counts("*"), [0; 5]);
}

#[test]
fn more_resources_than_a_piece_are_judged_by_a_late_requirement() {
    let mut w = World::new();
    let count = stages::account::PIECE + 3;
    let many: Vec<_> = (0..count).map(|i| bucket(&format!("b{i:04}"), i % 4 == 0)).collect();
    w.scan(&many);
    w.requirement(private("R1"));
    let total = i64::try_from(count).unwrap();
    assert_eq!(w.counts("R1"), [total, (total + 3) / 4, 0, 0, 0]);
}

#[test]
fn a_change_names_what_was_what_is_and_why() {
    let mut w = World::new();
    w.requirement(private("R1"));
    w.scan(&[bucket("b1", true)]);
    w.scan(&[bucket("b1", false)]);
    w.scan(&[]);
    let changes = w.site.events_of(topic::COMPLIANCE_CHANGE);
    let told: Vec<_> = changes
        .iter()
        .map(|(_, c)| (c.before.map(|s| s.verdict), c.after.map(|s| s.verdict), c.cause.offset))
        .collect();
    // Offsets in `observation`: start 0, item 1, end 2; 3, 4, 5; start 6, end 7 (which deletes).
    assert_eq!(told, [(None, Some(Fail), 1), (Some(Fail), Some(Pass), 4), (Some(Pass), None, 7)]);
    assert!(changes.iter().all(|(_, c)| c.cause.topic == "observation"));
    // The row as it stands, and as it last was.
    let rows: Vec<_> = changes.iter().map(|(_, c)| c.row.as_ref().unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row.verdict).collect::<Vec<_>>(), [Fail, Pass, Pass]);
    assert!(rows.iter().all(|row| (&*row.name, &*row.arn) == ("b1-name", "arn:test:b1")));
}
