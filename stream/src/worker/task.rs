//! A running task: one partition of every input, its stage and tables, and what is not committed.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use schemas::Cause;

use super::{
    Clock, WorkerError, config::WorkerConfig, deadletter::dead_letter, input::Input, role::Role,
};
use crate::{
    LogError, Member, Outgoing, Position, Record, Stage, StepError, View,
    cache::RowCache,
    pending::Pending,
    store::TaskStore,
    view::{Committed, TaskContext},
};

/// One running task.
pub(super) struct Task {
    pub(super) store: TaskStore,
    pub(super) pending: Pending,
    cache: RefCell<RowCache>,
    pub(super) inputs: Vec<Input>,
    context: TaskContext,
    stage: Box<dyn Stage>,
    /// Whether work may be pending: asked after each record, and until the stage says no.
    asks_work: bool,
    /// Since when an input that has more to come holds the others up.
    idle_since: Option<Instant>,
    hold: Option<Hold>,
    retry: (Duration, Duration),
    clock: Clock,
    /// Since the last commit: records taken, those that went to the dead letters.
    taken: u64,
    dead: u64,
    /// The newest record taken: with and without the running transaction.
    newest_ms: i64,
    committed_ms: i64,
}

/// A step that has to wait.
struct Hold {
    until: Instant,
    pause: Duration,
}

/// What a task did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// There was nothing to do now.
    Nothing,
    /// It took a record, or did a piece of work.
    Did { records: usize },
    /// A step waits.
    Held,
    /// The store can't be read: it must be rebuilt.
    Damaged,
}

/// What a transaction held of a task.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) records: u64,
    pub(super) dead: u64,
}

impl Task {
    pub(super) fn new(role: &Role, partition: i32, store: TaskStore, record_ms: i64) -> Self {
        let inputs = role.inputs.iter();
        Self {
            store,
            pending: Pending::default(),
            cache: RefCell::new(RowCache::new(role.config.row_cache_bytes)),
            inputs: inputs.map(|topic| Input::new(topic, partition)).collect(),
            context: role.context(partition),
            stage: (role.factory)(),
            asks_work: true,
            idle_since: None,
            hold: None,
            retry: role.config.retry,
            clock: role.config.clock.clone(),
            taken: 0,
            dead: 0,
            newest_ms: record_ms,
            committed_ms: record_ms,
        }
    }

    pub(super) fn partition(&self) -> i32 {
        self.context.partition
    }

    /// Drops everything that is not committed and begins again at these positions.
    pub(super) fn reset(&mut self, positions: &[Position]) {
        for input in &mut self.inputs {
            let found = positions.iter().find(|position| {
                position.topic.name == input.topic.name
                    && position.partition == self.context.partition
            });
            input.reset(found.map_or(0, |position| position.offset));
        }
        self.pending = Pending::default();
        self.asks_work = true;
        self.idle_since = None;
        self.hold = None;
        self.newest_ms = self.committed_ms;
        (self.taken, self.dead) = (0, 0);
    }

    pub(super) fn buffer(&mut self, record: Record) {
        let mut inputs = self.inputs.iter_mut();
        if let Some(input) = inputs.find(|input| input.topic.name == record.topic.name) {
            input.push(record);
        }
    }

    /// Stops and restarts the flow of inputs by how full their buffers are.
    pub(super) fn regulate(
        &mut self,
        member: &mut dyn Member,
        config: &WorkerConfig,
    ) -> Result<(), crate::LogError> {
        let partition = self.partition();
        for input in &mut self.inputs {
            let flow = input.flow(config.buffer_records_max, config.buffer_bytes_max);
            if let Some(paused) = flow {
                member.pause(input.topic, partition, paused)?;
            }
        }
        Ok(())
    }

    /// Does a piece of pending work, or takes the record with the smallest timestamp.
    pub(super) fn advance(
        &mut self,
        member: &dyn Member,
        task_idle: Duration,
    ) -> Result<Advance, WorkerError> {
        if self.is_held() {
            return Ok(Advance::Nothing);
        }
        // Work is finished before the next record, so that tables are as if each step were one.
        if self.asks_work {
            return self.work(0);
        }
        match self.next_input(member, task_idle) {
            Some(index) => self.take(index),
            None => Ok(Advance::Nothing),
        }
    }

