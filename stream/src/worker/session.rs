//! One membership of the group: polls, restores, steps and commits until it ends.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Failpoint, Phase, Report, Stop, WorkerError, metrics,
    opening::Slot,
    role::{Role, of},
    spans,
    task::{Advance, Task},
};
use crate::{
    LogError, Member, Outcome, Polled, Position, Record,
    span::{FAILED, Traced},
    store::{Checked, Marks},
};

/// Longest wait of a poll: how soon a quiet worker notices that it shall stop.
const POLL_MAX: Duration = Duration::from_millis(100);

/// Longest time of steps between two polls.
const SLICE: Duration = Duration::from_millis(20);

/// Steps of one task before the next task gets its turn.
const TURN: usize = 64;

/// A pause after aborts that follow each other, so that they don't spin.
const ABORT_PAUSE: Duration = Duration::from_millis(50);

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As asked for.
    Stopped,
    /// Another member took over: join again.
    Fenced,
}

/// A member and the tasks of the partitions it has.
pub(super) struct Session {
    pub(super) role: Arc<Role>,
    pub(super) report: Report,
    pub(super) member: Box<dyn Member>,
    pub(super) slots: BTreeMap<i32, Slot>,
    /// When the running transaction began and how many records it holds.
    began: Option<Instant>,
    records: usize,
    /// Its span, from the first record that waits to be taken.
    transaction: Option<Traced>,
    checkpointed: Instant,
    looked: Option<Instant>,
    /// Tasks with commits since their changelogs' positions were recorded.
    unrecorded: Vec<i32>,
    /// Whether steps are likely to follow at once.
    pub(super) busy: bool,
}

impl Session {
    pub(super) fn new(role: Arc<Role>, report: Report, member: Box<dyn Member>) -> Self {
        let checkpointed = role.config.clock.now();
        Self {
            role,
            report,
            member,
            slots: BTreeMap::new(),
            began: None,
            records: 0,
            transaction: None,
            checkpointed,
            looked: None,
            unrecorded: Vec::new(),
            busy: false,
        }
    }

    /// Polls once and does what follows from it; says when the session is over.
    pub(super) fn pass(&mut self, stop: &Stop) -> Result<Option<End>, WorkerError> {
        let timeout = self.role.config.clock.wait(self.patience());
        let polled = match self.member.poll(timeout) {
            // Said once more to a worker that had no partitions to lose.
            Err(LogError::Fenced { .. }) => return Ok(Some(End::Fenced)),
            polled => polled.map_err(|error| self.role.failed(error))?,
        };
        let fenced = match polled {
            Polled::Records(records) => {
                self.buffer(records)?;
                false
            }
            Polled::Assigned(partitions) => {
                self.assign(&partitions);
                false
            }
            Polled::Revoked { partitions, lost } => self.revoke(&partitions, lost)?,
        };
        if fenced {
            return Ok(Some(End::Fenced));
        }
        if self.looked.is_none_or(|looked| self.since(looked) >= metrics::LOOK_EVERY) {
            self.looked = Some(self.now());
            self.look();
        }
        let stopping = stop.is_stopped();
        if !stopping {
            self.prepare()?;
            self.busy = self.slice_in_span()?;
        }
        if (stopping || self.is_due()) && self.commit(stopping)? == Outcome::Fenced {
            return Ok(Some(End::Fenced));
        }
        Ok(stopping.then_some(End::Stopped))
    }

    /// Says how long the next poll may wait.
    fn patience(&self) -> Duration {
        if self.busy {
            return Duration::ZERO;
        }
        let mut wait = POLL_MAX;
        if let Some(began) = self.began {
            wait = wait.min(self.role.config.limits.linger.saturating_sub(self.since(began)));
        }
        for slot in self.slots.values() {
            wait = match slot {
                Slot::Restoring { .. } => Duration::ZERO,
                Slot::Opening { at, .. } => wait.min(at.saturating_duration_since(self.now())),
                Slot::Running(task) => {
                    wait.min(task.sleeps(self.role.config.task_idle).unwrap_or(wait))
                }
            };
        }
        wait
    }

    /// Gives partitions up; true when the group had fenced the member already.
    fn revoke(&mut self, partitions: &[i32], lost: bool) -> Result<bool, WorkerError> {
        tracing::info!(
            stage = self.role.stage,
            slot = self.role.config.slot,
            ?partitions,
            lost,
            "partitions are taken away"
        );
        let outcome = if lost { Outcome::Committed } else { self.commit_without_reset(true)? };
        for partition in partitions {
            // The entry goes before the store is free, so that it can't hide that of the next
            // owner.
            self.role.config.progress.close(*partition);
            self.slots.remove(partition);
            self.unrecorded.retain(|other| other != partition);
        }
        if outcome == Outcome::Aborted {
            self.reset()?;
        }
        Ok(outcome == Outcome::Fenced)
    }

