//! What is done with a batch: encoded, delivered, counted, and only then committed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use schemas::TopicSpec;
use stream::worker::dead_letter;
use stream::{LogError, Noted, Outcome, Outgoing, Polled, Position, Record, snapshot};

use super::{Session, Tries, of_position};
use crate::FrameError;
use crate::backlog::{PARTS_MAX, Place, place};
use crate::ledger::{Closed, Ledger, Unsettled};
use crate::target::{Delivery, Encoded, Entry, Failure, Part, Pin, Target};

/// Longest wait of a poll while the target delivers: how late it may be noticed that it is done.
const READ_AHEAD_POLL: Duration = Duration::from_millis(2);

/// Records that are taken together.
pub(super) struct Batch {
    records: Vec<Record>,
    /// How far the inputs are taken when they are.
    positions: Vec<Position>,
    /// Which ones they are, where the target has to know.
    parts: Vec<Part>,
}

impl<T: Target> Session<'_, T> {
    /// Cuts the next batch; none when what is there must be read further first.
    pub(super) fn cut(&mut self) -> Option<Batch> {
        let batch = if self.frame.role.pinned {
            self.cut_pinned()
        } else {
            let records = self.backlog.cut();
            Some(Batch { records, positions: self.positions(), parts: Vec::new() })
        };
        if self.backlog.is_empty() {
            self.since = None;
        }
        batch
    }

    fn cut_pinned(&mut self) -> Option<Batch> {
        // Where a batch was may hold nothing any more: there is nothing to repeat.
        let firsts = self.backlog.firsts();
        self.pins.retain(|place, to| firsts.get(place).is_none_or(|first| first < to));
        let (mut records, mut parts) = (Vec::new(), Vec::<Part>::new());
        while parts.len() < PARTS_MAX
            && let Some((part, pin)) = self.cut_part(&parts)
        {
            let begin = records.len();
            records.extend(part);
            parts.push(Part { pin, records: begin..records.len() });
        }
        let end = |part: &Part| {
            let Pin { topic, partition, to, .. } = part.pin;
            Position { topic, partition, offset: to }
        };
        let positions = parts.iter().map(end).collect();
        (!parts.is_empty()).then_some(Batch { records, positions, parts })
    }

    /// Cuts the next part of a batch that has these already.
    fn cut_part(&mut self, parts: &[Part]) -> Option<(Vec<Record>, Pin)> {
        let has = |place: &Place| parts.iter().any(|part| place_of(&part.pin) == *place);
        let member = &self.member;
        let read = |topic, partition| member.position(topic, partition).unwrap_or(0);
        let records = self.backlog.cut_place(has, &self.pins, read)?;
        let first = records.first()?;
        let (topic, partition, place) = (first.topic, first.partition, place(first));
        let next = || {
            let waiting = self.backlog.firsts().get(&place).copied();
            waiting.or_else(|| self.member.position(topic, partition))
        };
        let to = self.pins.get(&place).copied().or_else(next)?;
        let from = self.progress.positions.get(&place).copied().unwrap_or(first.offset);
        Some((records, Pin { topic, partition, from, to }))
    }

    /// Makes sure that parts will be cut the same again after a crash; false when that was dropped.
    fn pin<'p>(&mut self, parts: impl Iterator<Item = &'p Part>) -> Result<bool, FrameError> {
        let mut noted = Vec::new();
        for Part { pin, .. } in parts {
            let &Pin { topic, partition, from, to } = pin;
            if self.pins.insert(place_of(pin), to) != Some(to) {
                let position = Position { topic, partition, offset: from };
                noted.push(self.lives.noted(position, Some(to)));
            }
        }
        if noted.is_empty() {
            return Ok(true);
        }
        let outcome = self.member.commit_noted(Vec::new(), &noted);
        self.settled(outcome)
    }

    /// Brings the target up to a batch and commits it; false when it was dropped.
    pub(super) fn take(&mut self, batch: &Batch) -> Result<bool, FrameError> {
        // Once the records are here: so they are of the life that is looked at.
        self.look(&topics(&batch.records))?;
        let Some(encoded) = self.persist(|target| target.encode(&batch.records))? else {
            return Ok(false);
        };
        let opened = Ledger::open(batch.records.len(), &encoded);
        let mut ledger = opened.map_err(|what| self.uncounted(what))?;
        let Encoded { entries, mut outputs, .. } = encoded;
        let asking = entries.iter().filter_map(|entry| entry.record);
        let asks = |part: &&Part| asking.clone().any(|record| part.records.contains(&record));
        if !self.pin(batch.parts.iter().filter(asks))? {
            return Ok(true);
        }
        if !self.settle(entries, Some(batch), &mut ledger, &mut outputs)? {
            return Ok(false);
        }
        while let Some(more) = self.persist(Target::follow_up)? {
            let Some(items) = more else {
                let closed = ledger.close().map_err(|what| self.uncounted(what))?;
                return self.commit(batch, outputs, closed);
            };
            if !self.settle(besides(items), None, &mut ledger, &mut outputs)? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Does what is due besides following the log; false when something was dropped on the way,
    /// which is due again.
    pub(super) fn chores(&mut self) -> Result<bool, FrameError> {
        let owned = self.owned.clone();
        // A transaction that was aborted makes the target hear of its partitions first.
        while self.untold.is_empty() {
            let Some(mut next) = self.persist(|target| target.chores(&owned))? else {
                return Ok(false);
            };
            if next.is_none() {
                return Ok(true);
            }
            while let Some(items) = next {
                if !self.lot(items)? {
                    return Ok(false);
                }
                next = self.persist(Target::follow_up)?.flatten();
            }
            if !self.breathe(Duration::ZERO)? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Delivers a lot of chores and appends what it made to the log; false when it was dropped.
    fn lot(&mut self, items: Vec<T::Item>) -> Result<bool, FrameError> {
        let (mut ledger, mut outputs) = (Ledger::besides(), Vec::new());
        if !self.settle(besides(items), None, &mut ledger, &mut outputs)? {
            if !outputs.is_empty() {
                // The target may take for written what the log will not hold.
                self.restart()?;
            }
            return Ok(false);
        }
        self.refused_besides(&ledger.refused_besides);
        if outputs.is_empty() {
            return Ok(true);
        }
        // The positions tell the log that these partitions are still ours.
        let positions = self.positions().into_iter();
        let positions: Vec<Noted> = positions.map(|at| self.lives.noted(at, None)).collect();
        let outcome = self.member.commit_noted(outputs, &positions);
        self.settled(outcome)
    }

    /// Delivers what a batch asks for, or what is due besides, until nothing is left; false when
    /// that was dropped.
    fn settle(
        &mut self,
        entries: Vec<Entry<T::Item>>,
        batch: Option<&Batch>,
        ledger: &mut Ledger,
        outputs: &mut Vec<Outgoing>,
    ) -> Result<bool, FrameError> {
        let mut left = entries;
        let mut tries = Tries::begin();
        let revocations = self.revocations;
        while !left.is_empty() {
            let Delivery { done, outputs: made, left: rest, mut failure } = match batch {
                Some(batch) => self.deliver(left, &batch.parts)?,
                None => self.target.deliver(left, &[]),
            };
            if self.revocations != revocations {
                return Ok(false);
            }
            left = rest;
            outputs.extend(made);
            if done.is_empty() && !left.is_empty() && failure.is_none() {
                failure = Some(Failure::again("the target took nothing and did not say why"));
            }
            if !done.is_empty() {
                tries = Tries::begin();
            }
            for (record, fate) in done {
                ledger.settle(record, fate).map_err(|what| self.uncounted(what))?;
            }
            let on = match failure {
                Some(Failure::Again { .. }) | None if left.is_empty() => true,
                Some(failure) => self.wait(&mut tries, failure)?,
                None => self.breathe(Duration::ZERO)?,
            };
            if !on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets the target deliver a batch, and reads ahead meanwhile as far as there is room: the
    /// time is the target's, and the group hears of the member.
    fn deliver(
        &mut self,
        entries: Vec<Entry<T::Item>>,
        parts: &[Part],
    ) -> Result<Delivery<T::Item>, FrameError> {
        let Self { target, member, backlog, .. } = self;
        let is_held = self.held;
        let (delivery, event) = std::thread::scope(|scope| {
            let delivering = scope.spawn(|| target.deliver(entries, parts));
            let mut event = Ok(Polled::Records(Vec::new()));
            // What is no record is heard when the target can be told of it.
            while let Ok(Polled::Records(records)) = event {
                backlog.push(records);
                if is_held || delivering.is_finished() || !backlog.has_room() {
                    event = Ok(Polled::Records(Vec::new()));
                    break;
                }
                event = member.poll(READ_AHEAD_POLL);
            }
            (delivering.join(), event)
        });
        if !self.backlog.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        self.hear(event)?;
        delivery.or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn commit(
        &mut self,
        batch: &Batch,
        mut outputs: Vec<Outgoing>,
        closed: Closed,
    ) -> Result<bool, FrameError> {
        let sink = self.frame.role.name;
        for (index, reason) in &closed.letters {
            let whole = self.with_headers(&batch.records[*index])?;
            outputs.push(dead_letter(&whole, sink, reason));
        }
        let positions: Vec<Noted> =
            batch.positions.iter().map(|position| self.lives.noted(*position, None)).collect();
        let outcome = self.member.commit_noted(outputs, &positions);
        if self.settled(outcome)? {
            self.progress.counts.add(&closed.counts);
            self.progress.commits += 1;
            self.progress.succeeded = Some(Instant::now());
            self.refused_besides(&closed.refused_besides);
            self.held_up_to(&batch.positions);
            for position in &batch.positions {
                self.pins.remove(&of_position(position));
            }
            self.tell(None);
        }
        Ok(true)
    }

    /// Reads a record again, with the headers that reading spared; as it is when it is gone.
    fn with_headers(&self, record: &Record) -> Result<Record, FrameError> {
        let &Record { topic, partition, offset, .. } = record;
        let from = Position { topic, partition, offset };
        let to = Position { offset: offset + 1, ..from };
        let mut whole = record.clone();
        let take = |records: Vec<Record>| -> Result<(), LogError> {
            whole.headers.extend(records.into_iter().flat_map(|record| record.headers));
            Ok(())
        };
        if record.headers.is_empty() {
            snapshot::between(self.frame.log, &[from], &[to], take)
                .map_err(|source| self.failed(source))?;
        }
        Ok(whole)
    }

    /// Tells whether a transaction was committed; if not, all is read again from what was.
    fn settled(&mut self, outcome: Result<Outcome, LogError>) -> Result<bool, FrameError> {
        match outcome.map_err(|source| self.failed(source))? {
            Outcome::Committed => Ok(true),
            Outcome::Aborted => {
                self.restart()?;
                Ok(false)
            }
            Outcome::Fenced => Err(self.fenced()),
        }
    }

    fn refused_besides(&mut self, reasons: &[String]) {
        let sink = self.frame.role.name;
        for reason in reasons {
            tracing::error!(sink, reason, "the target refused what no record asked for");
        }
        self.progress.refused_besides += reasons.len() as u64;
    }

    fn uncounted(&self, (record, problem): Unsettled) -> FrameError {
        FrameError::Uncounted { sink: self.frame.role.name, record, problem }
    }
}

fn place_of(pin: &Pin) -> Place {
    (pin.topic.name, pin.partition)
}

/// Gives the topics of records, each once.
fn topics(records: &[Record]) -> Vec<&'static TopicSpec> {
    let by_name: BTreeMap<_, _> = records.iter().map(|one| (one.topic.name, one.topic)).collect();
    by_name.into_values().collect()
}

fn besides<I>(items: Vec<I>) -> Vec<Entry<I>> {
    items.into_iter().map(|item| Entry { record: None, item }).collect()
}
