//! The log in one folder and one process: the same semantics as Kafka, on an embedded store.
//!
//! Records, ends and groups' positions lie in one fjall database; a transaction is one batch of it.
//! What an append or commit has answered survives the end of the process, `kill -9` too: the
//! journal is handed to the operating system before the answer. It is not forced to the disk: after
//! a power cut the last seconds may be missing, from the end and in whole transactions.
//!
//! Nothing uncommitted is ever in the log, so every read is "read committed". Groups live in the
//! process: a folder is locked against all others. Compaction leaves gaps in the offsets, which
//! readers pass over. Ages are measured by records' timestamps against the newest in the log: no
//! clock is asked.

mod codec;
mod compact;
mod compactor;
mod cursor;
mod fault;
mod group;
mod member;
mod meta;
mod reader;
mod shared;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use fjall::{Database, KeyspaceCreateOptions};
use schemas::{TopicSpec, topic};

pub use fault::Fault;

use self::{
    compact::{Rules, Scope},
    compactor::Compactor,
    member::LocalMember,
    reader::{LocalReader, LocalWriter},
    shared::{PartitionState, Shared, TopicState, store},
};
use crate::{Log, LogError, Member, Membership, Position, Reader, TopicPlan, Writer};

/// Memory of unflushed records, and the journals' bytes that a start may have to read again.
const MEMTABLE_BYTES: u64 = 32 * 1024 * 1024;
const JOURNALS_BYTES: u64 = 256 * 1024 * 1024;

/// Memory for blocks that were read.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Kafka's own limit would be larger; a folder with so many partitions is a mistake.
const PARTITIONS_MAX: i32 = 1_000;

/// How long a local log keeps things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalOptions {
    /// Age from which a tombstone may go.
    pub tombstone_retention: Duration,
    /// Age from which events may go; none keeps them.
    pub retention: Option<Duration>,
    /// Age from which histories may go; none keeps them.
    pub history_retention: Option<Duration>,
    /// Whether a thread compacts by itself; else only [`LocalLog::compact`] does.
    pub compact_by_itself: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            tombstone_retention: Duration::from_secs(7 * 24 * 3600),
            retention: None,
            history_retention: None,
            compact_by_itself: true,
        }
    }
}

/// A log in a folder. Clones share it; the folder is free again when the last clone, reader, writer
/// and member is gone.
#[derive(Clone)]
pub struct LocalLog {
    // Dropped before the store, so that the thread is gone when the folder is unlocked.
    compactor: Arc<Compactor>,
    shared: Arc<Shared>,
    rules: Rules,
}

impl LocalLog {
    /// Opens the log in a folder, or makes it there.
    ///
    /// The number of partitions holds for every topic and for good.
    ///
    /// # Errors
    /// [`LogError::InUse`] when another process has the folder open, [`LogError::Unfit`] when it
    /// was made with another number of partitions or by a release with another format.
    pub fn open(folder: impl AsRef<Path>, partitions: i32, prefix: &str) -> Result<Self, LogError> {
        Self::open_with(folder, partitions, prefix, LocalOptions::default())
    }

    /// Opens the log with other options than the usual ones.
    ///
    /// # Errors
    /// As [`LocalLog::open`].
    pub fn open_with(
        folder: impl AsRef<Path>,
        partitions: i32,
        prefix: &str,
        options: LocalOptions,
    ) -> Result<Self, LogError> {
        let folder = folder.as_ref();
        let shared = open_store(folder, partitions, prefix)?;
        for spec in topic::ALL {
            if let Some(state) = load_topic(&shared, spec)? {
                shared.lock().topics.insert(spec.name, state);
            }
        }
        let shared = Arc::new(shared);
        let rules = options.rules();
        let compactor = Compactor::start(&shared, rules, options.compact_by_itself);
        let compactor = compactor.map_err(|source| LogError::Open {
            path: folder.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self { compactor: Arc::new(compactor), shared, rules })
    }

    /// Makes topics that are not in [`schemas::topic::ALL`]; for tests of stages of their own.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create(&self, topics: &[&'static TopicSpec]) -> Result<(), LogError> {
        for spec in topics {
            create_topic(&self.shared, spec)?;
        }
        Ok(())
    }

    /// Compacts every partition that has new records, now.
    ///
    /// Tables keep the last record of each key. A tombstone goes when it is older than the
    /// retention and an earlier compaction has seen it. Events go by their retention, if there is
    /// one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn compact(&self) -> Result<(), LogError> {
        compact::all(&self.shared, self.rules, Scope::All, &AtomicBool::new(false))
    }

    /// Makes the next calls fail, for tests.
    pub fn set_fault(&self, fault: Fault) {
        self.shared.lock().fault = fault;
    }
}

impl LocalOptions {
    fn rules(&self) -> Rules {
        let ms = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Rules {
            tombstones_ms: ms(self.tombstone_retention),
            events_ms: self.retention.map(ms),
            histories_ms: self.history_retention.map(ms),
        }
    }
}

impl Log for LocalLog {
    fn partitions(&self) -> i32 {
        self.shared.partitions
    }

    fn identity(&self) -> Result<String, LogError> {
        meta::identity(&self.shared.meta)
    }

    /// A folder keeps its topics for good, so the log's own name and the topic's number say it.
    fn incarnation(&self, topic: &'static TopicSpec) -> Result<String, LogError> {
        let place = self.shared.place(&self.shared.lock(), topic, 0)?;
        Ok(format!("{}.{}", self.identity()?, place.topic))
    }

    fn ages_by_records(&self) -> bool {
        true
    }

