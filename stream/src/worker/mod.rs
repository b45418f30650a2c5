//! The worker: one thread, one membership of a stage's group, the tasks of the partitions it is
//! given.
//!
//! It polls its member, lets each task take the record with the smallest timestamp among its
//! inputs, and commits outputs, table changes and input positions of all its tasks in one
//! transaction; then the tasks' stores take the same changes. Before a task runs, its tables are
//! rolled forward from their topics. **Invariant**: a store holds nothing that is not committed;
//! what it lacks is in the log.

mod config;
mod deadletter;
mod error;
mod input;
mod opening;
mod progress;
mod restore;
mod role;
mod session;
mod task;

use std::{sync::Arc, time::Duration};

use schemas::Codec;

pub use config::{Failpoint, Hook, Limits, OnRestore, StageFactory, WorkerConfig};
pub use deadletter::{
    DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, DLQ_TIME, DLQ_TOPIC, DLQ_VALUE_BYTES,
};
pub use error::WorkerError;
pub use progress::{Phase, Progress, Restoring, Stop, TaskProgress, caught_up, lag};

use self::{
    role::Role,
    session::{End, Session},
};
use crate::Log;

/// Pause before a fenced worker joins again: whoever fenced it shall get on.
const REJOIN_PAUSE: Duration = Duration::from_millis(500);

/// A worker that is fenced so often without a commit in between has a twin of the same slot.
const FENCED_MAX: u32 = 5;

/// What a worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records whose steps are committed.
    pub records: u64,
    /// Records among them that went to the dead letters.
    pub dead: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Transactions aborted.
    pub aborts: u64,
    /// How often another member took over.
    pub fenced: u32,
    /// The same since the last commit.
    pub fenced_in_a_row: u32,
    /// Rows that were restored from the log.
    pub restored: u64,
}

/// Runs a stage's tasks on one thread.
pub struct Worker {
    role: Role,
    report: Report,
}

impl Worker {
    /// Makes a worker; it joins its group when it runs.
    pub fn new(
        log: Arc<dyn Log>,
        codec: Codec,
        prefix: &str,
        stage: StageFactory,
        config: WorkerConfig,
    ) -> Self {
        Self { role: Role::new(log, codec, prefix, stage, config), report: Report::default() }
    }

    /// Gives the stage's consumer group.
    pub fn group(&self) -> String {
        self.role.group()
    }

    /// Gives what tells how far the worker's tasks are, while it runs too.
    pub fn progress(&self) -> Progress {
        self.role.config.progress.clone()
    }

    /// Gives what the worker did so far, also after an error.
    pub fn report(&self) -> Report {
        self.report
    }

    /// Runs on the calling thread until it is stopped; then it finishes its transaction and leaves.
    ///
    /// # Errors
    /// Whatever [`WorkerError`] says; nothing uncommitted stays behind, and another run goes on
    /// from what is committed.
    pub fn run(&mut self, stop: &Stop) -> Result<Report, WorkerError> {
        self.report.fenced_in_a_row = 0;
        loop {
            let member = self.role.log.join(&self.role.membership());
            let member = member.map_err(|error| self.role.failed(error))?;
            match Session::new(&self.role, &mut self.report, member).run(stop)? {
                End::Stopped => return Ok(self.report),
                End::Fenced => self.fenced()?,
            }
            if stop.is_stopped() {
                return Ok(self.report);
            }
        }
    }

    fn fenced(&mut self) -> Result<(), WorkerError> {
        self.report.fenced += 1;
        self.report.fenced_in_a_row += 1;
        let (group, slot) = (self.role.group(), self.role.config.slot.clone());
        tracing::warn!(group, slot, "another member took over: joining again");
        if self.report.fenced_in_a_row >= FENCED_MAX {
            let times = self.report.fenced_in_a_row;
            return Err(WorkerError::Fenced { group, slot, times });
        }
        std::thread::sleep(REJOIN_PAUSE);
        Ok(())
    }
}
