//! Figures of earlier weeks and changes equal those that are computed here another way.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod reading;
#[allow(dead_code)]
mod sample;

use std::collections::{BTreeMap, BTreeSet};

use calamine::Data;
use reading::{Book, Grid};
use sample::{DAY_MS, DENIED, MAYA, NEW, SINCE_MS, YOUNG, past};
use schemas::{AccountKey, Credit, ScoreKey, Standing, Verdict};
use sink_workbook::{
    ChangeKind, Cut, Limits, Owner, Past, Subject, Tables, Turn, Verdicts, digest, lay_out, render,
};

fn maya() -> Subject {
    Subject::Owner(Owner::Named(MAYA.to_owned()))
}

fn book(tables: &Tables, past: &Past, subject: &Subject) -> Book {
    Book::open(render(&lay_out(tables, past, subject)).unwrap())
}

/// Ids and names of Maya's accounts, or of all.
fn accounts(tables: &Tables, owner: Option<&str>) -> Vec<(String, String)> {
    let states = tables.accounts.values();
    let own = states.filter(|state| owner.is_none() || state.owner.as_deref() == owner);
    own.map(|state| (state.account.clone(), state.name.clone())).collect()
}

/// An account's score in a cut; from its billionths, not from the sums behind them.
fn then(cut: &Cut, account: &str) -> Option<f64> {
    cut.accounts.get(&AccountKey::new(account))?.score.map(|score| score as f64 / 1e9)
}

fn now(tables: &Tables, account: &str) -> Option<f64> {
    tables.scores[&ScoreKey::new(account, "*")].score.map(|score| score as f64 / 1e9)
}

/// The scores of some accounts in a cut, weighted by risk.
fn together(cut: &Cut, accounts: &[(String, String)]) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (id, _) in accounts {
        if let Some(score) = then(cut, id) {
            let weight = cut.accounts[&AccountKey::new(id)].weight as f64;
            (sum, weights) = (sum + weight * score, weights + weight);
        }
    }
    sum / weights
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 2e-7
}

#[test]
fn the_tab_of_weeks_has_every_score() {
    let tables = sample::tables();
    let past = past(&tables);
    for (subject, owner) in [(maya(), Some(MAYA)), (Subject::Enterprise, None)] {
        let own = accounts(&tables, owner);
        let book = book(&tables, &past, &subject);
        let tab = book.sheet("Trend");
        let (heading, _) = tab.find("Account");
        for (column, back) in (3..).zip((1..=13).rev()) {
            let at_ms = sample::AT_MS - back * 7 * DAY_MS;
            assert_eq!(tab.text(heading, column), schemas::headers::rfc3339(at_ms)[..10]);
            let cut = &past.weeks[13 - back as usize];
            assert!(near(tab.number(heading + 1, column), together(cut, &own)));
        }
        let mut ids = BTreeSet::new();
        for row in heading + 2..heading + 2 + own.len() as u32 {
            let (id, _) = own.iter().find(|(_, name)| *name == tab.text(row, 0)).unwrap();
            ids.insert(id);
            let weeks: Vec<Option<f64>> = past.weeks.iter().map(|cut| then(cut, id)).collect();
            for (column, score) in (3..).zip(&weeks) {
                match score {
                    Some(score) => assert!(near(tab.number(row, column), *score), "{id}"),
                    None => assert_eq!(tab.at(row, column), Data::Empty, "{id}"),
                }
            }
            match (now(&tables, id), weeks.iter().flatten().next()) {
                (None, _) => assert_eq!(tab.text(row, 16), "not collected"),
                (Some(_), None) => assert_eq!(tab.text(row, 2), "none then", "{id}"),
                (Some(score), Some(first)) => {
                    assert!(near(tab.number(row, 16), score));
                    assert!((tab.number(row, 2) - 100.0 * (score - first)).abs() < 1e-4);
                }
            }
        }
        assert_eq!(ids.len(), own.len());
    }
}

