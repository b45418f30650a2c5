//! What all handles of a local log share: the store, the partitions' ends and the groups.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard},
    time::Duration,
};

use fjall::{Database, Keyspace, OwnedWriteBatch};
use schemas::TopicSpec;

use super::{
    Fault,
    codec::{self, Place},
    group::Group,
    meta,
};
use crate::{LogError, Noted, Outgoing, RECORD_BYTES_MAX, log::size_of_record};

/// What all handles of a local log share.
pub(super) struct Shared {
    pub(super) db: Database,
    pub(super) records: Keyspace,
    pub(super) meta: Keyspace,
    pub(super) prefix: String,
    pub(super) partitions: i32,
    /// Held by whoever compacts.
    pub(super) compacting: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
}

/// What changes while the log is open. One lock guards it: appends are one after another, as the
/// store's journal wants them anyway.
pub(super) struct State {
    pub(super) topics: BTreeMap<&'static str, TopicState>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) fault: Fault,
}

/// A topic's identity and partitions.
pub(super) struct TopicState {
    pub(super) spec: &'static TopicSpec,
    pub(super) id: u16,
    pub(super) partitions: Vec<PartitionState>,
}

/// What is known of a partition without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartitionState {
    /// The offset of the next record.
    pub(super) end: u64,
    /// The largest timestamp so far.
    pub(super) newest_ms: i64,
    /// What compaction left.
    pub(super) cleaned: Cleaned,
}

/// What compaction left of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cleaned {
    /// The oldest offset that is kept, or a smaller one.
    pub(super) start: u64,
    /// Where records begin that compaction has not seen.
    pub(super) dirty: u64,
    /// Records before `dirty` that it kept.
    pub(super) kept: u64,
}

/// A record that is encoded and waits for its offset.
type Encoded = (Place, i64, Vec<u8>);

impl Shared {
    pub(super) fn new(
        db: Database,
        records: Keyspace,
        meta: Keyspace,
        prefix: &str,
        partitions: i32,
    ) -> Self {
        let state = State { topics: BTreeMap::new(), groups: BTreeMap::new(), fault: Fault::None };
        Self {
            db,
            records,
            meta,
            prefix: prefix.to_owned(),
            partitions,
            compacting: Mutex::new(()),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock();
        state.expect("a thread that panicked amid a write leaves ends that can't be trusted")
    }

    pub(super) fn lock_unless_poisoned(&self) -> Option<MutexGuard<'_, State>> {
        self.state.lock().ok()
    }

    /// Wakes everyone who waits for records or for partitions.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Waits until something changed, or the time is over.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        timeout: Duration,
    ) -> MutexGuard<'a, State> {
        let woken = self.changed.wait_timeout(state, timeout);
        woken.expect("as for lock").0
    }

    /// Finds a partition's place, or says that the topic or the partition is not there.
    pub(super) fn place(
        &self,
        state: &State,
        topic: &'static TopicSpec,
        partition: i32,
    ) -> Result<Place, LogError> {
        let problem = match state.topics.get(topic.name) {
            None => "is not there".to_owned(),
            Some(_) if !(0..self.partitions).contains(&partition) => {
                format!("has no partition {partition}")
            }
            Some(found) => {
                return Ok(Place { topic: found.id, partition: partition as u16 });
            }
        };
        let topic = topic.full_name(&self.prefix);
        Err(LogError::Topic { topic, problem })
    }

    /// Encodes records before the lock that gives them their offsets is taken.
    pub(super) fn encode(&self, records: &[Outgoing]) -> Result<Vec<Encoded>, LogError> {
        let places = {
            let state = self.lock();
            let places =
                records.iter().map(|record| self.place(&state, record.topic, record.partition));
            places.collect::<Result<Vec<_>, _>>()?
        };
        let encoded = places.into_iter().zip(records).map(|(place, record)| {
            let bytes = size_of_record(record);
            if bytes > RECORD_BYTES_MAX {
                return Err(LogError::TooLarge {
                    topic: record.topic.name,
                    bytes,
                    bytes_max: RECORD_BYTES_MAX,
                });
            }
            Ok((place, record.timestamp_ms, codec::encode(record)))
        });
        encoded.collect()
    }

    /// Appends records and a group's positions in one batch of the store, then wakes readers.
    pub(super) fn append(
        &self,
        mut state: MutexGuard<'_, State>,
        records: Vec<Encoded>,
        group: &str,
        positions: &[Noted],
    ) -> Result<(), LogError> {
        if state.fault.strikes(Fault::refuse) {
            return Err(injected("appending records"));
        }
        let mut batch = OwnedWriteBatch::with_capacity(self.db.clone(), records.len() + 16);
        batch = batch.durability(Some(fjall::PersistMode::Buffer));
        let mut touched: BTreeMap<Place, PartitionState> = BTreeMap::new();
        for (place, timestamp_ms, bytes) in records {
            let end = touched.entry(place).or_insert_with(|| state.partition(place));
            batch.insert(&self.records, place.key(end.end), bytes);
            end.newest_ms = end.newest_ms.max(timestamp_ms);
            end.end += 1;
        }
        for (place, end) in &touched {
            let value = meta::encode_end(end.end, end.newest_ms);
            batch.insert(&self.meta, meta::end_key(*place), value);
        }
        for Noted { position, note } in positions {
            let place = self.place(&state, position.topic, position.partition)?;
            let key = meta::group_key(group, place);
            batch.insert(&self.meta, key, meta::encode_committed(position.offset, note));
        }
        batch.commit().map_err(store("appending records"))?;
        for (place, end) in touched {
            *state.partition_mut(place) = end;
        }
        drop(state);
        self.wake();
        Ok(())
    }

    /// Reads a group's committed offset of a partition, 0 when none, and the note beside it.
    pub(super) fn committed(&self, group: &str, place: Place) -> Result<(i64, String), LogError> {
        let found = self
            .meta
            .get(meta::group_key(group, place))
            .map_err(store("reading a group's position"))?;
        let Some(bytes) = found else { return Ok((0, String::new())) };
        let committed = meta::decode_committed(&bytes);
        let what = || format!("the position of group {group}");
        committed.ok_or_else(|| LogError::Corrupt { what: what() })
    }
}

impl State {
    pub(super) fn partition(&self, place: Place) -> PartitionState {
        let topic = self.topics.values().find(|topic| topic.id == place.topic);
        topic.expect("places are made of topics").partitions[usize::from(place.partition)]
    }

    pub(super) fn partition_mut(&mut self, place: Place) -> &mut PartitionState {
        let mut topics = self.topics.values_mut();
        let topic = topics.find(|topic| topic.id == place.topic);
        let topic = topic.expect("places are made of topics");
        &mut topic.partitions[usize::from(place.partition)]
    }

    /// The largest timestamp of the whole log: what ages are measured against.
    pub(super) fn newest_ms(&self) -> i64 {
        let partitions = self.topics.values().flat_map(|topic| &topic.partitions);
        let written = partitions.filter(|partition| partition.end > 0);
        written.map(|partition| partition.newest_ms).max().unwrap_or(0)
    }
}

/// Makes an error of the store.
pub(super) fn store(attempted: &'static str) -> impl FnOnce(fjall::Error) -> LogError {
    move |source| LogError::Store { attempted, source: Box::new(source) }
}

/// Makes the error of a fault that a test asked for.
pub(super) fn injected(attempted: &'static str) -> LogError {
    LogError::Store { attempted, source: "a fault that a test asked for".into() }
}
