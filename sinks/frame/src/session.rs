//! One membership of the group: polls, waits, and hears which partitions are its own.

mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use schemas::TopicSpec;
use stream::worker::Stop;
use stream::{
    LogError, Member, Membership, Noted, Outcome, Polled, Position, Record, chain, snapshot,
};

use crate::backlog::{Backlog, Place};
use crate::backoff::Backoff;
use crate::lives::{Lives, Note};
use crate::progress::Progress;
use crate::target::{Failure, Target};
use crate::{Frame, FrameError};
use work::Next;

/// Longest wait of a poll: how soon it is noticed that the process shall end.
const POLL_MAX: Duration = Duration::from_millis(200);

/// How long a member may be without partitions before it counts as one too many: the group waits
/// for members that died.
const ASSIGNMENT_LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked whether the inputs live on; those of a batch are looked at with it.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A member with what it knows of its partitions.
pub(crate) struct Session<'a, T: Target> {
    frame: &'a Frame<'a>,
    target: &'a mut T,
    /// It is away while it delivers a batch.
    courier: Option<T::Courier>,
    stop: &'a Stop,
    /// The lives of the inputs, asked for before anything was read.
    lives: &'a Lives,
    looked: Instant,
    member: Box<dyn Member>,
    joined: Instant,
    owned: BTreeSet<i32>,
    /// Positions of partitions that the target has not heard of yet.
    untold: Vec<Position>,
    /// Counts revocations: what was begun before one is dropped after it.
    revocations: u64,
    backlog: Backlog,
    /// Since when the backlog has records.
    since: Option<Instant>,
    /// The batch that was made ready while another was delivered.
    next: Option<Next<T::Item>>,
    /// Where the last part of a place ends that was cut.
    cut_to: BTreeMap<Place, i64>,
    /// Where the first batch of a place must end, because it may have been delivered before.
    pins: BTreeMap<Place, i64>,
    /// Whether the inputs' flow is stopped.
    held: bool,
    progress: Progress,
}

/// Tries of one thing.
struct Tries {
    began: Instant,
    backoff: Backoff,
}

/// Whether others have records to take.
enum Behind {
    Some,
    Unknown(LogError),
}

impl From<LogError> for Behind {
    fn from(error: LogError) -> Self {
        Behind::Unknown(error)
    }
}

impl Tries {
    fn begin() -> Self {
        Self { began: Instant::now(), backoff: Backoff::new() }
    }
}

impl<'a, T: Target> Session<'a, T> {
    pub(crate) fn join(
        frame: &'a Frame<'a>,
        target: &'a mut T,
        lives: &'a Lives,
        progress: Progress,
        stop: &'a Stop,
    ) -> Result<Self, FrameError> {
        let membership = Membership {
            group: frame.role.name.to_owned(),
            slot: frame.slot.to_owned(),
            inputs: frame.role.inputs.to_vec(),
        };
        let failed = |source| FrameError::Log { sink: frame.role.name, source };
        let mut member = frame.log.join(&membership).map_err(failed)?;
        // Only a dead letter has its record's, and asks for them.
        member.spare_headers();
        Ok(Self {
            frame,
            target,
            courier: None,
            stop,
            lives,
            looked: Instant::now(),
            member,
            joined: Instant::now(),
            owned: BTreeSet::new(),
            untold: Vec::new(),
            revocations: 0,
            backlog: Backlog::new(frame.limits, frame.role.pinned),
            since: None,
            next: None,
            cut_to: BTreeMap::new(),
            pins: BTreeMap::new(),
            held: false,
            progress,
        })
    }