#[test]
fn the_weeks_of_many_accounts_are_told_too() {
    // So many cells that they are not kept in memory while the sheet is written.
    let state = |n: i64, back: i64| {
        let mut state = sample::score_state(schemas::ScoreStatus::Scored, 1);
        state.score = Some(500_000_000 + 100_000 * n + 1_000_000 * back);
        state.weighted_score = state.score.unwrap();
        state
    };
    let id = |n: i64| format!("{n:012}");
    let mut tables = Tables { at_ms: sample::AT_MS, ..Tables::default() };
    for n in 0..1_500 {
        let account = sample::account(&id(n), &format!("account {n:04}"), None, "");
        tables.accounts.insert(AccountKey::new(id(n)), account);
        tables.scores.insert(ScoreKey::new(id(n), "*"), state(n, 0));
    }
    let week = |back: i64| Cut {
        at_ms: sample::AT_MS - back * 7 * DAY_MS,
        accounts: (0..1_500).map(|n| (AccountKey::new(id(n)), state(n, back))).collect(),
    };
    let weeks: Vec<Cut> = (1..=13).rev().map(week).collect();
    let past = Past { since: weeks.last().cloned(), weeks, ..Past::default() };
    let book = book(&tables, &past, &Subject::Enterprise);
    let tab = book.sheet("Trend");
    let (heading, _) = tab.find("Account");
    for (column, back) in (3..16).zip((1..=13).rev()) {
        let back = f64::from(back) / 1e3;
        // The mean of a straight line is its middle.
        assert!(near(tab.number(heading + 1, column), 0.5 + 1_499.0 / 2e4 + back));
        assert!(near(tab.number(heading + 2, column), 0.5 + back), "the lowest first");
        assert!(near(tab.number(heading + 1_501, column), 0.5 + 1_499.0 / 1e4 + back));
    }
    assert_eq!(tab.text(heading + 1_501, 0), "account 1499");
}

#[test]
fn the_summary_says_where_the_score_goes() {
    let mut tables = sample::tables();
    let mut past = past(&tables);
    let own = accounts(&tables, Some(MAYA));
    let since = past.since.clone().unwrap();
    let first = together(&since, &own);
    let trend = |tables: &Tables, past: &Past| {
        let book = book(tables, past, &maya());
        let summary = book.sheet("Summary");
        let (row, column) = summary.find("Trend");
        let (weeks, last) = summary.find("Last 13 weeks");
        assert_eq!(weeks, row);
        let note = |column| summary.text(row + 2, column);
        (summary.text(row + 1, column), note(column), note(last))
    };
    let (words, note, weeks) = trend(&tables, &past);
    let summary = book(&tables, &past, &maya());
    let summary = summary.sheet("Summary");
    let (row, column) = summary.find("Risk-weighted score");
    let score = summary.number(row + 1, column);
    let points = format!("{:.1}", 100.0 * (score - first));
    assert_eq!(words, format!("↑ up {points} points"));
    assert_eq!(note, format!("since 2026-02-23 09:00 UTC, {:.1} % then", first * 100.0));
    let low = together(&past.weeks[0], &own) * 100.0;
    assert_eq!(weeks, format!("from {low:.1} % to {:.1} %; the tab Trend has all", score * 100.0));
    assert!(summary.text(row + 2, column).starts_with("grade C · ▲ fair"), "89.2 % is below 90 %");
    // The same scores a week ago: nothing moved; higher ones: it went down.
    let state = |account: &str| tables.scores[&ScoreKey::new(account, "*")].clone();
    let same = own.iter().filter(|(id, _)| id != DENIED);
    let same = same.map(|(id, _)| (AccountKey::new(id), state(id))).collect();
    past.since = Some(Cut { at_ms: SINCE_MS, accounts: same });
    assert_eq!(trend(&tables, &past).0, "→ unchanged");
    for score in past.since.as_mut().unwrap().accounts.values_mut() {
        score.weighted_score += score.weight * 10_000_000;
    }
    assert_eq!(trend(&tables, &past).0, "↓ down 1.0 point");
    // Nothing is made up where nothing is kept.
    let none = Past::default();
    let told = ("no earlier score".to_owned(), "the log keeps none".to_owned());
    let (words, note, weeks) = trend(&tables, &none);
    assert_eq!(((words, note), weeks), (told, String::new()));
    let book = book(&tables, &none, &maya());
    assert_eq!(book.names[..2], ["Summary", "Scores"]);
    assert!(!book.names.iter().any(|name| name == "Trend" || name == "Changes"));
    book.sheet("Summary").find("Nothing can be said: the log keeps no score of an earlier time.");
    book.sheet("payments-prod").find("no earlier score");
    // A fingerprint changes with the standard alone.
    let about = |tables: &Tables| {
        let book = Book::open(render(&lay_out(tables, &none, &maya())).unwrap());
        let (row, column) = book.sheet("About").find("Standard");
        book.sheet("About").text(row, column + 1)
    };
    let before = about(&tables);
    tables.compliance = Verdicts::default();
    assert_eq!(about(&tables), before);
    tables.requirements.values_mut().next().unwrap().weight += 1;
    assert_ne!(about(&tables), before);
}

