//! The enterprise's workbook: its figures are computed here from the tables another way.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod reading;
#[allow(dead_code)]
mod sample;

use std::collections::BTreeMap;

use calamine::Data;
use reading::{Book, Grid};
use sample::{DENIED, PARTIAL, PAYERS, Unpacked};
use schemas::{Credit, KnownBy, Scoring, Verdict};
use sink_workbook::{Limits, Past, Subject, Tables, lay_out, lay_out_within, render};

fn book(tables: &Tables, subject: &Subject) -> Book {
    Book::open(render(&lay_out(tables, &Past::default(), subject)).unwrap())
}

/// Passing and all votes of a requirement in an account: verdicts counted one by one.
fn votes(tables: &Unpacked, account: &str, requirement: &str) -> (f64, f64) {
    let rows = tables.rows.iter();
    let rows = rows.filter(|(key, _)| key.account == account && key.requirement == requirement);
    rows.fold((0.0, 0.0), |(good, all), (_, row)| match (row.verdict, row.credit) {
        (Verdict::Pass, _) | (Verdict::Fail, Credit::Live) => (good + 1.0, all + 1.0),
        (Verdict::Fail, _) => (good, all + 1.0),
        _ => (good, all),
    })
}

/// Weight and weighted score of an account.
fn weighted(tables: &Unpacked, account: &str) -> (f64, f64) {
    let counted = tables.requirements.values().filter(|one| one.scoring != Scoring::Penalty);
    counted.fold((0.0, 0.0), |(weights, sum), requirement| {
        let (good, all) = votes(tables, account, &requirement.id);
        if all == 0.0 {
            return (weights, sum);
        }
        let weight = requirement.weight as f64;
        (weights + weight, sum + weight * good / all)
    })
}

fn score(tables: &Unpacked, account: &str) -> Option<f64> {
    let (weight, sum) = weighted(tables, account);
    (weight > 0.0).then(|| sum / weight)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 2e-6
}

/// The rows below a heading, as texts and numbers by column name.
fn rows(sheet: Grid<'_>, first: &str) -> Vec<BTreeMap<String, Data>> {
    let (heading, first_column) = sheet.find(first);
    let (rows, columns) = sheet.size();
    let names: Vec<(u32, String)> =
        (first_column..columns).map(|column| (column, sheet.text(heading, column))).collect();
    let of = |row: u32| {
        let cells = names.iter().map(|(column, name)| (name.clone(), sheet.at(row, *column)));
        cells.collect()
    };
    (heading + 1..rows).map(of).collect()
}

fn number(data: &Data) -> f64 {
    match data {
        Data::Float(number) => *number,
        Data::Int(number) => *number as f64,
        other => panic!("{other:?} is no number"),
    }
}

#[test]
fn every_account_is_there_with_its_score_and_spend() {
    let tables = Unpacked::from(sample::tables());
    let book = book(&tables, &Subject::Enterprise);
    assert_eq!(book.names, ["Summary", "Scores", "Accounts", "Executives", "Trust", "About"]);
    let rows = rows(book.sheet("Accounts"), "Account");
    assert_eq!(rows.len(), tables.accounts.len());
    let all: i64 = tables.accounts.values().filter_map(|state| state.spend_cents).sum();
    let mut last = 0.0;
    for (at, row) in rows.iter().enumerate() {
        let id = row["Account id"].to_string();
        let state = &tables.accounts[&schemas::AccountKey::new(&*id)];
        assert_eq!(row["Account"].to_string(), state.name);
        assert_eq!(
            row["Executive"].to_string(),
            state.executive.clone().unwrap_or("nobody".into())
        );
        match score(&tables, &id) {
            Some(score) => {
                let shown = number(&row["Score"]);
                assert!(near(shown, score) && shown >= last, "{id}: {shown} and {score}");
                last = shown;
            }
            None => {
                assert_eq!((at, id.as_str()), (rows.len() - 1, DENIED), "what has none is last")
            }
        }
        match state.spend_cents {
            Some(cents) => {
                assert_eq!(number(&row["Spend"]), cents as f64 / 100.0);
                assert!(near(number(&row["Share of spend"]), cents as f64 / all as f64));
            }
            None => {
                assert_eq!((id.as_str(), row["Spend"].to_string()), (PARTIAL, "no figure".into()))
            }
        }
    }
}

