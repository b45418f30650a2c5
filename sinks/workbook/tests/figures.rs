//! Every figure of a workbook equals one that is computed here from the verdicts alone.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod reading;
#[allow(dead_code)]
mod sample;

use std::collections::BTreeMap;

use calamine::Data;
use reading::Book;
use sample::{AT_MS, DAY_MS, DENIED, MAYA, PAYERS, Unpacked};
use schemas::{
    AccountKey, AccountState, Credit, RequirementKey, ScoreKey, ScoreState, ScoreStatus, Scoring,
    Severity, Verdict,
};
use sink_workbook::{Owner, Past, Subject, Tables, lay_out, render, subjects};

fn book(tables: &Tables) -> Book {
    Book::open(
        render(&lay_out(tables, &Past::default(), &Subject::Owner(Owner::Named(MAYA.to_owned()))))
            .unwrap(),
    )
}

/// Passing, failing and credited rows of a requirement in an account.
fn counts(tables: &Unpacked, account: &str, requirement: &str) -> (f64, f64, f64) {
    let rows = tables
        .rows
        .iter()
        .filter(|(key, _)| key.account == account && key.requirement == requirement);
    rows.fold((0.0, 0.0, 0.0), |sum, (_, row)| match (row.verdict, row.credit) {
        (Verdict::Pass, _) => (sum.0 + 1.0, sum.1, sum.2),
        (Verdict::Fail, Credit::Live) => (sum.0, sum.1 + 1.0, sum.2 + 1.0),
        (Verdict::Fail, _) => (sum.0, sum.1 + 1.0, sum.2),
        _ => sum,
    })
}

/// A score by counting what is in order; in the sample an account-level requirement has one row.
fn score(tables: &Unpacked, account: &str, requirement: &str) -> Option<f64> {
    let (pass, fail, credited) = counts(tables, account, requirement);
    (pass + fail > 0.0).then(|| (pass + credited) / (pass + fail))
}

/// Maya's accounts (id, name) by name.
fn accounts(tables: &Tables) -> Vec<(String, String)> {
    let own = tables.accounts.values().filter(|state| state.owner.as_deref() == Some(MAYA));
    let mut own: Vec<_> = own.map(|state| (state.account.clone(), state.name.clone())).collect();
    own.sort_by(|a, b| a.1.cmp(&b.1));
    own
}

