//! The summary of a run: a table for people, one JSON object for machines.

use anyhow::Result;
use schemas::{
    AccountKey, AccountState, RollupKey, SCORE_ONE, ScoreKey, ScoreState, ScoreStatus, percent,
};
use serde::Serialize;
use sink_workbook::Tables;

use crate::output::say;

/// What a run came to.
#[derive(Serialize)]
pub(crate) struct Summary {
    /// Every account, sorted by id.
    pub(crate) accounts: Vec<AccountLine>,
    /// Every owner, payer and the enterprise.
    pub(crate) rollups: Vec<RollupLine>,
    /// What was wrong with sources and scans, in words.
    pub(crate) problems: Vec<String>,
    /// Workbooks that were written, and those that already held the same bytes.
    pub(crate) workbooks: Workbooks,
}

/// An account's line. Scores are fractions of 1; times UTC milliseconds.
#[derive(Serialize)]
pub(crate) struct AccountLine {
    account: String,
    name: String,
    owner: Option<String>,
    status: String,
    score: Option<f64>,
    noncompliant: i64,
    excepted: i64,
    total: i64,
    unknown: i64,
    scopes: i64,
    scopes_collected: i64,
    oldest_ms: Option<i64>,
}

/// A sum's line.
#[derive(Serialize)]
pub(crate) struct RollupLine {
    kind: String,
    id: String,
    score: Option<f64>,
    accounts: i64,
    noncompliant: i64,
    excepted: i64,
    total: i64,
}

/// What became of the workbooks.
#[derive(Serialize)]
pub(crate) struct Workbooks {
    pub(crate) written: usize,
    pub(crate) unchanged: usize,
}

impl Summary {
    /// Reads the lines off the tables.
    pub(crate) fn of(tables: &Tables, problems: Vec<String>, workbooks: Workbooks) -> Self {
        let accounts = tables.accounts.iter().map(|(key, state)| {
            let score = tables.scores.get(&ScoreKey::new(&*key.account, "*"));
            AccountLine::new(key, state, score)
        });
        let rollups = tables.rollups.iter().map(|(RollupKey { kind, id }, sum)| RollupLine {
            kind: kind.clone(),
            id: id.clone(),
            score: sum.score.map(fraction),
            accounts: sum.accounts,
            noncompliant: sum.noncompliant,
            excepted: sum.excepted,
            total: sum.total,
        });
        Self { accounts: accounts.collect(), rollups: rollups.collect(), problems, workbooks }
    }

    /// Prints one JSON object.
    pub(crate) fn print_json(&self) -> Result<()> {
        say!("{}", serde_json::to_string(self)?)
    }

    /// Prints a table.
    pub(crate) fn print_table(&self, now_ms: i64) -> Result<()> {
        say!(
            "{:<13} {:<24} {:>13}  {:>13}  {:>9}  {:>8}",
            "account",
            "name",
            "score",
            "noncompliant",
            "coverage",
            "data age"
        )?;
        for line in &self.accounts {
            say!(
                "{:<13} {:<24} {:>13}  {:>13}  {:>9}  {:>8}",
                line.account,
                clip(&line.name, 24),
                line.score.map_or_else(|| line.status.replace('_', " "), percent),
                format!("{} / {}", line.noncompliant - line.excepted, line.total),
                format!("{} / {}", line.scopes_collected, line.scopes),
                line.oldest_ms.map_or_else(|| "-".to_owned(), |at| age(now_ms - at)),
            )?;
        }
        let is_shown = |line: &&RollupLine| !["payer", "foreign"].contains(&line.kind.as_str());
        for line in self.rollups.iter().filter(is_shown) {
            let score = line.score.map_or_else(|| "-".to_owned(), percent);
            let accounts = if line.accounts == 1 { "account" } else { "accounts" };
            say!("{} {}: {score} over {} {accounts}", line.kind, line.id, line.accounts)?;
        }
        for problem in &self.problems {
            say!("! {problem}")?;
        }
        Ok(())
    }
}

impl AccountLine {
    fn new(key: &AccountKey, state: &AccountState, score: Option<&ScoreState>) -> Self {
        let status = match score {
            Some(score) => score.status.to_string(),
            None if !state.is_scored() => state.status.to_string(),
            None => ScoreStatus::NotCollected.to_string(),
        };
        let count = |of: fn(&ScoreState) -> i64| score.map_or(0, of);
        Self {
            account: key.account.clone(),
            name: state.name.clone(),
            owner: state.owner.clone(),
            status,
            score: score.and_then(|score| score.score).map(fraction),
            noncompliant: count(|score| score.noncompliant),
            excepted: count(|score| score.excepted),
            total: count(|score| score.total),
            unknown: count(|score| score.unknown),
            scopes: count(|score| score.scopes),
            scopes_collected: count(|score| score.scopes_collected),
            oldest_ms: score.and_then(|score| score.oldest_ms),
        }
    }
}

fn fraction(billionths: i64) -> f64 {
    billionths as f64 / SCORE_ONE as f64
}

fn clip(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars - 1).chain(['…']).collect()
}

/// Gives a span of time in words, cut to its largest useful unit.
pub(crate) fn age(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    match minutes {
        0 => "< 1 min".to_owned(),
        1..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_well() {
        let of = |minutes: i64| age(minutes * 60_000);
        assert_eq!(
            [of(0), of(1), of(119), of(120), of(2880)],
            ["< 1 min", "1 min", "119 min", "2 h", "2 d"]
        );
    }

    #[test]
    fn long_names_are_clipped_with_a_sign() {
        assert_eq!(clip("payments-production", 8), "payment…");
        assert_eq!(clip("ü", 8), "ü");
    }
}
