//! Questions on the real engine, their answers worked out here from the same history.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::sync::Arc;

use kit::clickhouse::ClickHouse;
use schemas::{Cause, ComplianceKey, Credit, Standing, Verdict};
use serde_json::{Value as Json, json};
use sink_clickhouse::{Config, Database, Kind, Question, ROLE, Whose};
use stream::Log;
use world::tables::{AT_ONCE, carry, local_log, prepared};
use world::{DAY_MS, HOUR_MS, START_MS, World, account, requirement};

/// A local log, an invented history, and the database that it is carried to.
struct Stage {
    log: Arc<dyn Log>,
    world: World,
    config: Config,
    database: Database,
    _server: ClickHouse,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = local_log(folder.path(), "t");
        let server = ClickHouse::start().unwrap();
        let (config, database) = prepared(&server);
        let world = World::new(&*log, "t");
        Self { log, world, config, database, _server: server, _folder: folder }
    }

    /// Carries what was told so far to the tables.
    fn carry(&mut self) {
        self.world.write(&*self.log);
        carry(&ROLE, AT_ONCE, &*self.log, "t", &self.config);
    }

    /// Answers a question with the named columns.
    fn ask(&self, question: Question<'_>, columns: &[&str]) -> Vec<Vec<Json>> {
        let answer = self.database.answer(&question).unwrap();
        let place = |name: &&str| answer.columns.iter().position(|one| one == name).unwrap();
        let places: Vec<usize> = columns.iter().map(place).collect();
        let pick = |row: &Vec<Json>| places.iter().map(|at| rounded(&row[*at])).collect();
        answer.rows.iter().map(pick).collect()
    }
}

/// A fraction that was worked out in another order differs in its last digits.
fn rounded(value: &Json) -> Json {
    match value.as_f64() {
        Some(number) if value.is_f64() => json!((number * 1e6).round() / 1e6),
        _ => value.clone(),
    }
}

fn day(n: i64) -> String {
    format!("2026-03-{:02}", n + 1)
}

fn noon(n: i64) -> i64 {
    START_MS + n * DAY_MS + 12 * HOUR_MS
}

#[test]
fn gaps_have_the_last_score_before_them() {
    let mut stage = Stage::new();
    for (on, failing) in [(0, 5), (1, 4), (4, 1)] {
        stage.world.cut(1, "*", 6, (10, 9, 0), noon(on) - HOUR_MS);
        stage.world.cut(1, "*", 6, (10, failing, 0), noon(on));
    }
    stage.world.cut(2, "*", 6, (10, 10, 0), noon(2));
    stage.world.sum("owner", "o'neil", Some(700_000_000), noon(0));
    stage.world.sum("owner", "o'neil", None, noon(2));
    stage.world.sum("enterprise", "all", Some(250_000_000), noon(1));
    stage.carry();
    let of = |whose, from, to| {
        let (from, to) = (day(from), day(to));
        let asked = Question::Days { whose, requirement: None, from: &from, to: &to };
        stage.ask(asked, &["day", "score", "filled"])
    };
    let id = account(1);
    let row = |n, score: Json, filled: bool| vec![json!(day(n)), score, json!(filled)];
    let wanted = [
        row(1, json!(0.6), false),
        row(2, json!(0.6), true),
        row(3, json!(0.6), true),
        row(4, json!(0.9), false),
        row(5, json!(0.9), true),
    ];
    assert_eq!(of(Whose::Account(&id), 1, 5), wanted);
    assert_eq!(of(Whose::Account(&id), 2, 3), wanted[1..3], "no value of its own in the span");
    let first = row(0, json!(0.5), false);
    assert_eq!(of(Whose::Account(&id), 0, 1), [first, wanted[0].clone()]);
    let ended = [row(1, json!(0.7), true), row(2, Json::Null, false), row(3, Json::Null, true)];
    assert_eq!(of(Whose::Owner("o'neil"), 1, 3), ended, "a sum that is gone has no score");
    assert_eq!(of(Whose::All, 0, 1), [row(1, json!(0.25), false)], "nothing before the first");
    assert!(of(Whose::Account("1' OR '1'='1"), 0, 9).is_empty());
    assert!(of(Whose::Payer("nobody\t\\"), 0, 9).is_empty());
}