    /// Follows the inputs until it is stopped, or to these ends if it runs once.
    pub(crate) fn follow(&mut self, ends: &[Position]) -> Result<(), FrameError> {
        while !self.stop.is_stopped() {
            if self.looked.elapsed() >= LOOK_EVERY {
                self.look(self.frame.role.inputs)?;
                self.looked = Instant::now();
            }
            if self.turn()? {
                continue;
            }
            if !self.frame.once {
                self.chores()?;
            } else if self.reached(ends)? && self.chores()? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Makes sure that topics still live the life that is followed.
    fn look(&self, topics: &[&'static TopicSpec]) -> Result<(), FrameError> {
        let ended = self.lives.ended(self.frame.log, topics.iter().copied());
        match ended.map_err(|source| self.failed(source))? {
            None => Ok(()),
            Some(topic) => Err(FrameError::Anew { sink: self.frame.role.name, topic: topic.name }),
        }
    }

    /// Leaves the group: nothing is the target's to do any more.
    pub(crate) fn leave(mut self) -> Progress {
        let owned: Vec<i32> = std::mem::take(&mut self.owned).into_iter().collect();
        if !owned.is_empty() {
            self.target.revoked(&owned);
        }
        self.count_effects();
        self.progress.positions.clear();
        self.progress
    }

    /// Takes what the log holds next; false when there was nothing.
    fn turn(&mut self) -> Result<bool, FrameError> {
        // What is ready was encoded before partitions came that the target has not heard of.
        if self.next.is_none() {
            if !self.introduce()? {
                return Ok(true);
            }
            self.gather()?;
            if !self.untold.is_empty() {
                return Ok(true);
            }
            if self.backlog.is_empty() {
                self.rest()?;
                return Ok(false);
            }
            self.next = self.cut_next();
        }
        self.hold(false)?;
        let revocations = self.revocations;
        let taken = match self.next.take() {
            Some(next) => self.take(next)?,
            // A batch that has to be repeated is not read to its end.
            None => self.poll(POLL_MAX).map(|_| true)?,
        };
        if !taken && self.revocations != revocations {
            self.restart()?;
        }
        Ok(true)
    }

    /// Tells the target of partitions that are new; false when they are not ours any more.
    fn introduce(&mut self) -> Result<bool, FrameError> {
        while !self.untold.is_empty() {
            let told = self.untold.clone();
            if self.persist(|target| target.assigned(&told))?.is_none() {
                return Ok(false);
            }
            self.untold.retain(|position| !told.contains(position));
            self.courier = Some(self.target.courier());
        }
        Ok(true)
    }

    /// Reads until a batch is there or nothing to wait for.
    fn gather(&mut self) -> Result<(), FrameError> {
        self.hold(false)?;
        while !self.backlog.holds(1) && self.untold.is_empty() && !self.stop.is_stopped() {
            let linger = self.linger();
            let left = |since: Instant| linger.saturating_sub(since.elapsed());
            let left = self.since.map_or(POLL_MAX, left);
            if !self.poll(left.min(POLL_MAX))? && (self.since.is_none() || left <= POLL_MAX) {
                break;
            }
        }
        Ok(())
    }

    /// How long the first record waits for others: at the end of what a single run takes, none.
    fn linger(&self) -> Duration {
        let is_last = self.frame.once && self.at_end();
        if is_last { Duration::ZERO } else { self.frame.limits.linger }
    }

    /// Tells whether all is read.
    fn at_end(&self) -> bool {
        let inputs = self.frame.role.inputs;
        let mut places = self.owned.iter().flat_map(|p| inputs.iter().map(move |t| (*t, *p)));
        !self.owned.is_empty() && places.all(|(topic, p)| self.member.at_end(topic, p))
    }

    /// Nothing came: if that is so because all is read, all is well.
    fn rest(&mut self) -> Result<(), FrameError> {
        if !self.at_end() {
            return Ok(());
        }
        let positions = self.positions();
        self.progress.succeeded = Some(Instant::now());
        self.held_up_to(&positions);
        self.tell(None);
        Ok(())
    }

    /// Tells whether everything below the ends is in the target.
    fn reached(&self, ends: &[Position]) -> Result<bool, FrameError> {
        let (own, others): (Vec<Position>, Vec<Position>) =
            ends.iter().partition(|end| self.owned.contains(&end.partition));
        let of = |end: &Position| self.member.position(end.topic, end.partition);
        if !own.iter().all(|end| of(end).is_some_and(|offset| offset >= end.offset)) {
            return Ok(false);
        }
        if own.is_empty() && self.joined.elapsed() < ASSIGNMENT_LIMIT {
            return Ok(false);
        }
        // What other members took, as far as they committed it; what is left may be markers of
        // transactions alone, which nobody commits.
        let role = self.frame.role;
        let committed = self.frame.log.committed(role.name, role.inputs);
        let mut committed = committed.map_err(|source| self.failed(source))?;
        committed.retain(|position| !self.owned.contains(&position.partition));
        let any =
            |records: Vec<Record>| if records.is_empty() { Ok(()) } else { Err(Behind::Some) };
        match snapshot::between(self.frame.log, &committed, &others, any) {
            Ok(()) => Ok(true),
            Err(Behind::Some) => Ok(false),
            Err(Behind::Unknown(error)) => Err(self.failed(error)),
        }
    }

    /// Polls once; true when records came.
    fn poll(&mut self, timeout: Duration) -> Result<bool, FrameError> {
        let polled = self.member.poll(timeout);
        self.hear(polled)
    }

    /// Takes what a poll brought; true when that was records.
    fn hear(&mut self, polled: Result<Polled, LogError>) -> Result<bool, FrameError> {
        match polled.map_err(|source| self.failed(source))? {
            Polled::Records(records) => {
                let came = !records.is_empty();
                if came {
                    self.since.get_or_insert_with(Instant::now);
                }
                self.backlog.push(records);
                return Ok(came);
            }
            Polled::Assigned(partitions) => self.assign(&partitions)?,
            Polled::Revoked { partitions, .. } => self.revoke(&partitions),
        }
        Ok(false)
    }

    fn assign(&mut self, partitions: &[i32]) -> Result<(), FrameError> {
        let committed = self.committed(partitions)?;
        let positions = self.member.resume(partitions).map_err(|source| self.failed(source))?;
        self.owned.extend(partitions);
        self.held = false;
        self.held_up_to(&positions);
        self.untold.retain(|position| !partitions.contains(&position.partition));
        self.cut_to.retain(|(_, partition), _| !partitions.contains(partition));
        self.pins.retain(|(_, partition), _| !partitions.contains(partition));
        if self.frame.role.pinned {
            let end =
                |noted: &Noted| Some((of_position(&noted.position), Note::read(&noted.note).to?));
            self.pins.extend(committed.iter().filter_map(end));
        }
        self.untold.extend(positions);
        Ok(())
    }

    /// Gives what is committed, once what is of a topic's former life begins anew.
    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Noted>, FrameError> {
        loop {
            let committed = self.member.committed(partitions);
            let committed = committed.map_err(|source| self.failed(source))?;
            let anew: Vec<Noted> =
                committed.iter().filter_map(|one| self.lives.anew(one)).collect();
            if anew.is_empty() {
                return Ok(committed);
            }
            let sink = self.frame.role.name;
            let topics: BTreeSet<_> = anew.iter().map(|one| one.position.topic.name).collect();
            tracing::warn!(sink, ?topics, "topics were made anew: they are read from their start");
            let outcome = self.member.commit_noted(Vec::new(), &anew);
            if outcome.map_err(|source| self.failed(source))? == Outcome::Fenced {
                return Err(self.fenced());
            }
        }
    }

    fn revoke(&mut self, partitions: &[i32]) {
        let sink = self.frame.role.name;
        tracing::info!(sink, ?partitions, "partitions are taken away");
        self.revocations += 1;
        self.owned.retain(|partition| !partitions.contains(partition));
        self.untold.retain(|position| !partitions.contains(&position.partition));
        self.cut_to.retain(|(_, partition), _| !partitions.contains(partition));
        self.pins.retain(|(_, partition), _| !partitions.contains(partition));
        self.progress.positions.retain(|(_, partition), _| !partitions.contains(partition));
        self.backlog.forget(partitions);
        self.target.revoked(partitions);
    }

    /// Reads again from the committed positions.
    fn restart(&mut self) -> Result<(), FrameError> {
        self.backlog.clear();
        self.since = None;
        self.next = None;
        let owned: Vec<i32> = self.owned.iter().copied().collect();
        if owned.is_empty() { Ok(()) } else { self.assign(&owned) }
    }

    /// Says how far everything that was read is taken, once the batch that was cut last is.
    fn positions(&self) -> Vec<Position> {
        let firsts = self.backlog.firsts();
        let mut positions = Vec::new();
        for &partition in &self.owned {
            for &topic in self.frame.role.inputs {
                let waiting = firsts.get(&(topic.name, partition)).copied();
                let offset = waiting.or_else(|| self.member.position(topic, partition));
                positions.extend(offset.map(|offset| Position { topic, partition, offset }));
            }
        }
        positions
    }

    /// Tries until it succeeds; none when that was dropped.
    fn persist<R>(
        &mut self,
        mut attempt: impl FnMut(&mut T) -> Result<R, Failure>,
    ) -> Result<Option<R>, FrameError> {
        let mut tries = Tries::begin();
        loop {
            let failure = match attempt(self.target) {
                Ok(done) => return Ok(Some(done)),
                Err(failure) => failure,
            };
            if !self.wait(&mut tries, failure)? {
                return Ok(None);
            }
        }
    }

    /// Waits after a failure while the group hears of us; false when what failed is dropped.
    fn wait(&mut self, tries: &mut Tries, failure: Failure) -> Result<bool, FrameError> {
        let (error, after) = match failure {
            Failure::Again { error, after } => (error, after),
            Failure::Stop(error) => return Err(FrameError::Target(error)),
            Failure::Log(error) => return Err(self.failed(error)),
        };
        if self.frame.patience.is_some_and(|limit| tries.began.elapsed() >= limit) {
            return Err(FrameError::Target(error));
        }
        let pause = tries.backoff.next(after, fastrand::f64());
        let (sink, reason) = (self.frame.role.name, chain(&*error));
        tracing::warn!(sink, "{reason}; nothing is lost, trying again in {pause:?}");
        self.progress.retries += 1;
        self.tell(Some(reason));
        let until = Instant::now() + pause;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !self.breathe(left.min(POLL_MAX))? {
                return Ok(false);
            }
            if left.is_zero() {
                return Ok(true);
            }
        }
    }

    /// Polls with the inputs held, so that the group keeps the member; false when a partition was
    /// taken away or the process shall end.
    fn breathe(&mut self, timeout: Duration) -> Result<bool, FrameError> {
        let revocations = self.revocations;
        self.hold(true)?;
        self.poll(timeout)?;
        Ok(self.revocations == revocations && !self.stop.is_stopped())
    }

    fn hold(&mut self, on: bool) -> Result<(), FrameError> {
        if self.held != on {
            for &partition in &self.owned {
                for topic in self.frame.role.inputs {
                    let paused = self.member.pause(topic, partition, on);
                    paused.map_err(|source| self.failed(source))?;
                }
            }
            self.held = on;
        }
        Ok(())
    }

    /// The target holds everything below these positions.
    fn held_up_to(&mut self, positions: &[Position]) {
        let held = positions.iter().map(|at| (of_position(at), at.offset));
        self.progress.positions.extend(held);
    }

    fn tell(&mut self, waiting: Option<String>) {
        self.progress.waiting = waiting;
        self.count_effects();
        (self.frame.tell)(&self.progress);
    }

    fn count_effects(&mut self) {
        for (word, count) in self.target.effects() {
            self.progress.set_effect(word, count);
        }
    }

    fn fenced(&self) -> FrameError {
        let (group, slot) = (self.frame.role.name.to_owned(), self.frame.slot.to_owned());
        self.failed(LogError::Fenced { group, slot })
    }

    fn failed(&self, source: LogError) -> FrameError {
        FrameError::Log { sink: self.frame.role.name, source }
    }
}

fn of_position(position: &Position) -> Place {
    (position.topic.name, position.partition)
}
