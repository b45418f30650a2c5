//! What is done with a batch: encoded, delivered, counted, and only then committed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use schemas::TopicSpec;
use stream::span::Traced;
use stream::worker::dead_letter;
use stream::{LogError, Noted, Outcome, Outgoing, Polled, Position, Record, snapshot};

use super::{Session, Tries, of_position};
use crate::backlog::{PARTS_MAX, Place, place};
use crate::ledger::{Closed, Ledger, Unsettled};
use crate::target::{Courier, Delivery, Encoded, Entry, Failure, Part, Pin, Target};
use crate::{FrameError, spans};

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

/// A batch that is cut, and what it comes to where that was worked out already.
pub(super) struct Next<I> {
    batch: Batch,
    encoded: Option<Encoded<I>>,
    traced: Traced,
}

/// What is done while the courier is away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    /// The next batch is read and encoded.
    Encode,
    /// It is read: the target has to be asked what else this one wants.
    Read,
    Wait,
}

impl<T: Target> Session<'_, T> {
    /// Cuts the next batch; none when what is there must be read further first.
    pub(super) fn cut_next(&mut self) -> Option<Next<T::Item>> {
        let batch = self.cut()?;
        let traced = spans::batch(self.frame.role.name, self.frame.slot, batch.records.len());
        Some(Next { batch, encoded: None, traced })
    }

    fn cut(&mut self) -> Option<Batch> {
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
        let before = self.cut_to.get(&place).or_else(|| self.progress.positions.get(&place));
        let from = before.copied().unwrap_or(first.offset);
        self.cut_to.insert(place, to);
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
    pub(super) fn take(&mut self, next: Next<T::Item>) -> Result<bool, FrameError> {
        let Next { batch, encoded, traced } = next;
        let commits = self.progress.commits;
        let taken = traced.span().in_scope(|| self.bring(batch, encoded));
        traced.end(spans::outcome(&taken, self.progress.commits > commits));
        taken
    }

    fn bring(
        &mut self,
        batch: Batch,
        encoded: Option<Encoded<T::Item>>,
    ) -> Result<bool, FrameError> {
        let encoded = match encoded {
            Some(encoded) => encoded,
            None => {
                // Once the records are here: so they are of the life that is looked at.
                self.look(&topics(&batch.records))?;
                let encoded = self.persist(|target| target.encode(&batch.records))?;
                let Some(encoded) = encoded else { return Ok(false) };
                encoded
            }
        };
        let opened = Ledger::open(batch.records.len(), &encoded);
        let mut ledger = opened.map_err(|what| self.uncounted(what))?;
        let Encoded { entries, mut outputs, has_more, .. } = encoded;
        let asking = entries.iter().filter_map(|entry| entry.record);
        let asks = |part: &&Part| asking.clone().any(|record| part.records.contains(&record));
        if !self.pin(batch.parts.iter().filter(asks))? {
            return Ok(true);
        }
        let ahead = if has_more { Ahead::Read } else { Ahead::Encode };
        if !self.settle(entries, Some((&batch, ahead)), &mut ledger, &mut outputs)? {
            return Ok(false);
        }
        if has_more && !self.follow_up(&mut ledger, &mut outputs)? {
            return Ok(false);
        }
        let closed = ledger.close().map_err(|what| self.uncounted(what))?;
        self.commit(&batch, outputs, closed)
    }

    /// Delivers what a batch asks for besides its entries; false when it was dropped.
    fn follow_up(
        &mut self,
        ledger: &mut Ledger,
        outputs: &mut Vec<Outgoing>,
    ) -> Result<bool, FrameError> {
        while let Some(more) = self.persist(Target::follow_up)? {
            let Some(items) = more else { return Ok(true) };
            if !self.settle(besides(items), None, ledger, outputs)? {
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
            // The target may take for done what is not.
            self.restart()?;
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
        batch: Option<(&Batch, Ahead)>,
        ledger: &mut Ledger,
        outputs: &mut Vec<Outgoing>,
    ) -> Result<bool, FrameError> {
        let mut left = entries;
        let mut tries = Tries::begin();
        let revocations = self.revocations;
        while !left.is_empty() {
            let (parts, ahead) = match batch {
                Some((batch, ahead)) => (&batch.parts[..], ahead),
                None => (&[][..], Ahead::Wait),
            };
            let Delivery { done, outputs: made, effects, left: rest, mut failure } =
                self.deliver(left, parts, ahead)?;
            effects.into_iter().for_each(|(word, count)| self.progress.add_effect(word, count));
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

    /// Lets the courier deliver, and makes the next batch ready meanwhile as far as it may: the
    /// time is the courier's, and the group hears of the member.
    fn deliver(
        &mut self,
        entries: Vec<Entry<T::Item>>,
        parts: &[Part],
        ahead: Ahead,
    ) -> Result<Delivery<T::Item>, FrameError> {
        // Entries are of partitions that the target has heard of.
        let mut courier = self.courier.take().unwrap_or_else(|| self.target.courier());
        let span = tracing::Span::current();
        let (returned, heard) = std::thread::scope(|scope| {
            let delivering = scope.spawn(move || {
                let delivery = span.in_scope(|| courier.deliver(entries, parts));
                (courier, delivery)
            });
            let is_away = || !delivering.is_finished();
            let heard = if ahead == Ahead::Wait { Ok(None) } else { self.ready(ahead, is_away) };
            (delivering.join(), heard)
        });
        let (courier, delivery) = returned.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.courier = Some(courier);
        // What is no record is heard when nobody is on the way.
        if let Some(event) = heard? {
            self.hear(Ok(event))?;
        }
        Ok(delivery)
    }

    /// Reads, and encodes the next batch, while the courier is away; gives what came that is no
    /// record.
    fn ready(
        &mut self,
        ahead: Ahead,
        is_away: impl Fn() -> bool,
    ) -> Result<Option<Polled>, FrameError> {
        while is_away() {
            let has_room = self.backlog.has_room();
            if !has_room && ahead == Ahead::Encode && self.next.is_none() {
                self.next = self.encode_next()?;
            } else if self.held || !has_room {
                return Ok(None);
            }
            let polled = self.member.poll(READ_AHEAD_POLL);
            match polled.map_err(|source| self.failed(source))? {
                Polled::Records(records) => self.backlog.push(records),
                event => return Ok(Some(event)),
            }
            if !self.backlog.is_empty() {
                self.since.get_or_insert_with(Instant::now);
            }
        }
        Ok(None)
    }

    /// Cuts and encodes the next batch; what fails is tried again when its turn has come.
    fn encode_next(&mut self) -> Result<Option<Next<T::Item>>, FrameError> {
        let Some(mut next) = self.cut_next() else { return Ok(None) };
        self.look(&topics(&next.batch.records))?;
        let span = next.traced.span();
        next.encoded = span.in_scope(|| self.target.encode(&next.batch.records)).ok();
        Ok(Some(next))
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
