//! Records that are read and not taken yet, and how batches are cut from them. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use schemas::TopicSpec;
use stream::Record;

/// How large batches are, or the parts of a pinned role's, which has up to 8 in a batch: what is in
/// memory, and what a crash lets be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records at most.
    pub records: usize,
    /// Bytes of their keys and values at most; there is one record at least.
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

/// Parts of a pinned target's batch at most. Each batch costs two transactions, and a time in which
/// the target has only the last part to work on: with more parts both are rarer.
pub(crate) const PARTS_MAX: usize = 8;

/// A topic's partition.
pub(crate) type Place = (&'static str, i32);

/// Records by their places, each with when it came.
#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    pinned: bool,
    places: BTreeMap<Place, VecDeque<(u64, Record)>>,
    /// How many came so far.
    came: u64,
    count: usize,
    bytes: usize,
}

impl Backlog {
    pub(crate) fn new(limits: Limits, pinned: bool) -> Self {
        Self { limits, pinned, places: BTreeMap::new(), came: 0, count: 0, bytes: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Tells whether more may be read: it holds less than a batch may.
    pub(crate) fn has_room(&self) -> bool {
        !self.holds(if self.pinned { PARTS_MAX } else { 1 })
    }

    /// Tells whether this is as much as so many batches hold at most.
    pub(crate) fn holds(&self, batches: usize) -> bool {
        self.count >= self.limits.records.saturating_mul(batches)
            || self.bytes >= self.limits.bytes.saturating_mul(batches)
    }

    pub(crate) fn push(&mut self, records: Vec<Record>) {
        for record in records {
            self.count += 1;
            self.bytes += bytes(&record);
            self.places.entry(place(&record)).or_default().push_back((self.came, record));
            self.came += 1;
        }
    }

    /// Drops what partitions of these numbers hold.
    pub(crate) fn forget(&mut self, partitions: &[i32]) {
        self.places.retain(|(_, partition), _| !partitions.contains(partition));
        self.count = self.places.values().map(VecDeque::len).sum();
        let left = self.places.values().flatten();
        self.bytes = left.map(|(_, record)| bytes(record)).sum();
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        (self.count, self.bytes) = (0, 0);
    }

    /// Gives the first offset that is still here, by place.
    pub(crate) fn firsts(&self) -> BTreeMap<Place, i64> {
        let first = |(place, records): (&Place, &VecDeque<(u64, Record)>)| {
            records.front().map(|(_, record)| (*place, record.offset))
        };
        self.places.iter().filter_map(first).collect()
    }

    /// Takes the next batch: what came first.
    pub(crate) fn cut(&mut self) -> Vec<Record> {
        let (mut taken, mut size) = (Vec::new(), 0);
        while let Some(place) = self.oldest(|_| true)
            && let Some(record) =
                self.pop(place, |backlog, next| backlog.fits(taken.len(), size, next))
        {
            size += bytes(&record);
            taken.push(record);
        }
        taken
    }

    /// Takes the next part of a batch, of one place that it `has` none of yet: of those, the place
    /// whose record came first.
    ///
    /// `pins` are offsets before which the first part of a place must end, whatever its size: it
    /// is cut when everything up to there is `read`.
    pub(crate) fn cut_place(
        &mut self,
        has: impl Fn(&Place) -> bool,
        pins: &BTreeMap<Place, i64>,
        read: impl Fn(&'static TopicSpec, i32) -> i64,
    ) -> Option<Vec<Record>> {
        let is_ready = |record: &Record| {
            let pin = pins.get(&place(record));
            !has(&place(record)) && pin.is_none_or(|to| read(record.topic, record.partition) >= *to)
        };
        let chosen = self.oldest(is_ready)?;
        let pin = pins.get(&chosen);
        let (mut taken, mut size) = (Vec::new(), 0);
        while let Some(record) = self.pop(chosen, |backlog, next| match pin {
            Some(to) => next.offset < *to,
            None => backlog.fits(taken.len(), size, next),
        }) {
            size += bytes(&record);
            taken.push(record);
        }
        Some(taken)
    }

    /// Gives the place whose first record came before those of all others.
    fn oldest(&self, is_wanted: impl Fn(&Record) -> bool) -> Option<Place> {
        let fronts =
            self.places.iter().filter_map(|(place, records)| Some((place, records.front()?)));
        let wanted = fronts.filter(|(_, (_, record))| is_wanted(record));
        wanted.min_by_key(|(_, (came, _))| *came).map(|(place, _)| *place)
    }

    /// Takes the first record of a place, if it is wanted.
    fn pop(&mut self, place: Place, wants: impl FnOnce(&Self, &Record) -> bool) -> Option<Record> {
        let (_, next) = self.places.get(&place)?.front()?;
        if !wants(self, next) {
            return None;
        }
        let (_, record) = self.places.get_mut(&place)?.pop_front()?;
        self.count -= 1;
        self.bytes -= bytes(&record);
        Some(record)
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
