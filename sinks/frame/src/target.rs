//! What a sink has to give: the traits of targets and couriers, and what goes in and out of them.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::ops::Range;
use std::time::Duration;

use schemas::TopicSpec;
use stream::{LogError, Outgoing, Position, Record};

/// A system that tables are carried to.
///
/// The frame polls, waits, counts and commits; a target knows its own form and what has to be
/// remembered for it, and its [`Courier`] makes the calls that bring it there. So the next batch is
/// encoded while the last one is delivered.
///
/// A method that fails with [`Failure::Again`] is called again with the same arguments, so until it
/// succeeds it must leave the target's own memory as it was.
pub trait Target {
    /// What a record comes to in the target's form: a document, a row, an object.
    type Item: Send;

    /// What brings items there.
    type Courier: Courier<Item = Self::Item>;

    /// Gives a courier. It is asked for one whenever it has heard of new partitions.
    fn courier(&self) -> Self::Courier;

    /// Hears that partitions are followed from these positions on: what has to be remembered of
    /// them is read here. It is called again for all that is owned when a batch was dropped, so
    /// what `encode` remembered of that batch must go.
    ///
    /// # Errors
    /// As every method: see [`Failure`].
    fn assigned(&mut self, _positions: &[Position]) -> Result<(), Failure> {
        Ok(())
    }

    /// Hears that partitions (numbers, over all inputs) are another member's: what was remembered
    /// of them, and chores that were begun, are dropped.
    fn revoked(&mut self, _partitions: &[i32]) {}

    /// Works out what records come to; those of one partition come in their order.
    ///
    /// Every record must be told of in [`Encoded`]: an item or an output at least, or why there is
    /// none. The batch before may not be delivered yet.
    ///
    /// # Errors
    /// As every method; a record that can't be used is no failure but [`Encoded::dead`].
    fn encode(&mut self, records: &[Record]) -> Result<Encoded<Self::Item>, Failure>;

    /// Gives the next lot of what the batch that was encoded last asks for besides its entries
    /// ([`Encoded::more_follows`]), in pieces that fit in memory; none when nothing is left. It is
    /// asked after the entries are delivered, and the batch is committed when it says none; no
    /// other batch is encoded before. After a lot of chores it is asked too, with no poll in
    /// between, once the log holds what that lot made.
    ///
    /// # Errors
    /// As every method.
    fn follow_up(&mut self) -> Result<Option<Vec<Self::Item>>, Failure> {
        Ok(None)
    }

    /// Gives the next lot of work besides following the log (a day's files, a sweep, a purge); none
    /// when nothing is due. It is called when the log is read to its end, and again when the last
    /// lot is delivered and the log holds what it made, with no record taken in between. When a lot
    /// is dropped the target hears of its partitions again. `owned` are the member's partitions.
    ///
    /// # Errors
    /// As every method.
    fn chores(&mut self, _owned: &BTreeSet<i32>) -> Result<Option<Vec<Self::Item>>, Failure> {
        Ok(None)
    }

    /// Gives what it did since the start in its own words, for people and metrics, besides what its
    /// couriers did ([`Delivery::effect`]). What was done twice counts twice.
    fn effects(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// What brings items to a target.
///
/// While a batch is delivered, on a thread of its own, the group is polled, but no partition is
/// given up before the courier has returned. Effects must be such that doing them twice leaves what
/// doing them once leaves: a batch that was not committed is done again.
pub trait Courier: Send {
    /// What it brings.
    type Item;

    /// Brings the target up to entries, in any order, and says what became of each.
    ///
    /// It returns within some 20 seconds, with what it could not begin in [`Delivery::left`]: the
    /// group waits meanwhile. `parts` say which records these are where [`Role::pinned`] is set;
    /// there are none for what no record asked for.
    ///
    /// [`Role::pinned`]: crate::Role::pinned
    fn deliver(&mut self, entries: Vec<Entry<Self::Item>>, parts: &[Part]) -> Delivery<Self::Item>;
}

/// The courier of a target whose records come to records of the log alone: nothing is brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Courier for Nothing {
    type Item = Infallible;

    fn deliver(&mut self, _: Vec<Entry<Infallible>>, _: &[Part]) -> Delivery<Infallible> {
        Delivery::default()
    }
}

/// An item with the record that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<I> {
    /// The record's index in the batch; none for what no record asked for.
    pub record: Option<usize>,
    /// What is to be brought to the target.
    pub item: I,
}

/// What becomes of a record. Of several, a record has the last one in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A later record of the batch says more.
    Superseded,
    /// The target has no use for such a record.
    Skipped,
    /// The target held it already, or something newer.
    Unchanged,
    /// The target holds it now.
    Written,
    /// The target refuses it, for this reason, now and ever: it goes to the dead letters.
    Refused(String),
    /// It can't be read, for this reason: it goes to the dead letters.
    Dead(String),
}

/// What records of a batch come to.
#[derive(Debug)]
pub struct Encoded<I> {
    pub(crate) entries: Vec<Entry<I>>,
    pub(crate) outputs: Vec<Outgoing>,
    pub(crate) fates: Vec<(usize, Fate)>,
    pub(crate) has_more: bool,
}

impl<I> Default for Encoded<I> {
    fn default() -> Self {
        Self { entries: Vec::new(), outputs: Vec::new(), fates: Vec::new(), has_more: false }
    }
}

impl<I> Encoded<I> {
    /// A record asks for an item: it counts as what becomes of its items.
    pub fn item(&mut self, record: usize, item: I) {
        self.entries.push(Entry { record: Some(record), item });
    }

