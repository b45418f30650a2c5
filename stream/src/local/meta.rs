//! The small keys of a local log: format, topics, ends, what compaction left, groups' positions.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::SystemTime,
};

use fjall::Keyspace;

use super::{
    codec::Place,
    shared::{Cleaned, store},
};
use crate::LogError;

/// The format that this release reads and writes.
pub(super) const FORMAT: u32 = 1;

/// What tells this log from any other.
const IDENTITY_KEY: &[u8] = b"identity";

/// Format and number of partitions.
pub(super) const SHAPE_KEY: &[u8] = b"format";

pub(super) fn topic_key(full_name: &str) -> Vec<u8> {
    [b"topic/", full_name.as_bytes()].concat()
}

pub(super) const TOPIC_PREFIX: &[u8] = b"topic/";

pub(super) fn end_key(place: Place) -> Vec<u8> {
    [&b"end/"[..], &place.bytes()].concat()
}

pub(super) fn cleaned_key(place: Place) -> Vec<u8> {
    [&b"cleaned/"[..], &place.bytes()].concat()
}

/// The group's name comes first and ends with a byte that no name holds.
pub(super) fn group_key(group: &str, place: Place) -> Vec<u8> {
    [&b"group/"[..], group.as_bytes(), b"\0", &place.bytes()].concat()
}

pub(super) fn encode_end(end: u64, newest_ms: i64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&end.to_be_bytes());
    bytes[8..].copy_from_slice(&newest_ms.to_be_bytes());
    bytes
}

pub(super) fn encode_cleaned(cleaned: Cleaned) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&cleaned.start.to_be_bytes());
    bytes[8..16].copy_from_slice(&cleaned.dirty.to_be_bytes());
    bytes[16..].copy_from_slice(&cleaned.kept.to_be_bytes());
    bytes
}

/// The note follows the offset: a position without one is the offset alone.
pub(super) fn encode_committed(offset: i64, note: &str) -> Vec<u8> {
    [&offset.to_be_bytes(), note.as_bytes()].concat()
}

pub(super) fn decode_committed(bytes: &[u8]) -> Option<(i64, String)> {
    let (offset, note) = bytes.split_first_chunk()?;
    Some((i64::from_be_bytes(*offset), String::from_utf8(note.to_vec()).ok()?))
}

/// Reads a partition's end and its largest timestamp.
pub(super) fn end(meta: &Keyspace, place: Place) -> Result<(u64, i64), LogError> {
    let [end, newest_ms] = numbers(meta, &end_key(place))?;
    Ok((end, newest_ms as i64))
}

/// Reads what compaction left of a partition.
pub(super) fn cleaned(meta: &Keyspace, place: Place) -> Result<Cleaned, LogError> {
    let [start, dirty, kept] = numbers(meta, &cleaned_key(place))?;
    Ok(Cleaned { start, dirty, kept })
}

/// Reads a topic's number; none when the topic is not there.
pub(super) fn topic_id(meta: &Keyspace, full_name: &str) -> Result<Option<u16>, LogError> {
    let found = meta.get(topic_key(full_name)).map_err(store("reading topics"))?;
    let id = found.map(|bytes| {
        let bytes = bytes[..]
            .try_into()
            .map_err(|_| LogError::Corrupt { what: format!("topic {full_name}") })?;
        Ok(u16::from_be_bytes(bytes))
    });
    id.transpose()
}

/// Gives the log's identity, and makes it when there is none yet.
pub(super) fn identity(meta: &Keyspace) -> Result<String, LogError> {
    if let Some(found) = meta.get(IDENTITY_KEY).map_err(store("reading the identity"))? {
        return Ok(String::from_utf8_lossy(&found).into_owned());
    }
    // The standard library's hash keys are random for each process.
    let random = RandomState::new().hash_one((std::process::id(), SystemTime::now()));
    let identity = format!("{random:016x}");
    meta.insert(IDENTITY_KEY, identity.as_bytes()).map_err(store("writing the identity"))?;
    Ok(identity)
}

/// Reads format and number of partitions; none in a new log.
pub(super) fn shape(meta: &Keyspace) -> Result<Option<(u32, u32)>, LogError> {
    let found = meta.get(SHAPE_KEY).map_err(store("reading the format"))?;
    let shape = found.map(|bytes| {
        let halves = bytes.split_at_checked(4).and_then(|(format, partitions)| {
            Some((
                u32::from_be_bytes(format.try_into().ok()?),
                u32::from_be_bytes(partitions.try_into().ok()?),
            ))
        });
        halves.ok_or_else(|| LogError::Corrupt { what: "the format".to_owned() })
    });
    shape.transpose()
}

pub(super) fn encode_shape(partitions: i32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&FORMAT.to_be_bytes());
    bytes[4..].copy_from_slice(&partitions.to_be_bytes());
    bytes
}

fn numbers<const N: usize>(meta: &Keyspace, key: &[u8]) -> Result<[u64; N], LogError> {
    let mut numbers = [0; N];
    let Some(bytes) = meta.get(key).map_err(store("reading a partition's end"))? else {
        return Ok(numbers);
    };
    let (chunks, rest) = bytes.as_chunks::<8>();
    if chunks.len() != N || !rest.is_empty() {
        return Err(LogError::Corrupt { what: "a partition's end".to_owned() });
    }
    for (number, chunk) in numbers.iter_mut().zip(chunks) {
        *number = u64::from_be_bytes(*chunk);
    }
    Ok(numbers)
}
