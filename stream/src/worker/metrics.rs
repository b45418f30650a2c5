//! What a stage's tasks and workers count and measure: pure data, for whoever shows it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use schemas::topic::TICK;

use super::{opening::Slot, progress::Progress, session::Session, task::Task};
use crate::{AbortReason, Member, Outcome, Record};

/// How often a worker looks at its tasks.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Upper bounds of a transaction's duration, in seconds; what is longer counts in none.
pub const DURATION_BOUNDS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Milliseconds from one tick to the next.
const TICK_MS: i64 = 60_000;

/// Everything that a stage's tasks and workers in this process counted since it began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// By partition, those that went to others since included.
    pub tasks: BTreeMap<i32, TaskMetrics>,
    /// By slot.
    pub workers: BTreeMap<String, WorkerMetrics>,
}

/// What one task counted, over all its openings, and how it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskMetrics {
    /// Records whose steps are committed.
    pub records: u64,
    /// Records among them that went to the dead letters.
    pub dead: u64,
    /// Committed transactions that held anything of it.
    pub transactions: u64,
    /// Restores that were finished.
    pub restores: u64,
    /// Rows that they read.
    pub restored_rows: u64,
    /// How long they took together.
    pub restore_time: Duration,
    /// Bytes of the running transaction when it was last looked at.
    pub dirty_bytes: usize,
    /// Inputs by topic, when they were last looked at: below these offsets nothing is left to take.
    pub taken: BTreeMap<&'static str, i64>,
    /// The newest tick that it has taken, in UTC milliseconds; none before the first.
    pub tick_ms: Option<i64>,
    /// The newest tick that was read.
    read_tick_ms: Option<i64>,
    restoring_since: Option<Instant>,
}

/// What one worker counted, over all its memberships.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerMetrics {
    /// Durations of committed transactions, from their first record on.
    pub commits: Durations,
    /// Aborted transactions by reason.
    pub aborts: BTreeMap<AbortReason, u64>,
    /// How often another member took over.
    pub fencings: u64,
    /// Producers of earlier memberships, and of this one.
    producers: [u64; 2],
}

/// A histogram of durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// How many lie below each of [`DURATION_BOUNDS`] and not below the one before it.
    pub counts: [u64; DURATION_BOUNDS.len()],
    /// How many there are.
    pub count: u64,
    /// How long they are together.
    pub sum: Duration,
}

impl Metrics {
    fn task(&mut self, partition: i32) -> &mut TaskMetrics {
        self.tasks.entry(partition).or_default()
    }

    fn worker(&mut self, slot: &str) -> &mut WorkerMetrics {
        if !self.workers.contains_key(slot) {
            self.workers.insert(slot.to_owned(), WorkerMetrics::default());
        }
        self.workers.get_mut(slot).expect("it was just put there")
    }
}

impl TaskMetrics {
    /// Keeps what was counted, and forgets how the task stood.
    pub(super) fn close(&mut self) {
        self.dirty_bytes = 0;
        self.taken.clear();
        self.tick_ms = None;
        self.read_tick_ms = None;
        self.restoring_since = None;
    }

    fn look(&mut self, task: &Task, member: &dyn Member) {
        self.dirty_bytes = task.pending.bytes();
        for input in &task.inputs {
            let name = input.topic.name;
            let mut next = input.position().offset;
            if input.len() == 0 && !task.is_dirty() {
                // What was read behind the last record are markers and gaps.
                next = next.max(member.position(input.topic, task.partition()).unwrap_or(0));
            }
            self.taken.insert(name, next);
            if name == TICK.spec.name {
                let before = input.head().map(|tick| tick.timestamp_ms - TICK_MS);
                self.tick_ms = self.read_tick_ms.map(|read| before.unwrap_or(read));
            }
        }
    }
}

impl WorkerMetrics {
    /// Gives how many producers the worker started: one for each membership, and one each time that
    /// another was no longer to be trusted. Each bumps the epoch of the slot's transactional id.
    pub fn producers(&self) -> u64 {
        self.producers.iter().sum()
    }
}

impl Durations {
    /// Counts one more.
    pub fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        if let Some(at) = DURATION_BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.counts[at] += 1;
        }
        self.count += 1;
        self.sum += duration;
    }
}

