//! Reads a topic as it is now, without a group: tables for sinks and tests, histories, dead
//! letters.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use schemas::{Codec, Key, Placement, Topic, TopicSpec, Value};

use crate::{Log, LogError, Position, Record};

/// Wait of one poll: short, because the end may lie behind markers that no record follows.
const POLL: Duration = Duration::from_millis(20);

/// How long reading may stand still (an open transaction of a dead writer ends before that).
const STALL_MAX: Duration = Duration::from_secs(60);

/// Reads a compacted topic from its start to its present end; tombstones remove.
///
/// A broadcast topic is read from partition 0, since all partitions hold the same.
///
/// # Errors
/// When the log can't be reached, stands still for a minute, or holds what can't be decoded.
pub fn table<K: Key, V: Value>(
    log: &dyn Log,
    codec: &Codec,
    prefix: &str,
    topic: &Topic<K, V>,
) -> Result<BTreeMap<K, V>, LogError> {
    // Only the last value of a key is worth decoding.
    let mut last = BTreeMap::new();
    for record in once(log, topic.spec)? {
        match record.value {
            Some(_) => last.insert(record.key.clone(), record),
            None => last.remove(&record.key),
        };
    }
    let mut rows = BTreeMap::new();
    for record in last.into_values() {
        let (key, value) = decode(codec, prefix, topic, &record)?;
        rows.extend(value.map(|value| (key, value)));
    }
    Ok(rows)
}

/// Reads a compacted topic of keyed partitions from its start to its present end in pieces, for
/// tables that are too large to be held whole.
///
/// `take` is given each key with what it was set to, none for a tombstone; what comes later takes
/// the place of what came before.
///
/// # Errors
/// As [`table`].
pub fn each<K: Key, V: Value>(
    log: &dyn Log,
    codec: &Codec,
    prefix: &str,
    topic: &Topic<K, V>,
    mut take: impl FnMut(K, Option<V>),
) -> Result<(), LogError> {
    let ends = log.ends(&[topic.spec])?;
    let from: Vec<Position> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
    between(log, &from, &ends, |records| {
        for record in &records {
            let (key, value) = decode(codec, prefix, topic, record)?;
            take(key, value);
        }
        Ok(())
    })
}

/// Reads a broadcast topic as its partitions agree on it: a key's value, or none where they differ.
///
/// A producer that died in the middle may have reached some partitions only. What it compares its
/// sources with is this, so that the next one makes up for it.
///
/// # Errors
/// As [`table`].
pub fn agreed<K: Key, V: Value>(
    log: &dyn Log,
    codec: &Codec,
    prefix: &str,
    topic: &Topic<K, V>,
) -> Result<BTreeMap<K, Option<V>>, LogError> {
    let mut last: BTreeMap<Vec<u8>, BTreeMap<i32, Record>> = BTreeMap::new();
    for record in records(log, topic.spec)? {
        let copies = last.entry(record.key.clone()).or_default();
        match record.value {
            Some(_) => copies.insert(record.partition, record),
            None => copies.remove(&record.partition),
        };
    }
    let everywhere = usize::try_from(log.partitions()).unwrap_or(usize::MAX);
    let mut rows = BTreeMap::new();
    for copies in last.into_values() {
        let Some(first) = copies.values().next() else { continue };
        let (key, value) = decode(codec, prefix, topic, first)?;
        let same = copies.values().all(|copy| copy.value == first.value);
        rows.insert(key, value.filter(|_| same && copies.len() == everywhere));
    }
    Ok(rows)
}

/// Reads a topic of events from its start to its present end: by partition, in order within each.
///
/// # Errors
/// As [`table`]; a record without a value too, since events have none.
pub fn history<K: Key, V: Value>(
    log: &dyn Log,
    codec: &Codec,
    prefix: &str,
    topic: &Topic<K, V>,
) -> Result<Vec<(Record, K, V)>, LogError> {
    let mut events = Vec::new();
    for record in once(log, topic.spec)? {
        let (key, value) = decode(codec, prefix, topic, &record)?;
        let value =
            value.ok_or_else(|| unfit(prefix, &record, "an event without a value".into()))?;
        events.push((record, key, value));
    }
    Ok(events)
}

/// Reads a topic's committed records from its start to its present end: all partitions, sorted by
/// partition, each copy of a broadcast record too.
///
/// # Errors
/// When the log can't be reached, or stands still for a minute.
pub fn records(log: &dyn Log, topic: &'static TopicSpec) -> Result<Vec<Record>, LogError> {
    read(log, topic, log.ends(&[topic])?)
}

