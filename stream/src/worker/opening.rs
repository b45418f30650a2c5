//! A partition's way from assigned to running: its store, its tables, its place in the input.

use std::time::{Duration, Instant};

use super::{
    Phase, WorkerError,
    restore::{Begun, Restore},
    session::{Session, publish},
    task::Task,
};
use crate::{Position, store::TaskStore};

/// Wait for changelog records while restoring.
const RESTORE_POLL: Duration = Duration::from_millis(10);

/// Pause before a store is asked for again.
const OPEN_RETRY: Duration = Duration::from_millis(100);

/// A partition's way from assigned to running.
pub(super) enum Slot {
    Opening { store: Option<TaskStore>, tries: u32, at: Instant },
    Restoring { store: TaskStore, restore: Box<Restore> },
    Running(Box<Task>),
}

impl Session {
    pub(super) fn assign(&mut self, partitions: &[i32]) {
        tracing::info!(
            stage = self.role.stage,
            slot = self.role.config.slot,
            ?partitions,
            "partitions are assigned"
        );
        for &partition in partitions {
            let at = self.now();
            self.slots.entry(partition).or_insert(Slot::Opening { store: None, tries: 0, at });
            self.role.config.progress.update(partition, |_| {});
        }
    }

    /// Brings partitions that do not run yet a bit further.
    pub(super) fn prepare(&mut self) -> Result<(), WorkerError> {
        let idle: Vec<i32> = self.slots.keys().copied().collect();
        for partition in idle {
            let Some(slot) = self.slots.remove(&partition) else {
                continue;
            };
            let slot = match slot {
                Slot::Opening { store, tries, at } if at <= self.now() => {
                    self.open(partition, store, tries)?
                }
                Slot::Restoring { store, restore } => self.restore(partition, store, restore)?,
                other => other,
            };
            self.slots.insert(partition, slot);
        }
        Ok(())
    }

    fn open(
        &mut self,
        partition: i32,
        store: Option<TaskStore>,
        tries: u32,
    ) -> Result<Slot, WorkerError> {
        let store = match store {
            Some(store) => Some(store),
            None => {
                let identity = self.role.identity(partition)?;
                let leased = self.role.config.stores.lease(&identity);
                leased.map_err(|error| self.role.failed(error))?
            }
        };
        let at = self.now() + OPEN_RETRY;
        let Some(mut store) = store else {
            // Another worker of this process still has it; it will notice that it lost it.
            let (store, tries) = (None, 0);
            return Ok(Slot::Opening { store, tries, at });
        };
        Ok(match Restore::begin(&self.role, partition, &mut store, tries)? {
            Begun::Restore(restore) => {
                self.role.config.progress.restores(partition, self.now());
                Slot::Restoring { store, restore }
            }
            Begun::Ahead => Slot::Opening { store: Some(store), tries: tries + 1, at },
        })
    }

    fn restore(
        &mut self,
        partition: i32,
        mut store: TaskStore,
        mut restore: Box<Restore>,
    ) -> Result<Slot, WorkerError> {
        let wait = self.role.config.clock.wait(RESTORE_POLL);
        let complete = restore.advance(&self.role, &mut store, wait)?;
        let config = &self.role.config;
        let far = restore.progress();
        config.progress.update(partition, |task| task.phase = Phase::Restoring(far));
        if let Some(on_restore) = &config.on_restore {
            on_restore(partition, far);
        }
        if !complete {
            return Ok(Slot::Restoring { store, restore });
        }
        let record_ms = restore.finish(&self.role, &store)?;
        let resumed = self.member.resume(&[partition]);
        let positions = resumed.map_err(|error| self.role.failed(error))?;
        self.report.restored += restore.rows();
        self.role.config.progress.restored(partition, self.now(), restore.rows());
        if !same(&positions, &restore.committed) {
            // A commit came to light in between; what it wrote is still to be read.
            let (store, tries, at) = (Some(store), 0, self.now());
            return Ok(Slot::Opening { store, tries, at });
        }
        tracing::info!(stage = self.role.stage, partition, rows = restore.rows(), "a task runs");
        let mut task = Task::new(&self.role, partition, store, record_ms);
        task.reset(&positions);
        self.busy = true;
        publish(&self.role, &task, |progress| progress.committed = positions);
        Ok(Slot::Running(Box::new(task)))
    }

    /// Begins a task anew whose store can't be read.
    pub(super) fn rebuild(&mut self, partition: i32) -> Result<(), WorkerError> {
        tracing::warn!(
            stage = self.role.stage,
            partition,
            "tables are damaged: rebuilding them from the log"
        );
        if let Some(Slot::Running(task)) = self.slots.remove(&partition) {
            let mut store = task.store;
            store.wipe().map_err(|error| self.role.failed(error))?;
            let (store, tries, at) = (Some(store), 0, self.now());
            self.slots.insert(partition, Slot::Opening { store, tries, at });
            self.role.config.progress.close(partition);
            self.role.config.progress.update(partition, |task| task.pending = true);
        }
        Ok(())
    }
}

/// Tells whether two lists of one partition's positions say the same.
fn same(some: &[Position], others: &[Position]) -> bool {
    let found = |wanted: &Position| others.iter().any(|other| is_same(wanted, other));
    some.len() == others.len() && some.iter().all(found)
}

fn is_same(one: &Position, other: &Position) -> bool {
    one.topic.name == other.topic.name && one.offset == other.offset
}