/// What a standing is, as a letter: nothing wrong, `F`ailing, `A`ccepted, or `U`nknown.
fn letter(standing: Option<Standing>) -> char {
    match standing {
        Some(Standing { verdict: Verdict::Fail, credit: Credit::Live }) => 'A',
        Some(Standing { verdict: Verdict::Fail, .. }) => 'F',
        Some(Standing { verdict: Verdict::Unknown, .. }) => 'U',
        Some(_) => '.',
        None => '-',
    }
}

/// What a turn means, by a table of letters.
fn meaning(turn: &Turn) -> Option<&'static str> {
    Some(match (letter(turn.before), letter(turn.after)) {
        ('.' | '-' | 'U', 'F') => "✗ newly failing",
        ('A', 'F') => "✗ credit lapsed",
        ('.' | 'A' | 'F', 'U') => "? not judged any more",
        ('.' | '-' | 'U' | 'F', 'A') => "○ newly accepted",
        ('F' | 'A', '.' | '-') => "✓ fixed",
        _ => return None,
    })
}

/// Turns of every kind, beside those of the sample.
fn rich(tables: &Tables) -> Past {
    let mut past = past(tables);
    let own: BTreeSet<String> =
        accounts(tables, Some(MAYA)).into_iter().map(|(id, _)| id).collect();
    let standings = [
        None,
        Some(Standing { verdict: Verdict::Pass, credit: Credit::None }),
        Some(Standing { verdict: Verdict::NotApplicable, credit: Credit::None }),
        Some(Standing { verdict: Verdict::Unknown, credit: Credit::None }),
        Some(Standing { verdict: Verdict::Fail, credit: Credit::None }),
        Some(Standing { verdict: Verdict::Fail, credit: Credit::Live }),
        Some(Standing { verdict: Verdict::Fail, credit: Credit::Lapsed }),
    ];
    let pairs =
        standings.iter().flat_map(|before| standings.iter().map(move |after| (before, after)));
    let keys = tables.compliance.iter().map(|(key, _)| key);
    let keys = keys.filter(|key| own.contains(&key.account));
    for ((before, after), key) in pairs.filter(|(before, after)| before != after).zip(keys) {
        let cause = schemas::Cause { topic: "report".to_owned(), partition: 0, offset: 7 };
        let (resource_type, name, arn) = Default::default();
        let (before, after, at_ms) = (*before, *after, SINCE_MS + 60_000);
        let turn = Turn { before, after, at_ms, cause, resource_type, name, arn };
        past.turns.insert(key, turn);
    }
    past
}

/// Rows of a list below its heading, as texts by column name, up to the first that has no first.
fn rows(sheet: Grid<'_>, first: &str) -> Vec<BTreeMap<String, String>> {
    let (heading, first_column) = sheet.find(first);
    let names: Vec<(u32, String)> = (first_column..sheet.size().1)
        .map(|column| (column, sheet.text(heading, column)))
        .filter(|(_, name)| !name.is_empty())
        .collect();
    let rows = (heading + 1..sheet.size().0).take_while(|row| {
        names.iter().all(|(column, name)| {
            name != "When" || matches!(sheet.at(*row, *column), Data::DateTime(_))
        })
    });
    let of = |row: u32| {
        let cells = names.iter().map(|(column, name)| (name.clone(), sheet.at(row, *column)));
        cells.map(|(name, cell)| (name, cell.to_string())).collect()
    };
    rows.map(of).collect()
}

