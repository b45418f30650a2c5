//! Accounts: listing, register, spend and coverage become one row, and decide whose sums they count
//! in.

use std::{collections::BTreeMap, sync::Arc};

use inventory::coverage_of;
use schemas::{
    AccountKey, AccountState, AccountStatus, Contribution, ContributionKey, Key, ScoreKey,
    ScoreState, key, topic,
};
use stream::Record;

use super::{
    Task,
    cache::{LISTINGS, REGISTERS, Said},
    jobs::Work,
    related::is_whole,
    same_entity,
    tables::{ACCOUNT, LEFT, LISTING, REGISTER, SCOPE, SCORE, SPEND},
};
use crate::{Step, rollup::EXECUTIVE};

/// Stands for the account as a whole among its requirements.
pub(super) const WHOLE: &str = "*";

impl Task<'_, '_> {
    /// Takes a payer's listing of an account.
    pub(super) fn listing(&mut self, record: &Record) -> Step {
        let (key, listing) = self.view.read(&topic::ACCOUNT_LISTING, record)?;
        same_entity(&key.account, listing.as_ref().map(|row| &*row.account))?;
        let before = self.said(&key)?;
        match (listing, self.view.get(&LISTING, &key)?) {
            (Some(listing), _) => {
                self.view.put(&LISTING, &key, listing)?;
                self.view.delete(&LEFT, &key)?;
            }
            (None, Some(left)) => {
                self.view.delete(&LISTING, &key)?;
                if self.view.owns(&key) {
                    self.view.put(&LEFT, &key, left)?;
                }
            }
            // Nobody listed it: there is nothing to leave.
            (None, None) => {}
        }
        self.account_moved(LISTINGS, &key, before)
    }

    /// Takes what the register says of an account.
    pub(super) fn register(&mut self, record: &Record) -> Step {
        let (key, register) = self.view.read(&topic::ACCOUNT_REGISTER, record)?;
        same_entity(&key.account, register.as_ref().map(|row| &*row.account))?;
        let before = self.said(&key)?;
        match register {
            Some(register) => self.view.put(&REGISTER, &key, register)?,
            None => self.view.delete(&REGISTER, &key)?,
        }
        self.account_moved(REGISTERS, &key, before)
    }

    /// Takes an account's spend.
    pub(super) fn spend(&mut self, record: &Record) -> Step {
        let (key, spend) = self.view.read(&topic::SPEND, record)?;
        same_entity(&key.account, spend.as_ref().map(|row| &*row.account))?;
        match spend {
            Some(spend) => self.view.put(&SPEND, &key, spend)?,
            None => self.view.delete(&SPEND, &key)?,
        }
        self.refresh_account(&key.account)
    }

    fn account_moved(&mut self, which: &str, key: &AccountKey, before: Said) -> Step {
        if self.known_moved(which, key, &before)? {
            self.push(Work::Known { trust: true, cursor: None })?;
        }
        let ours = self.view.get(&LISTING, key)?.is_some()
            || self.view.get(&REGISTER, key)?.is_some_and(|row| !row.third_party)
            || self.view.get(&ACCOUNT, key)?.is_some();
        if ours && self.view.owns(key) { self.refresh_account(&key.account) } else { Ok(()) }
    }

    /// Gives an account's row, making it when it is met for the first time.
    pub(super) fn account(&mut self, account: &str) -> Step<Arc<AccountState>> {
        let key = AccountKey::new(account);
        if let Some(state) = self.view.get(&ACCOUNT, &key)? {
            return Ok(state);
        }
        self.refresh_account(account)?;
        let state = self.view.get(&ACCOUNT, &key)?;
        Ok(state.expect("refreshing an account writes its row"))
    }

    /// Makes an account's row anew, moves its shares when it counts for others now, and gives or
    /// takes its scores when it came under the score or left it.
    fn refresh_account(&mut self, account: &str) -> Step {
        let key = AccountKey::new(account);
        let before = self.view.get(&ACCOUNT, &key)?;
        let after = Arc::new(self.assemble(&key, before.as_deref())?);
        self.view.put(&ACCOUNT, &key, after.clone())?;
        let Some(before) = before else { return self.rescore_all(account) };
        self.place_moved(&before, &after)?;
        self.move_shares(account, &sums_of(&before), &sums_of(&after))?;
        self.move_executive(&before, &after)?;
        if before.is_scored() == after.is_scored() { Ok(()) } else { self.rescore_all(account) }
    }

    fn assemble(&self, key: &AccountKey, before: Option<&AccountState>) -> Step<AccountState> {
        let listing = self.view.get(&LISTING, key)?;
        let left = self.view.get(&LEFT, key)?;
        let register = self.view.get(&REGISTER, key)?;
        let spend = self.view.get(&SPEND, key)?;
        let status = match (&listing, &left) {
            (Some(row), _) => row.status,
            (None, Some(_)) => AccountStatus::Left,
            (None, None) => AccountStatus::Unknown,
        };
        let same = before.filter(|row| row.status == status);
        let name = register.as_ref().and_then(|row| row.name.clone());
        let last = listing.as_deref().or(left.as_deref());
        Ok(AccountState {
            provider: last.map_or("aws".to_owned(), |row| row.provider.clone()),
            account: key.account.clone(),
            payer: listing.as_ref().map_or(String::new(), |row| row.payer.clone()),
            name: name.or(last.map(|row| row.name.clone())).unwrap_or_else(|| key.account.clone()),
            status,
            owner: register.as_ref().and_then(|row| row.owner.clone()),
            executive: register.and_then(|row| row.executive.clone()),
            listed: listing.is_some(),
            spend_cents: spend.map(|row| row.cents),
            coverage: before.map_or(Vec::new(), |row| row.coverage.clone()),
            // Only a listing's record changes where an account stands.
            status_since_ms: match same {
                Some(row) => row.status_since_ms,
                None => last.map(|_| self.view.at_ms()),
            },
            units: last.map_or(Vec::new(), |row| row.units.clone()),
            tags: last.map_or(BTreeMap::new(), |row| row.tags.clone()),
        })
    }

