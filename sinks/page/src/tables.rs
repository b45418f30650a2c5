//! What the page knows: the tables of the log as they are now, and what is kept of the past.

use std::collections::{BTreeMap, VecDeque};

use schemas::{
    AccountKey, AccountState, ComplianceChange, ComplianceKey, ComplianceState, Credit, Exception,
    ExceptionKey, Requirement, RequirementKey, ResourceKey, ResourceState, RollupKey, RollupState,
    ScoreKey, ScoreState, TrustKey, TrustState, Verdict,
};

use crate::index::Indexed;

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Days of which scores are kept: 24 bytes a day and account.
pub(crate) const DAYS_MAX: i64 = 90;

/// Changes that are kept of an account, the newest: about 400 bytes each.
const CHANGES_MAX: usize = 200;

/// Everything that is shown, at one moment.
///
/// Memory: rows that fail or can't be judged (about 1,000 bytes each), a search index (about 600
/// bytes a resource), and what is kept of the past; rows that pass and documents stay in the log.
#[derive(Debug, Default)]
pub struct Tables {
    pub(crate) accounts: BTreeMap<AccountKey, AccountState>,
    /// By account.
    pub(crate) scores: BTreeMap<String, Scores>,
    /// Rows that fail or can't be judged; those that pass are counted in the scores.
    pub(crate) verdicts: BTreeMap<ComplianceKey, ComplianceState>,
    /// By exception and account: how many of those rows it gives credit.
    pub(crate) credited: BTreeMap<String, BTreeMap<String, i64>>,
    pub(crate) rollups: BTreeMap<RollupKey, RollupState>,
    pub(crate) trust: BTreeMap<TrustKey, TrustState>,
    pub(crate) requirements: BTreeMap<RequirementKey, Requirement>,
    pub(crate) exceptions: BTreeMap<ExceptionKey, Exception>,
    /// What resources are found by, and where their documents lie.
    pub(crate) resources: BTreeMap<ResourceKey, Indexed>,
    /// By account and day (days since 1970): the account's share of that day's last hourly cut.
    pub(crate) days: BTreeMap<String, BTreeMap<i64, Share>>,
    /// By account: the newest changes that moved a score, the oldest first.
    pub(crate) changes: BTreeMap<String, VecDeque<Change>>,
    /// The last tick, in UTC milliseconds: the "now" of everything shown.
    pub(crate) at_ms: i64,
    /// How the reading goes.
    pub(crate) reading: Reading,
    /// What is known of the pipeline; none until it was asked for.
    pub(crate) pipeline: Option<Pipeline>,
    /// Grows with every change.
    pub(crate) version: u64,
}

/// The scores of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scores {
    /// Its own; none where nothing was ever scored.
    pub(crate) own: Option<ScoreState>,
    /// By requirement.
    pub(crate) of: BTreeMap<String, ScoreState>,
}

/// An account's share in a weighted mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Sum of weight times score, in billionths.
    pub(crate) weighted_score: i64,
    /// Sum of weights.
    pub(crate) weight: i64,
}

/// A change of a verdict or its credit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) key: ComplianceKey,
    /// The resource's name; empty where it has none.
    pub(crate) name: String,
    /// The change, without its row.
    pub(crate) change: ComplianceChange,
}

/// How the reading of the log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Whether the tables were once read to their end.
    pub(crate) is_loaded: bool,
    /// Whether the past is read too.
    pub(crate) knows_past: bool,
    /// Why the log is not followed at present.
    pub(crate) problem: Option<String>,
    /// Records that could not be read.
    pub(crate) unreadable: u64,
}

/// How far the pipeline is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// Each follower of the log (stage or sink) with the records that it has still to take.
    pub lags: Vec<(String, i64)>,
    /// Dead letters that the log holds.
    pub dead: i64,
}

/// One record, decoded; a row is gone where there is no value.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    Account(AccountKey, Option<AccountState>),
    Score(ScoreKey, Option<ScoreState>),
    Verdict(ComplianceKey, Option<ComplianceState>),
    Sum(RollupKey, Option<RollupState>),
    Trust(TrustKey, Option<TrustState>),
    Requirement(RequirementKey, Option<Requirement>),
    Exception(ExceptionKey, Option<Exception>),
    /// With its document's partition and offset.
    Resource(ResourceKey, Option<Box<ResourceState>>, (i32, i64)),
    /// An hourly cut of an account's score and its time.
    Cut(ScoreKey, ScoreState, i64),
    Turned(ComplianceKey, ComplianceChange),
    /// The time of a tick.
    Tick(i64),
}