#[test]
fn every_change_is_told_with_its_cause() {
    let tables = sample::tables();
    let past = rich(&tables);
    let names: BTreeMap<String, String> = accounts(&tables, Some(MAYA)).into_iter().collect();
    let mut expected: BTreeMap<(String, String), &str> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, turn) in &past.turns {
        let (Some(name), Some(meaning)) = (names.get(&key.account), meaning(turn)) else {
            continue;
        };
        let cause = format!("{}/{}/{}", turn.cause.topic, turn.cause.partition, turn.cause.offset);
        let title = &tables.requirements[&schemas::RequirementKey::new(&key.requirement)].title;
        let at = (format!("{title}|{name}|{}|{}", key.resource, key.part), cause);
        assert_eq!(expected.insert(at, meaning), None);
        *counts.entry(meaning).or_default() += 1;
    }
    assert_eq!(counts.len(), 5, "the turns are of every kind");
    let book = book(&tables, &past, &maya());
    let told = rows(book.sheet("Changes"), "Change");
    assert_eq!(told.len(), expected.len());
    let mut order = Vec::new();
    for row in &told {
        let at = format!(
            "{}|{}|{}|{}",
            row["Requirement"], row["Account"], row["Resource id"], row["Part"]
        );
        assert_eq!(expected.remove(&(at, row["Cause"].clone())), Some(&*row["Change"]), "{row:?}");
        if row["Change"] == "✗ credit lapsed" && row["Cause"].starts_with("tick") {
            assert_eq!(row["Why"], "the exception ended");
        }
        let gone = row["Resource id"].starts_with("old-");
        let name = if gone { "-bucket" } else { "" };
        assert_eq!(row["Resource"], format!("{}{name}", row["Resource id"]), "in the sample");
        order.push(ChangeKind::ALL.iter().position(|kind| kind.word() == row["Change"]).unwrap());
    }
    assert!(order.is_sorted(), "the gravest kinds first");
    let summary = book.sheet("Summary");
    for (label, word) in [
        ("Newly failing", "✗ newly failing"),
        ("Fixed", "✓ fixed"),
        ("Credit lapsed", "✗ credit lapsed"),
    ] {
        let (row, column) = summary.find(label);
        assert_eq!(summary.number(row + 1, column), counts[word] as f64, "{label}");
    }
    // The summary has the first five of each kind, and says how many more there are.
    let shown: usize = counts.values().map(|count| (*count).min(5)).sum();
    summary.find(&format!("{} more changes: see the tab Changes", told.len() - shown));
    let digest = digest(&tables, &past, &maya(), &Limits::default());
    assert_eq!(digest.changes.len(), shown);
    assert_eq!(
        (digest.newly_failing, digest.fixed),
        (counts["✗ newly failing"], counts["✓ fixed"])
    );
}

#[test]
fn accounts_without_an_earlier_score_do_not_change() {
    let tables = sample::tables();
    let mut past = rich(&tables);
    let since = past.since.as_mut().unwrap();
    since.accounts.remove(&AccountKey::new("210000000001"));
    let book = book(&tables, &past, &maya());
    let told = rows(book.sheet("Changes"), "Change");
    assert!(!told.is_empty() && told.iter().all(|row| row["Account"] != "payments-prod"));
    let text = "1 account had no score then, and nothing in them is told as new: payments-prod.";
    book.sheet("Summary").find(text);
    book.sheet("Changes").find(text);
}

