//! One membership of the group: polls, changes the bucket, and commits what the bucket holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use schemas::topic::{ACCOUNT_STATE, RESOURCE_STATE};
use schemas::{AccountKey, Key, partition_of};
use stream::worker::Stop;
use stream::{LogError, Member, Membership, Outcome, Polled, Position, Record, snapshot};

use crate::batch::{self, Batch};
use crate::encode::{self, AccountNames, Change, Rows, Unfit};
use crate::error::chain;
use crate::workbooks::Folder;
use crate::{GROUP, INPUTS, Progress, S3Error, Sink};

/// Longest wait of a poll: how soon it is noticed that the process shall end.
const POLL_MAX: Duration = Duration::from_millis(200);

/// Records and bytes of one batch: what is in memory, and what a crash lets be done again.
const RECORDS_MAX: usize = 2_000;
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a member may be without partitions before it counts as one too many: the group waits
/// for members that died.
const ASSIGNMENT_LIMIT: Duration = Duration::from_secs(60);

/// The first and the longest pause before what failed is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// A member with what it knows of its partitions.
///
/// **Invariant**: no call to the bucket is running while the member polls. So none is when it gives
/// up partitions, and their next owner's changes can't be overtaken by older ones.
pub(crate) struct Session<'a> {
    pub(crate) sink: &'a Sink<'a>,
    stop: &'a Stop,
    member: Box<dyn Member>,
    joined: Instant,
    owned: BTreeSet<i32>,
    /// Counts revocations: what was begun before one is dropped after it.
    revocations: u64,
    pub(crate) accounts: AccountNames,
    backlog: Vec<Record>,
    /// Whether the inputs' flow is stopped.
    held: bool,
    pub(crate) progress: Progress,
    /// The day that was last written, by partition.
    pub(crate) days: BTreeMap<i32, String>,
    pub(crate) folder: Folder,
}

/// Pauses between tries, growing until something is done.
struct Backoff {
    began: Instant,
    pause: Duration,
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

impl Backoff {
    fn new() -> Self {
        Self { began: Instant::now(), pause: PAUSES.0 }
    }
}

impl<'a> Session<'a> {
    pub(crate) fn join(
        sink: &'a Sink<'a>,
        progress: Progress,
        stop: &'a Stop,
    ) -> Result<Self, S3Error> {
        let (group, slot) = (GROUP.to_owned(), sink.slot.to_owned());
        let membership = Membership { group, slot, inputs: INPUTS.to_vec() };
        Ok(Self {
            sink,
            stop,
            member: sink.log.join(&membership)?,
            joined: Instant::now(),
            owned: BTreeSet::new(),
            revocations: 0,
            accounts: AccountNames::new(),
            backlog: Vec::new(),
            held: false,
            progress,
            days: BTreeMap::new(),
            folder: Folder::default(),
        })
    }

    /// Gives the partitions that are ours.
    pub(crate) fn owned(&self) -> &BTreeSet<i32> {
        &self.owned
    }

    /// Takes what the log holds next; false when there was nothing.
    pub(crate) fn turn(&mut self) -> Result<bool, S3Error> {
        self.hold(false)?;
        let mut timeout = POLL_MAX;
        while self.poll(timeout)? && self.room() {
            timeout = Duration::ZERO;
        }
        if self.backlog.is_empty() {
            return Ok(false);
        }
        let records = std::mem::take(&mut self.backlog);
        let revocations = self.revocations;
        if !self.take(&records)? && self.revocations != revocations {
            self.restart()?;
        }
        Ok(true)
    }

    /// Tells whether everything below the ends is in the bucket.
    pub(crate) fn reached(&self, ends: &[Position]) -> Result<bool, S3Error> {
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
        let mut committed = self.sink.log.committed(GROUP, &INPUTS)?;
        committed.retain(|position| !self.owned.contains(&position.partition));
        let any =
            |records: Vec<Record>| if records.is_empty() { Ok(()) } else { Err(Behind::Some) };
        match snapshot::between(self.sink.log, &committed, &others, any) {
            Ok(()) => Ok(true),
            Err(Behind::Some) => Ok(false),
            Err(Behind::Unknown(error)) => Err(error.into()),
        }
    }

