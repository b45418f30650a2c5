//! Scores: changed votes become changed scores of requirement, account and sums.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use compliance::{
    Counts, StandardEntry, Weighted, account_score, coverage_for, needs, requirement_score,
};
use schemas::{AccountKey, AccountState, ScoreKey};

use super::{
    Task,
    accounts::{contribution, whole},
    tables::{COUNTS, CountsRow, SCORE, SUMS, SumsRow},
};
use crate::Step;

/// What a step changed of scores; it is written once, when the step is over.
#[derive(Default)]
pub(super) struct Tally {
    votes: BTreeMap<ScoreKey, Counts>,
    accounts: BTreeSet<String>,
}

impl Task<'_, '_> {
    /// Adds votes to a requirement in an account; it is scored when the step is over.
    pub(super) fn count(&mut self, account: &str, requirement: &str, change: Counts) {
        if change != Counts::default() {
            let votes = self.tally.votes.entry(ScoreKey::new(account, requirement)).or_default();
            *votes = *votes + change;
        }
    }

    /// Writes what the step's votes come to: each count and each score once.
    pub(super) fn settle_scores(&mut self) -> Step {
        for (key, change) in std::mem::take(&mut self.tally.votes) {
            self.add_votes(&key, change)?;
        }
        for account in std::mem::take(&mut self.tally.accounts) {
            let state = self.account(&account)?;
            self.rescore_account(&state)?;
        }
        Ok(())
    }

    fn add_votes(&mut self, key: &ScoreKey, change: Counts) -> Step {
        let before = self.view.get(&COUNTS, key)?.map_or(Counts::default(), |row| (&*row).into());
        let after = before + change;
        if after == Counts::default() {
            self.view.delete(&COUNTS, key)?;
        } else {
            self.view.put(&COUNTS, key, CountsRow::from(after))?;
        }
        let state = self.account(&key.account)?;
        self.rescore(&state, &key.requirement)
    }

    /// Scores every requirement in an account.
    pub(super) fn rescore_all(&mut self, account: &str) -> Step {
        let state = self.account(account)?;
        for id in self.requirements(|_| true)? {
            self.rescore(&state, &id)?;
        }
        self.tally.accounts.insert(account.to_owned());
        Ok(())
    }

    /// Scores the requirements whose coverage may have changed, and the account.
    pub(super) fn rescore_covered(&mut self, state: &AccountState, resource_type: &str) -> Step {
        for id in self.requirements(|entry| needs(&entry.requirement, resource_type))? {
            self.rescore(state, &id)?;
        }
        self.tally.accounts.insert(state.account.clone());
        Ok(())
    }

    /// Scores one requirement in an account; one that is no longer in force has no score, nor has
    /// any in an account that is not scored.
    pub(super) fn rescore(&mut self, state: &AccountState, requirement: &str) -> Step {
        let key = ScoreKey::new(&*state.account, requirement);
        let raw = self.view.get(&COUNTS, &key)?.map_or(Counts::default(), |row| (&*row).into());
        let entry = self.standard()?.get(requirement).filter(|_| state.is_scored());
        let after = entry.map(|entry| {
            let coverage = coverage_for(&entry.requirement, &state.coverage);
            requirement_score(&entry.requirement, raw, &coverage)
        });
        let before = self.view.get(&SCORE, &key)?;
        if before.as_deref() == after.as_ref() {
            return Ok(());
        }
        let after = after.map(Arc::new);
        match &after {
            Some(score) => self.view.put(&SCORE, &key, score.clone())?,
            None => self.view.delete(&SCORE, &key)?,
        }
        if before.as_deref().map(contribution) != after.as_deref().map(contribution) {
            self.share(state, requirement, after.as_deref())?;
        }
        let account = AccountKey::new(&*state.account);
        let row = self.view.get(&SUMS, &account)?;
        let mut sums = row.map_or(Weighted::default(), |row| (&*row).into());
        for (score, sign) in [(&before, -1), (&after, 1)] {
            if let Some(score) = score {
                sums.add(score, sign);
            }
        }
        self.tally.accounts.insert(state.account.clone());
        self.view.put(&SUMS, &account, SumsRow::from(sums))
    }

    fn rescore_account(&mut self, state: &AccountState) -> Step {
        if !state.is_scored() {
            return self.view.delete(&SCORE, &whole(&state.account));
        }
        let row = self.view.get(&SUMS, &AccountKey::new(&*state.account))?;
        let sums = row.map_or(Weighted::default(), |row| (&*row).into());
        let after = account_score(&sums, &state.coverage);
        let before = self.view.get(&SCORE, &whole(&state.account))?;
        if before.as_deref().map(contribution) != Some(contribution(&after)) {
            self.executive_share(state, &after)?;
        }
        self.view.put(&SCORE, &whole(&state.account), after)
    }

    /// Gives the ids of the requirements in force that are wanted.
    pub(super) fn requirements(
        &mut self,
        wanted: impl Fn(&StandardEntry) -> bool,
    ) -> Step<Vec<String>> {
        let entries = self.standard()?.all().filter(|entry| wanted(entry));
        Ok(entries.map(|entry| entry.requirement.id.clone()).collect())
    }
}