#[test]
fn accounts_and_executives_move() {
    let tables = sample::tables();
    let past = past(&tables);
    let book = book(&tables, &past, &Subject::Enterprise);
    let tab = book.sheet("Accounts");
    let (heading, _) = tab.find("In 7 days");
    for row in heading + 1..heading + 11 {
        let id = tab.text(row, 1);
        for (column, cut) in [(4, &past.weeks[12]), (5, &past.weeks[0])] {
            match (now(&tables, &id), then(cut, &id)) {
                (Some(now), Some(then)) => {
                    let points = 100.0 * (now - then);
                    assert!((tab.number(row, column) - points).abs() < 1e-4, "{id}");
                }
                (None, _) => assert_eq!(tab.at(row, column), Data::Empty),
                (Some(_), None) => assert_eq!(tab.text(row, column), "none then"),
            }
        }
    }
    for (id, missing) in [(NEW, 2), (YOUNG, 1)] {
        let row = (heading + 1..heading + 11).find(|row| tab.text(*row, 1) == id).unwrap();
        let cells = [4, 5].map(|column| tab.at(row, column));
        let none = cells.iter().filter(|cell| **cell == Data::String("none then".to_owned()));
        assert_eq!(none.count(), missing);
    }
    // Ruth's accounts weigh what they spend today; the one without a figure as the middle of seven.
    let his =
        tables.accounts.values().filter(|one| one.executive.as_deref() == Some("Ruth Adeyemi"));
    let mut spends: Vec<i64> = his.clone().filter_map(|state| state.spend_cents).collect();
    spends.sort_unstable();
    let (mut sum, mut weights) = (0.0, 0.0);
    for state in his {
        let Some(score) = then(&past.weeks[0], &state.account) else { continue };
        let weight = state.spend_cents.unwrap_or(spends[3]) as f64;
        (sum, weights) = (sum + weight * score, weights + weight);
    }
    let tab = book.sheet("Executives");
    let (row, _) = tab.find("Ruth Adeyemi");
    let points = 100.0 * (tab.number(row, 1) - sum / weights);
    assert!((tab.number(row, 4) - points).abs() < 1e-3, "{points}");
    assert_eq!(tab.text(tab.find("Li Wei").0, 4), "none then");
}

#[test]
fn the_overview_names_who_moved_and_what_is_to_be_decided() {
    let tables = sample::tables();
    let past = past(&tables);
    let book = book(&tables, &past, &Subject::Enterprise);
    let summary = book.sheet("Summary");
    let mut moved: Vec<(f64, String)> = accounts(&tables, None)
        .into_iter()
        .filter_map(|(id, name)| {
            Some((100.0 * (now(&tables, &id)? - then(past.since.as_ref()?, &id)?), name))
        })
        .collect();
    moved.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (up, left) = summary.find("Up");
    for (row, (points, name)) in (up + 1..).zip(moved.iter().filter(|one| one.0 > 0.0).take(5)) {
        assert_eq!(summary.text(row, left), *name);
        assert!((summary.number(row, left + 1) - points).abs() < 1e-4);
    }
    let (down, right) = summary.find("Down");
    assert_eq!(down, up);
    let downs = moved.iter().rev().filter(|one| one.0 <= -0.05).take(5).collect::<Vec<_>>();
    assert!(!downs.is_empty());
    for (row, (points, name)) in (down + 1..).zip(downs) {
        assert_eq!(summary.text(row, right), *name);
        assert!((summary.number(row, right + 3) - points).abs() < 1e-4);
    }
    let (row, _) = summary.find("■ Poor accounts");
    let poor: Vec<_> = accounts(&tables, None)
        .into_iter()
        .filter(|(id, _)| now(&tables, id).is_some_and(|score| score < 0.8))
        .collect();
    let text = summary.text(row, 2);
    assert!(text.starts_with(&format!("{} accounts stand below 80 %.", poor.len())), "{text}");
    let at = |name: &str| text.find(name).unwrap();
    assert!(at("sandbox-maya (70.8 %, spends 74,074)") < at("forgotten-poc ("), "by spend");
    let rows = tables.compliance.iter().map(|(_, row)| row);
    let lapsed = rows.filter(|row| row.exception.as_deref() == Some("RA-08"));
    let lapsed = lapsed.filter(|row| row.credit == Credit::Lapsed).count();
    let (row, _) = summary.find("■ Expired exceptions");
    let text =
        format!("1 exception expired, and {lapsed} resources fail that it was for still: RA-08");
    assert_eq!(summary.text(row, 2), text);
    // Who is trusted is told by what there is.
    let told = |tables: &Tables| {
        let book = self::book(tables, &past, &Subject::Enterprise);
        let summary = book.sheet("Summary");
        let label = ["■ Unknown trust", "▲ Vendors"];
        let label = label.into_iter().find(|one| summary.texts().iter().any(|text| text == one));
        label.map(|label| (label, summary.text(summary.find(label).0, 2)))
    };
    let mut fewer = tables.clone();
    fewer.trust.retain(|_, one| one.vendor.is_none());
    let text = "2 principals that nobody knows may act in an account".to_owned();
    assert_eq!(told(&fewer), Some(("■ Unknown trust", text)));
    fewer.trust.clone_from(&tables.trust);
    fewer.trust.retain(|_, one| one.known);
    let text = "1 vendor that nobody approved may act in an account".to_owned();
    assert_eq!(told(&fewer), Some(("▲ Vendors", text)));
    fewer.trust.retain(|_, one| one.vendor.is_none());
    assert_eq!(told(&fewer), None);
    // Nothing to decide is said in words.
    let quiet = Book::open(
        render(&lay_out(&Tables::default(), &Past::default(), &Subject::Enterprise)).unwrap(),
    );
    quiet
        .sheet("Summary")
        .find("Nothing: no account is poor, nobody unknown is trusted, no exception expired.");
}

