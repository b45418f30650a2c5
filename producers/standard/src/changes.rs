//! Decides what a newly read standard changes.

use std::collections::BTreeMap;

use schemas::Requirement;

use crate::Standard;

/// One record for the topic `requirement`.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The requirement is new or has changed.
    Publish(Box<Requirement>),
    /// The requirement with this id is gone: a tombstone.
    Withdraw(String),
}

/// Compares what is in force with what was read.
///
/// Shape: requirements in force by id, the standard as read → the records to write, by id. While
/// any file has a fault nothing is withdrawn, since it may be the one that says it: the last good
/// version stays in force.
pub fn changes(in_force: &BTreeMap<String, Requirement>, read: &Standard) -> Vec<Change> {
    let publish = read.requirements.iter().filter(|one| in_force.get(&one.id) != Some(*one));
    let mut changes: BTreeMap<&str, Change> =
        publish.map(|one| (&*one.id, Change::Publish(Box::new(one.clone())))).collect();
    if read.problems.is_empty() {
        let is_gone = |id: &&String| read.requirements.iter().all(|one| one.id != **id);
        let gone = in_force.keys().filter(is_gone);
        changes.extend(gone.map(|id| (&**id, Change::Withdraw(id.clone()))));
    }
    changes.into_values().collect()
}
