//! A partition's way from assigned to running: its store, its tables, its place in the input.

use std::time::{Duration, Instant};

use super::{
    Phase, WorkerError,
    restore::{Begun, Restore},
    role::Horizon,
    session::{Session, publish},
    task::Task,
};
use crate::{Position, store::TaskStore};

/// Wait for changelog records while restoring.
const RESTORE_POLL: Duration = Duration::from_millis(10);

/// Pause before a store is asked for again.
const OPEN_RETRY: Duration = Duration::from_millis(100);

/// Restores of a worker at a time: each has a reader that fetches ahead of it.
const RESTORES_MAX: usize = 4;

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
        self.advance_restores()?;
        let leased = self.lease()?;
        if leased.is_empty() {
            return Ok(());
        }
        // Asked once for all, after their stores are ours: until then a former owner may commit.
        let horizon = self.role.horizon()?;
        for (partition, store, tries) in leased {
            let slot = self.begin(partition, store, tries, &horizon)?;
            self.slots.insert(partition, slot);
        }
        Ok(())
    }

    fn advance_restores(&mut self) -> Result<(), WorkerError> {
        let restoring = self.slots.iter();
        let restoring = restoring.filter(|(_, slot)| matches!(slot, Slot::Restoring { .. }));
        for partition in restoring.map(|(partition, _)| *partition).collect::<Vec<_>>() {
            if let Some(Slot::Restoring { store, restore }) = self.slots.remove(&partition) {
                let slot = self.restore(partition, store, restore)?;
                self.slots.insert(partition, slot);
            }
        }
        Ok(())
    }

    /// Takes the stores of partitions that may begin their restores now.
    fn lease(&mut self) -> Result<Vec<(i32, TaskStore, u32)>, WorkerError> {
        let restoring = self.slots.values().filter(|slot| matches!(slot, Slot::Restoring { .. }));
        let free = RESTORES_MAX.saturating_sub(restoring.count());
        let now = self.now();
        let due = self.slots.iter_mut().filter_map(|(partition, slot)| match slot {
            Slot::Opening { store, tries, at } if *at <= now => {
                Some((*partition, store, tries, at))
            }
            _ => None,
        });
        let mut leased = Vec::new();
        for (partition, store, tries, at) in due.take(free) {
            let store = match store.take() {
                Some(store) => Some(store),
                None => {
                    let identity = self.role.identity(partition)?;
                    let leased = self.role.config.stores.lease(&identity);
                    leased.map_err(|error| self.role.failed(error))?
                }
            };
            match store {
                Some(store) => leased.push((partition, store, *tries)),
                // Another worker of this process still has it; it will notice that it lost it.
                None => (*tries, *at) = (0, now + OPEN_RETRY),
            }
        }
        Ok(leased)
    }

    fn begin(
        &mut self,
        partition: i32,
        mut store: TaskStore,
        tries: u32,
        horizon: &Horizon,
    ) -> Result<Slot, WorkerError> {
        Ok(match Restore::begin(&self.role, partition, &mut store, tries, horizon)? {
            Begun::Restore(restore) => {
                self.role.config.progress.restores(partition, self.now());
                Slot::Restoring { store, restore }
            }
            Begun::Ahead => {
                let at = self.now() + OPEN_RETRY;
                Slot::Opening { store: Some(store), tries: tries + 1, at }
            }
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
