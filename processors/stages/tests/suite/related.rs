//! Relations: a rule that asks about other resources is judged again when those change.

use std::collections::BTreeMap;

use schemas::{RelatedText, Requirement, Resource, RuleText, ScoreStatus, Verdict};

use crate::{
    build::{Source, requirement, resource},
    world::{ME, World},
};
use Verdict::{Fail, Pass, Unknown};

const GROUP: &str = "Test::Group";
const CARD: &str = "Test::Card";

/// A group is used: some card of the account names it.
fn used(id: &str) -> Requirement {
    let relation = RelatedText {
        name: "cards".into(),
        resource_type: CARD.into(),
        key: Some("r.Groups".into()),
        matches: Some("doc.id".into()),
        gives: BTreeMap::from([("id".into(), "doc.id".into())]),
    };
    let rule = RuleText {
        pass: "size(related.cards) > 0".into(),
        message: Some("unused".into()),
        related: vec![relation],
        ..RuleText::default()
    };
    Requirement { rule: Some(rule), ..requirement(id, GROUP, "true") }
}

/// The account has a card that is safe.
fn required(id: &str) -> Requirement {
    let mut row = used(id);
    let rule = row.rule.as_mut().unwrap();
    rule.pass = "related.cards.exists(c, c.safe)".into();
    let relation = &mut rule.related[0];
    (relation.key, relation.matches) = (None, None);
    relation.gives = BTreeMap::from([("safe".into(), "r.Safe".into())]);
    row
}

fn group(id: &str) -> Resource {
    resource(ME, "r1", GROUP, id, "{}")
}

fn card(id: &str, config: &str) -> Resource {
    resource(ME, "r1", CARD, id, config)
}