    fn plan(&self) -> Result<Vec<TopicPlan>, LogError> {
        let state = self.shared.lock();
        let plans = topic::ALL.iter().map(|spec| {
            if state.topics.contains_key(spec.name) {
                TopicPlan::Keep(spec)
            } else {
                TopicPlan::Create(spec)
            }
        });
        Ok(plans.collect())
    }

    fn apply(&self) -> Result<Vec<TopicPlan>, LogError> {
        let plans = self.plan()?;
        for plan in &plans {
            if let TopicPlan::Create(spec) = plan {
                create_topic(&self.shared, spec)?;
            }
        }
        Ok(plans)
    }

    fn writer(&self, _role: &str) -> Result<Box<dyn Writer>, LogError> {
        Ok(Box::new(LocalWriter {
            shared: self.shared.clone(),
            nudge: self.compactor.nudge.clone(),
        }))
    }

    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(LocalReader::new(self.shared.clone(), from)?))
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        let nudge = self.compactor.nudge.clone();
        let member = LocalMember::new(self.shared.clone(), nudge, membership)?;
        Ok(Box::new(member))
    }

    fn committed(&self, group: &str, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        let mut positions = Vec::new();
        for &topic in of {
            for partition in 0..self.shared.partitions {
                let place = self.shared.place(&self.shared.lock(), topic, partition)?;
                positions.push(Position {
                    topic,
                    partition,
                    offset: self.shared.committed(group, place)?.0,
                });
            }
        }
        Ok(positions)
    }

    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        let state = self.shared.lock();
        let mut positions = Vec::new();
        for &topic in of {
            for partition in 0..self.shared.partitions {
                let place = self.shared.place(&state, topic, partition)?;
                positions.push(Position {
                    topic,
                    partition,
                    offset: state.partition(place).end as i64,
                });
            }
        }
        Ok(positions)
    }

    fn begins(&self, of: &[&'static TopicSpec], time_ms: i64) -> Result<Vec<Position>, LogError> {
        let begin = |end: Position| {
            let place = self.shared.place(&self.shared.lock(), end.topic, end.partition)?;
            let offset = cursor::begin(&self.shared, place, end.offset as u64, time_ms)?;
            Ok(Position { offset: offset as i64, ..end })
        };
        self.ends(of)?.into_iter().map(begin).collect()
    }
}

fn open_store(folder: &Path, partitions: i32, prefix: &str) -> Result<Shared, LogError> {
    let unfit = |problem: String| LogError::Unfit { path: folder.to_owned(), problem };
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        return Err(unfit(format!(
            "can't have {partitions} partitions, only 1 to {PARTITIONS_MAX}"
        )));
    }
    let failed = |source: fjall::Error| match source {
        fjall::Error::Locked => LogError::InUse { path: folder.to_owned() },
        source => LogError::Open { path: folder.to_owned(), source: Box::new(source) },
    };
    let db = Database::builder(folder)
        .cache_size(CACHE_BYTES)
        .max_journaling_size(JOURNALS_BYTES)
        .worker_threads(2)
        .open()
        .map_err(failed)?;
    let records = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    let records = db.keyspace("records", records).map_err(failed)?;
    let small = || KeyspaceCreateOptions::default().expect_point_read_hits(true);
    let meta = db.keyspace("meta", small).map_err(failed)?;
    match meta::shape(&meta)? {
        None => meta.insert(meta::SHAPE_KEY, meta::encode_shape(partitions)).map_err(failed)?,
        Some((meta::FORMAT, is)) if is == partitions as u32 => {}
        Some((meta::FORMAT, is)) => {
            return Err(unfit(format!(
                "has {is} partitions, not {partitions}: say `partitions: {is}`, or carry it into \
                 another one by `scorecard reshard`"
            )));
        }
        Some((format, _)) => {
            let ours = meta::FORMAT;
            return Err(unfit(format!(
                "is in format {format}, and this release reads format {ours}: open it with the \
                 release that wrote it, or name another folder, which the next scan fills"
            )));
        }
    }
    // Made here, where nobody else asks for it yet.
    meta::identity(&meta)?;
    Ok(Shared::new(db, records, meta, prefix, partitions))
}

fn create_topic(shared: &Shared, spec: &'static TopicSpec) -> Result<(), LogError> {
    // The lock is held throughout: two callers must not give two topics one number.
    let mut state = shared.lock();
    if state.topics.contains_key(spec.name) {
        return Ok(());
    }
    let full_name = spec.full_name(&shared.prefix);
    if meta::topic_id(&shared.meta, &full_name)?.is_none() {
        let id = shared.meta.prefix(meta::TOPIC_PREFIX).count() as u16;
        let written = shared.meta.insert(meta::topic_key(&full_name), id.to_be_bytes());
        written.map_err(store("making a topic"))?;
    }
    if let Some(topic) = load_topic(shared, spec)? {
        state.topics.insert(spec.name, topic);
    }
    Ok(())
}

fn load_topic(shared: &Shared, spec: &'static TopicSpec) -> Result<Option<TopicState>, LogError> {
    let Some(id) = meta::topic_id(&shared.meta, &spec.full_name(&shared.prefix))? else {
        return Ok(None);
    };
    let partitions = (0..shared.partitions as u16).map(|partition| {
        let place = codec::Place { topic: id, partition };
        let (end, newest_ms) = meta::end(&shared.meta, place)?;
        Ok(PartitionState { end, newest_ms, cleaned: meta::cleaned(&shared.meta, place)? })
    });
    Ok(Some(TopicState { spec, id, partitions: partitions.collect::<Result<_, LogError>>()? }))
}
