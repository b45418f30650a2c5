//! Compares a register with the table in the log, and appends what differs.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Key, Topic, Value};
use stream::{LogError, Publisher};

/// A record to append.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<K, V> {
    /// The entry is new or different.
    Put(K, V),
    /// The entry is gone.
    Withdraw(K),
}

/// Decides what a newly read register changes.
///
/// Shape: the table in force (without a value where partitions differ), the entries that were read,
/// and whether an entry in force may be withdrawn when it was not read → changes, sorted by key.
pub fn plan<K: Key, V: Value>(
    in_force: &BTreeMap<K, Option<V>>,
    read: BTreeMap<K, V>,
    may_withdraw: impl Fn(&K) -> bool,
) -> Vec<Change<K, V>> {
    let keys: BTreeSet<K> = in_force.keys().chain(read.keys()).cloned().collect();
    let mut read = read;
    let mut changes = Vec::new();
    for key in keys {
        match (in_force.get(&key), read.remove(&key)) {
            (Some(Some(old)), Some(new)) if *old == new => {}
            (_, Some(new)) => changes.push(Change::Put(key, new)),
            (Some(_), None) if may_withdraw(&key) => changes.push(Change::Withdraw(key)),
            _ => {}
        }
    }
    changes
}

/// Appends changes.
///
/// # Errors
/// When the log does not take a record.
pub fn publish<K: Key, V: Value>(
    changes: &[Change<K, V>],
    topic: &Topic<K, V>,
    publisher: &mut Publisher,
    at_ms: i64,
) -> Result<(), LogError> {
    for change in changes {
        match change {
            Change::Put(key, value) => publisher.put(topic, key, value, at_ms)?,
            Change::Withdraw(key) => publisher.tombstone(topic, key, at_ms)?,
        }
    }
    publisher.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{AccountKey, Tick};

    fn table(of: &[(&str, i64)]) -> BTreeMap<AccountKey, Tick> {
        of.iter().map(|(k, v)| (AccountKey::new(*k), Tick { minute_ms: *v })).collect()
    }

    #[test]
    fn only_what_differs_is_published_and_only_what_is_gone_withdrawn() {
        let in_force =
            table(&[("broken", 1), ("changed", 1), ("gone", 1), ("same", 1), ("torn", 1)]);
        let mut in_force: BTreeMap<_, _> =
            in_force.into_iter().map(|(k, v)| (k, Some(v))).collect();
        in_force.insert(AccountKey::new("torn"), None);
        let read = table(&[("changed", 2), ("new", 1), ("same", 1), ("torn", 1)]);
        let changes = plan(&in_force, read, |key| key.account != "broken");
        assert_eq!(
            changes,
            [
                Change::Put(AccountKey::new("changed"), Tick { minute_ms: 2 }),
                Change::Withdraw(AccountKey::new("gone")),
                Change::Put(AccountKey::new("new"), Tick { minute_ms: 1 }),
                Change::Put(AccountKey::new("torn"), Tick { minute_ms: 1 }),
            ]
        );
    }
}