    /// A record makes one of the log, which is appended in the transaction that commits the
    /// positions: it counts as written.
    pub fn output(&mut self, record: usize, output: Outgoing) {
        self.outputs.push(output);
        self.fates.push((record, Fate::Written));
    }

    /// The batch asks for more, which comes by [`Target::follow_up`].
    pub fn more_follows(&mut self) {
        self.has_more = true;
    }

    /// What this record asks for comes by [`Target::follow_up`]: it counts as written.
    pub fn followed(&mut self, record: usize) {
        self.more_follows();
        self.fates.push((record, Fate::Written));
    }

    /// A later record of the batch says more than this one.
    pub fn superseded(&mut self, record: usize) {
        self.fates.push((record, Fate::Superseded));
    }

    /// The target has no use for this record.
    pub fn skipped(&mut self, record: usize) {
        self.fates.push((record, Fate::Skipped));
    }

    /// This record holds what the target has already.
    pub fn unchanged(&mut self, record: usize) {
        self.fates.push((record, Fate::Unchanged));
    }

    /// This record can't be used, now or ever; the reason has its causes in it ([`crate::chain`]).
    pub fn dead(&mut self, record: usize, reason: impl Into<String>) {
        self.fates.push((record, Fate::Dead(reason.into())));
    }

    /// Gives the records that can't be used, and why.
    pub fn dead_records(&self) -> impl Iterator<Item = (usize, &str)> {
        self.fates.iter().filter_map(|(record, fate)| match fate {
            Fate::Dead(reason) => Some((*record, reason.as_str())),
            _ => None,
        })
    }
}

/// What became of entries: each is either done or left.
#[derive(Debug)]
pub struct Delivery<I> {
    pub(crate) done: Vec<(Option<usize>, Fate)>,
    pub(crate) outputs: Vec<Outgoing>,
    pub(crate) effects: Vec<(&'static str, u64)>,
    /// Entries that are still to be delivered: they alone are tried again.
    pub left: Vec<Entry<I>>,
    /// Why entries are left; none when there was just no time for them.
    pub failure: Option<Failure>,
}

impl<I> Default for Delivery<I> {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            outputs: Vec::new(),
            effects: Vec::new(),
            left: Vec::new(),
            failure: None,
        }
    }
}

impl<I> Delivery<I> {
    /// Says that all of these entries are still to be delivered, and why.
    pub fn all_left(entries: Vec<Entry<I>>, failure: Failure) -> Self {
        Self { left: entries, failure: Some(failure), ..Self::default() }
    }

    /// What became of an entry makes a record of the log. It is appended when the whole batch is
    /// delivered, in the transaction that commits its positions; those of a lot of chores in a
    /// transaction of their own. When that fails the target hears of its partitions again.
    pub fn output(&mut self, output: Outgoing) {
        self.outputs.push(output);
    }

    /// So much was done of what the target calls this, for people and metrics: `put`, `deleted`.
    pub fn effect(&mut self, word: &'static str, count: u64) {
        self.effects.push((word, count));
    }

    /// The target holds an entry of this record now.
    pub fn written(&mut self, record: Option<usize>) {
        self.done.push((record, Fate::Written));
    }

    /// The target held an entry of this record already, or something newer.
    pub fn unchanged(&mut self, record: Option<usize>) {
        self.done.push((record, Fate::Unchanged));
    }

    /// The target refuses an entry of this record, now and ever.
    pub fn refused(&mut self, record: Option<usize>, reason: impl Into<String>) {
        self.done.push((record, Fate::Refused(reason.into())));
    }

    /// An entry is to be tried again. Of several failures the one that stops the sink stays, else
    /// the first with the longest of the waits that were asked for.
    pub fn again(&mut self, entry: Entry<I>, failure: Failure) {
        self.all_again(vec![entry], failure);
    }

    /// Entries are to be tried again together.
    pub fn all_again(&mut self, entries: Vec<Entry<I>>, failure: Failure) {
        self.left.extend(entries);
        self.failure = Some(match self.failure.take() {
            None => failure,
            Some(first) => first.and(failure),
        });
    }
}

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// It may pass: it is tried again after a pause.
    Again {
        /// What was attempted, on what, and why it failed.
        error: Box<dyn Error + Send + Sync>,
        /// How long the target asked to be left alone (`Retry-After`).
        after: Option<Duration>,
    },
    /// A person must act (a login that is refused, an index that is not there): the sink ends.
    Stop(Box<dyn Error + Send + Sync>),
    /// The log failed; its own clients have tried for long.
    Log(LogError),
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Failure::Log(error)
    }
}

impl Failure {
    /// It may pass, and nobody said when.
    pub fn again(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure::Again { error: error.into(), after: None }
    }

    /// A person must act.
    pub fn stop(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure::Stop(error.into())
    }

    /// Makes one of two.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Failure::Again { error, after }, Failure::Again { after: other, .. }) => {
                Failure::Again { error, after: after.max(other) }
            }
            (Failure::Again { .. }, other) => other,
            (first, _) => first,
        }
    }
}

/// A part of a pinned target's batch: records of one topic and partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where they lie.
    pub pin: Pin,
    /// Their places in the batch.
    pub records: Range<usize>,
}

/// Which records a part of a batch holds: after a crash it is cut the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The topic.
    pub topic: &'static TopicSpec,
    /// The partition.
    pub partition: i32,
    /// The first offset: that of the first record, or below.
    pub from: i64,
    /// The offset behind the last record.
    pub to: i64,
}
