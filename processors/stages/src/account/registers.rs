//! The standard and the risk register: a change of either reaches every row that it concerns.

use schemas::{Exception, ExceptionKey, Key, key, topic};
use stream::Record;

use super::{
    Task,
    jobs::{RequirementPhase, Work},
    same_entity,
    tables::{EXCEPTION, REQUIREMENT, TIMER, TimerKey},
};
use crate::Step;

/// The kind of timers that end an exception's credit.
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
        self.move_expiry(&key, before.as_deref(), exception.as_ref())?;
        let mut prefixes: Vec<String> =
            before.as_deref().into_iter().flat_map(prefixes_of).collect();
        prefixes.extend(exception.iter().flat_map(prefixes_of));
        let same = before.as_deref() == exception.as_ref();
        self.exceptions_moved(&key.exception, exception)?;
        if same { Ok(()) } else { self.push_credit(prefixes) }
    }

    /// Takes an exception's end: its rows lose their credit.
    pub(super) fn expire(&mut self, id: &str) -> Step {
        let exception = self.view.get(&EXCEPTION, &ExceptionKey::new(id))?;
        self.push_credit(exception.as_deref().into_iter().flat_map(prefixes_of).collect())
    }

    fn push_credit(&mut self, mut prefixes: Vec<String>) -> Step {
        prefixes.sort();
        prefixes.dedup();
        if prefixes.is_empty() {
            return Ok(());
        }
        self.push(Work::Credit { prefixes, cursor: None })
    }

    fn move_expiry(
        &mut self,
        key: &ExceptionKey,
        before: Option<&Exception>,
        after: Option<&Exception>,
    ) -> Step {
        let timer = |row: Option<&Exception>| {
            let at_ms = row.and_then(|row| row.expires_ms)?;
            Some(TimerKey::at(at_ms, EXCEPTION_TIMER, &key.encode()))
        };
        let (from, to) = (timer(before), timer(after));
        if from == to {
            return Ok(());
        }
        if let Some(from) = from {
            self.view.delete(&TIMER, &from)?;
        }
        match to {
            Some(to) => self.set_timer(&to),
            None => Ok(()),
        }
    }
}

/// Gives the prefixes of the verdict keys that an exception may concern.
fn prefixes_of(exception: &Exception) -> Vec<String> {
    let any = |list: &[String]| list.iter().any(|one| one == "*");
    if any(&exception.requirements) {
        return vec![String::new()];
    }
    let of = |requirement: &String| -> Vec<String> {
        if any(&exception.accounts) {
            return vec![key::prefix(&[requirement])];
        }
        exception.accounts.iter().map(|account| key::prefix(&[requirement, account])).collect()
    };
    exception.requirements.iter().flat_map(of).collect()
}