impl Progress {
    /// A worker joins its group, with a producer of its own.
    pub(super) fn joins(&self, slot: &str) {
        self.measure(|metrics| {
            let [before, last] = &mut metrics.worker(slot).producers;
            *before += std::mem::take(last);
        });
    }

    /// Another member took a worker's place.
    pub(super) fn fenced(&self, slot: &str) {
        self.measure(|metrics| metrics.worker(slot).fencings += 1);
    }

    /// A task begins to read its tables; again, if it had begun before.
    pub(super) fn restores(&self, partition: i32, now: Instant) {
        self.measure(|metrics| {
            metrics.task(partition).restoring_since.get_or_insert(now);
        });
    }

    /// A task has read its tables.
    pub(super) fn restored(&self, partition: i32, now: Instant, rows: u64) {
        self.measure(|metrics| {
            let task = metrics.task(partition);
            let since = task.restoring_since.take().unwrap_or(now);
            task.restores += 1;
            task.restored_rows += rows;
            task.restore_time += now.saturating_duration_since(since);
        });
    }

    /// Records were read.
    pub(super) fn read(&self, records: &[Record]) {
        let mut ticks = records.iter().filter(|record| record.topic.name == TICK.spec.name);
        let Some(first) = ticks.next() else { return };
        self.measure(|metrics| {
            for tick in std::iter::once(first).chain(ticks) {
                let newest = &mut metrics.task(tick.partition).read_tick_ms;
                *newest = (*newest).max(Some(tick.timestamp_ms));
            }
        });
    }
}

impl Session {
    /// Counts a transaction that has ended.
    pub(super) fn count(&self, outcome: Outcome, took: Duration, tasks: &[(i32, bool)]) {
        let config = &self.role.config;
        config.progress.measure(|metrics| match outcome {
            Outcome::Committed => {
                metrics.worker(&config.slot).commits.add(took);
                for (partition, _) in tasks {
                    metrics.task(*partition).transactions += 1;
                }
            }
            Outcome::Aborted => {
                let aborts = &mut metrics.worker(&config.slot).aborts;
                *aborts.entry(self.member.aborted_by()).or_default() += 1;
            }
            Outcome::Fenced => {}
        });
    }

    /// Looks at how the tasks stand.
    pub(super) fn look(&self) {
        let config = &self.role.config;
        config.progress.measure(|metrics| {
            metrics.worker(&config.slot).producers[1] = self.member.producers();
            for slot in self.slots.values() {
                if let Slot::Running(task) = slot {
                    metrics.task(task.partition()).look(task, &*self.member);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_below_its_bound() {
        let mut durations = Durations::default();
        for ms in [5, 6, 40, 29_999, 31_000] {
            durations.add(Duration::from_millis(ms));
        }
        assert_eq!(durations.counts, [1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((durations.count, durations.sum.as_millis()), (5, 61_050));
    }

    #[test]
    fn producers_of_earlier_memberships_are_kept() {
        let progress = Progress::default();
        for producers in [1, 3, 2] {
            progress.joins("slot");
            progress.measure(|metrics| metrics.worker("slot").producers[1] = producers);
        }
        assert_eq!(progress.metrics().workers["slot"].producers(), 6);
    }

    #[test]
    fn what_a_task_counted_outlives_it_and_how_it_stood_does_not() {
        let progress = Progress::default();
        let start = Instant::now();
        for rows in [7, 5] {
            progress.restores(2, start);
            progress.restores(2, start + Duration::from_secs(1));
            progress.restored(2, start + Duration::from_secs(3), rows);
            progress.update(2, |task| (task.records, task.dead) = (10, 1));
            progress.measure(|metrics| metrics.task(2).dirty_bytes = 99);
            progress.close(2);
        }
        progress.update(2, |task| task.records = 4);
        let task = progress.metrics().tasks.remove(&2).expect("the task");
        assert_eq!((task.records, task.dead, task.dirty_bytes), (24, 2, 0));
        assert_eq!((task.restores, task.restored_rows), (2, 12));
        assert_eq!(task.restore_time, Duration::from_secs(6));
    }
}