impl Tables {
    /// Takes a row as it is now.
    pub(crate) fn take(&mut self, row: Row) {
        match row {
            Row::Account(key, value) => put(&mut self.accounts, key, value),
            Row::Score(key, value) => self.score(key, value),
            Row::Verdict(key, value) => self.verdict(key, value),
            Row::Sum(key, value) => put(&mut self.rollups, key, value),
            Row::Trust(key, value) => put(&mut self.trust, key, value),
            Row::Requirement(key, value) => put(&mut self.requirements, key, value),
            Row::Exception(key, value) => put(&mut self.exceptions, key, value),
            Row::Resource(key, value, place) => {
                let indexed = value.map(|state| Indexed::of(&state.resource, place));
                put(&mut self.resources, key, indexed);
            }
            Row::Cut(key, score, at_ms) => self.cut(&key, &score, at_ms),
            Row::Turned(key, change) => self.turned(key, change),
            Row::Tick(at_ms) => self.at_ms = self.at_ms.max(at_ms),
        }
        self.version += 1;
    }

    fn score(&mut self, key: ScoreKey, value: Option<ScoreState>) {
        let scores = self.scores.entry(key.account).or_default();
        if key.requirement == "*" {
            scores.own = value;
        } else {
            put(&mut scores.of, key.requirement, value);
        }
    }

    fn verdict(&mut self, key: ComplianceKey, value: Option<ComplianceState>) {
        let is_shown =
            |row: &ComplianceState| matches!(row.verdict, Verdict::Fail | Verdict::Unknown);
        let value = value.filter(is_shown);
        if let Some(id) = value.as_ref().and_then(credited_by) {
            let accounts = self.credited.entry(id.to_owned()).or_default();
            *accounts.entry(key.account.clone()).or_default() += 1;
        }
        let account = key.account.clone();
        let before = match value {
            Some(value) => self.verdicts.insert(key, value),
            None => self.verdicts.remove(&key),
        };
        if let Some(id) = before.as_ref().and_then(credited_by) {
            self.uncredit(id, &account);
        }
    }

    /// One row less is credited by an exception; what credits none is not kept.
    fn uncredit(&mut self, id: &str, account: &str) {
        let Some(accounts) = self.credited.get_mut(id) else { return };
        if let Some(rows) = accounts.get_mut(account) {
            *rows -= 1;
            if *rows == 0 {
                accounts.remove(account);
            }
        }
        if accounts.is_empty() {
            self.credited.remove(id);
        }
    }

    /// Keeps the cut as its day's last one; cuts of a day come in their order.
    fn cut(&mut self, key: &ScoreKey, score: &ScoreState, at_ms: i64) {
        if key.requirement != "*" {
            return;
        }
        let day = at_ms.div_euclid(DAY_MS);
        let share = Share { weighted_score: score.weighted_score, weight: score.weight };
        let days = self.days.entry(key.account.clone()).or_default();
        days.insert(day, share);
        while days.len() > 1 && days.first_key_value().is_some_and(|(at, _)| *at + DAYS_MAX < day) {
            days.pop_first();
        }
    }

    fn turned(&mut self, key: ComplianceKey, mut change: ComplianceChange) {
        if !moves_a_score(&change) {
            return;
        }
        let changes = self.changes.entry(key.account.clone()).or_default();
        // The past is read while the present is followed: each change once, in the order of time.
        let at = changes.partition_point(|one| one.change.at_ms <= change.at_ms);
        let name = change.row.take().map_or_else(String::new, |row| row.name);
        let one = Change { key, name, change };
        if !changes.iter().take(at).rev().take(CHANGES_MAX).any(|known| *known == one) {
            changes.insert(at, one);
        }
        if changes.len() > CHANGES_MAX {
            changes.pop_front();
        }
    }
}

/// Gives the exception that a row has credit of.
fn credited_by(row: &ComplianceState) -> Option<&str> {
    row.exception.as_deref().filter(|_| row.credit == Credit::Live)
}

