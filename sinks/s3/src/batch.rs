//! What a batch of records changes: the newest row of each key, and what can't be read. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemas::{AccountKey, AccountState, Codec, Key, topic};
use sink_frame::{Encoded, chain};
use stream::Record;

use crate::encode::{self, AccountNames, Change, Unfit};

/// What follows from a batch.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Changes of the bucket, one a resource, each with the index of its record.
    pub(crate) changes: Vec<(usize, Change)>,
    /// Accounts whose names changed, with the new ones; none where the account is gone.
    pub(crate) renamed: BTreeMap<String, Option<String>>,
    /// What became of the records that ask for no change of their own.
    pub(crate) settled: Encoded<Change>,
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
    let mut rows: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut names: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        let last = if is_account(record) { &mut names } else { &mut rows };
        if let Some(before) = last.insert(&record.key, index) {
            batch.settled.superseded(before);
        }
    }
    for index in names.into_values() {
        match account_name(&records[index], codec) {
            Ok((account, name)) if accounts.get(&account) == name.as_ref() => {
                batch.settled.unchanged(index);
            }
            Ok((account, name)) => {
                batch.settled.followed(index);
                batch.renamed.insert(account, name);
            }
            Err(error) => batch.bury(index, error)?,
        }
    }
    let mut known = Cow::Borrowed(accounts);
    if !batch.renamed.is_empty() {
        rename(known.to_mut(), &batch.renamed);
    }
    for index in rows.into_values() {
        let record = &records[index];
        match encode::change(&record.key, record.value.as_deref(), &known, codec) {
            Ok(change) => batch.changes.push((index, change)),
            Err(error) => batch.bury(index, error)?,
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
    fn bury(&mut self, record: usize, error: Unfit) -> Result<(), Unfit> {
        if error.is_transient() {
            return Err(error);
        }
        self.settled.dead(record, chain(&error));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