/// The weighted mean over some accounts.
fn weighted(tables: &Unpacked, accounts: &[&str]) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for requirement in tables.requirements.values().filter(|r| r.scoring != Scoring::Penalty) {
        for account in accounts {
            if let Some(score) = score(tables, account, &requirement.id) {
                sum += requirement.weight as f64 * score;
                weights += requirement.weight as f64;
            }
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

/// Scores in tables are billionths; whatever was added up from them is as exact.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 2e-9
}

#[test]
fn the_summary_says_how_he_stands() {
    let tables = Unpacked::from(sample::tables());
    let (book, accounts) = (book(&tables), accounts(&tables));
    let summary = book.sheet("Summary");
    let value = |label: &str| {
        let (row, column) = summary.find(label);
        summary.number(row + 1, column)
    };
    let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
    assert!(near(value("Risk-weighted score"), weighted(&tables, &ids).unwrap()));
    let (mut pass, mut fail, mut credited) = (0.0, 0.0, 0.0);
    for (id, requirement) in
        ids.iter().flat_map(|id| tables.requirements.values().map(move |r| (id, r)))
    {
        let one = counts(&tables, id, &requirement.id);
        (pass, fail, credited) = (pass + one.0, fail + one.1, credited + one.2);
    }
    assert_eq!(value("Resources in order"), 1.0 - (fail - credited) / (pass + fail));
    assert_eq!(value("Still to fix"), fail - credited);
    assert_eq!(value("Accepted risk"), credited);
    assert_eq!(value("Accounts"), 8.0);
    let unknown = tables.rows.iter().filter(|(key, row)| {
        ids.contains(&key.account.as_str()) && row.verdict == Verdict::Unknown
    });
    assert_eq!(value("Could not be judged"), unknown.count() as f64);
    // RA-23 in 9 days and RA-31 in 26 concern him; RA-41 is another owner's.
    assert_eq!(value("Exceptions expiring"), 2.0);
    assert_eq!(value("Expired exceptions in use"), 1.0, "RA-08");
    assert_eq!(summary.text(summary.find("Collected").0 + 1, 2), "90 of 104 scopes");
    let warning = "⚠ No data from 1 of 8 accounts: acquired-shop24. They are in no score.";
    summary.find(warning);
}

#[test]
fn the_summary_lists_accounts_worst_first() {
    let tables = Unpacked::from(sample::tables());
    let (book, accounts) = (book(&tables), accounts(&tables));
    let summary = book.sheet("Summary");
    let (first, column) = summary.find("Account id");
    let mut last = 0.0;
    for n in 1..=8 {
        let (row, id) = (first + n, summary.text(first + n, column));
        let name = &accounts.iter().find(|(other, _)| *other == id).unwrap().1;
        assert_eq!(summary.text(row, 1), *name);
        let Some(expected) = weighted(&tables, &[&id]) else {
            assert_eq!((n, id.as_str()), (8, DENIED), "what has no score comes last");
            assert_eq!(summary.text(row, 3), "not collected");
            assert_eq!(summary.text(row, 4), "not collected");
            assert_eq!(summary.at(row, 5), Data::Empty, "no figure stands for no data");
            continue;
        };
        let shown = summary.number(row, 3);
        assert!(near(shown, expected) && shown >= last, "{id}");
        last = shown;
        let percent = (expected * 1000.0).round() / 10.0;
        let word = match percent {
            p if p >= 95.0 => "● good",
            p if p >= 80.0 => "▲ fair",
            _ => "■ poor",
        };
        assert_eq!(summary.text(row, 4), word, "{id} {percent}");
    }
}

#[test]
fn the_matrix_holds_every_score() {
    let tables = Unpacked::from(sample::tables());
    let (book, accounts) = (book(&tables), accounts(&tables));
    let scores = book.sheet("Scores");
    let (heading, _) = scores.find("Requirement");
    let names_row = heading - 3;
    let (penalties, _) = scores.find_from(heading + 1, "Requirement");
    let mut seen = Vec::new();
    for requirement in tables.requirements.values() {
        let (row, _) = scores.find(&requirement.title);
        seen.push(row);
        assert_eq!(scores.text(row, 1), requirement.severity.as_str());
        assert_eq!(scores.number(row, 2), requirement.weight as f64);
        let penalty = requirement.scoring == Scoring::Penalty;
        assert_eq!(row > penalties, penalty, "{}", requirement.id);
        let (mut open, mut values) = (0.0, Vec::new());
        for (column, (id, name)) in (6..).zip(&accounts) {
            assert_eq!(scores.text(names_row, column), *name);
            let (pass, fail, credited) = counts(&tables, id, &requirement.id);
            open += fail - credited;
            let weight = requirement.weight as f64;
            match score(&tables, id, &requirement.id) {
                None if id == DENIED => assert_eq!(scores.text(row, column), "not collected"),
                None => assert_eq!(scores.text(row, column), "N/A", "{id} {}", requirement.id),
                Some(_) if penalty => {
                    assert_eq!(scores.number(row, column), (fail - credited) * weight);
                }
                Some(value) => {
                    let exact = 1.0 - (fail - credited) / (pass + fail);
                    assert_eq!(scores.number(row, column), exact, "{id} {}", requirement.id);
                    values.push(value);
                }
            }
        }
        assert_eq!(scores.number(row, 3), open, "to fix: {}", requirement.id);
        // The sample's data is between 23 and 24 minutes old, whatever its type.
        assert_eq!(scores.text(row, 4), "23 minutes", "{}", requirement.id);
        if !penalty {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!(near(scores.number(row, 5), mean));
        }
    }
    assert_eq!(seen.len(), 10);
    for (column, (id, _)) in (6..).zip(&accounts) {
        match weighted(&tables, &[id]) {
            Some(value) => assert!(near(scores.number(heading - 1, column), value), "{id}"),
            None => assert_eq!(scores.text(heading - 1, column), "not collected"),
        }
        let age = if id == DENIED { "not collected" } else { "23 minutes" };
        assert_eq!(scores.text(heading - 2, column), age);
    }
}

/// What a tab must say of an exception, from the risk register.
fn annotation(tables: &Tables, id: &str) -> String {
    let exception = &tables.exceptions[&schemas::ExceptionKey::new(id)];
    let day = schemas::headers::rfc3339(exception.expires_ms.unwrap())[..10].to_owned();
    let (reason, live) = (&exception.reason, exception.expires_ms.unwrap() > AT_MS);
    match (exception.approved, live) {
        (true, true) => format!("credited until {day}: {reason} ({id})"),
        (true, false) => format!("expired {day}: no credit: {reason} ({id})"),
        (false, _) => format!("not approved: no credit: {reason} ({id})"),
    }
}

#[test]
fn each_account_has_a_tab_with_every_failing_resource() {
    let tables = Unpacked::from(sample::tables());
    let book = book(&tables);
    for (id, name) in accounts(&tables) {
        let tab = book.sheet(&name);
        let (heading, _) = tab.find("Severity");
        // Keyed by requirement, resource and part, which are unique within an account.
        let mut expected: BTreeMap<(String, String, String), _> = BTreeMap::new();
        let mut unknown = 0;
        for (key, row) in tables.rows.iter().filter(|(key, _)| key.account == id) {
            let requirement = &tables.requirements[&schemas::RequirementKey::new(&key.requirement)];
            unknown += u32::from(row.verdict == Verdict::Unknown);
            if row.verdict == Verdict::Fail {
                let key = (requirement.title.clone(), row.name.clone(), key.part.clone());
                expected.insert(key, (requirement, row));
            }
        }
        let (mut row, mut last) = (heading + 1, (false, Severity::Critical));
        while !expected.is_empty() {
            let key = (tab.text(row, 1), tab.text(row, 2), tab.text(row, 3));
            let (requirement, state) =
                expected.remove(&key).unwrap_or_else(|| panic!("{name}: {key:?}"));
            assert_eq!(tab.text(row, 0), requirement.severity.as_str());
            let days = state.since_ms as f64 / DAY_MS as f64 + 25_569.0;
            assert!((tab.date(row, 5) - days).abs() < 1e-6, "a real date");
            let note = state.exception.as_ref().map(|id| annotation(&tables, id));
            assert_eq!(tab.text(row, 6), note.unwrap_or_default());
            assert_eq!(tab.text(row, 7), state.evidence);
            assert_eq!(tab.text(row, 8), requirement.remediation);
            let id = if state.arn.is_empty() { &state.name } else { &state.arn };
            assert_eq!(tab.text(row, 9), *id);
            assert_eq!(tab.text(row, 11), state.source);
            let place = (state.credit == Credit::Live, requirement.severity);
            let ordered = if last.0 == place.0 { last.1 >= place.1 } else { place.0 };
            assert!(ordered, "{name}: credited ones last, the gravest first");
            (last, row) = (place, row + 1);
        }
        let texts = tab.texts();
        let section = format!("Could not be judged ({unknown})");
        assert_eq!(texts.contains(&section), unknown > 0, "{name}");
        if id == DENIED {
            tab.find("⚠ This account was never collected: nothing is known of its resources.");
        }
    }
}

#[test]
fn exceptions_are_listed_live_first() {
    let tables = Unpacked::from(sample::tables());
    let book = book(&tables);
    let tab = book.sheet("Exceptions");
    let (heading, column) = tab.find("Exception");
    let ids: Vec<String> = (1..=5).map(|n| tab.text(heading + n, column)).collect();
    assert_eq!(ids, ["RA-23", "RA-31", "RA-17", "RA-40", "RA-08"], "not RA-41: another owner's");
    let own: Vec<String> = accounts(&tables).into_iter().map(|(id, _)| id).collect();
    for (row, id) in (heading + 1..).zip(&ids) {
        let uses = |credit: Credit| {
            let rows = tables.rows.iter().filter(|(key, state)| {
                own.contains(&key.account)
                    && state.exception.as_ref() == Some(id)
                    && state.credit == credit
            });
            rows.count() as f64
        };
        assert_eq!(tab.number(row, 8), uses(Credit::Live), "{id}");
        assert_eq!(tab.number(row, 9), uses(Credit::Lapsed), "{id}");
    }
    assert_eq!(tab.text(heading + 5, 0), "✗ expired");
    assert_eq!(tab.number(heading + 1, 2), 8.0, "8 days and 15 hours are left");
}

/// What the owner's score becomes when all open failures of a requirement in an account are mended.
fn after_mending(tables: &Unpacked, account: &str, requirement: &str) -> (f64, f64) {
    let mut mended = Unpacked { tables: tables.tables.clone(), rows: tables.rows.clone() };
    let mut resources = 0.0;
    for (key, row) in &mut mended.rows {
        let meant = key.account == account && key.requirement == requirement;
        if meant && row.verdict == Verdict::Fail && row.credit != Credit::Live {
            row.verdict = Verdict::Pass;
            resources += 1.0;
        }
    }
    let all = accounts(tables);
    let ids: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
    (weighted(&mended, &ids).unwrap(), resources)
}

#[test]
fn the_next_best_actions_are_the_best() {
    let tables = Unpacked::from(sample::tables());
    let (book, accounts) = (book(&tables), accounts(&tables));
    let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
    let now = weighted(&tables, &ids).unwrap();
    // Every action that there is, tried out.
    let mut each = Vec::new();
    for requirement in tables.requirements.values().filter(|r| r.scoring != Scoring::Penalty) {
        for (id, _) in &accounts {
            let (after, resources) = after_mending(&tables, id, &requirement.id);
            if resources > 0.0 {
                each.push((after - now) / resources);
            }
        }
    }
    each.sort_by(|a, b| b.total_cmp(a));
    let summary = book.sheet("Summary");
    let (heading, _) = summary.find("Score after");
    let mut all = (0.0, 0.0);
    for (row, best) in (heading + 1..).zip(each.iter().take(5)) {
        let (title, name) = (summary.text(row, 1), summary.text(row, 2));
        let requirement = tables.requirements.values().find(|r| r.title == title).unwrap();
        let (id, _) = accounts.iter().find(|(_, other)| *other == name).unwrap();
        let (after, resources) = after_mending(&tables, id, &requirement.id);
        assert_eq!(summary.number(row, 5), resources, "{title} {name}");
        assert!(near(summary.number(row, 6) / 100.0, after - now), "{title} {name}");
        assert!(near(summary.number(row, 7), after), "{title} {name}");
        assert!(near((after - now) / resources, *best), "{title} {name}");
        all = (all.0 + resources, all.1 + (after - now));
    }
    let (row, _) = summary.find("All of these together");
    assert_eq!(summary.number(row, 5), all.0);
    assert!(near(summary.number(row, 7), now + all.1));
}

#[test]
fn what_mends_everything_brings_exactly_all() {
    let sample = sample::tables();
    let mut text = sample.requirements.values().find(|one| one.weight == 10).unwrap().clone();
    (text.id, text.scoring) = ("thirds".to_owned(), Scoring::Resources);
    // A third in billionths is a little less, and two thirds are a little more.
    for (total, noncompliant, score) in [(3, 2, 333_333_333), (3, 1, 666_666_667)] {
        let weighted_score = 10 * score;
        let state = ScoreState {
            status: ScoreStatus::Scored,
            score: Some(score),
            weight: 10,
            weighted_score,
            total,
            noncompliant,
            ..ScoreState::default()
        };
        let owner = Some(MAYA.to_owned());
        let account =
            AccountState { account: "1".into(), name: "one".into(), owner, ..Default::default() };
        let tables = Tables {
            accounts: BTreeMap::from([(AccountKey::new("1"), account)]),
            scores: ["thirds", "*"].map(|id| (ScoreKey::new("1", id), state.clone())).into(),
            requirements: BTreeMap::from([(RequirementKey::new("thirds"), text.clone())]),
            at_ms: AT_MS,
            ..Tables::default()
        };
        let book = book(&tables);
        let summary = book.sheet("Summary");
        let (row, _) = summary.find("All of these together");
        assert_eq!((summary.number(row - 1, 7), summary.number(row, 7)), (1.0, 1.0));
    }
}

#[test]
fn owners_without_data_and_accounts_without_owner_are_shown() {
    let mut tables = sample::tables();
    let named = |owner: &str| Owner::Named(owner.to_owned());
    let owners = [named("jonas.weber@example.com"), named(MAYA), Owner::Unassigned];
    let mut expected = vec![
        Subject::Enterprise,
        Subject::Payer(PAYERS[0].into()),
        Subject::Payer(PAYERS[1].into()),
    ];
    expected.extend(owners.map(Subject::Owner));
    assert_eq!(subjects(&tables), expected);
    assert_eq!(subjects(&Tables::default()), []);
    let model = lay_out(&tables, &Past::default(), &Subject::Owner(Owner::Unassigned));
    let book = Book::open(render(&model).unwrap());
    assert_eq!(book.names, ["Summary", "Scores", "forgotten-poc", "Exceptions", "About"]);
    let summary = book.sheet("Summary");
    summary.find("unassigned accounts · as of 2026-03-02 09:00 UTC");
    let (row, column) = summary.find("Risk-weighted score");
    let expected = weighted(&Unpacked::from(tables.clone()), &["230000000001"]).unwrap();
    assert!(near(summary.number(row + 1, column), expected), "without a roll-up it is added up");
    // An account that the register merely approves is nobody's.
    let mut foreign = sample::account("999", "partner", None, "");
    (foreign.listed, foreign.coverage) = (false, Vec::new());
    tables.accounts.insert(schemas::AccountKey::new("999"), foreign.clone());
    assert_eq!(
        lay_out(&tables, &Past::default(), &Subject::Owner(Owner::Unassigned)).sheets.len(),
        5
    );
    // With an owner it is a fault of the register that he must see.
    foreign.owner = Some("nobody@example.com".to_owned());
    tables.accounts.insert(schemas::AccountKey::new("999"), foreign);
    let book = Book::open(
        render(&lay_out(&tables, &Past::default(), &Subject::Owner(named("nobody@example.com"))))
            .unwrap(),
    );
    let summary = book.sheet("Summary");
    summary.find("no organisation lists it");
    let (row, column) = summary.find("Risk-weighted score");
    assert_eq!(summary.text(row + 1, column), "not collected");
}

#[test]
fn a_rollup_that_lags_behind_is_told() {
    let mut tables = sample::tables();
    let sum = tables.rollups.get_mut(&schemas::RollupKey::new("owner", MAYA)).unwrap();
    (sum.weight, sum.weighted_score) = (4, 3_000_000_000);
    let book = book(&tables);
    let summary = book.sheet("Summary");
    let (row, column) = summary.find("Risk-weighted score");
    assert_eq!(summary.number(row + 1, column), 0.75);
    let told = |text: &String| text.starts_with("⚠ The sum over the accounts is older");
    assert!(summary.texts().iter().any(told));
}