/// Tells whether a change is worth telling: a first verdict that passes, and a passing row that
/// goes, are not.
fn moves_a_score(change: &ComplianceChange) -> bool {
    let fails =
        |standing: Option<schemas::Standing>| standing.filter(|one| one.verdict == Verdict::Fail);
    let unknown = |standing: Option<schemas::Standing>| {
        standing.is_some_and(|one| one.verdict == Verdict::Unknown)
    };
    fails(change.before) != fails(change.after) || unknown(change.before) != unknown(change.after)
}

fn put<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(table.insert(key, value)),
        None => drop(table.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Cause, Standing};

    #[test]
    fn passing_rows_are_not_kept() {
        let mut tables = Tables::default();
        let key = || ComplianceKey::new("R1", "1", "r", "a", "");
        let row = |verdict| Some(ComplianceState { verdict, ..ComplianceState::default() });
        for (verdict, kept) in
            [(Verdict::Fail, 1), (Verdict::Pass, 0), (Verdict::Unknown, 1), (Verdict::Pass, 0)]
        {
            tables.take(Row::Verdict(key(), row(verdict)));
            assert_eq!(tables.verdicts.len(), kept, "{verdict}");
        }
        assert_eq!(tables.version, 4, "each record is a change");
    }

    #[test]
    fn rows_with_credit_are_counted_as_they_come_and_go() {
        let mut tables = Tables::default();
        let mut put = |resource: &str, exception: &str, credit| {
            let exception = Some(exception.to_owned()).filter(|id| !id.is_empty());
            let row = ComplianceState {
                verdict: Verdict::Fail,
                exception,
                credit,
                ..ComplianceState::default()
            };
            let key = ComplianceKey::new("R1", "1", "r", resource, "");
            tables.take(Row::Verdict(key, Some(row)));
            // Counted anew from the rows themselves.
            let mut expected: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
            for (key, row) in &tables.verdicts {
                if let (Some(id), Credit::Live) = (&row.exception, row.credit) {
                    let accounts = expected.entry(id.clone()).or_default();
                    *accounts.entry(key.account.clone()).or_default() += 1;
                }
            }
            assert_eq!(tables.credited, expected, "{resource}");
            tables.credited.values().flat_map(BTreeMap::values).sum::<i64>()
        };
        assert_eq!(put("a", "X", Credit::Live), 1);
        assert_eq!(put("b", "X", Credit::Live), 2);
        assert_eq!(put("a", "Y", Credit::Live), 2, "another exception, the same row");
        assert_eq!(put("b", "X", Credit::Lapsed), 1);
        assert_eq!(put("c", "", Credit::None), 1);
        assert_eq!(put("a", "", Credit::None), 0);
    }

    #[test]
    fn changes_are_told_once_in_the_order_of_time() {
        let mut tables = Tables::default();
        let standing = |verdict| Some(Standing { verdict, credit: Credit::None });
        let mut turn = |at_ms, before, after| {
            let cause = Cause { topic: "observation".into(), partition: 0, offset: at_ms };
            let change = ComplianceChange { before, after, at_ms, cause, row: None };
            tables.take(Row::Turned(ComplianceKey::new("R1", "1", "r", "a", ""), change));
        };
        let (pass, fail) = (standing(Verdict::Pass), standing(Verdict::Fail));
        turn(5, pass, fail);
        turn(1, None, pass);
        turn(2, None, fail);
        turn(5, pass, fail);
        turn(9, pass, None);
        let told: Vec<i64> = tables.changes["1"].iter().map(|one| one.change.at_ms).collect();
        assert_eq!(told, [2, 5]);
    }

    #[test]
    fn of_each_day_the_last_cut_is_kept() {
        let mut tables = Tables::default();
        let mut cut = |requirement: &str, day: i64, hour: i64, weight| {
            let score = ScoreState { weight, ..ScoreState::default() };
            tables.take(Row::Cut(
                ScoreKey::new("1", requirement),
                score,
                day * DAY_MS + hour * 3_600_000,
            ));
        };
        cut("*", 1, 1, 1);
        cut("*", 1, 23, 2);
        cut("R1", 1, 23, 9);
        cut("*", 2, 0, 3);
        let kept = |tables: &Tables| -> Vec<(i64, i64)> {
            tables.days["1"].iter().map(|(day, share)| (*day, share.weight)).collect()
        };
        cut("*", 92, 0, 4);
        assert_eq!(kept(&tables), [(2, 3), (92, 4)], "what is older than 90 days goes");
    }
}