    /// Tells whether records that are known to be there are not read yet.
    pub(super) fn expects_more(&self, member: &dyn Member) -> bool {
        let partition = self.partition();
        let mut inputs = self.inputs.iter();
        !self.is_held()
            && inputs.any(|input| input.len() == 0 && !member.at_end(input.topic, partition))
    }

    /// Tells whether the running transaction holds anything of this task.
    pub(super) fn is_dirty(&self) -> bool {
        self.taken > 0 || !self.pending.is_empty()
    }

    /// Tells whether anything is not committed or pending.
    pub(super) fn is_pending(&self) -> bool {
        self.is_dirty() || self.asks_work
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| self.clock.now() < hold.until)
    }

    /// Tells whether a step waited at its last attempt.
    pub(super) fn is_waiting(&self) -> bool {
        self.hold.is_some()
    }

    /// Gives how long this task wants nothing but time: none when it does not wait for time.
    pub(super) fn sleeps(&self, task_idle: Duration) -> Option<Duration> {
        let now = self.clock.now();
        if let Some(hold) = &self.hold {
            return Some(hold.until.saturating_duration_since(now));
        }
        let since = self.idle_since.filter(|_| self.buffered() > 0)?;
        Some((since + task_idle).saturating_duration_since(now))
    }

    pub(super) fn buffered(&self) -> usize {
        self.inputs.iter().map(Input::len).sum()
    }

    /// Gives the positions to commit: at least one, so that the group can refuse a zombie whatever
    /// the transaction holds.
    pub(super) fn positions(&self) -> Vec<Position> {
        let moved = self.inputs.iter().filter(|input| input.has_moved());
        let mut positions: Vec<Position> = moved.map(Input::position).collect();
        if positions.is_empty() {
            positions.extend(self.inputs.first().map(Input::position));
        }
        positions
    }

    /// Gives the time of the newest record whose step is committed.
    pub(super) fn committed_ms(&self) -> i64 {
        self.committed_ms
    }

    /// Gives what the transaction appends for this task: its part of outputs and table rows.
    pub(super) fn records(&mut self) -> Result<Vec<Outgoing>, WorkerError> {
        if let Some((topic, other)) = self.pending.foreign(self.context.partition) {
            // No other task than this could restore it.
            let (stage, partition) = (self.context.stage, self.context.partition);
            return Err(WorkerError::ForeignRow { stage, partition, topic, other });
        }
        let records = self.pending.take_records(&self.store, &self.context);
        records.map_err(|error| WorkerError::Log {
            stage: self.context.stage,
            source: LogError::Store { attempted: "preparing a commit", source: Box::new(error) },
        })
    }

    /// Begins a new transaction after the last one was committed.
    pub(super) fn committed(&mut self) -> Taken {
        self.cache.get_mut().follow(std::mem::take(&mut self.pending));
        self.inputs.iter_mut().for_each(Input::committed);
        self.committed_ms = self.newest_ms;
        Taken { records: std::mem::take(&mut self.taken), dead: std::mem::take(&mut self.dead) }
    }

    /// Chooses the input with the smallest timestamp at its head; ties go to the earlier input.
    ///
    /// None while an input that has more to come is empty, for a time.
    fn next_input(&mut self, member: &dyn Member, task_idle: Duration) -> Option<usize> {
        let heads = self.inputs.iter().enumerate();
        let heads = heads.filter_map(|(index, input)| Some((input.head()?.timestamp_ms, index)));
        let Some((_, index)) = heads.min() else {
            self.idle_since = None;
            return None;
        };
        let partition = self.partition();
        let mut inputs = self.inputs.iter();
        let missing =
            inputs.any(|input| input.len() == 0 && !member.at_end(input.topic, partition));
        if !missing {
            self.idle_since = None;
            return Some(index);
        }
        let now = self.clock.now();
        let since = *self.idle_since.get_or_insert(now);
        (now.saturating_duration_since(since) >= task_idle).then_some(index)
    }

    fn take(&mut self, index: usize) -> Result<Advance, WorkerError> {
        let Some(record) = self.inputs[index].pop() else {
            return Ok(Advance::Nothing);
        };
        match self.step(&record) {
            Ok(Ok(())) => {}
            Ok(Err(StepError::Poison { reason })) => self.bury(&record, &reason),
            Ok(Err(StepError::Wait(source))) => {
                self.inputs[index].put_back(record);
                return Ok(self.wait(&*source));
            }
            Err(panic) => {
                return Err(WorkerError::StepPanicked {
                    stage: self.context.stage,
                    topic: record.topic.name,
                    partition: record.partition,
                    offset: record.offset,
                    message: said(&*panic),
                });
            }
        }
        self.hold = None;
        self.pending.count(record.value.as_ref().map_or(0, Vec::len));
        self.inputs[index].took(record.offset);
        self.taken += 1;
        self.newest_ms = self.newest_ms.max(record.timestamp_ms);
        self.work(1)
    }

    fn step(&mut self, record: &Record) -> Result<Result<(), StepError>, Box<dyn Any + Send>> {
        let committed = Committed { store: &self.store, cache: &self.cache };
        let (context, stage, pending) = (&self.context, &mut self.stage, &mut self.pending);
        // After a panic the task is dropped with all that it held: nobody sees it half changed.
        catch_unwind(AssertUnwindSafe(|| {
            let mut view = View::for_record(committed, context, pending, record);
            stage.step(&mut view, record)?;
            view.accept();
            Ok(())
        }))
    }

    /// Does one piece of pending work after this many records.
    fn work(&mut self, records: usize) -> Result<Advance, WorkerError> {
        let cause =
            Cause { topic: "work".to_owned(), partition: self.context.partition, offset: 0 };
        // A stage acts for the record that asked for the work; this is for one that does not.
        let at_ms = self.newest_ms.max(0);
        let committed = Committed { store: &self.store, cache: &self.cache };
        let (context, stage, pending) = (&self.context, &mut self.stage, &mut self.pending);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let mut view = View::new(committed, context, pending, cause, at_ms);
            let more = stage.work(&mut view)?;
            view.accept();
            Ok(more)
        }));
        match done {
            Ok(Ok(more)) => {
                self.hold = None;
                self.asks_work = more;
                Ok(Advance::Did { records })
            }
            Ok(Err(StepError::Wait(source))) => {
                self.asks_work = true;
                Ok(match self.wait(&*source) {
                    // The record before it is done all the same.
                    Advance::Held if records > 0 => Advance::Did { records },
                    held => held,
                })
            }
            Ok(Err(StepError::Poison { reason })) => Err(self.work_failed(reason)),
            Err(panic) => Err(self.work_failed(said(&*panic))),
        }
    }

    fn work_failed(&self, message: String) -> WorkerError {
        WorkerError::Work { stage: self.context.stage, partition: self.context.partition, message }
    }

    fn wait(&mut self, source: &dyn std::error::Error) -> Advance {
        if self.store.is_damaged() {
            return Advance::Damaged;
        }
        let (first, longest) = self.retry;
        let pause = self.hold.as_ref().map_or(first, |hold| (hold.pause * 2).min(longest));
        tracing::warn!(stage = self.context.stage, partition = self.context.partition,
            error = %StepError::poison(source), pause_ms = pause.as_millis(), "a step waits");
        self.hold = Some(Hold { until: self.clock.now() + pause, pause });
        Advance::Held
    }

    fn bury(&mut self, record: &Record, reason: &str) {
        tracing::warn!(
            stage = self.context.stage,
            topic = record.topic.name,
            partition = record.partition,
            offset = record.offset,
            reason,
            "a record goes to the dead letters"
        );
        self.pending.append(dead_letter(record, self.context.stage, reason));
        self.dead += 1;
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