/// Reads committed records between positions in pieces, so that memory stays bounded however many
/// there are; order is kept within each partition.
///
/// # Errors
/// As [`records`], and what `take` gives.
pub fn between<E: From<LogError>>(
    log: &dyn Log,
    from: &[Position],
    to: &[Position],
    mut take: impl FnMut(Vec<Record>) -> Result<(), E>,
) -> Result<(), E> {
    let mut failed = Ok(());
    let reached = read_up_to(log, from, to, STALL_MAX, &mut |records| {
        failed = take(records);
        failed.is_ok()
    })?;
    failed?;
    if reached == Reached::Stalled {
        let what = from.first().map_or("", |position| position.topic.name).to_owned();
        return Err(LogError::Stalled { what, waited: STALL_MAX }.into());
    }
    Ok(())
}

/// Reads each record once: of a broadcast topic, all partitions hold the same.
fn once(log: &dyn Log, topic: &'static TopicSpec) -> Result<Vec<Record>, LogError> {
    let mut ends = log.ends(&[topic])?;
    if topic.placement == Placement::Broadcast {
        ends.retain(|end| end.partition == 0);
    }
    read(log, topic, ends)
}

fn read(
    log: &dyn Log,
    topic: &'static TopicSpec,
    ends: Vec<Position>,
) -> Result<Vec<Record>, LogError> {
    let from: Vec<Position> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
    let mut found = Vec::new();
    let reached = read_up_to(log, &from, &ends, STALL_MAX, &mut |records| {
        found.extend(records);
        true
    })?;
    if reached == Reached::Stalled {
        return Err(LogError::Stalled { what: topic.name.to_owned(), waited: STALL_MAX });
    }
    // Order within a partition is kept: the sort is stable.
    found.sort_by_key(|record| record.partition);
    Ok(found)
}

/// How reading up to an end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// All positions are at or past the ends.
    End,
    /// The caller had enough.
    Enough,
    /// Nothing moved for the given time.
    Stalled,
}

/// Reads committed records below the ends, until all are read or `take` says false.
pub(crate) fn read_up_to(
    log: &dyn Log,
    from: &[Position],
    ends: &[Position],
    stall_max: Duration,
    take: &mut dyn FnMut(Vec<Record>) -> bool,
) -> Result<Reached, LogError> {
    let from: Vec<Position> =
        from.iter().filter(|position| end_of(ends, position) > position.offset).copied().collect();
    if from.is_empty() {
        return Ok(Reached::End);
    }
    let mut reader = log.reader(&from)?;
    let mut positions = from;
    let mut moved = Instant::now();
    loop {
        let mut records = reader.poll(POLL)?;
        records.retain(|record| {
            let end = ends.iter().find(|end| is_of(end, record));
            end.is_some_and(|end| record.offset < end.offset)
        });
        if !records.is_empty() && !take(records) {
            return Ok(Reached::Enough);
        }
        let now = reader.positions()?;
        if now.iter().all(|position| position.offset >= end_of(ends, position)) {
            return Ok(Reached::End);
        }
        if now != positions {
            positions = now;
            moved = Instant::now();
        } else if moved.elapsed() > stall_max {
            return Ok(Reached::Stalled);
        }
    }
}

fn is_of(position: &Position, record: &Record) -> bool {
    position.partition == record.partition && position.topic.name == record.topic.name
}

/// Gives the end of a position's partition, 0 when none is known.
pub(crate) fn end_of(ends: &[Position], of: &Position) -> i64 {
    let mut ends = ends.iter();
    let end = ends.find(|end| end.partition == of.partition && end.topic.name == of.topic.name);
    end.map_or(0, |end| end.offset)
}

fn decode<K: Key, V: Value>(
    codec: &Codec,
    prefix: &str,
    _types: &Topic<K, V>,
    record: &Record,
) -> Result<(K, Option<V>), LogError> {
    let key = std::str::from_utf8(&record.key).ok().and_then(K::decode);
    let key = key.ok_or_else(|| unfit(prefix, record, "not a key of this topic".into()))?;
    let value = record.value.as_deref().map(|bytes| codec.decode(bytes));
    let value = value.transpose();
    Ok((key, value.map_err(|error| unfit(prefix, record, error.into()))?))
}

fn unfit(
    prefix: &str,
    record: &Record,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> LogError {
    LogError::Decode {
        topic: record.topic.full_name(prefix),
        partition: record.partition,
        offset: record.offset,
        source,
    }
}
