//! The log behind one trait: what `local` and `kafka` both give, and nothing more.

use std::{fmt, time::Duration};

use schemas::{TopicSpec, headers::Headers};

use crate::LogError;

/// The most bytes of one record's key, value and headers together.
///
/// Every log refuses more, so that what works in `local` works on Kafka too, whose default limit of
/// a batch is 1,048,588 bytes.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

/// The most bytes of a note beside a position. Kafka keeps 4,096 with a position, some of them for
/// the log itself.
pub const NOTE_BYTES_MAX: usize = 1_024;

/// A record that was read from the log.
#[derive(Clone, Debug)]
pub struct Record {
    /// The topic.
    pub topic: &'static TopicSpec,
    /// The partition.
    pub partition: i32,
    /// The offset within the partition.
    pub offset: i64,
    /// When its writer says it was made, in UTC milliseconds.
    pub timestamp_ms: i64,
    /// The key's bytes (UTF-8 for every typed topic); empty when the writer gave none.
    pub key: Vec<u8>,
    /// The value's bytes; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Headers,
}

/// A record to append.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The topic.
    pub topic: &'static TopicSpec,
    /// The partition: always chosen by us, so that other tools find the same one.
    pub partition: i32,
    /// When it was made, in UTC milliseconds.
    pub timestamp_ms: i64,
    /// The key's bytes.
    pub key: Vec<u8>,
    /// The value's bytes; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Headers,
}

impl From<Record> for Outgoing {
    /// Makes a record to append of one that was read: all but its offset.
    fn from(record: Record) -> Self {
        let Record { topic, partition, offset: _, timestamp_ms, key, value, headers } = record;
        Self { topic, partition, timestamp_ms, key, value, headers }
    }
}

/// The next offset that a reader wants of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The topic.
    pub topic: &'static TopicSpec,
    /// The partition.
    pub partition: i32,
    /// The next offset.
    pub offset: i64,
}

/// A position to commit, with a note for whoever resumes the partition from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The position.
    pub position: Position,
    /// A short text, at most [`NOTE_BYTES_MAX`] bytes; empty is no note.
    pub note: String,
}

impl From<Position> for Noted {
    /// Makes a position without a note.
    fn from(position: Position) -> Self {
        Self { position, note: String::new() }
    }
}

/// What one topic needs before the log can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicPlan {
    /// It is not there: `apply` creates it.
    Create(&'static TopicSpec),
    /// It is as it must be.
    Keep(&'static TopicSpec),
    /// Its settings differ: `apply` sets them.
    Alter(&'static TopicSpec, Vec<SettingChange>),
    /// It can't be mended in place (another number of partitions).
    Refuse(&'static TopicSpec, String),
}

/// One setting of a topic that differs from what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// The setting's name in Kafka's words.
    pub name: String,
    /// As it is.
    pub is: String,
    /// As it must be.
    pub wanted: String,
}

impl fmt::Display for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, is, wanted } = self;
        write!(f, "{name}={is} instead of {wanted}")
    }
}

/// A log: topics of partitions that only grow, read in order, written in atomic batches.
pub trait Log: Send + Sync {
    /// Gives the number of partitions of every topic.
    fn partitions(&self) -> i32;