    fn buffer(&mut self, records: Vec<Record>) -> Result<(), WorkerError> {
        self.role.config.progress.read(&records);
        for record in records {
            if let Some(Slot::Running(task)) = self.slots.get_mut(&record.partition) {
                task.buffer(record);
            }
        }
        self.regulate()
    }

    fn regulate(&mut self) -> Result<(), WorkerError> {
        for slot in self.slots.values_mut() {
            if let Slot::Running(task) = slot {
                let done = task.regulate(&mut *self.member, &self.role.config);
                done.map_err(|error| self.role.failed(error))?;
            }
        }
        Ok(())
    }

    /// Lets tasks step within the span of the transaction, which begins when there is something to
    /// take.
    fn slice_in_span(&mut self) -> Result<bool, WorkerError> {
        if self.tasks().all(|task| task.buffered() == 0 && !task.is_dirty()) {
            self.transaction = None;
            return self.slice();
        }
        let role = &self.role;
        let traced = self.transaction.get_or_insert_with(|| spans::transaction(role));
        let span = traced.span().clone();
        let sliced = span.in_scope(|| self.slice());
        if sliced.is_err()
            && let Some(traced) = self.transaction.take()
        {
            traced.end(FAILED);
        }
        sliced
    }

    /// Lets tasks step until all are out of work, the transaction is full or the slice is over;
    /// true when there may be more to do at once.
    fn slice(&mut self) -> Result<bool, WorkerError> {
        let end = self.now() + SLICE;
        loop {
            let mut did = false;
            let running: Vec<i32> = self.slots.keys().copied().collect();
            for partition in running {
                did |= self.turn(partition)?;
                if self.is_full() {
                    return Ok(true);
                }
            }
            if !did || self.now() >= end {
                self.regulate()?;
                return Ok(did);
            }
        }
    }

    /// Gives one task its turn; true when it did something.
    fn turn(&mut self, partition: i32) -> Result<bool, WorkerError> {
        let others = self.tasks().filter(|task| task.partition() != partition);
        let bytes: usize = others.map(|task| task.pending.bytes()).sum();
        let Some(Slot::Running(task)) = self.slots.get_mut(&partition) else {
            return Ok(false);
        };
        let was_dirty = task.is_dirty();
        let limits = &self.role.config.limits;
        let mut did = 0;
        let mut damaged = false;
        while did < TURN
            && self.records < limits.records_max
            && bytes + task.pending.bytes() < limits.bytes_max
        {
            match task.advance(&*self.member, self.role.config.task_idle)? {
                Advance::Did { records } => {
                    self.records += records;
                    did += 1;
                }
                Advance::Nothing | Advance::Held => break,
                Advance::Damaged => {
                    damaged = true;
                    break;
                }
            }
        }
        if task.is_dirty() {
            self.began.get_or_insert_with(|| self.role.config.clock.now());
        }
        if did > 0 || task.is_waiting() || was_dirty != task.is_dirty() {
            publish(&self.role, task, |_| {});
        }
        if damaged {
            self.rebuild(partition)?;
        }
        Ok(did > 0)
    }

    fn is_full(&self) -> bool {
        let limits = &self.role.config.limits;
        let bytes: usize = self.tasks().map(|task| task.pending.bytes()).sum();
        let linger = self.began.is_some_and(|began| self.since(began) >= limits.linger);
        self.records >= limits.records_max || bytes >= limits.bytes_max || linger
    }

    /// Tells whether to commit now: the transaction is full, or nothing more is known to be there.
    fn is_due(&self) -> bool {
        let config = &self.role.config;
        let late = self.since(self.checkpointed) >= config.checkpoint_interval;
        if self.began.is_none() {
            return late && !self.unrecorded.is_empty();
        }
        let more = self.busy || self.tasks().any(|task| task.expects_more(&*self.member));
        self.is_full() || !more
    }

    fn commit(&mut self, checkpoint: bool) -> Result<Outcome, WorkerError> {
        let outcome = self.commit_without_reset(checkpoint)?;
        if outcome == Outcome::Aborted {
            self.reset()?;
        }
        Ok(outcome)
    }

    /// Commits what all tasks did; with a checkpoint, where their changelogs stood before, too.
    fn commit_without_reset(&mut self, checkpoint: bool) -> Result<Outcome, WorkerError> {
        let config = &self.role.config;
        let late = self.since(self.checkpointed) >= config.checkpoint_interval;
        let checkpoint = (checkpoint || late) && !self.unrecorded.is_empty();
        let mut batch = Batch::default();
        for (partition, slot) in &mut self.slots {
            let Slot::Running(task) = slot else { continue };
            if task.is_dirty() || (checkpoint && self.unrecorded.contains(partition)) {
                batch.tasks.push((*partition, task.is_dirty()));
                batch.positions.extend(task.positions());
                batch.outputs.append(&mut task.records()?);
            }
        }
        if batch.tasks.is_empty() {
            return Ok(Outcome::Committed);
        }
        let role = &self.role;
        let traced = self.transaction.take().unwrap_or_else(|| spans::transaction(role));
        spans::holds(&traced, self.records, batch.tasks.len(), batch.outputs.len());
        let committed = traced.span().in_scope(|| self.transact(batch, checkpoint));
        traced.end(spans::outcome(&committed));
        committed
    }

