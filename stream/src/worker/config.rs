//! A worker's settings: who it is, where its tables lie, and the limits of its loop.

use std::{fmt, sync::Arc, time::Duration};

use super::{Clock, Progress, progress::Restoring};
use crate::{Stage, store::Stores};

/// Makes the stage's instance for one task.
pub type StageFactory = Arc<dyn Fn() -> Box<dyn Stage> + Send + Sync>;

/// Hears of a restore that gets on: the stage's partition and how far it is.
pub type OnRestore = Arc<dyn Fn(i32, Restoring) + Send + Sync>;

/// Says whether the worker dies at a point; tests use it.
pub type Hook = Arc<dyn Fn(Failpoint) -> bool + Send + Sync>;

/// A worker's settings.
#[derive(Clone)]
pub struct WorkerConfig {
    /// What the consumer group's name begins with, before the stage's name; empty for nothing. A
    /// log that other applications share adds its own prefix.
    pub group_prefix: String,
    /// The worker's stable name: the same after a restart, unique among the stage's live workers.
    pub slot: String,
    /// Where tasks keep their tables; workers of one process share it.
    pub stores: Stores,
    /// When a transaction ends.
    pub limits: Limits,
    /// How long a task waits for an input that has more to come, before it goes on without, so that
    /// the record with the smallest timestamp is next.
    pub task_idle: Duration,
    /// Records of one input partition that are held before its flow stops, and at most their bytes.
    pub buffer_records_max: usize,
    /// The same in bytes of keys and values.
    pub buffer_bytes_max: usize,
    /// Memory for rows that a task read or wrote lately, in bytes, about.
    pub row_cache_bytes: usize,
    /// Rows that a restore hands to a task's store at once, in bytes of keys and values.
    pub restore_bytes_max: usize,
    /// How often the positions of table topics are recorded: what a start may have to read again.
    pub checkpoint_interval: Duration,
    /// Age from which tables on disk are not trusted: tombstones may be gone from the log. Must be
    /// below the log's retention of tombstones (7 days).
    pub store_age_max: Duration,
    /// The first and the longest pause before a step that had to wait is tried again.
    pub retry: (Duration, Duration),
    /// Where the worker tells how far it is; workers of one stage may share it.
    pub progress: Progress,
    /// Hears of restores.
    pub on_restore: Option<OnRestore>,
    /// Where the worker dies; for tests.
    pub hook: Option<Hook>,
    /// What the worker's waits and ages are measured by.
    pub clock: Clock,
}

/// When a transaction ends besides at the end of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records taken.
    pub records_max: usize,
    /// Bytes of keys and values to append.
    pub bytes_max: usize,
    /// Time since its first record.
    pub linger: Duration,
}

/// A point at which a test lets a worker die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A transaction is about to be committed.
    BeforeCommit,
    /// It is committed, but no store knows.
    AfterCommit,
    /// Some of its tasks' stores know: between one and the next.
    BetweenStores,
    /// Rows were restored, but not all.
    WhileRestoring,
}

impl Default for Limits {
    fn default() -> Self {
        Self { records_max: 5_000, bytes_max: 8 * 1024 * 1024, linger: Duration::from_millis(100) }
    }
}

impl WorkerConfig {
    /// Gives the usual settings for a worker of this name.
    pub fn new(slot: impl Into<String>, stores: Stores) -> Self {
        Self {
            group_prefix: String::new(),
            slot: slot.into(),
            stores,
            limits: Limits::default(),
            task_idle: Duration::from_millis(50),
            buffer_records_max: 5_000,
            buffer_bytes_max: 8 * 1024 * 1024,
            row_cache_bytes: 8 * 1024 * 1024,
            restore_bytes_max: 16 * 1024 * 1024,
            checkpoint_interval: Duration::from_secs(10),
            store_age_max: Duration::from_secs(6 * 24 * 3600),
            retry: (Duration::from_millis(100), Duration::from_secs(5)),
            progress: Progress::default(),
            on_restore: None,
            hook: None,
            clock: Clock::default(),
        }
    }

    /// Gives the consumer group of a stage.
    pub fn group(&self, stage: &str) -> String {
        match self.group_prefix.as_str() {
            "" => stage.to_owned(),
            prefix => format!("{prefix}.{stage}"),
        }
    }

    /// Asks the hook whether to die here.
    pub(super) fn dies_at(&self, point: Failpoint) -> bool {
        self.hook.as_ref().is_some_and(|hook| hook(point))
    }
}

impl fmt::Debug for WorkerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerConfig")
            .field("group_prefix", &self.group_prefix)
            .field("slot", &self.slot)
            .field("stores", &self.stores.path())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
