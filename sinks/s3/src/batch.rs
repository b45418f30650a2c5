//! What a batch of records changes: the newest row of each key, and what can't be read. Pure.

use std::collections::BTreeMap;

use schemas::{AccountKey, AccountState, Codec, Key, topic};
use stream::{Outgoing, Record, StepError, worker::dead_letter};

use crate::GROUP;
use crate::encode::{self, AccountNames, Change, Unfit};

/// What follows from a batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    /// Changes of the bucket, one a resource.
    pub(crate) changes: Vec<Change>,
    /// Accounts whose names changed, with the new ones; none where the account is gone.
    pub(crate) renamed: BTreeMap<String, Option<String>>,
    /// Records that can't be read.
    pub(crate) letters: Vec<Outgoing>,
}

/// Works out what records change; those of one partition come in their order.
///
/// Only the last row of a key counts, so a resource that changed often is put once.
///
/// Errors: only those that may pass.
pub(crate) fn batch(
    records: &[Record],
    accounts: &AccountNames,
    codec: &Codec,
) -> Result<Batch, Unfit> {
    let mut batch = Batch::default();
    let mut rows: BTreeMap<&[u8], &Record> = BTreeMap::new();
    let mut names: BTreeMap<&[u8], &Record> = BTreeMap::new();
    for record in records {
        let last = if is_account(record) { &mut names } else { &mut rows };
        last.insert(&record.key, record);
    }
    for record in names.into_values() {
        match account_name(record, codec) {
            Ok((account, name)) => {
                if accounts.get(&account) != name.as_ref() {
                    batch.renamed.insert(account, name);
                }
            }
            Err(error) => batch.bury(record, error)?,
        }
    }
    let mut known = std::borrow::Cow::Borrowed(accounts);
    if !batch.renamed.is_empty() {
        rename(known.to_mut(), &batch.renamed);
    }
    for record in rows.into_values() {
        match encode::change(&record.key, record.value.as_deref(), &known, codec) {
            Ok(change) => batch.changes.push(change),
            Err(error) => batch.bury(record, error)?,
        }
    }
    Ok(batch)
}

/// Takes new names over.
pub(crate) fn rename(accounts: &mut AccountNames, renamed: &BTreeMap<String, Option<String>>) {
    for (account, name) in renamed {
        match name {
            Some(name) => drop(accounts.insert(account.clone(), name.clone())),
            None => drop(accounts.remove(account)),
        }
    }
}

/// Reads an account's name; none when the account is gone.
pub(crate) fn account_name(
    record: &Record,
    codec: &Codec,
) -> Result<(String, Option<String>), Unfit> {
    let key = std::str::from_utf8(&record.key).ok().and_then(AccountKey::decode);
    let key = key.ok_or(Unfit::Key)?;
    let state = record.value.as_deref().map(|value| codec.decode::<AccountState>(value));
    let state = state.transpose().map_err(Unfit::Value)?;
    Ok((key.account, state.map(|state| state.name)))
}

fn is_account(record: &Record) -> bool {
    record.topic.name == topic::ACCOUNT_STATE.spec.name
}

impl Batch {
    fn bury(&mut self, record: &Record, error: Unfit) -> Result<(), Unfit> {
        if error.is_transient() {
            return Err(error);
        }
        self.letters.push(dead_letter(record, GROUP, &StepError::poison(&error).to_string()));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