    fn transact(&mut self, mut batch: Batch, checkpoint: bool) -> Result<Outcome, WorkerError> {
        if checkpoint {
            // Taken before the commit: when that succeeds, nobody else has written in between, and
            // all that is below these ends is in the stores.
            batch.ends = Some(self.role.changelog_ends()?);
        }
        if self.role.config.dies_at(Failpoint::BeforeCommit) {
            return Err(WorkerError::Died(Failpoint::BeforeCommit));
        }
        let outputs = std::mem::take(&mut batch.outputs);
        let outcome = self.member.commit(outputs, &batch.positions);
        let outcome = outcome.map_err(|error| self.role.failed(error))?;
        let took = self.began.map_or(Duration::ZERO, |began| self.since(began));
        self.count(outcome, took, &batch.tasks);
        (self.began, self.records) = (None, 0);
        match outcome {
            Outcome::Committed => self.apply(&batch)?,
            Outcome::Aborted => {
                self.report.aborts += 1;
                tracing::warn!(stage = self.role.stage, "a transaction was aborted");
            }
            Outcome::Fenced => {}
        }
        Ok(outcome)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), WorkerError> {
        let config = &self.role.config;
        self.report.commits += 1;
        self.report.fenced_in_a_row = 0;
        if config.dies_at(Failpoint::AfterCommit) {
            return Err(WorkerError::Died(Failpoint::AfterCommit));
        }
        for (index, &(partition, wrote)) in batch.tasks.iter().enumerate() {
            if index > 0 && config.dies_at(Failpoint::BetweenStores) {
                return Err(WorkerError::Died(Failpoint::BetweenStores));
            }
            let Some(Slot::Running(task)) = self.slots.get_mut(&partition) else {
                continue;
            };
            let inputs = of(partition, batch.positions.clone());
            let ends = batch.ends.clone().map(|ends| of(partition, ends));
            let marks = Marks {
                inputs: &inputs,
                changelogs: ends.as_deref().unwrap_or_default(),
                checked: ends.as_ref().map(|_| Checked {
                    clock_ms: config.clock.unix_ms(),
                    record_ms: task.committed_ms(),
                }),
            };
            let applied = task.store.apply(task.pending.rows(), &marks);
            applied.map_err(|error| self.role.failed(error))?;
            let taken = task.committed();
            self.report.records += taken.records;
            self.report.dead += taken.dead;
            publish(&self.role, task, |progress| {
                progress.records += taken.records;
                progress.dead += taken.dead;
                merge(&mut progress.committed, &inputs);
            });
            self.unrecorded.retain(|other| *other != partition);
            if wrote {
                self.unrecorded.push(partition);
            }
        }
        if batch.ends.is_some() {
            self.checkpointed = self.now();
        }
        Ok(())
    }

    /// Drops what is not committed and reads again from the committed positions.
    fn reset(&mut self) -> Result<(), WorkerError> {
        self.role.config.clock.sleep(ABORT_PAUSE);
        let running = self.tasks().map(Task::partition).collect::<Vec<_>>();
        if running.is_empty() {
            return Ok(());
        }
        let positions = self.member.resume(&running);
        let positions = positions.map_err(|error| self.role.failed(error))?;
        (self.began, self.records) = (None, 0);
        for slot in self.slots.values_mut() {
            if let Slot::Running(task) = slot {
                task.reset(&positions);
                publish(&self.role, task, |_| {});
            }
        }
        self.busy = true;
        Ok(())
    }

    pub(super) fn now(&self) -> Instant {
        self.role.config.clock.now()
    }

    fn since(&self, then: Instant) -> Duration {
        self.now().saturating_duration_since(then)
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.slots.values().filter_map(|slot| match slot {
            Slot::Running(task) => Some(&**task),
            _ => None,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for partition in self.slots.keys() {
            self.role.config.progress.close(*partition);
        }
    }
}

/// What one transaction commits.
#[derive(Default)]
struct Batch {
    outputs: Vec<crate::Outgoing>,
    positions: Vec<Position>,
    /// Partitions, and whether they have anything but their position to commit.
    tasks: Vec<(i32, bool)>,
    /// With a checkpoint: the ends of the tables' topics before it.
    ends: Option<Vec<Position>>,
}

pub(super) fn publish(role: &Role, task: &Task, change: impl FnOnce(&mut super::TaskProgress)) {
    role.config.progress.update(task.partition(), |progress| {
        progress.phase = if task.is_waiting() { Phase::Waiting } else { Phase::Running };
        progress.pending = task.is_pending();
        progress.buffered = task.buffered();
        change(progress);
    });
}

fn merge(known: &mut Vec<Position>, news: &[Position]) {
    for position in news {
        known.retain(|other| other.topic.name != position.topic.name);
        known.push(*position);
    }
}
