//! Records that are read and not taken yet, and how batches are cut from them. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use schemas::TopicSpec;
use stream::Record;

/// How large batches are: what is in memory, and what a crash lets be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records of a batch at most.
    pub records: usize,
    /// Bytes of their keys and values at most; a batch has one record at least.
    pub bytes: usize,
    /// How long the first record of a batch waits for others to come.
    pub linger: Duration,
}

impl Default for Limits {
    /// 2,000 records, 16 MiB, no waiting.
    fn default() -> Self {
        Self { records: 2_000, bytes: 16 * 1024 * 1024, linger: Duration::ZERO }
    }
}

/// A pinned target's batches are of one partition each, so more are kept to choose from.
const PINNED_BATCHES: usize = 4;

/// A topic's partition.
pub(crate) type Place = (&'static str, i32);

/// Records in the order of their coming.
#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    pinned: bool,
    records: VecDeque<Record>,
    bytes: usize,
}

impl Backlog {
    pub(crate) fn new(limits: Limits, pinned: bool) -> Self {
        Self { limits, pinned, records: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Tells whether more may be read.
    pub(crate) fn has_room(&self) -> bool {
        let batches = if self.pinned { PINNED_BATCHES } else { 1 };
        self.records.len() < self.limits.records.saturating_mul(batches)
            && self.bytes < self.limits.bytes.saturating_mul(batches)
    }

    pub(crate) fn push(&mut self, records: Vec<Record>) {
        self.bytes += records.iter().map(bytes).sum::<usize>();
        self.records.extend(records);
    }

    /// Drops what partitions of these numbers hold.
    pub(crate) fn forget(&mut self, partitions: &[i32]) {
        self.records.retain(|record| !partitions.contains(&record.partition));
        self.bytes = self.records.iter().map(bytes).sum();
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }

    /// Gives the first offset that is still here, by place.
    pub(crate) fn firsts(&self) -> BTreeMap<Place, i64> {
        let mut firsts = BTreeMap::new();
        for record in &self.records {
            firsts.entry(place(record)).or_insert(record.offset);
        }
        firsts
    }

    /// Takes the next batch: what came first.
    pub(crate) fn cut(&mut self) -> Vec<Record> {
        let mut taken = Vec::new();
        let mut size = 0;
        while let Some(next) = self.records.front() {
            if !self.fits(taken.len(), size, next) {
                break;
            }
            size += bytes(next);
            taken.extend(self.records.pop_front());
        }
        self.bytes -= size;
        taken
    }

    /// Takes the next batch of one place: the one whose record came first.
    ///
    /// `pins` are offsets before which the first batch of a place must end, whatever its size: it
    /// is cut when everything up to there is `read`.
    pub(crate) fn cut_place(
        &mut self,
        pins: &BTreeMap<Place, i64>,
        read: impl Fn(&'static TopicSpec, i32) -> i64,
    ) -> Option<Vec<Record>> {
        let is_ready = |record: &&Record| {
            let pin = pins.get(&place(record));
            pin.is_none_or(|to| read(record.topic, record.partition) >= *to)
        };
        let chosen = place(self.records.iter().find(is_ready)?);
        let pin = pins.get(&chosen);
        let (mut taken, mut size, mut full) = (Vec::new(), 0, false);
        for record in std::mem::take(&mut self.records) {
            let is_next = place(&record) == chosen && !full;
            let fits = match pin {
                Some(to) => record.offset < *to,
                None => self.fits(taken.len(), size, &record),
            };
            if is_next && fits {
                size += bytes(&record);
                taken.push(record);
            } else {
                // Nothing of the place may overtake what did not fit.
                full |= is_next;
                self.records.push_back(record);
            }
        }
        self.bytes -= size;
        Some(taken)
    }

    fn fits(&self, taken: usize, size: usize, next: &Record) -> bool {
        taken == 0 || taken < self.limits.records && size + bytes(next) <= self.limits.bytes
    }
}

pub(crate) fn place(record: &Record) -> Place {
    (record.topic.name, record.partition)
}

fn bytes(record: &Record) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests;
