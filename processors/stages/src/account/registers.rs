//! The standard and the risk register: a change of either reaches every row that it concerns.

use std::collections::BTreeSet;

use schemas::{
    AccountState, Exception, ExceptionKey, ExceptionState, Key, key, selects_by_place, topic,
};
use stream::Record;

use super::{
    Task,
    jobs::{RequirementPhase, Work},
    same_entity,
    tables::{EXCEPTION, REQUIREMENT, TIMER, TimerKey},
};
use crate::Step;

/// The kind of timers that begin or end an exception's credit.
pub(super) const EXCEPTION_TIMER: &str = "exception";

impl Task<'_, '_> {
    /// Takes a requirement; all resources that it judges are judged anew.
    pub(super) fn requirement(&mut self, record: &Record) -> Step {
        let (key, requirement) = self.view.read(&topic::REQUIREMENT, record)?;
        same_entity(&key.requirement, requirement.as_ref().map(|row| &*row.id))?;
        let before = self.view.get(&REQUIREMENT, &key)?;
        match &requirement {
            Some(row) => self.view.put(&REQUIREMENT, &key, row.clone())?,
            None => self.view.delete(&REQUIREMENT, &key)?,
        }
        let same = before.as_deref() == requirement.as_ref();
        self.standard_moved(&key.requirement, requirement)?;
        if same {
            return Ok(());
        }
        let was = before.map(|row| row.scoring);
        let phase = RequirementPhase::Rows;
        self.push(Work::Requirement { id: key.requirement, was, phase, cursor: None })
    }

    /// Takes an entry of the risk register; the credit of all rows that it concerns is given anew.
    pub(super) fn exception(&mut self, record: &Record) -> Step {
        let (key, exception) = self.view.read(&topic::EXCEPTION, record)?;
        same_entity(&key.exception, exception.as_ref().map(|row| &*row.id))?;
        let before = self.view.get(&EXCEPTION, &key)?;
        match &exception {
            Some(row) => self.view.put(&EXCEPTION, &key, row.clone())?,
            None => self.view.delete(&EXCEPTION, &key)?,
        }
        self.move_turns(&key, before.as_deref(), exception.as_ref())?;
        let mut prefixes: Vec<String> =
            before.as_deref().into_iter().flat_map(prefixes_of).collect();
        prefixes.extend(exception.iter().flat_map(prefixes_of));
        let same = before.as_deref() == exception.as_ref();
        self.exceptions_moved(&key.exception, exception)?;
        if same { Ok(()) } else { self.push_credit(prefixes) }
    }

    /// Takes an exception's first or last moment: its rows gain or lose their credit.
    pub(super) fn turn(&mut self, subject: &str) -> Step {
        let Some(key) = ExceptionKey::decode(subject) else { return Ok(()) };
        let exception = self.view.get(&EXCEPTION, &key)?;
        self.push_credit(exception.as_deref().into_iter().flat_map(prefixes_of).collect())
    }

    /// Takes an account's move to other units, or its new tags: credit that goes by either is given
    /// anew.
    pub(super) fn place_moved(&mut self, before: &AccountState, after: &AccountState) -> Step {
        if (&before.units, &before.tags) == (&after.units, &after.tags) {
            return Ok(());
        }
        let mut of: Vec<String> = self.exceptions()?.by_place().map(str::to_owned).collect();
        if of.iter().any(|requirement| requirement == "*") {
            of = self.requirements(|_| true)?;
        }
        let prefix = |requirement: &String| key::prefix(&[requirement, &after.account]);
        self.push_credit(of.iter().map(prefix).collect())
    }

    fn push_credit(&mut self, mut prefixes: Vec<String>) -> Step {
        prefixes.sort();
        prefixes.dedup();
        if prefixes.is_empty() {
            return Ok(());
        }
        self.push(Work::Credit { prefixes, cursor: None })
    }

    fn move_turns(
        &mut self,
        key: &ExceptionKey,
        before: Option<&Exception>,
        after: Option<&Exception>,
    ) -> Step {
        let timer = |at_ms| TimerKey::at(at_ms, EXCEPTION_TIMER, &key.encode());
        let (from, to) = (before.map(turns_of), after.map(turns_of));
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        for at_ms in from.difference(&to) {
            self.view.delete(&TIMER, &timer(*at_ms))?;
        }
        for at_ms in to.difference(&from) {
            self.set_timer(&timer(*at_ms))?;
        }
        Ok(())
    }
}

/// Gives the moments at which an exception's credit begins or ends by nothing but time.
fn turns_of(exception: &Exception) -> BTreeSet<i64> {
    let approved = exception.decided() == ExceptionState::Approved;
    let turns = [exception.starts_ms, exception.expires_ms].into_iter().flatten();
    turns.filter(|_| approved).collect()
}

/// Gives the prefixes of the verdict keys that an exception may concern.
fn prefixes_of(exception: &Exception) -> Vec<String> {
    let any = |list: &[String]| list.iter().any(|one| one == "*");
    if any(&exception.requirements) {
        return vec![String::new()];
    }
    let of = |requirement: &String| -> Vec<String> {
        let by_place = exception.accounts.iter().any(|one| selects_by_place(one));
        if by_place || any(&exception.accounts) {
            return vec![key::prefix(&[requirement])];
        }
        exception.accounts.iter().map(|account| key::prefix(&[requirement, account])).collect()
    };
    exception.requirements.iter().flat_map(of).collect()
}