    /// Gives the log's own name, the same at each start and no other log's, so that tables on disk
    /// are never taken for those of another log; empty when it has none.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn identity(&self) -> Result<String, LogError> {
        Ok(String::new())
    }

    /// Gives the name of a topic's present life: the same at each call and after each start, and
    /// another one once the topic was deleted and made anew, when its offsets mean other records.
    ///
    /// # Errors
    /// When the log can't be reached or the topic is not there.
    fn incarnation(&self, topic: &'static TopicSpec) -> Result<String, LogError>;

    /// Tells whether tombstones age by the times of records instead of by this machine's clock.
    fn ages_by_records(&self) -> bool {
        false
    }

    /// Says what each topic needs, without doing it.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn plan(&self) -> Result<Vec<TopicPlan>, LogError>;

    /// Creates and alters topics as planned; safe to repeat.
    ///
    /// # Errors
    /// When the log can't be reached, or a topic is refused.
    fn apply(&self) -> Result<Vec<TopicPlan>, LogError>;

    /// Makes sure that every topic is as it must be; each process does so at its start.
    ///
    /// # Errors
    /// When the log can't be reached, or names the first topic that is not.
    fn check(&self) -> Result<(), LogError> {
        for plan in self.plan()? {
            let (topic, problem) = match plan {
                TopicPlan::Keep(_) => continue,
                TopicPlan::Create(spec) => (spec, "is not there".to_owned()),
                TopicPlan::Refuse(spec, why) => (spec, why),
                TopicPlan::Alter(spec, changes) => {
                    let change = changes.iter().map(SettingChange::to_string);
                    (spec, format!("has {}", change.collect::<Vec<_>>().join(", ")))
                }
            };
            let topic = topic.name.to_owned();
            return Err(LogError::Topic { topic, problem });
        }
        Ok(())
    }

    /// Opens an idempotent writer for producers; `role` names it in headers and client ids.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn writer(&self, role: &str) -> Result<Box<dyn Writer>, LogError>;

    /// Opens a reader of committed records, without a group: tables, restores and tests use it.
    ///
    /// Each position is where reading starts; offset 0 is the oldest record that is kept.
    ///
    /// # Errors
    /// When the log can't be reached or a topic is not there.
    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError>;

    /// Opens a reader as [`Log::reader`] does, whose records may come without headers: tables are
    /// restored by it.
    ///
    /// # Errors
    /// As [`Log::reader`].
    fn row_reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        self.reader(from)
    }

    /// Joins a consumer group as a member that reads, writes and commits in one transaction.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError>;

    /// Gives the committed positions of a group, 0 where nothing was committed.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn committed(&self, group: &str, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError>;

    /// Gives the end of each partition: the offset that the next record will get.
    ///
    /// On Kafka this counts open transactions too (read uncommitted), as a restore needs it.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError>;

    /// Gives where in each partition a time begins: reading from there gives the records that are
    /// as late or later, and nothing where there is none.
    ///
    /// Where the times of a partition go back, some records behind it are earlier, and on a local
    /// log some before it may be later.
    ///
    /// # Errors
    /// When the log can't be reached.
    fn begins(&self, of: &[&'static TopicSpec], time_ms: i64) -> Result<Vec<Position>, LogError>;
}

/// Appends source records.
pub trait Writer: Send {
    /// Appends records; they are durable after `flush`. In `local` a call is atomic.
    ///
    /// # Errors
    /// When the log refuses a record or can't be reached.
    fn append(&mut self, records: Vec<Outgoing>) -> Result<(), LogError>;

    /// Waits until everything appended is durable.
    ///
    /// # Errors
    /// When some record was not taken.
    fn flush(&mut self) -> Result<(), LogError>;
}

/// Reads committed records in the order of each partition.
pub trait Reader: Send {
    /// Waits for records up to the timeout; empty when none came (which does not mean "the end").
    ///
    /// # Errors
    /// When the log can't be reached.
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError>;

    /// Gives the next offset of each partition, past markers of transactions too.
    ///
    /// # Errors
    /// When the log can't tell.
    fn positions(&mut self) -> Result<Vec<Position>, LogError>;
}

/// Who joins a group and for what.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The consumer group.
    pub group: String,
    /// The member's stable name: the same after a restart, unique among live members.
    pub slot: String,
    /// The topics to read; partitions of the same number always go to the same member.
    pub inputs: Vec<&'static TopicSpec>,
}

/// What a poll of a member brought.
#[derive(Debug)]
pub enum Polled {
    /// Records of assigned partitions; may be empty.
    Records(Vec<Record>),
    /// These partitions (numbers, over all inputs) are ours now, besides those that were before.
    /// Reading is paused until `resume`.
    Assigned(Vec<i32>),
    /// These partitions are taken away: commit what is done before the next poll, if `lost` is
    /// false.
    Revoked {
        /// The partitions' numbers.
        partitions: Vec<i32>,
        /// Whether it is too late to commit.
        lost: bool,
    },
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything in it is visible, and the positions are committed.
    Committed,
    /// Nothing of it is visible: drop what was computed and read again from the committed
    /// positions.
    Aborted,
    /// Another member took over: drop everything and join again.
    Fenced,
}

