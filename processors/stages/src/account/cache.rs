//! What a task derives from its tables and would be slow to derive at each step.
//!
//! Each part remembers the offset of the record that last changed its table. Where the table says
//! otherwise (after an abort, or in a new process) the part is made anew, so it never decides by
//! itself.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use compliance::{ExceptionIndex, Standard};
use schemas::{AccountKey, AccountListing, AccountRegister, Exception, Key, Requirement, Value};
use stream::Table;
use trust::Standing;

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
    known: Part<Standings>,
}

/// Whom the listing and the register vouch for; others are absent.
#[derive(Default)]
pub(super) struct Standings {
    accounts: BTreeMap<String, Standing>,
    /// Organisations, with the number of their accounts that are listed.
    organisations: BTreeMap<String, usize>,
}

/// What the tables say of an account.
#[derive(PartialEq)]
pub(super) struct Said {
    standing: Option<Standing>,
    /// The organisation that lists it.
    organisation: Option<String>,
}

impl Standings {
    /// Gives what is said of an account, an organisation or a canonical id.
    pub(super) fn get(&self, id: &str) -> Option<Standing> {
        let organisation = self.organisations.contains_key(id).then_some(Standing::Ours);
        organisation.or_else(|| self.accounts.get(id).copied())
    }

    fn replace(&mut self, account: &str, before: &Said, after: Said) {
        if let Some(Entry::Occupied(mut count)) =
            before.organisation.clone().map(|id| self.organisations.entry(id))
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if let Some(id) = after.organisation {
            *self.organisations.entry(id).or_default() += 1;
        }
        match after.standing {
            Some(standing) => self.accounts.insert(account.to_owned(), standing),
            None => self.accounts.remove(account),
        };
    }
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

    /// Gives what is said of accounts: ours, or foreign and approved.
    pub(super) fn known(&mut self) -> Step<&Standings> {
        let version = Some((self.number(LISTINGS)?, self.number(REGISTERS)?));
        if self.cache.known.version != version {
            let mut known = Standings::default();
            self.each(&REGISTER, |key, row| {
                let standing = registered(&row).map(|standing| (key.account, standing));
                known.accounts.extend(standing);
            })?;
            self.each(&LISTING, |key, row| {
                let before = Said { standing: None, organisation: None };
                known.replace(&key.account, &before, listed(&row));
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

    /// Moves the known accounts on with a record that was just written to its table; tells whether
    /// it changed what is said of its account.
    pub(super) fn known_moved(
        &mut self,
        which: &str,
        key: &AccountKey,
        before: &Said,
    ) -> Step<bool> {
        let from = (self.number(LISTINGS)?, self.number(REGISTERS)?);
        self.moved(which)?;
        let to = (self.number(LISTINGS)?, self.number(REGISTERS)?);
        let after = self.said(key)?;
        let changed = after != *before;
        let part = &mut self.cache.known;
        if part.version == Some(from) {
            part.version = Some(to);
            part.value.replace(&key.account, before, after);
        }
        Ok(changed)
    }

    /// Reads what the tables say of an account.
    pub(super) fn said(&self, key: &AccountKey) -> Step<Said> {
        if let Some(row) = self.view.get(&LISTING, key)? {
            return Ok(listed(&row));
        }
        let register = self.view.get(&REGISTER, key)?;
        let standing = register.and_then(|row| registered(&row));
        Ok(Said { standing, organisation: None })
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

fn listed(row: &AccountListing) -> Said {
    let organisation = Some(row.organisation.clone()).filter(|id| !id.is_empty());
    Said { standing: Some(Standing::Ours), organisation }
}

/// Tells what a row of the register says: an own account, or an approved third party's.
fn registered(row: &AccountRegister) -> Option<Standing> {
    match (row.third_party, row.approved) {
        (false, _) => Some(Standing::Ours),
        (true, true) => Some(Standing::Approved),
        (true, false) => None,
    }
}
