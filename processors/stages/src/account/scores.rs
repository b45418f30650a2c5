//! Scores: changed votes become changed scores of requirement, account and sums.

use compliance::{Counts, StandardEntry, Weighted, account_score, coverage_for, requirement_score};
use schemas::{AccountKey, AccountState, ScoreKey};

use super::{
    Task,
    accounts::{contribution, whole},
    tables::{COUNTS, CountsRow, SCORE, SUMS},
};
use crate::Step;

impl Task<'_, '_> {
    /// Adds votes to a requirement in an account, and scores it anew.
    pub(super) fn count(&mut self, account: &str, requirement: &str, change: Counts) -> Step {
        if change == Counts::default() {
            return Ok(());
        }
        let key = ScoreKey::new(account, requirement);
        let before = self.view.get(&COUNTS, &key)?.map_or(Counts::default(), |row| (&row).into());
        let after = before + change;
        if after == Counts::default() {
            self.view.delete(&COUNTS, &key)?;
        } else {
            self.view.put(&COUNTS, &key, &CountsRow::from(after))?;
        }
        let state = self.account(account)?;
        self.rescore(&state, requirement)
    }

    /// Scores every requirement in an account.
    pub(super) fn rescore_all(&mut self, account: &str) -> Step {
        let state = self.account(account)?;
        for id in self.requirements(|_| true)? {
            self.rescore(&state, &id)?;
        }
        self.rescore_account(&state)
    }

    /// Scores the requirements whose coverage may have changed, and the account.
    pub(super) fn rescore_covered(&mut self, state: &AccountState, resource_type: &str) -> Step {
        let needs = |entry: &StandardEntry| {
            let own = entry.rule.is_some() && entry.requirement.resource_type == resource_type;
            let source = resource_type.strip_prefix("report/");
            own || entry.requirement.checks.iter().any(|check| source == Some(&*check.source))
        };
        for id in self.requirements(needs)? {
            self.rescore(state, &id)?;
        }
        self.rescore_account(state)
    }

    /// Scores one requirement in an account; one that is no longer in force has no score.
    pub(super) fn rescore(&mut self, state: &AccountState, requirement: &str) -> Step {
        let key = ScoreKey::new(&*state.account, requirement);
        let raw = self.view.get(&COUNTS, &key)?.map_or(Counts::default(), |row| (&row).into());
        let after = self.standard()?.get(requirement).map(|entry| {
            let coverage = coverage_for(&entry.requirement, &state.coverage);
            requirement_score(&entry.requirement, raw, &coverage)
        });
        let before = self.view.get(&SCORE, &key)?;
        if before == after {
            return Ok(());
        }
        match &after {
            Some(score) => self.view.put(&SCORE, &key, score)?,
            None => self.view.delete(&SCORE, &key)?,
        }
        if before.as_ref().map(contribution) != after.as_ref().map(contribution) {
            self.share(state, requirement, after.as_ref())?;
        }
        let account = AccountKey::new(&*state.account);
        let row = self.view.get(&SUMS, &account)?;
        let mut sums = row.map_or(Weighted::default(), |row| (&row).into());
        for (score, sign) in [(&before, -1), (&after, 1)] {
            if let Some(score) = score {
                sums.add(score, sign);
            }
        }
        self.view.put(&SUMS, &account, &sums.into())?;
        self.rescore_account(state)
    }

    fn rescore_account(&mut self, state: &AccountState) -> Step {
        let row = self.view.get(&SUMS, &AccountKey::new(&*state.account))?;
        let sums = row.map_or(Weighted::default(), |row| (&row).into());
        self.view.put(&SCORE, &whole(&state.account), &account_score(&sums, &state.coverage))
    }

    fn requirements(&mut self, wanted: impl Fn(&StandardEntry) -> bool) -> Step<Vec<String>> {
        let entries = self.standard()?.all().filter(|entry| wanted(entry));
        Ok(entries.map(|entry| entry.requirement.id.clone()).collect())
    }
}