#[test]
fn a_digest_says_what_the_workbook_says() {
    let tables = sample::tables();
    let past = past(&tables);
    let limits = Limits::default();
    let own = accounts(&tables, Some(MAYA));
    let maya = digest(&tables, &past, &maya(), &limits);
    let book = book(&tables, &past, &maya.subject);
    let summary = book.sheet("Summary");
    let value = |label: &str| {
        let (row, column) = summary.find(label);
        summary.number(row + 1, column)
    };
    assert_eq!(maya.score, Some(value("Risk-weighted score")));
    assert_eq!((maya.grade, maya.standing), (Some("C"), "▲ fair"));
    assert_eq!(maya.open as f64, value("Still to fix"));
    assert_eq!(maya.accepted as f64, value("Accepted risk"));
    assert_eq!(maya.unknown as f64, value("Could not be judged"));
    assert_eq!(maya.newly_failing as f64, value("Newly failing"));
    assert_eq!(maya.fixed as f64, value("Fixed"));
    assert_eq!((maya.at_ms, maya.since_ms), (sample::AT_MS, Some(SINCE_MS)));
    assert!(near(maya.before.unwrap(), together(&past.weeks[12], &own)));
    let weeks = maya.weeks.iter().zip(&past.weeks);
    assert!(weeks.clone().all(|(one, cut)| one.0 == cut.at_ms));
    assert!(weeks.clone().all(|(one, cut)| near(one.1.unwrap(), together(cut, &own))));
    assert_eq!((maya.accounts, maya.not_collected), (8, vec!["acquired-shop24".to_owned()]));
    let (heading, column) = summary.find("Account id");
    for (row, line) in (heading + 1..).zip(&maya.lowest) {
        assert_eq!(summary.text(row, column), line.id);
        assert_eq!(summary.text(row, column + 2), line.standing);
    }
    assert_eq!(maya.lowest.len(), 8);
    let (heading, _) = summary.find("Score after");
    assert_eq!(maya.actions.len(), 5);
    for (row, action) in (heading + 1..).zip(&maya.actions) {
        assert_eq!(summary.text(row, 1), action.requirement);
        assert_eq!(summary.text(row, 2), action.account);
        assert_eq!(summary.number(row, 5), action.to_mend as f64);
        assert_eq!(summary.number(row, 6), action.points);
    }
    let expiring: Vec<(&str, i64)> =
        maya.expiring.iter().map(|one| (one.id.as_str(), one.days_left)).collect();
    assert_eq!(expiring, [("RA-23", 8), ("RA-31", 25)]);
    assert_eq!(maya.executives, []);
    // Who looks over many owners is shown no resource.
    let all = digest(&tables, &past, &Subject::Enterprise, &limits);
    assert_eq!((all.changes.len(), all.executives.len(), all.accounts), (0, 2, 10));
    assert!(all.newly_failing >= maya.newly_failing && all.fixed > maya.fixed);
    assert_eq!(all.executives[0].name, "Ruth Adeyemi");
    let nothing = digest(&Tables::default(), &Past::default(), &Subject::Enterprise, &limits);
    assert_eq!((nothing.score, nothing.standing, nothing.before), (None, "not collected", None));
}
