//! The worker: one thread, one membership of a stage's group, the tasks of the partitions it is
//! given.
//!
//! It polls its member, lets each task take the record with the smallest timestamp among its
//! inputs, and commits outputs, table changes and input positions of all its tasks in one
//! transaction; then the tasks' stores take the same changes. Before a task runs, its tables are
//! rolled forward from their topics. **Invariant**: a store holds nothing that is not committed;
//! what it lacks is in the log.

mod clock;
mod config;
mod deadletter;
mod error;
mod input;
mod metrics;
mod opening;
mod progress;
mod restore;
mod role;
mod session;
mod spans;
mod task;

use std::{sync::Arc, time::Duration};

use schemas::Codec;

pub use clock::Clock;
pub use config::{Failpoint, Hook, Limits, OnRestore, StageFactory, WorkerConfig};
pub use deadletter::{
    DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, DLQ_TIME, DLQ_TOPIC, DLQ_VALUE_BYTES,
    dead_letter,
};
pub use error::WorkerError;
pub use metrics::{DURATION_BOUNDS, Durations, Metrics, TaskMetrics, WorkerMetrics};
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
    role: Arc<Role>,
    report: Report,
    session: Option<Session>,
}

/// What a turn left of a worker's membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is a member still.
    On,
    /// Another member took over; the next turn joins again.
    Fenced,
    /// It was asked to stop, finished its transaction and left.
    Stopped,
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
        let role = Arc::new(Role::new(log, codec, prefix, stage, config));
        Self { role, report: Report::default(), session: None }
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
            match self.turn(stop)? {
                Turn::On => {}
                Turn::Fenced if !stop.is_stopped() => {}
                Turn::Fenced | Turn::Stopped => return Ok(self.report),
            }
        }
    }

    /// Takes one turn of [`Worker::run`]: joins if it is no member, polls once, brings its tasks
    /// further and commits what is due. Who schedules workers one by one drives them so; a worker
    /// that is dropped between two turns leaves nothing but what it committed.
    ///
    /// # Errors
    /// As [`Worker::run`]; the next turn joins anew.
    pub fn turn(&mut self, stop: &Stop) -> Result<Turn, WorkerError> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.join()?,
        };
        let turned = session.pass(stop);
        self.report = session.report;
        match turned? {
            None => {
                self.session = Some(session);
                Ok(Turn::On)
            }
            Some(End::Stopped) => Ok(Turn::Stopped),
            Some(End::Fenced) => {
                // It leaves before it waits.
                drop(session);
                self.fenced()?;
                Ok(Turn::Fenced)
            }
        }
    }

    fn join(&self) -> Result<Session, WorkerError> {
        let member = self.role.log.join(&self.role.membership());
        let member = member.map_err(|error| self.role.failed(error))?;
        self.role.config.progress.joins(&self.role.config.slot);
        Ok(Session::new(self.role.clone(), self.report, member))
    }

    fn fenced(&mut self) -> Result<(), WorkerError> {
        self.report.fenced += 1;
        self.role.config.progress.fenced(&self.role.config.slot);
        self.report.fenced_in_a_row += 1;
        let (group, slot) = (self.role.group(), self.role.config.slot.clone());
        tracing::warn!(group, slot, "another member took over: joining again");
        if self.report.fenced_in_a_row >= FENCED_MAX {
            let times = self.report.fenced_in_a_row;
            return Err(WorkerError::Fenced { group, slot, times });
        }
        self.role.config.clock.sleep(REJOIN_PAUSE);
        Ok(())
    }
}