    /// Makes changes until all are made; false when they were dropped.
    pub(crate) fn settle(&mut self, changes: Vec<Change>) -> Result<bool, S3Error> {
        let mut left = changes;
        let mut backoff = Backoff::new();
        while !left.is_empty() {
            let round = self.sink.bucket.apply(left);
            left = round.left;
            self.progress.put += round.put;
            self.progress.deleted += round.deleted;
            if round.put + round.deleted > 0 {
                backoff = Backoff::new();
            }
            let on = match round.failed {
                Some(error) => self.wait(&mut backoff, error)?,
                None => {
                    self.tell(None);
                    left.is_empty() || self.breathe(Duration::ZERO)?
                }
            };
            if !on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tries until it succeeds; none when that was dropped.
    pub(crate) fn persist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, S3Error>,
    ) -> Result<Option<T>, S3Error> {
        let mut backoff = Backoff::new();
        loop {
            let error = match attempt(self) {
                Ok(done) => return Ok(Some(done)),
                // The log's own clients have tried for long.
                Err(error @ S3Error::Log(_)) => return Err(error),
                Err(error) => error,
            };
            if !self.wait(&mut backoff, error)? {
                return Ok(None);
            }
        }
    }

    /// Gives a partition's rows as the log holds them now.
    pub(crate) fn rows(&self, partition: i32) -> Result<Rows, S3Error> {
        let topic = RESOURCE_STATE.spec;
        let ends = self.sink.log.ends(&[topic])?;
        let to: Vec<Position> = ends.into_iter().filter(|end| end.partition == partition).collect();
        let mut rows = Rows::new();
        let from = Position { topic, partition, offset: 0 };
        snapshot::between::<S3Error>(self.sink.log, &[from], &to, |records| {
            for Record { key, value, .. } in records {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// Gives the partition that an account's records lie in.
    pub(crate) fn partition(&self, account: &str) -> i32 {
        partition_of(&AccountKey::new(account).partition_key(), self.sink.log.partitions())
    }

    /// Brings the bucket up to a batch and commits it; false when it was dropped.
    fn take(&mut self, records: &[Record]) -> Result<bool, S3Error> {
        let positions = self.positions();
        let made = self.persist(|session| {
            let made = batch::batch(records, &session.accounts, session.sink.codec);
            made.map_err(unreadable)
        })?;
        let Some(Batch { changes, renamed, letters }) = made else { return Ok(false) };
        if !self.settle(changes)? {
            return Ok(false);
        }
        let mut accounts = self.accounts.clone();
        batch::rename(&mut accounts, &renamed);
        if !self.rewrite(&renamed, &accounts)? {
            return Ok(false);
        }
        let dead = letters.len() as u64;
        match self.member.commit(letters, &positions)? {
            Outcome::Committed => {
                self.accounts = accounts;
                self.progress.records += records.len() as u64;
                self.progress.dead += dead;
                self.tell(None);
            }
            Outcome::Aborted => self.restart()?,
            Outcome::Fenced => {
                let (group, slot) = (GROUP.to_owned(), self.sink.slot.to_owned());
                return Err(LogError::Fenced { group, slot }.into());
            }
        }
        Ok(true)
    }

    /// Puts all documents of accounts with new names anew; false when that was dropped.
    fn rewrite(
        &mut self,
        renamed: &BTreeMap<String, Option<String>>,
        accounts: &AccountNames,
    ) -> Result<bool, S3Error> {
        let partitions: BTreeSet<i32> = renamed.keys().map(|id| self.partition(id)).collect();
        for partition in partitions {
            let rows = self.rows(partition)?;
            let changes = self.persist(|session| {
                let mut changes = Vec::new();
                for (key, value) in &rows {
                    let is_renamed = |key: schemas::ResourceKey| renamed.contains_key(&key.account);
                    if !encode::key(key).is_ok_and(is_renamed) {
                        continue;
                    }
                    match encode::change(key, Some(value), accounts, session.sink.codec) {
                        Ok(change) => changes.push(change),
                        Err(error) if error.is_transient() => return Err(unreadable(error)),
                        // It is a dead letter already, or will be when its turn comes.
                        Err(_) => {}
                    }
                }
                Ok(changes)
            })?;
            let Some(changes) = changes else { return Ok(false) };
            if !self.settle(changes)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Polls once; true when records came.
    fn poll(&mut self, timeout: Duration) -> Result<bool, S3Error> {
        match self.member.poll(timeout)? {
            Polled::Records(records) => {
                let came = !records.is_empty();
                self.backlog.extend(records);
                return Ok(came);
            }
            Polled::Assigned(partitions) => self.assign(&partitions)?,
            Polled::Revoked { partitions, .. } => {
                tracing::info!(?partitions, "partitions are taken away");
                self.revocations += 1;
                self.owned.retain(|partition| !partitions.contains(partition));
                self.backlog.retain(|record| !partitions.contains(&record.partition));
                self.days.retain(|partition, _| !partitions.contains(partition));
            }
        }
        Ok(false)
    }

    fn assign(&mut self, partitions: &[i32]) -> Result<(), S3Error> {
        let positions = self.member.resume(partitions)?;
        self.owned.extend(partitions);
        self.held = false;
        let ends = self.sink.log.ends(&[ACCOUNT_STATE.spec])?;
        let mut read = Vec::new();
        for from in positions.iter().filter(|one| one.topic.name == ACCOUNT_STATE.spec.name) {
            // The names that the bucket's documents were written with. Where nothing is committed
            // none were written, and the newest names save writing them twice.
            let end = ends.iter().find(|end| end.partition == from.partition);
            let to = if from.offset == 0 { end } else { Some(from) };
            read.extend(to.copied());
        }
        let start: Vec<Position> =
            read.iter().map(|position| Position { offset: 0, ..*position }).collect();
        let mut names = AccountNames::new();
        snapshot::between::<S3Error>(self.sink.log, &start, &read, |records| {
            for record in records {
                match batch::account_name(&record, self.sink.codec) {
                    Ok((account, name)) => {
                        batch::rename(&mut names, &BTreeMap::from([(account, name)]));
                    }
                    Err(error) if error.is_transient() => return Err(unreadable(error)),
                    // It is a dead letter already.
                    Err(_) => {}
                }
            }
            Ok(())
        })?;
        let kept = std::mem::take(&mut self.accounts).into_iter();
        let kept = kept.filter(|(account, _)| !partitions.contains(&self.partition(account)));
        let kept: AccountNames = kept.collect();
        self.accounts = names;
        self.accounts.extend(kept);
        Ok(())
    }

    /// Reads again from the committed positions.
    fn restart(&mut self) -> Result<(), S3Error> {
        self.backlog.clear();
        let owned: Vec<i32> = self.owned.iter().copied().collect();
        if owned.is_empty() { Ok(()) } else { self.assign(&owned) }
    }

    /// Says how far the inputs are read.
    fn positions(&self) -> Vec<Position> {
        let mut positions = Vec::new();
        for &partition in &self.owned {
            for topic in INPUTS {
                let offset = self.member.position(topic, partition);
                positions.extend(offset.map(|offset| Position { topic, partition, offset }));
            }
        }
        positions
    }

    /// Waits after a failure while the group hears of us; false when what failed is dropped.
    fn wait(&mut self, backoff: &mut Backoff, error: S3Error) -> Result<bool, S3Error> {
        if self.sink.patience.is_some_and(|limit| backoff.began.elapsed() >= limit) {
            return Err(error);
        }
        let reason = chain(&error);
        tracing::warn!("{reason}; nothing is lost, trying again in {:?}", backoff.pause);
        self.tell(Some(reason));
        let until = Instant::now() + backoff.pause;
        backoff.pause = PAUSES.1.min(backoff.pause * 2);
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
    fn breathe(&mut self, timeout: Duration) -> Result<bool, S3Error> {
        let revocations = self.revocations;
        self.hold(true)?;
        self.poll(timeout)?;
        Ok(self.revocations == revocations && !self.stop.is_stopped())
    }

    fn hold(&mut self, on: bool) -> Result<(), S3Error> {
        if self.held != on {
            for &partition in &self.owned {
                for topic in INPUTS {
                    self.member.pause(topic, partition, on)?;
                }
            }
            self.held = on;
        }
        Ok(())
    }

    fn room(&self) -> bool {
        let bytes = |record: &Record| record.value.as_ref().map_or(0, Vec::len);
        self.backlog.len() < RECORDS_MAX
            && self.backlog.iter().map(bytes).sum::<usize>() < BYTES_MAX
    }

    fn tell(&mut self, waiting: Option<String>) {
        self.progress.waiting = waiting;
        (self.sink.tell)(&self.progress);
    }
}

/// Wraps what makes rows unreadable for now.
pub(crate) fn unreadable(error: Unfit) -> S3Error {
    S3Error::Row { topic: RESOURCE_STATE.spec.name, source: Box::new(error) }
}