fn of_groups(id: &str, groups: &[&str]) -> Resource {
    card(id, &format!(r#"{{"Groups":{groups:?}}}"#))
}

/// Scans cards alone: with none, that there are none.
fn scan_cards(w: &mut World, cards: &[Resource]) {
    let scan = w.next_scan(CARD, "r1");
    w.take(scan.start());
    cards.iter().for_each(|one| w.take(scan.see(one)));
    w.take(scan.complete(i64::try_from(cards.len()).unwrap()));
}

fn verdicts(w: &World) -> [Option<Verdict>; 2] {
    ["g1", "g2"].map(|id| w.verdict("R1", id))
}

#[test]
fn whoever_changes_both_sides_are_judged() {
    let mut w = World::new();
    w.requirement(used("R1"));
    w.scan(&[group("g1"), group("g2")]);
    assert_eq!(verdicts(&w), [Some(Unknown); 2], "cards were not collected");
    scan_cards(&mut w, &[of_groups("c1", &["g1"])]);
    assert_eq!(verdicts(&w), [Some(Pass), Some(Fail)]);
    assert_eq!(w.row("R1", "g2", "").unwrap().evidence, "unused");
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    // The card moves, then another comes, then both go.
    scan_cards(&mut w, &[of_groups("c1", &["g2"])]);
    assert_eq!(verdicts(&w), [Some(Fail), Some(Pass)]);
    scan_cards(&mut w, &[of_groups("c1", &["g2"]), of_groups("c2", &["g1", "g2"])]);
    assert_eq!(verdicts(&w), [Some(Pass), Some(Pass)]);
    scan_cards(&mut w, &[]);
    assert_eq!(verdicts(&w), [Some(Fail), Some(Fail)]);
    // A group that comes later finds what is there.
    scan_cards(&mut w, &[of_groups("c1", &["g3"])]);
    w.scan(&[group("g1"), group("g3")]);
    assert_eq!(w.verdict("R1", "g3"), Some(Pass));
}

#[test]
fn a_card_that_cannot_be_told_may_belong_to_any_group() {
    let mut w = World::new();
    w.requirement(used("R1"));
    scan_cards(&mut w, &[card("c1", "{}")]);
    w.scan(&[group("g1")]);
    let row = w.row("R1", "g1", "").unwrap();
    let why = "related.cards: what c1 in r1 belongs to could not be told";
    assert_eq!((row.verdict, &*row.evidence), (Unknown, why));
    scan_cards(&mut w, &[of_groups("c1", &[])]);
    assert_eq!(w.verdict("R1", "g1"), Some(Fail));
    // What was told is held.
    scan_cards(&mut w, &[card("c1", "{}")]);
    let row = w.row("R1", "g1", "").unwrap();
    assert_eq!((row.verdict, row.held), (Fail, true));
}

#[test]
fn what_an_account_must_have_fails_where_there_is_none() {
    let mut w = World::new();
    w.requirement(required("R1"));
    w.scan(&[group("g1")]);
    assert_eq!(w.verdict("R1", "g1"), Some(Unknown));
    scan_cards(&mut w, &[]);
    assert_eq!(w.verdict("R1", "g1"), Some(Fail));
    scan_cards(&mut w, &[card("c1", r#"{"Safe":false}"#)]);
    assert_eq!(w.verdict("R1", "g1"), Some(Fail));
    scan_cards(&mut w, &[card("c1", r#"{"Safe":true}"#), card("c2", "{}")]);
    assert_eq!(w.verdict("R1", "g1"), Some(Pass));
    // Another region is begun: until it is done nobody knows what is there.
    let scan = w.next_scan(CARD, "r2");
    w.take(scan.start());
    assert!(w.row("R1", "g1", "").unwrap().held);
    w.take(scan.fail("AccessDenied: no"));
    assert!(w.row("R1", "g1", "").unwrap().held);
    let scan = w.next_scan(CARD, "r2");
    [scan.start(), scan.complete(0)].into_iter().for_each(|source| w.take(source));
    assert!(!w.row("R1", "g1", "").unwrap().held);
}

#[test]
fn what_a_rule_asks_about_alone_leaves_nothing_collected_to_judge() {
    let mut w = World::new();
    w.requirement(used("R1"));
    scan_cards(&mut w, &[of_groups("c1", &["g1"])]);
    let score = w.score("R1");
    assert_eq!((score.status, score.scopes), (ScoreStatus::NotCollected, 0));
    let scan = w.next_scan(GROUP, "r1");
    [scan.start(), scan.complete(0)].into_iter().for_each(|source| w.take(source));
    let score = w.score("R1");
    assert_eq!((score.status, score.scopes), (ScoreStatus::NotApplicable, 2));
    w.scan(&[group("g1")]);
    assert_eq!(w.score("R1").status, ScoreStatus::Scored);
}

#[test]
fn another_account_is_another_world() {
    let mut w = World::new();
    w.requirement(used("R1"));
    w.scan(&[group("g1")]);
    scan_cards(&mut w, &[]);
    let theirs = Resource { account: "222222222222".into(), ..of_groups("c1", &["g1"]) };
    let scan = crate::build::Scan::new("222222222222", CARD, "r1", "s");
    [scan.start(), scan.see(&theirs), scan.complete(1)].into_iter().for_each(|one| w.take(one));
    assert_eq!(w.verdict("R1", "g1"), Some(Fail));
}

#[test]
fn a_changed_relation_is_read_anew_and_a_removed_one_is_left() {
    let mut w = World::new();
    w.scan(&[group("g1"), group("g2")]);
    scan_cards(&mut w, &[card("c1", r#"{"Groups":["g1"],"Others":["g2"],"Safe":true}"#)]);
    w.requirement(used("R1"));
    assert_eq!(verdicts(&w), [Some(Pass), Some(Fail)]);
    let mut other = used("R1");
    other.rule.as_mut().unwrap().related[0].key = Some("r.Others".into());
    w.requirement(other);
    assert_eq!(verdicts(&w), [Some(Fail), Some(Pass)]);
    w.requirement(requirement("R1", GROUP, "true"));
    assert_eq!(verdicts(&w), [Some(Pass), Some(Pass)]);
    w.take(Source::Requirement("R1".into(), None));
    scan_cards(&mut w, &[]);
    assert_eq!(verdicts(&w), [None, None]);
}

#[test]
fn many_that_look_for_one_are_all_judged_again() {
    let mut w = World::new();
    w.requirement(required("R1"));
    let ids: Vec<String> = (0..450).map(|at| format!("g{at:03}")).collect();
    w.scan(&ids.iter().map(|id| group(id)).collect::<Vec<_>>());
    scan_cards(&mut w, &[]);
    assert_eq!(w.counts("R1"), [450, 450, 0, 0, 0]);
    scan_cards(&mut w, &[card("c1", r#"{"Safe":true}"#)]);
    assert_eq!(w.counts("R1"), [450, 0, 0, 0, 0]);
}

#[test]
fn more_than_a_rule_can_be_told_of_is_unknown() {
    let mut w = World::new();
    w.requirement(required("R1"));
    let cards: Vec<_> = (0..1_001).map(|at| card(&format!("c{at}"), r#"{"Safe":true}"#)).collect();
    scan_cards(&mut w, &cards[..1_000]);
    w.scan(&[group("g1")]);
    assert_eq!(w.verdict("R1", "g1"), Some(Pass));
    scan_cards(&mut w, &cards);
    let row = w.row("R1", "g1", "").unwrap();
    assert_eq!((row.verdict, row.held), (Pass, true));
    w.scan(&[group("g2")]);
    let why = "related.cards: there are more than 1000";
    assert_eq!(w.row("R1", "g2", "").unwrap().evidence, why);
}