/// Why a transaction was aborted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AbortReason {
    /// The log asked for it: a record was not delivered, or the transaction took too long.
    #[default]
    Asked,
    /// Nobody knew how it ended; the group says that it was not committed.
    Uncertain,
}

impl AbortReason {
    /// Gives the word for it in metrics.
    pub fn word(self) -> &'static str {
        match self {
            AbortReason::Asked => "asked",
            AbortReason::Uncertain => "uncertain",
        }
    }
}

/// A member of a group with its transactional writer.
pub trait Member: Send {
    /// Lets records come without headers from now on, where to read them costs something: on Kafka
    /// as much as all the rest.
    fn spare_headers(&mut self) {}

    /// Waits for something to happen, up to the timeout. Must be called often, also while
    /// restoring.
    ///
    /// # Errors
    /// When the log can't be reached for longer than the client can hide.
    fn poll(&mut self, timeout: Duration) -> Result<Polled, LogError>;

    /// Gives the committed positions of the partitions of these numbers (0 when none) with their
    /// notes, whoever committed them; nothing has to be resumed before.
    ///
    /// # Errors
    /// When the log can't be reached, or a partition is not the member's.
    fn committed(&self, partitions: &[i32]) -> Result<Vec<Noted>, LogError>;

    /// Starts reading the partitions of these numbers at the committed positions (0 when none).
    ///
    /// # Errors
    /// When the log can't be reached.
    fn resume(&mut self, partitions: &[i32]) -> Result<Vec<Position>, LogError>;

    /// Stops and restarts the flow of one input partition, so that buffers stay bounded.
    ///
    /// # Errors
    /// When the partition is not assigned.
    fn pause(
        &mut self,
        topic: &'static TopicSpec,
        partition: i32,
        on: bool,
    ) -> Result<(), LogError>;

    /// Tells whether the reader has seen everything that an input partition is known to hold.
    fn at_end(&self, topic: &'static TopicSpec, partition: i32) -> bool;

    /// Appends records and commits positions, each with its note, in one transaction.
    ///
    /// A note replaces the one that the partition's last commit left; none clears it. An uncertain
    /// end is settled inside: a new writer asks the group what was committed.
    ///
    /// # Errors
    /// When even that can't be learned, or a note is too large.
    fn commit_noted(
        &mut self,
        outputs: Vec<Outgoing>,
        positions: &[Noted],
    ) -> Result<Outcome, LogError>;

    /// Appends records and commits positions without notes in one transaction.
    ///
    /// # Errors
    /// As [`Member::commit_noted`].
    fn commit(
        &mut self,
        outputs: Vec<Outgoing>,
        positions: &[Position],
    ) -> Result<Outcome, LogError> {
        let bare: Vec<_> = positions.iter().map(|position| Noted::from(*position)).collect();
        self.commit_noted(outputs, &bare)
    }

    /// Gives the next offset that is to be read of an input partition, markers of transactions
    /// passed; none when it is not read.
    fn position(&self, _topic: &'static TopicSpec, _partition: i32) -> Option<i64> {
        None
    }

    /// Says why the last transaction that was aborted was.
    fn aborted_by(&self) -> AbortReason {
        AbortReason::default()
    }

    /// Gives how many producers it started so far: more than one means that some were replaced.
    fn producers(&self) -> u64 {
        1
    }
}

/// Makes sure that notes are not too large.
pub(crate) fn check_notes(positions: &[Noted]) -> Result<(), LogError> {
    let mut positions = positions.iter();
    let Some(large) = positions.find(|noted| noted.note.len() > NOTE_BYTES_MAX) else {
        return Ok(());
    };
    Err(LogError::NoteTooLarge {
        topic: large.position.topic.name,
        bytes: large.note.len(),
        bytes_max: NOTE_BYTES_MAX,
    })
}

/// Gives the bytes of a record's key, value and headers: what [`RECORD_BYTES_MAX`] counts.
pub(crate) fn size_of_record(record: &Outgoing) -> usize {
    let headers = record.headers.iter();
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    record.key.len() + record.value.as_ref().map_or(0, Vec::len) + headers
}
