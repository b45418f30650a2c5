//! What is known of requirements and accounts: titles, severities, names and owners. Pure.

use std::collections::BTreeMap;

use schemas::{
    AccountKey, AccountState, AvroError, Codec, Key, Requirement, RequirementKey,
    topic::{ACCOUNT_STATE, REQUIREMENT},
};
use stream::Record;

/// What events say of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The cloud: `aws`.
    pub provider: String,
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The executive above the owner.
    pub executive: Option<String>,
}

/// Requirements and accounts by their ids.
///
/// What is withdrawn stays known: its findings are still to be closed, under its title.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Requirements.
    pub requirements: BTreeMap<String, Requirement>,
    /// Accounts.
    pub accounts: BTreeMap<String, Account>,
}

/// Why a record can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The key is none of the topic's.
    #[error("the key is none of its topic's")]
    Key,
    /// A change without a value says nothing.
    #[error("it has no value")]
    Tombstone,
    /// The value can't be decoded.
    #[error("decoding its value")]
    Value(#[from] AvroError),
    /// The event would be larger than the log takes.
    #[error("its event has {0} bytes, more than the log takes")]
    TooLarge(usize),
}

impl Unfit {
    /// Tells whether waiting may mend it.
    pub fn is_transient(&self) -> bool {
        matches!(self, Unfit::Value(error) if error.is_transient())
    }
}

impl Known {
    /// Takes over what a record says of a requirement or an account; false when it is of another
    /// topic.
    pub(crate) fn take(&mut self, record: &Record, codec: &Codec) -> Result<bool, Unfit> {
        match record.topic.name {
            name if name == REQUIREMENT.spec.name => {
                let RequirementKey { requirement } = key(&record.key)?;
                if let Some(value) = &record.value {
                    self.requirements.insert(requirement, codec.decode(value)?);
                }
            }
            name if name == ACCOUNT_STATE.spec.name => {
                let AccountKey { account } = key(&record.key)?;
                if let Some(value) = &record.value {
                    let AccountState { provider, name, owner, executive, .. } =
                        codec.decode(value)?;
                    let known = Account { provider, name, owner, executive };
                    self.accounts.insert(account, known);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads a record's key.
pub(crate) fn key<K: Key>(bytes: &[u8]) -> Result<K, Unfit> {
    std::str::from_utf8(bytes).ok().and_then(K::decode).ok_or(Unfit::Key)
}
