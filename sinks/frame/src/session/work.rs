//! What is done with a batch: encoded, delivered, counted, and only then committed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use schemas::TopicSpec;
use stream::worker::dead_letter;
use stream::{LogError, Noted, Outcome, Outgoing, Position, Record};

use super::{Session, Tries, of_position};
use crate::FrameError;
use crate::backlog::place;
use crate::ledger::{Closed, Ledger, Unsettled};
use crate::target::{Delivery, Encoded, Entry, Failure, Pin, Target};

/// Records that are taken together.
pub(super) struct Batch {
    records: Vec<Record>,
    /// How far the inputs are taken when they are.
    positions: Vec<Position>,
    /// Which ones they are, where the target has to know.
    pin: Option<Pin>,
}

impl<T: Target> Session<'_, T> {
    /// Cuts the next batch; none when what is there must be read further first.
    pub(super) fn cut(&mut self) -> Option<Batch> {
        let batch = if self.frame.role.pinned {
            self.cut_pinned()
        } else {
            let records = self.backlog.cut();
            Some(Batch { records, positions: self.positions(), pin: None })
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
        let member = &self.member;
        let read = |topic, partition| member.position(topic, partition).unwrap_or(0);
        let records = self.backlog.cut_place(&self.pins, read)?;
        let first = records.first()?;
        let (topic, partition, place) = (first.topic, first.partition, place(first));
        let next = || {
            let waiting = self.backlog.firsts().get(&place).copied();
            waiting.or_else(|| self.member.position(topic, partition))
        };
        let to = self.pins.get(&place).copied().or_else(next)?;
        let from = self.progress.positions.get(&place).copied().unwrap_or(first.offset);
        let positions = vec![Position { topic, partition, offset: to }];
        Some(Batch { records, positions, pin: Some(Pin { topic, partition, from, to }) })
    }

    /// Makes sure that a batch will be cut the same again after a crash; false when it was dropped.
    fn pin(&mut self, pin: &Pin) -> Result<bool, FrameError> {
        let &Pin { topic, partition, from, to } = pin;
        if self.pins.insert((topic.name, partition), to) == Some(to) {
            return Ok(true);
        }
        let noted = self.lives.noted(Position { topic, partition, offset: from }, Some(to));
        let outcome = self.member.commit_noted(Vec::new(), &[noted]);
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
        let Encoded { entries, outputs, .. } = encoded;
        if let Some(pin) = batch.pin.as_ref().filter(|_| !entries.is_empty())
            && !self.pin(pin)?
        {
            return Ok(true);
        }
        if !self.settle(entries, batch.pin.as_ref(), &mut ledger)? {
            return Ok(false);
        }
        while let Some(more) = self.persist(Target::follow_up)? {
            let Some(items) = more else {
                let closed = ledger.close().map_err(|what| self.uncounted(what))?;
                return self.commit(batch, outputs, closed);
            };
            if !self.settle(besides(items), None, &mut ledger)? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Does what is due besides following the log; what is dropped on the way is due again.
    pub(super) fn chores(&mut self) -> Result<(), FrameError> {
        let owned = self.owned.clone();
        while let Some(Some(items)) = self.persist(|target| target.chores(&owned))? {
            let mut ledger = Ledger::besides();
            if !self.settle(besides(items), None, &mut ledger)? {
                break;
            }
            self.refused_besides(&ledger.refused_besides);
        }
        Ok(())
    }

    /// Delivers until nothing is left; false when that was dropped.
    fn settle(
        &mut self,
        entries: Vec<Entry<T::Item>>,
        pin: Option<&Pin>,
        ledger: &mut Ledger,
    ) -> Result<bool, FrameError> {
        let mut left = entries;
        let mut tries = Tries::begin();
        while !left.is_empty() {
            let Delivery { done, left: rest, mut failure } = self.target.deliver(left, pin);
            left = rest;
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

    fn commit(
        &mut self,
        batch: &Batch,
        mut outputs: Vec<Outgoing>,
        closed: Closed,
    ) -> Result<bool, FrameError> {
        let sink = self.frame.role.name;
        let letter =
            |(index, reason): &(usize, String)| dead_letter(&batch.records[*index], sink, reason);
        outputs.extend(closed.letters.iter().map(letter));
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

/// Gives the topics of records, each once.
fn topics(records: &[Record]) -> Vec<&'static TopicSpec> {
    let by_name: BTreeMap<_, _> = records.iter().map(|one| (one.topic.name, one.topic)).collect();
    by_name.into_values().collect()
}

fn besides<I>(items: Vec<I>) -> Vec<Entry<I>> {
    items.into_iter().map(|item| Entry { record: None, item }).collect()
}