    /// Sums up the scopes of one resource type anew, and scores what depends on them.
    pub(super) fn cover(&mut self, account: &str, resource_type: &str) -> Step {
        let prefix = key::prefix(&[account, resource_type]);
        let scopes = self.view.scan(&SCOPE, &prefix, None, usize::MAX)?;
        let covered = coverage_of(resource_type, &scopes);
        let mut state = Arc::unwrap_or_clone(self.account(account)?);
        let place = state.coverage.binary_search_by(|one| one.resource_type[..].cmp(resource_type));
        let was_whole = place.is_ok_and(|at| is_whole(&state.coverage[at]));
        let is_whole = is_whole(&covered);
        match place {
            Ok(at) if state.coverage[at] == covered => return Ok(()),
            Ok(at) => state.coverage[at] = covered,
            Err(at) => state.coverage.insert(at, covered),
        }
        let state = Arc::new(state);
        self.view.put(&ACCOUNT, &AccountKey::new(account), state.clone())?;
        if was_whole != is_whole {
            self.judge_askers(account, resource_type)?;
        }
        self.rescore_covered(&state, resource_type)
    }

    /// Writes what an account adds to its sums through one requirement.
    pub(super) fn share(
        &mut self,
        state: &AccountState,
        requirement: &str,
        score: Option<&ScoreState>,
    ) -> Step {
        for (kind, id) in sums_of(state) {
            let key = ContributionKey::new(kind, id, &*state.account, requirement);
            match score {
                Some(score) => self.view.emit(&topic::CONTRIBUTION, &key, &contribution(score))?,
                None => self.view.retract(&topic::CONTRIBUTION, &key),
            }
        }
        Ok(())
    }

    /// Writes what an account's own score adds to its executive's.
    pub(super) fn executive_share(&mut self, state: &AccountState, score: &ScoreState) -> Step {
        let Some(key) = executive_key(state) else { return Ok(()) };
        let weight = state.spend_cents.map(|cents| cents.max(0));
        let share = Contribution { weight, ..contribution(score) };
        self.view.emit(&topic::CONTRIBUTION, &key, &share)
    }

    fn move_executive(&mut self, before: &AccountState, after: &AccountState) -> Step {
        let (from, to) = (executive_key(before), executive_key(after));
        let Some(score) = self.view.get(&SCORE, &whole(&after.account))? else { return Ok(()) };
        if from != to
            && let Some(from) = &from
        {
            self.view.retract(&topic::CONTRIBUTION, from);
        }
        if from == to && before.spend_cents == after.spend_cents {
            return Ok(());
        }
        self.executive_share(after, &score)
    }

    fn move_shares(&mut self, account: &str, from: &[Sum], to: &[Sum]) -> Step {
        if from == to {
            return Ok(());
        }
        let scores = self.view.scan(&SCORE, &key::prefix(&[account]), None, usize::MAX)?;
        for (score_key, score) in scores.iter().filter(|(key, _)| key.requirement != WHOLE) {
            let share =
                |sum: &Sum| ContributionKey::new(sum.0, &*sum.1, account, &*score_key.requirement);
            for sum in from.iter().filter(|sum| !to.contains(sum)) {
                self.view.retract(&topic::CONTRIBUTION, &share(sum));
            }
            for sum in to.iter().filter(|sum| !from.contains(sum)) {
                self.view.emit(&topic::CONTRIBUTION, &share(sum), &contribution(score))?;
            }
        }
        Ok(())
    }
}

/// A sum that an account counts in: kind and id.
type Sum = (&'static str, String);

/// Gives the sums that an account counts in: none when it is not scored.
fn sums_of(state: &AccountState) -> Vec<Sum> {
    if !state.is_scored() {
        return Vec::new();
    }
    let mut sums = vec![("enterprise", "all".to_owned())];
    sums.extend(state.owner.clone().map(|owner| ("owner", owner)));
    if !state.payer.is_empty() {
        sums.push(("payer", state.payer.clone()));
    }
    sums
}

/// Gives the key of an account's share in its executive's sum: none when it is not scored.
fn executive_key(state: &AccountState) -> Option<ContributionKey> {
    let executive = state.executive.as_deref().filter(|_| state.is_scored())?;
    Some(ContributionKey::new(EXECUTIVE, executive, &*state.account, WHOLE))
}

/// Turns a score into a share.
pub(super) fn contribution(score: &ScoreState) -> Contribution {
    Contribution {
        weight: Some(score.weight),
        score: score.score,
        total: score.total,
        noncompliant: score.noncompliant,
        excepted: score.excepted,
    }
}

/// Gives the key of an account's own score.
pub(super) fn whole(account: &str) -> ScoreKey {
    ScoreKey::new(account, WHOLE)
}

/// Gives the last key of a page, to go on after it.
pub(super) fn last_key<K: Key, V>(rows: &[(K, V)]) -> Option<String> {
    rows.last().map(|(key, _)| key.encode())
}