#[test]
fn a_requirements_score_is_the_mean_of_accounts_that_somebody_answered_for() {
    let mut stage = Stage::new();
    // The owners of even accounts change on day 2: see `world::owner`.
    for n in 0..6 {
        for on in 0..4 {
            stage.world.account(n, on, START_MS + on * DAY_MS);
            stage.world.cut(n, &requirement(1), 2, (10, n + on, 0), noon(on));
            stage.world.cut(n, "*", 6, (10, 10, 0), noon(on));
        }
    }
    stage.carry();
    let mean = |on: i64, counts: &dyn Fn(i64) -> bool| {
        let scores: Vec<_> = (0..6).filter(|n| counts(*n)).map(|n| 10 - n - on).collect();
        let sum: i64 = scores.iter().sum();
        rounded(&json!(sum as f64 / 10.0 / scores.len() as f64))
    };
    let ask = |whose| {
        let (from, to, requirement) = (day(0), day(3), requirement(1));
        let requirement = Some(&*requirement);
        stage.ask(Question::Days { whose, requirement, from: &from, to: &to }, &["score"])
    };
    let all: Vec<_> = (0..4).map(|on| vec![mean(on, &|_| true)]).collect();
    assert_eq!(ask(Whose::All), all);
    let who = "owner-1@example.com";
    let own: Vec<_> = (0..4).map(|on| vec![mean(on, &|n| world::owner(n, on) == who)]).collect();
    assert_eq!(ask(Whose::Owner(who)), own);
    assert_ne!(all, own);
    let payer: Vec<_> = (0..4).map(|on| vec![mean(on, &|n| n % 2 == 0)]).collect();
    assert_eq!(ask(Whose::Payer("payer-0")), payer);
    let third: Vec<_> = (0..4).map(|on| vec![mean(on, &|n| n == 3)]).collect();
    assert_eq!(ask(Whose::Account(&account(3))), third);
}

#[test]
fn movers_are_sorted_by_how_far_they_moved() {
    let mut stage = Stage::new();
    // Before and after, out of 10; 4 is new, 5 left, 2 stayed.
    for (n, failing) in [(0, [5, 2]), (1, [1, 9]), (2, [3, 3]), (3, [4, 5])] {
        stage.world.account(n, 0, START_MS);
        stage.world.cut(n, "*", 6, (10, failing[0], 0), noon(0));
        stage.world.cut(n, "*", 6, (10, failing[1], 0), noon(6));
    }
    stage.world.cut(4, "*", 6, (10, 1, 0), noon(6));
    stage.world.cut(5, "*", 6, (10, 1, 0), noon(0));
    stage.world.cut(5, "*", 6, (10, 8, 0), noon(3));
    for (id, scores) in [("a", [Some(1), Some(5)]), ("b", [Some(9), None])] {
        for (on, score) in [0, 6].into_iter().zip(scores) {
            stage.world.sum("owner", id, score.map(|tenths| tenths * 100_000_000), noon(on));
        }
    }
    stage.carry();
    let (from, to) = (day(1), day(6));
    let ask = |of, limit| {
        let asked = Question::Movers { of, from: &from, to: &to, limit };
        stage.ask(asked, &["id", "score_before", "score_after", "moved"])
    };
    let row = |id: &str, before: f64, after: f64, moved: f64| {
        vec![json!(id), json!(before), json!(after), json!(moved)]
    };
    let wanted = [
        row(&account(1), 0.9, 0.1, -0.8),
        row(&account(0), 0.5, 0.8, 0.3),
        row(&account(3), 0.6, 0.5, -0.1),
    ];
    assert_eq!(ask(Kind::Account, 10), wanted);
    assert_eq!(ask(Kind::Account, 2), wanted[..2]);
    assert_eq!(ask(Kind::Owner, 10), [row("a", 0.1, 0.5, 0.4)]);
}

/// Tells the transitions of a row: `p`ass, `f`ail, `u`nknown, `-` gone, each so many hours later.
fn tell(world: &mut World, key: &ComplianceKey, story: &str) {
    let mut before = None;
    for (nth, letter) in (0..).zip(story.chars()) {
        let standing = |verdict| Some(Standing { verdict, credit: Credit::None });
        let after = match letter {
            'p' => standing(Verdict::Pass),
            'f' => standing(Verdict::Fail),
            'u' => standing(Verdict::Unknown),
            '-' => None,
            _ => continue,
        };
        let cause = Cause { topic: "observation".into(), partition: 0, offset: nth };
        world.change(key, before, after, START_MS + nth * HOUR_MS, cause);
        before = after;
    }
}

