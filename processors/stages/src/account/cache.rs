//! What a task derives from its tables and would be slow to derive at each step.
//!
//! Each part remembers the offset of the record that last changed its table. Where the table says
//! otherwise (after an abort, or in a new process) the part is made anew, so it never decides by
//! itself.

use std::{collections::BTreeSet, sync::Arc};

use compliance::{ExceptionIndex, Standard};
use schemas::{AccountKey, AccountRegister, Exception, Key, Requirement, Value};
use stream::Table;

use super::{
    PIECE, Task,
    accounts::last_key,
    tables::{EXCEPTION, LISTING, META, Meta, MetaKey, REGISTER, REQUIREMENT},
};
use crate::Step;

/// Derived parts.
#[derive(Default)]
pub(super) struct Cache {
    standard: Part<Standard>,
    exceptions: Part<ExceptionIndex>,
    known: Part<BTreeSet<String>>,
}

#[derive(Default)]
struct Part<T> {
    version: Option<(i64, i64)>,
    value: T,
}

/// Names of the offsets that say how old a table is.
pub(super) const STANDARD: &str = "requirement";
pub(super) const EXCEPTIONS: &str = "exception";
pub(super) const LISTINGS: &str = "account.listing";
pub(super) const REGISTERS: &str = "account.register";

impl Task<'_, '_> {
    /// Gives the standard in force.
    pub(super) fn standard(&mut self) -> Step<&Standard> {
        let version = Some((self.number(STANDARD)?, 0));
        if self.cache.standard.version != version {
            let mut standard = Standard::default();
            self.each(&REQUIREMENT, |_, requirement| standard.insert((*requirement).clone()))?;
            self.cache.standard = Part { version, value: standard };
        }
        Ok(&self.cache.standard.value)
    }

    /// Gives the exceptions, indexed.
    pub(super) fn exceptions(&mut self) -> Step<&ExceptionIndex> {
        let version = Some((self.number(EXCEPTIONS)?, 0));
        if self.cache.exceptions.version != version {
            let mut index = ExceptionIndex::default();
            self.each(&EXCEPTION, |_, exception| index.insert((*exception).clone()))?;
            self.cache.exceptions = Part { version, value: index };
        }
        Ok(&self.cache.exceptions.value)
    }

    /// Gives the ids of accounts that are ours, or foreign and approved.
    pub(super) fn known(&mut self) -> Step<&BTreeSet<String>> {
        let version = Some((self.number(LISTINGS)?, self.number(REGISTERS)?));
        if self.cache.known.version != version {
            let mut known = BTreeSet::new();
            self.each(&LISTING, |key, _| known.extend([key.account]))?;
            self.each(&REGISTER, |key, row| {
                if vouches(&row) {
                    known.insert(key.account);
                }
            })?;
            self.cache.known = Part { version, value: known };
        }
        Ok(&self.cache.known.value)
    }

    /// Hands every row of a table on, page by page.
    fn each<K: Key, V: Value>(&self, table: &Table<K, V>, mut take: impl FnMut(K, Arc<V>)) -> Step {
        let mut after: Option<String> = None;
        loop {
            let rows = self.view.scan(table, "", after.as_deref(), PIECE)?;
            let Some(last) = last_key(&rows) else { return Ok(()) };
            after = Some(last);
            rows.into_iter().for_each(|(key, row)| take(key, row));
        }
    }

    /// Moves the standard on with a record that was just written to its table.
    pub(super) fn standard_moved(&mut self, id: &str, row: Option<Requirement>) -> Step {
        let (from, to) = self.moved(STANDARD)?;
        let part = &mut self.cache.standard;
        if part.version == Some((from, 0)) {
            part.version = Some((to, 0));
            match row {
                Some(row) => part.value.insert(row),
                None => part.value.remove(id),
            }
        }
        Ok(())
    }

    /// Moves the index of exceptions on with a record that was just written to its table.
    pub(super) fn exceptions_moved(&mut self, id: &str, row: Option<Exception>) -> Step {
        let (from, to) = self.moved(EXCEPTIONS)?;
        let part = &mut self.cache.exceptions;
        if part.version == Some((from, 0)) {
            part.version = Some((to, 0));
            match row {
                Some(row) => part.value.insert(row),
                None => part.value.remove(id),
            }
        }
        Ok(())
    }

    /// Moves the known accounts on with a record that was just written to its table.
    pub(super) fn known_moved(&mut self, which: &str, account: &str, is_known: bool) -> Step {
        let before = (self.number(LISTINGS)?, self.number(REGISTERS)?);
        self.moved(which)?;
        let after = (self.number(LISTINGS)?, self.number(REGISTERS)?);
        let part = &mut self.cache.known;
        if part.version == Some(before) {
            part.version = Some(after);
            if is_known {
                part.value.insert(account.to_owned());
            } else {
                part.value.remove(account);
            }
        }
        Ok(())
    }

    /// Tells by the tables whether an account is known.
    pub(super) fn is_known(&self, key: &AccountKey) -> Step<bool> {
        Ok(self.view.get(&LISTING, key)?.is_some()
            || self.view.get(&REGISTER, key)?.is_some_and(|row| vouches(&row)))
    }

    /// Gives one of the task's numbers, -1 when it was never set.
    pub(super) fn number(&self, name: &str) -> Step<i64> {
        Ok(self.view.get(&META, &MetaKey::new(name))?.map_or(-1, |meta| meta.number))
    }

    /// Sets one of the task's numbers.
    pub(super) fn set_number(&mut self, name: &str, number: i64) -> Step {
        self.view.put(&META, &MetaKey::new(name), Meta { number })
    }

    /// Notes the offset of the record at hand; gives the one before and this one.
    fn moved(&mut self, name: &str) -> Step<(i64, i64)> {
        let (from, to) = (self.number(name)?, self.view.cause().offset);
        self.set_number(name, to)?;
        Ok((from, to))
    }
}

/// Tells whether the register makes an account known: an own one, or an approved third party.
fn vouches(row: &AccountRegister) -> bool {
    !row.third_party || row.approved
}
