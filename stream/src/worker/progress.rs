//! How far a stage is: shared by its workers, read by whoever waits for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use schemas::TopicSpec;

use super::Metrics;
use crate::{
    Log, LogError, Position,
    snapshot::{Reached, end_of, read_up_to},
};

/// How long [`caught_up`] waits for an open transaction before it answers "not yet".
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Asks workers to end: they finish their transaction first. Clones are one switch.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Makes a switch that is off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the end.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Tells whether the end was asked for.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How far each task of a stage is, and what was counted on the way. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    tasks: Arc<Mutex<BTreeMap<i32, TaskProgress>>>,
    metrics: Arc<Mutex<Metrics>>,
}

/// How far one task is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskProgress {
    /// What it does.
    pub phase: Phase,
    /// Records whose steps are committed, since the task was opened.
    pub records: u64,
    /// Records among them that went to the dead letters.
    pub dead: u64,
    /// Records that are read and not taken yet.
    pub buffered: usize,
    /// The next offsets of inputs as committed.
    pub committed: Vec<Position>,
    /// Whether steps are not committed or work may be pending.
    pub pending: bool,
}

/// What a task does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its tables: another worker has them, or the log does not answer yet.
    #[default]
    Opening,
    /// It reads its tables from the log.
    Restoring(Restoring),
    /// It takes records.
    Running,
    /// A step waits for something that is down.
    Waiting,
}

/// How far a restore is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restoring {
    /// Offsets read since it began.
    pub done: i64,
    /// Offsets to read.
    pub total: i64,
}

impl Progress {
    /// Gives every open task's progress by partition.
    pub fn tasks(&self) -> BTreeMap<i32, TaskProgress> {
        self.lock().clone()
    }

    /// Tells whether all of this many tasks run, with every step committed and no work pending.
    pub fn is_settled(&self, partitions: i32) -> bool {
        let tasks = self.lock();
        (0..partitions).all(|partition| {
            let task = tasks.get(&partition);
            task.is_some_and(|task| task.phase == Phase::Running && !task.pending)
        })
    }

    pub(super) fn update(&self, partition: i32, change: impl FnOnce(&mut TaskProgress)) {
        change(self.lock().entry(partition).or_default());
    }

    pub(super) fn close(&self, partition: i32) {
        let closed = self.lock().remove(&partition).unwrap_or_default();
        self.measure(|metrics| {
            let task = metrics.tasks.entry(partition).or_default();
            task.records += closed.records;
            task.dead += closed.dead;
            task.close();
        });
    }

    /// Gives everything that was counted and measured.
    pub fn metrics(&self) -> Metrics {
        let mut all = self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (partition, open) in &*self.lock() {
            let task = all.tasks.entry(*partition).or_default();
            task.records += open.records;
            task.dead += open.dead;
        }
        all
    }

    pub(super) fn measure(&self, change: impl FnOnce(&mut Metrics)) {
        change(&mut self.metrics.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i32, TaskProgress>> {
        // Each change is of one value, so the map is sound whatever a holder was doing.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether a stage has taken everything that its inputs hold, and worked off what is pending.
///
/// `progress` is that of all the stage's workers; without it (they run in other processes) pending
/// work can't be seen and only positions count.
///
/// # Errors
/// When the log can't be reached.
pub fn caught_up(
    log: &dyn Log,
    group: &str,
    inputs: &[&'static TopicSpec],
    progress: Option<&Progress>,
) -> Result<bool, LogError> {
    // In this order: a task says that it is pending before it commits, and that it no longer is
    // only after the commit. So positions at the end and "nothing pending" later is the truth.
    let committed = log.committed(group, inputs)?;
    let ends = log.ends(inputs)?;
    // What is left may be markers of transactions alone, which no group ever commits.
    let reached = read_up_to(log, &committed, &ends, LOOK_MAX, &mut |_| false)?;
    let settled = progress.is_none_or(|progress| progress.is_settled(log.partitions()));
    Ok(reached == Reached::End && settled)
}

/// Gives how many offsets a group is behind the ends of its inputs (markers of transactions count).
///
/// # Errors
/// When the log can't be reached.
pub fn lag(log: &dyn Log, group: &str, inputs: &[&'static TopicSpec]) -> Result<i64, LogError> {
    let committed = log.committed(group, inputs)?;
    let ends = log.ends(inputs)?;
    let behind = committed.iter().map(|position| end_of(&ends, position) - position.offset);
    Ok(behind.map(|offsets| offsets.max(0)).sum())
}