#[test]
fn a_failure_lasts_until_it_is_fixed() {
    let mut stage = Stage::new();
    let key = |r, n: i64| ComplianceKey::new(requirement(r), account(n), "eu", "x", "");
    stage.world.standard(world::Size { accounts: 0, requirements: 2, days: 0, resources: 0 });
    // A dot is an hour. Lasting 2, 4 and 10 hours; an unknown in between does not end it.
    for (n, story) in [(0, "f.p"), (1, "p.f.u.p"), (2, "f.........p"), (3, "f-"), (4, "pf")] {
        tell(&mut stage.world, &key(1, n), story);
    }
    // Credit that comes and goes is no end.
    let with = |credit| Some(Standing { verdict: Verdict::Fail, credit });
    let cause = |offset| Cause { topic: "tick".into(), partition: 0, offset };
    let (at_ms, row) = (START_MS + 5 * HOUR_MS, key(1, 4));
    stage.world.change(&row, with(Credit::None), with(Credit::Live), at_ms, cause(90));
    tell(&mut stage.world, &key(0, 0), "f");
    stage.carry();
    let columns = [
        "requirement",
        "severity",
        "fixed",
        "gone",
        "open",
        "median_hours",
        "p90_hours",
        "longest_open_hours",
    ];
    let now = "2026-03-02 01:00:00.000";
    let ask =
        |requirement, from| stage.ask(Question::TimeToFix { requirement, from, now }, &columns);
    let list = |row: Json| row.as_array().unwrap().clone();
    let wanted = [
        // Sorted 2, 4, 10: nine tenths of the way lie 0.8 from 4 to 10.
        list(json!(["requirement-1", "high", 3, 1, 1, 4, 8.8, 24])),
        list(json!(["requirement-0", "low", 0, 0, 1, null, null, 25])),
    ];
    assert_eq!(ask(None, "2026-02-01 00:00:00.000"), wanted);
    assert_eq!(ask(Some("requirement-0"), "2026-02-01 00:00:00.000"), wanted[1..]);
    // What ended within the first hours does not count later.
    let later = list(json!(["requirement-1", "high", 2, 0, 1, 7, 9.4, 24]));
    assert_eq!(ask(Some("requirement-1"), "2026-03-01 03:00:00.000"), [later]);
}

#[test]
fn exceptions_cost_what_their_credit_is_worth() {
    let mut stage = Stage::new();
    stage.world.standard(world::Size { accounts: 0, requirements: 2, days: 0, resources: 0 });
    for n in 0..2 {
        stage.world.account(n, 0, START_MS);
    }
    // (total, failing, excepted) of requirements with weights 1 and 2, in two accounts.
    let counts = [[(10, 5, 4), (8, 2, 0)], [(4, 2, 1), (0, 0, 0)]];
    let live = Some(Standing { verdict: Verdict::Fail, credit: Credit::Live });
    let mut lost = std::collections::BTreeMap::<&str, f64>::new();
    for (n, of_account) in (0..).zip(counts) {
        for (r, of) in (0..).zip(of_account) {
            stage.world.cut(n, &requirement(r), r + 1, of, noon(0));
            for one in 0..of.2 {
                let place = format!("bucket/{one}");
                let key = ComplianceKey::new(requirement(r), account(n), "eu", place, "");
                stage.world.verdict(&key, live, noon(0));
                let share = (r + 1) as f64 / of.0 as f64;
                *lost.entry(world::exception_of(&key)).or_default() += share;
            }
        }
        stage.world.cut(n, "*", 3, (14, 7, 4), noon(0));
    }
    stage.carry();
    // Weights that have a score: 1 and 2 in the first account, 1 in the second.
    let points: f64 = lost.values().sum::<f64>() * 100.0 / 4.0;
    let asked = stage.ask(Question::Exceptions, &["exception", "phase", "credited", "points"]);
    assert_eq!(asked.len(), 3);
    let mut all = 0.0;
    for row in &asked {
        let id = row[0].as_str().unwrap();
        let wanted = lost.get(id).map_or(0.0, |lost| lost * 100.0 / 4.0);
        assert!((row[3].as_f64().unwrap() - wanted).abs() < 1e-3, "{row:?} {wanted}");
        assert_eq!(row[1], "live");
        all += row[3].as_f64().unwrap();
    }
    assert!((all - points).abs() < 2e-3, "{all} {points}");
    let credited: i64 = asked.iter().map(|row| row[2].as_i64().unwrap()).sum();
    assert_eq!(credited, 5);

    let columns = ["id", "score", "score_if_expired", "moved"];
    let ask = |of| stage.ask(Question::WhatIf { of }, &columns);
    let row = |id: &str, is: f64, bare: f64| {
        vec![json!(id), rounded(&json!(is)), rounded(&json!(bare)), rounded(&json!(bare - is))]
    };
    // First account: (1 * 9/10 + 2 * 6/8) / 3, without credit (1 * 5/10 + 2 * 6/8) / 3.
    let first = row(&account(0), 2.4 / 3.0, 2.0 / 3.0);
    let second = row(&account(1), 0.75, 0.5);
    assert_eq!(ask(Kind::Account), [second, first]);
    let all = row("all", (2.4 + 0.75) / 4.0, (2.0 + 0.5) / 4.0);
    let lost_by_all = -all[3].as_f64().unwrap() * 100.0;
    assert_eq!(ask(Kind::Enterprise), [all]);
    assert!((lost_by_all - points).abs() < 1e-3, "the costs of exceptions add up to it");
}
