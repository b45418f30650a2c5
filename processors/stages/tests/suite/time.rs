//! Time: verdicts age and exceptions end on ticks, and hours are cut into the history.

use schemas::{
    Credit, Exception, ExceptionPhase, ExceptionState, Requirement, Resource, RuleText, Verdict,
    headers::rfc3339, topic,
};

use crate::{
    build::{DAY, MINUTE, T0, exception, requirement, resource},
    world::{BUCKET, ME, World, bucket},
};

const USER: &str = "Test::User";

fn aged() -> Requirement {
    requirement("R1", USER, "age_days(r.Made, now) <= 90")
}

fn user(id: &str, made_ms: i64) -> Resource {
    resource(ME, "r1", USER, id, &format!(r#"{{"Made":"{}"}}"#, rfc3339(made_ms)))
}

#[test]
fn an_age_rule_flips_exactly_at_its_tick_without_traffic() {
    let mut w = World::new();
    w.tick(T0);
    w.requirement(aged());
    // Its 91st day begins ten minutes from now.
    let made = T0 - 91 * DAY + 10 * MINUTE;
    w.scan(&[user("u1", made), user("u2", made + 1)]);
    assert_eq!(w.row("R1", "u1", "").unwrap().flips_ms, Some(T0 + 10 * MINUTE));
    w.tick(T0 + 9 * MINUTE);
    assert_eq!(w.counts("R1"), [2, 0, 0, 0, 0]);
    w.tick(T0 + 10 * MINUTE);
    assert_eq!(w.verdict("R1", "u1"), Some(Verdict::Fail));
    assert_eq!(w.verdict("R1", "u2"), Some(Verdict::Pass), "a millisecond younger");
    let row = w.row("R1", "u1", "").unwrap();
    assert_eq!((row.since_ms, row.flips_ms), (T0 + 10 * MINUTE, None));
    w.tick(T0 + 11 * MINUTE);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    let change = w.site.events_of(topic::COMPLIANCE_CHANGE).pop().unwrap().1;
    assert_eq!(change.cause.topic, "tick");
}

#[test]
fn parts_flip_one_by_one() {
    let mut w = World::new();
    let rule = RuleText {
        each: Some("r.Keys".into()),
        part: Some("item.Id".into()),
        pass: "age_days(item.Made, now) <= 90".into(),
        ..RuleText::default()
    };
    w.requirement(Requirement { rule: Some(rule), ..aged() });
    let key = |i: i64| {
        let made = rfc3339(T0 - 91 * DAY + i * MINUTE);
        format!(r#"{{"Id":"K{i}","Made":"{made}"}}"#)
    };
    let keys: Vec<_> = (1..=3).map(key).collect();
    w.scan(&[resource(ME, "r1", USER, "u", &format!(r#"{{"Keys":[{}]}}"#, keys.join(",")))]);
    for minute in 1..=3 {
        w.tick(T0 + minute * MINUTE);
        let rows = w.tables().verdicts;
        let failing: Vec<_> = rows.iter().filter(|(_, row)| row.verdict == Verdict::Fail).collect();
        assert_eq!(i64::try_from(failing.len()).unwrap(), minute);
    }
    assert_eq!(w.site.accounts[0].store.rows("timer").count(), 0);
}

#[test]
fn more_timers_than_a_piece_fire_at_one_tick() {
    let mut w = World::new();
    w.requirement(aged());
    let many: Vec<_> =
        (0..450).map(|i| user(&format!("u{i:03}"), T0 - 91 * DAY + 60 * MINUTE)).collect();
    w.scan(&many);
    assert_eq!(w.counts("R1"), [450, 0, 0, 0, 0], "not yet");
    w.tick(T0 + 3 * DAY);
    assert_eq!(w.counts("R1"), [450, 450, 0, 0, 0]);
    assert_eq!(w.site.accounts[0].store.rows("timer").count(), 0);
}

#[test]
fn a_resource_that_goes_takes_its_timer_with_it() {
    let mut w = World::new();
    w.requirement(aged());
    w.scan(&[user("u1", T0), user("u2", T0)]);
    assert_eq!(w.site.accounts[0].store.rows("timer").count(), 2);
    w.scan(&[user("u2", T0 - 91 * DAY)]);
    assert_eq!(w.site.accounts[0].store.rows("timer").count(), 0);
}

#[test]
fn an_exception_ends_on_its_tick_and_the_score_is_what_it_was() {
    let mut w = World::new();
    w.tick(T0);
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true), bucket("b2", true), bucket("b3", false)]);
    let before = (w.score("R1"), w.score("*"), w.tables().sums);
    assert_eq!(before.0.score, Some(333_333_333));
    // Ids of some registers hold what keys escape.
    w.except(exception("e/%", "R1", "b1", Some(T0 + 5 * MINUTE)));
    assert_eq!(w.credit("b1"), (Credit::Live, Some("e/%".into())));
    assert_eq!((w.counts("R1"), w.score("R1").score), ([3, 2, 1, 0, 0], Some(666_666_667)));
    w.tick(T0 + 4 * MINUTE);
    assert_eq!(w.credit("b1").0, Credit::Live);
    w.tick(T0 + 5 * MINUTE);
    assert_eq!(w.credit("b1"), (Credit::Lapsed, Some("e/%".into())), "it stays to be seen");
    let after = (w.score("R1"), w.score("*"), w.tables().sums);
    assert_eq!((after.0.expired, after.1.expired), (1, 1));
    assert_eq!((after.0.score, after.1.score, after.2), (before.0.score, before.1.score, before.2));
    assert_eq!(w.verdict("R1", "b1"), Some(Verdict::Fail), "credit never touched the verdict");
}

#[test]
fn an_exception_begins_and_ends_on_its_ticks_without_traffic() {
    let mut w = World::new();
    w.tick(T0);
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true), bucket("b2", false)]);
    let starts_ms = Some(T0 + 5 * MINUTE);
    let row = exception("e", "R1", "b1", Some(T0 + 9 * MINUTE));
    w.except(Exception { starts_ms, ..row.clone() });
    let phase = |w: &World| w.row("R1", "b1", "").unwrap().exception_phase;
    for (minute, credit, expected, score) in [
        (1, Credit::Lapsed, ExceptionPhase::Waiting, 500_000_000),
        (4, Credit::Lapsed, ExceptionPhase::Waiting, 500_000_000),
        (5, Credit::Live, ExceptionPhase::Live, 1_000_000_000),
        (8, Credit::Live, ExceptionPhase::Live, 1_000_000_000),
        (9, Credit::Lapsed, ExceptionPhase::Expired, 500_000_000),
    ] {
        w.tick(T0 + minute * MINUTE);
        assert_eq!((w.credit("b1").0, phase(&w)), (credit, Some(expected)), "minute {minute}");
        assert_eq!(w.score("R1").score, Some(score), "minute {minute}");
    }
    assert_eq!(w.site.accounts[0].store.rows("timer").count(), 0);
    // A start that is put off, and one that is no more, leave no timer behind.
    let later = |minute: i64| Exception { starts_ms: Some(T0 + minute * MINUTE), ..row.clone() };
    let at =
        |minute: i64, row: Exception| Exception { expires_ms: Some(T0 + minute * MINUTE), ..row };
    w.except(at(40, later(20)));
    w.except(at(40, later(30)));
    w.tick(T0 + 29 * MINUTE);
    assert_eq!(phase(&w), Some(ExceptionPhase::Waiting));
    w.tick(T0 + 30 * MINUTE);
    assert_eq!(phase(&w), Some(ExceptionPhase::Live));
    let withdrawn = Some(ExceptionState::Withdrawn);
    w.except(Exception { state: withdrawn, ..at(40, later(30)) });
    assert_eq!((w.credit("b1").0, phase(&w)), (Credit::Lapsed, Some(ExceptionPhase::Withdrawn)));
    assert_eq!(w.site.accounts[0].store.rows("timer").count(), 0);
}

#[test]
fn without_ticks_rows_are_judged_at_their_records_time() {
    let mut w = World::new();
    w.requirement(aged());
    w.scan(&[user("old", T0 - 100 * DAY), user("new", T0 - DAY)]);
    assert_eq!(w.verdict("R1", "old"), Some(Verdict::Fail), "nothing is judged at 1970");
    assert_eq!(w.verdict("R1", "new"), Some(Verdict::Pass));
    w.except(exception("gone", "R1", "old", Some(T0 - 1)));
    assert_eq!(w.credit("old").0, Credit::Lapsed);
    w.except(exception("live", "R1", "old", Some(T0 + DAY)));
    assert_eq!(w.credit("old"), (Credit::Live, Some("live".into())));
}

#[test]
fn ticks_never_turn_time_back() {
    let mut w = World::new();
    w.requirement(aged());
    w.scan(&[user("u1", T0 - 91 * DAY + 10 * MINUTE)]);
    w.tick(T0 + 20 * MINUTE);
    let before = (w.tables(), w.site.outputs().len());
    for minute in [20, 5] {
        w.tick(T0 + minute * MINUTE);
    }
    assert_eq!((w.tables(), w.site.outputs().len()), before);
    // Records that were made before the last tick are judged at the tick.
    w.scan(&[user("u1", T0 - 91 * DAY + 10 * MINUTE), user("u2", T0 - 91 * DAY + 11 * MINUTE)]);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
}

#[test]
fn each_hour_is_cut_into_the_history_once() {
    let mut w = World::new();
    w.tick(T0 + 58 * MINUTE);
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true), bucket("b2", false)]);
    w.except(exception("e", "R1", "b1", Some(T0 + 60 * MINUTE)));
    let cuts = |w: &World| w.site.events_of(topic::SCORE_HISTORY);
    w.tick(T0 + 59 * MINUTE);
    assert_eq!(cuts(&w).len(), 0);
    w.tick(T0 + 60 * MINUTE);
    let cut = cuts(&w);
    let told: Vec<_> = cut.iter().map(|(key, s)| (&*key.requirement, s.score)).collect();
    // What ended with the hour is no part of the new hour's score.
    assert_eq!(told, [("*", Some(500_000_000)), ("R1", Some(500_000_000))]);
    w.tick(T0 + 61 * MINUTE);
    assert_eq!(cuts(&w).len(), 2);
    w.tick(T0 + 400 * MINUTE);
    assert_eq!(cuts(&w).len(), 4, "hours without a tick have no cut of their own");
}
