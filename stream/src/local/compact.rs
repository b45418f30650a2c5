//! Compaction: the last record of each key stays, old tombstones and expired events go.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use schemas::{Cleanup, TopicSpec};

use super::{
    codec::{self, Place},
    meta,
    shared::{Cleaned, Shared, store},
};
use crate::LogError;

/// Bytes of keys that one pass holds in memory; what is left waits for the next pass.
const MAP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Memory of a map's entry besides the key, about.
const MAP_ENTRY_BYTES: usize = 64;

/// Removals in one batch of the store.
const REMOVALS_MAX: usize = 2_000;

/// A partition with fewer new records is left alone by the background thread.
const DIRTY_RECORDS_MIN: u64 = 10_000;

/// What may go, by age against the newest timestamp in the log, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Age from which a tombstone may go.
    pub(super) tombstones_ms: i64,
    /// Age from which events may go; none keeps everything.
    pub(super) events_ms: Option<i64>,
    /// The same for histories.
    pub(super) histories_ms: Option<i64>,
}

/// Which partitions to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those where it pays: as much is new as was kept, so that the work stays in proportion.
    Needy,
    /// All with new records.
    All,
}

/// Compacts partitions one after another.
pub(super) fn all(
    shared: &Shared,
    rules: Rules,
    scope: Scope,
    stop: &AtomicBool,
) -> Result<(), LogError> {
    let _one_at_a_time = shared.compacting.lock();
    let topics: Vec<_> = {
        let state = shared.lock();
        let topics = state.topics.values();
        topics.map(|topic| (topic.spec, topic.id)).collect()
    };
    for (spec, topic) in topics {
        for partition in 0..shared.partitions as u16 {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let place = Place { topic, partition };
            while one(shared, rules, scope, spec, place)? {}
        }
    }
    Ok(())
}

/// Compacts a partition; true when memory did not allow to look at all that is new.
fn one(
    shared: &Shared,
    rules: Rules,
    scope: Scope,
    spec: &TopicSpec,
    place: Place,
) -> Result<bool, LogError> {
    let (partition, newest_ms) = {
        let state = shared.lock();
        (state.partition(place), state.newest_ms())
    };
    let before = partition.cleaned;
    let dirty = partition.end - before.dirty;
    if scope == Scope::Needy && dirty < DIRTY_RECORDS_MIN.max(before.kept) {
        return Ok(false);
    }
    let oldest = |age_ms: i64| newest_ms.saturating_sub(age_ms);
    let after = match spec.cleanup {
        Cleanup::Compact => {
            let oldest_ms = oldest(rules.tombstones_ms);
            compact(shared, place, before, partition.end, oldest_ms)?
        }
        Cleanup::Delete | Cleanup::DeleteLong => {
            let long = spec.cleanup == Cleanup::DeleteLong;
            let age_ms = if long { rules.histories_ms } else { rules.events_ms };
            let Some(age_ms) = age_ms else {
                return Ok(false);
            };
            expire(shared, place, before, partition.end, oldest(age_ms))?
        }
    };
    let (key, value) = (meta::cleaned_key(place), meta::encode_cleaned(after));
    let written = shared.meta.insert(key, value);
    written.map_err(store("noting what compaction left"))?;
    shared.lock().partition_mut(place).cleaned = after;
    Ok(after.dirty < partition.end)
}

/// Keeps the last record of each key, as Kafka's cleaner does: a map of the new part's keys first,
/// then a walk over everything up to that part's end.
///
/// A tombstone goes when it is old and an earlier pass has seen it: a table that is one pass behind
/// still learns of the deletion.
fn compact(
    shared: &Shared,
    place: Place,
    before: Cleaned,
    end: u64,
    oldest_ms: i64,
) -> Result<Cleaned, LogError> {
    let (last, dirty) = last_of_keys(shared, place, before.dirty, end)?;
    let mut removals = Removals::new(shared, place);
    let mut first_kept = None;
    let mut kept = 0;
    let range = place.key(before.start)..place.key(dirty);
    for entry in shared.records.range(range) {
        let (key, value) = entry.into_inner().map_err(store("compacting records"))?;
        let (offset, head) = parse(&key, &value)?;
        let replaced = last.get(head.key).is_some_and(|last| *last > offset);
        let expired = head.tombstone && head.timestamp_ms < oldest_ms && offset < before.dirty;
        if replaced || expired {
            removals.push(offset)?;
        } else {
            first_kept.get_or_insert(offset);
            kept += 1;
        }
    }
    removals.commit()?;
    let start = first_kept.unwrap_or(dirty);
    Ok(Cleaned { start, dirty, kept })
}

/// Maps the keys from an offset on to their last offsets, as many as memory allows; gives the
/// offset where the map ends, too.
fn last_of_keys(
    shared: &Shared,
    place: Place,
    from: u64,
    end: u64,
) -> Result<(HashMap<Vec<u8>, u64>, u64), LogError> {
    let mut last = HashMap::new();
    let mut bytes = 0;
    for entry in shared.records.range(place.key(from)..place.key(end)) {
        let (key, value) = entry.into_inner().map_err(store("compacting records"))?;
        let (offset, head) = parse(&key, &value)?;
        if let Some(last) = last.get_mut(head.key) {
            *last = offset;
            continue;
        }
        bytes += head.key.len() + MAP_ENTRY_BYTES;
        if bytes > MAP_BYTES_MAX {
            return Ok((last, offset));
        }
        last.insert(head.key.to_vec(), offset);
    }
    Ok((last, end))
}

/// Removes the oldest records up to the first that is young enough.
fn expire(
    shared: &Shared,
    place: Place,
    before: Cleaned,
    end: u64,
    oldest_ms: i64,
) -> Result<Cleaned, LogError> {
    let mut removals = Removals::new(shared, place);
    let mut start = end;
    let range = place.key(before.start)..place.key(end);
    for entry in shared.records.range(range) {
        let (key, value) = entry.into_inner().map_err(store("expiring records"))?;
        let (offset, head) = parse(&key, &value)?;
        if head.timestamp_ms >= oldest_ms {
            start = offset;
            break;
        }
        removals.push(offset)?;
    }
    removals.commit()?;
    Ok(Cleaned { start, dirty: end, kept: 0 })
}

fn parse<'a>(key: &[u8], value: &'a [u8]) -> Result<(u64, codec::Head<'a>), LogError> {
    let offset = codec::offset_of(key);
    offset
        .zip(codec::head(value))
        .ok_or_else(|| LogError::Corrupt { what: "a record under compaction".to_owned() })
}

/// Removes offsets in batches, in rising order: an old value never outlives its tombstone.
struct Removals<'a> {
    shared: &'a Shared,
    place: Place,
    offsets: Vec<u64>,
}

impl<'a> Removals<'a> {
    fn new(shared: &'a Shared, place: Place) -> Self {
        Self { shared, place, offsets: Vec::new() }
    }

    fn push(&mut self, offset: u64) -> Result<(), LogError> {
        self.offsets.push(offset);
        if self.offsets.len() >= REMOVALS_MAX {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let mut batch = self.shared.db.batch();
        for offset in self.offsets.drain(..) {
            batch.remove(&self.shared.records, self.place.key(offset));
        }
        batch.commit().map_err(store("removing records"))
    }
}
