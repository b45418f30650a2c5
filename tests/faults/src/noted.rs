//! A log that notes in each transaction what was taken in it, and in a file who owns what.
//!
//! The note is committed with the outputs, so the order in which records were taken is known
//! exactly, whatever happens to the process.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use schemas::{TopicSpec, topic};
use serde::{Deserialize, Serialize};
use stream::{
    Layer, Log, LogError, Member, Membership, Outcome, Outgoing, Polled, Position, Record, Stage,
};

use crate::{
    noting::Noting,
    owners::{Line, Owners},
};

/// Where notes go: neither stage reads or writes this topic.
pub(crate) const NOTES: &TopicSpec = topic::SCAN_UNIT.spec;

/// What one transaction took for one task.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Note {
    /// The stage.
    pub(crate) stage: String,
    /// The worker's slot.
    pub(crate) slot: String,
    /// Topic and offset of each record, in the order of steps; the note's partition is theirs.
    pub(crate) taken: Vec<(String, i64)>,
}

type Taken = Arc<Mutex<Vec<(&'static str, i32, i64)>>>;

/// A log for one worker.
pub(crate) struct Noted {
    log: Arc<dyn Log>,
    taken: Taken,
    owners: Owners,
}

impl Noted {
    /// Wraps a log; lines about ownership are appended to a file that all workers share.
    pub(crate) fn new(log: Arc<dyn Log>, owners: &Path) -> Result<Self> {
        Ok(Self { log, taken: Taken::default(), owners: Owners::open(owners)? })
    }

    /// Gives what wraps a stage, so that its steps are noted.
    pub(crate) fn watch(&self) -> impl Fn(Box<dyn Stage>) -> Box<dyn Stage> + Send + Sync + use<> {
        let taken = self.taken.clone();
        move |stage| {
            let taken = taken.clone();
            let note = Box::new(move |record: &Record| {
                lock(&taken).push((record.topic.name, record.partition, record.offset));
            });
            Box::new(Noting { stage, note })
        }
    }
}

impl Layer for Noted {
    fn below(&self) -> &dyn Log {
        &*self.log
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        lock(&self.taken).clear();
        Ok(Box::new(NotedMember {
            member: self.log.join(membership)?,
            stage: membership.group.clone(),
            slot: membership.slot.clone(),
            taken: self.taken.clone(),
            owners: self.owners.clone(),
            owns: Vec::new(),
            gives: Vec::new(),
        }))
    }
}

struct NotedMember {
    member: Box<dyn Member>,
    stage: String,
    slot: String,
    taken: Taken,
    owners: Owners,
    owns: Vec<i32>,
    /// What is given up at the next poll.
    gives: Vec<i32>,
}

impl NotedMember {
    fn got(&self, partitions: &[i32]) {
        self.owners.note(&Line::Got(self.stage.clone(), self.slot.clone(), partitions.to_vec()));
    }

    fn gave(&self, partitions: &[i32]) {
        self.owners.note(&Line::Gave(self.stage.clone(), self.slot.clone(), partitions.to_vec()));
    }

    fn forget(&self, partitions: &[i32]) {
        lock(&self.taken).retain(|(_, partition, _)| !partitions.contains(partition));
    }

    /// Makes a note for each task that took something.
    fn notes(&self, positions: &[stream::Noted]) -> Vec<Outgoing> {
        let is_in = |(topic, partition, offset): &&(&'static str, i32, i64)| {
            positions.iter().any(|stream::Noted { position, .. }| {
                position.topic.name == *topic
                    && position.partition == *partition
                    && *offset < position.offset
            })
        };
        let mut tasks: BTreeMap<i32, Vec<(String, i64)>> = BTreeMap::new();
        for (topic, partition, offset) in lock(&self.taken).iter().filter(is_in) {
            tasks.entry(*partition).or_default().push(((*topic).to_owned(), *offset));
        }
        let notes = tasks.into_iter().map(|(partition, taken)| {
            let note = Note { stage: self.stage.clone(), slot: self.slot.clone(), taken };
            Outgoing {
                topic: NOTES,
                partition,
                timestamp_ms: 0,
                key: note.slot.clone().into_bytes(),
                value: Some(serde_json::to_vec(&note).expect("plain data")),
                headers: Vec::new(),
            }
        });
        notes.collect()
    }
}

impl Member for NotedMember {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, LogError> {
        // What was revoked is given up by this very call.
        let gives = std::mem::take(&mut self.gives);
        self.forget(&gives);
        self.gave(&gives);
        let polled = self.member.poll(timeout)?;
        match &polled {
            Polled::Assigned(partitions) => {
                self.owns.extend(partitions);
                self.got(partitions);
            }
            Polled::Revoked { partitions, lost } => {
                self.owns.retain(|partition| !partitions.contains(partition));
                if *lost {
                    self.forget(partitions);
                    self.gave(partitions);
                } else {
                    self.gives.clone_from(partitions);
                }
            }
            Polled::Records(_) => {}
        }
        Ok(polled)
    }

    fn committed(&self, partitions: &[i32]) -> Result<Vec<stream::Noted>, LogError> {
        self.member.committed(partitions)
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<Vec<Position>, LogError> {
        self.forget(partitions);
        self.member.resume(partitions)
    }

    fn pause(
        &mut self,
        topic: &'static TopicSpec,
        partition: i32,
        on: bool,
    ) -> Result<(), LogError> {
        self.member.pause(topic, partition, on)
    }

    fn at_end(&self, topic: &'static TopicSpec, partition: i32) -> bool {
        self.member.at_end(topic, partition)
    }

    fn commit_noted(
        &mut self,
        mut outputs: Vec<Outgoing>,
        positions: &[stream::Noted],
    ) -> Result<Outcome, LogError> {
        outputs.extend(self.notes(positions));
        let outcome = self.member.commit_noted(outputs, positions);
        if matches!(outcome, Ok(Outcome::Committed)) {
            lock(&self.taken).clear();
        }
        outcome
    }
}

impl Drop for NotedMember {
    fn drop(&mut self) {
        let mut all = std::mem::take(&mut self.owns);
        all.append(&mut self.gives);
        self.gave(&all);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a task took by its notes: records in their order, and the slot of the last transaction.
#[derive(Debug, Default)]
pub(crate) struct Taking {
    pub(crate) records: Vec<(String, i64)>,
    pub(crate) slot: String,
}

/// Reads the notes of a log, by stage and partition.
pub(crate) fn takings(notes: &[Record]) -> Result<BTreeMap<(String, i32), Taking>> {
    let mut takings: BTreeMap<(String, i32), Taking> = BTreeMap::new();
    for record in notes {
        let note: Note = serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
        let taking = takings.entry((note.stage, record.partition)).or_default();
        taking.records.extend(note.taken);
        taking.slot = note.slot;
    }
    Ok(takings)
}
