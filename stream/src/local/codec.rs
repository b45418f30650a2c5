//! A record's bytes in the store of a local log: keys that sort by offset, values without waste.

use std::borrow::Cow;

use schemas::{
    TopicSpec,
    headers::{Headers, NAMES},
};

use crate::{LogError, Outgoing, Record, log::size_of_record};

/// Bytes of a record's key: topic and partition (2 each), offset (8), all big-endian.
pub(super) const KEY_BYTES: usize = 12;

const VALUE: u8 = 0;
const TOMBSTONE: u8 = 1;

/// Where records of one partition lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: u16,
    pub(super) partition: u16,
}

impl Place {
    pub(super) fn bytes(self) -> [u8; 4] {
        let mut bytes = [0; 4];
        bytes[..2].copy_from_slice(&self.topic.to_be_bytes());
        bytes[2..].copy_from_slice(&self.partition.to_be_bytes());
        bytes
    }

    pub(super) fn key(self, offset: u64) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        key[..4].copy_from_slice(&self.bytes());
        key[4..].copy_from_slice(&offset.to_be_bytes());
        key
    }
}

/// Gives the offset of a record's key.
pub(super) fn offset_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(4..KEY_BYTES)?.try_into().ok()?))
}

/// Writes everything of a record but its place.
///
/// Shape: kind (1), timestamp (zigzag varint), key (length, bytes), headers (count, then name and
/// value of each), then the value up to the end.
pub(super) fn encode(record: &Outgoing) -> Vec<u8> {
    let value = record.value.as_deref();
    let mut out = Vec::with_capacity(16 + size_of_record(record));
    out.push(if value.is_some() { VALUE } else { TOMBSTONE });
    put_varint(&mut out, zigzag(record.timestamp_ms));
    put_bytes(&mut out, &record.key);
    put_varint(&mut out, record.headers.len() as u64);
    for (name, value) in &record.headers {
        match NAMES.iter().position(|known| known == name) {
            Some(index) => out.push(index as u8 + 1),
            None => {
                out.push(0);
                put_bytes(&mut out, name.as_bytes());
            }
        }
        put_bytes(&mut out, value);
    }
    out.extend_from_slice(value.unwrap_or_default());
    out
}

/// What compaction needs of a record.
pub(super) struct Head<'a> {
    pub(super) tombstone: bool,
    pub(super) timestamp_ms: i64,
    pub(super) key: &'a [u8],
}

/// Reads the head of a record's bytes.
pub(super) fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let mut input = Input(bytes);
    input.head()
}

/// Reads a record.
pub(super) fn decode(
    topic: &'static TopicSpec,
    partition: i32,
    offset: u64,
    bytes: &[u8],
) -> Result<Record, LogError> {
    let corrupt =
        || LogError::Corrupt { what: format!("record {}/{partition}/{offset}", topic.name) };
    let mut input = Input(bytes);
    let head = input.head().ok_or_else(corrupt)?;
    let headers = input.headers().ok_or_else(corrupt)?;
    Ok(Record {
        topic,
        partition,
        offset: i64::try_from(offset).map_err(|_| corrupt())?,
        timestamp_ms: head.timestamp_ms,
        key: head.key.to_vec(),
        value: (!head.tombstone).then(|| input.0.to_vec()),
        headers,
    })
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn head(&mut self) -> Option<Head<'a>> {
        let tombstone = match self.byte()? {
            VALUE => false,
            TOMBSTONE => true,
            _ => return None,
        };
        Some(Head { tombstone, timestamp_ms: unzigzag(self.varint()?), key: self.bytes()? })
    }

    fn headers(&mut self) -> Option<Headers> {
        let count = usize::try_from(self.varint()?).ok()?;
        // A header takes two bytes at least: a broken count can't ask for more memory than that.
        let mut headers = Vec::with_capacity(count.min(self.0.len() / 2));
        for _ in 0..count {
            let name = match self.byte()? {
                0 => Cow::Owned(String::from_utf8(self.bytes()?.to_vec()).ok()?),
                known => Cow::Borrowed(*NAMES.get(usize::from(known) - 1)?),
            };
            headers.push((name, self.bytes()?.to_vec().into()));
        }
        Some(headers)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use schemas::topic;

    use super::*;

    fn outgoing(timestamp_ms: i64, key: &[u8], value: Option<&[u8]>) -> Outgoing {
        Outgoing {
            topic: topic::TICK.spec,
            partition: 3,
            timestamp_ms,
            key: key.to_vec(),
            value: value.map(<[u8]>::to_vec),
            headers: vec![
                ("ce_id".into(), b"7".into()),
                ("mine".into(), b"".into()),
                ("ce_id".into(), vec![0xff; 200].into()),
            ],
        }
    }

    #[test]
    fn records_survive() {
        for timestamp_ms in [0, -1, 1_764_547_199_999, i64::MIN, i64::MAX] {
            for (key, value) in [
                (&b"k"[..], Some(&b"v"[..])),
                (b"", Some(b"")),
                (b"gone", None),
                (&[0xff; 300], Some(&[0; 70_000])),
            ] {
                let record = outgoing(timestamp_ms, key, value);
                let bytes = encode(&record);
                let read = decode(record.topic, 3, 9, &bytes).unwrap();
                assert_eq!(read.timestamp_ms, timestamp_ms);
                assert_eq!(read.key, record.key);
                assert_eq!(read.value, record.value);
                assert_eq!(read.headers, record.headers);
                assert_eq!((read.partition, read.offset), (3, 9));
                let head = head(&bytes).unwrap();
                assert_eq!(head.key, record.key);
                assert_eq!(head.tombstone, value.is_none());
            }
        }
    }

    #[test]
    fn every_cut_of_the_head_is_corrupt_and_none_panics() {
        let bytes = encode(&outgoing(5, b"key", None));
        for length in 0..bytes.len() {
            assert!(decode(topic::TICK.spec, 0, 0, &bytes[..length]).is_err());
        }
        let oversized = [VALUE, 0, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(decode(topic::TICK.spec, 0, 0, &oversized).is_err());
    }

    #[test]
    fn known_names_take_a_byte() {
        let mut record = outgoing(0, b"", Some(b""));
        record.headers = vec![("ce_specversion".into(), b"1.0".into())];
        // kind, time, key length, count, name, value length, value
        assert_eq!(encode(&record).len(), 1 + 1 + 1 + 1 + 1 + 1 + 3);
    }

    #[test]
    fn keys_sort_by_place_and_offset() {
        let place = |topic, partition| Place { topic, partition };
        let sorted = [
            place(0, 0).key(0),
            place(0, 0).key(255),
            place(0, 0).key(256),
            place(0, 1).key(0),
            place(1, 0).key(0),
        ];
        assert!(sorted.is_sorted());
        assert_eq!(offset_of(&sorted[2]), Some(256));
    }
}