#[test]
fn executives_are_weighted_by_spend() {
    let tables = Unpacked::from(sample::tables());
    let book = book(&tables, &Subject::Enterprise);
    let rows = rows(book.sheet("Executives"), "Executive");
    let names: Vec<String> = rows.iter().map(|row| row["Executive"].to_string()).collect();
    assert_eq!(names, ["Ruth Adeyemi", "Li Wei"], "the lowest first");
    for row in &rows {
        let his: Vec<_> = tables
            .accounts
            .values()
            .filter(|state| state.executive.as_deref() == Some(&*row["Executive"].to_string()))
            .collect();
        // Seven of Ruth's accounts have figures, so that the median is one of them.
        let mut spends: Vec<i64> = his.iter().filter_map(|state| state.spend_cents).collect();
        spends.sort_unstable();
        let median = spends[spends.len() / 2];
        let (mut sum, mut weights) = (0.0, 0.0);
        for state in &his {
            let Some(score) = score(&tables, &state.account) else { continue };
            let weight = state.spend_cents.unwrap_or(median) as f64;
            (sum, weights) = (sum + weight * score, weights + weight);
        }
        assert!(near(number(&row["Score"]), sum / weights), "{row:?}");
        assert_eq!(number(&row["Accounts"]), his.len() as f64);
        assert_eq!(number(&row["Spend"]), spends.iter().sum::<i64>() as f64 / 100.0);
    }
    assert!(rows[0]["Remarks"].to_string().contains("1 account weighs as the median"));
    assert_eq!(rows[1]["Remarks"], Data::Empty);
}

#[test]
fn the_overview_says_what_costs_the_most() {
    let tables = Unpacked::from(sample::tables());
    let book = book(&tables, &Subject::Enterprise);
    let summary = book.sheet("Summary");
    let (weight, sum) = tables.accounts.keys().fold((0.0, 0.0), |(weights, sums), key| {
        let (weight, sum) = weighted(&tables, &key.account);
        (weights + weight, sums + sum)
    });
    let (row, column) = summary.find("Risk-weighted score");
    assert!(near(summary.number(row + 1, column), sum / weight));
    // What each requirement takes away; together they are all that is missing.
    let mut lost: Vec<(f64, &str)> = tables
        .requirements
        .values()
        .filter(|requirement| requirement.scoring != Scoring::Penalty)
        .map(|requirement| {
            let of = tables.accounts.keys().map(|key| {
                let (good, all) = votes(&tables, &key.account, &requirement.id);
                if all > 0.0 { requirement.weight as f64 * (1.0 - good / all) } else { 0.0 }
            });
            (100.0 * of.sum::<f64>() / weight, requirement.title.as_str())
        })
        .filter(|(points, _)| *points > 0.0)
        .collect();
    lost.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert!(near(lost.iter().map(|one| one.0).sum::<f64>(), 100.0 * (1.0 - sum / weight)));
    let (heading, _) = summary.find("Requirement");
    for (row, (points, title)) in (heading + 1..).zip(lost.iter().take(8)) {
        assert_eq!(summary.text(row, 1), *title);
        assert!((summary.number(row, 4) - points).abs() < 1e-4, "{title}");
    }
}

#[test]
fn trust_that_nobody_approved_is_listed() {
    let tables = sample::tables();
    let book = book(&tables, &Subject::Enterprise);
    let rows = rows(book.sheet("Trust"), "Principal");
    let shown: Vec<(String, String)> =
        rows.iter().map(|row| (row["Principal"].to_string(), row["Known"].to_string())).collect();
    let expected = [
        ("arn:aws:iam::999900001111:root", "■ unknown"),
        ("*", "■ unknown"),
        ("arn:aws:iam::464622532012:root", "▲ Datadog, not approved"),
    ];
    assert_eq!(shown, expected.map(|(who, known)| (who.to_owned(), known.to_owned())));
    let approved = tables.trust.values().filter(|one| one.known_by == KnownBy::Register).count();
    assert_eq!(rows.len() + approved, tables.trust.len());
    assert_eq!(rows[0]["Through"].to_string(), "deploy and 2 more");
    let text = "2 principals that nobody knows may act in an account; so may 1 vendor that nobody \
                approved";
    book.sheet("Summary").find(text);
}

#[test]
fn a_payers_workbook_holds_his_accounts() {
    let tables = sample::tables();
    let book = book(&tables, &Subject::Payer(PAYERS[1].to_owned()));
    assert_eq!(book.names, ["Summary", "Scores", "Accounts", "Trust", "About"]);
    let mut ids: Vec<String> = rows(book.sheet("Accounts"), "Account")
        .iter()
        .map(|r| r["Account id"].to_string())
        .collect();
    ids.sort();
    assert_eq!(ids, ["220000000001", "230000000001"]);
    book.sheet("Summary").find("accounts of payer 100000000002 · as of 2026-03-02 09:00 UTC");
}

#[test]
fn what_is_cut_is_told() {
    let limits = Limits { rows_max: 1, accounts_max: 3, ..Limits::default() };
    let model = lay_out_within(&sample::tables(), &Past::default(), &Subject::Enterprise, &limits);
    let book = Book::open(render(&model).unwrap());
    book.sheet("Accounts").find("⚠ Cut: 9 more accounts.");
    book.sheet("Executives").find("⚠ Cut: 1 more executives.");
    book.sheet("Trust").find("⚠ Cut: 2 more relations.");
    book.sheet("Scores").find("⚠ Cut: the first 3 of 10 accounts by name have a column.");
}
