//! Reading positions and the paged fetch that readers and members share.

use schemas::TopicSpec;

use super::{
    codec::{self, Place},
    shared::{Shared, State, store},
};
use crate::{LogError, Position, Record};

/// Limits of one poll, so that memory stays bounded however far behind a reader is.
const POLL_RECORDS_MAX: usize = 2_000;
const POLL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Limits of one partition within a poll, so that no partition starves the others.
const PAGE_RECORDS_MAX: usize = 500;
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Where reading of one partition stands.
pub(super) struct Cursor {
    pub(super) topic: &'static TopicSpec,
    pub(super) partition: i32,
    pub(super) place: Place,
    /// The next offset.
    pub(super) position: u64,
    pub(super) paused: bool,
}

/// A page to fetch: which cursor, from where, and the offset to stop before.
pub(super) struct Page {
    index: usize,
    from: u64,
    end: u64,
}

impl Cursor {
    pub(super) fn position(&self) -> Position {
        Position { topic: self.topic, partition: self.partition, offset: self.position as i64 }
    }
}

/// Lists what there is to read, beginning with the cursor `first` so that all get their turn.
pub(super) fn pages(state: &State, cursors: &[Cursor], first: usize) -> Vec<Page> {
    let order = (0..cursors.len()).map(|i| (first + i) % cursors.len());
    let pages = order.filter_map(|index| {
        let cursor = &cursors[index];
        let partition = state.partition(cursor.place);
        let waiting = !cursor.paused && cursor.position < partition.end;
        waiting.then_some(Page {
            index,
            // What compaction removed at the front need not be looked for.
            from: cursor.position.max(partition.cleaned.start),
            end: partition.end,
        })
    });
    pages.collect()
}

/// Reads pages until the limits of a poll are reached, and moves the cursors past what was read.
///
/// May give nothing although there were pages: all that was left of them were gaps.
pub(super) fn fetch(
    shared: &Shared,
    cursors: &mut [Cursor],
    pages: &[Page],
) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::new();
    let mut bytes = 0;
    for page in pages {
        if records.len() >= POLL_RECORDS_MAX || bytes >= POLL_BYTES_MAX {
            break;
        }
        let cursor = &mut cursors[page.index];
        let records_max = PAGE_RECORDS_MAX.min(POLL_RECORDS_MAX - records.len());
        bytes += fetch_page(shared, cursor, page, records_max, &mut records)?;
    }
    Ok(records)
}

fn fetch_page(
    shared: &Shared,
    cursor: &mut Cursor,
    page: &Page,
    records_max: usize,
    records: &mut Vec<Record>,
) -> Result<usize, LogError> {
    let (from, end) = (cursor.place.key(page.from), cursor.place.key(page.end));
    let full = records.len() + records_max;
    let mut bytes = 0;
    for entry in shared.records.range(from..end) {
        let (key, value) = entry.into_inner().map_err(store("reading records"))?;
        let offset = codec::offset_of(&key).ok_or_else(|| LogError::Corrupt {
            what: format!("a key of topic {}", cursor.topic.name),
        })?;
        let record = codec::decode(cursor.topic, cursor.partition, offset, &value)?;
        records.push(record);
        cursor.position = offset + 1;
        bytes += value.len();
        if records.len() >= full || bytes >= PAGE_BYTES_MAX {
            return Ok(bytes);
        }
    }
    cursor.position = page.end;
    Ok(bytes)
}

/// Finds an offset from which the first record is as late as a time, and none before it is, by
/// halving: the times of a partition go on. Nothing lies behind it where no record is as late.
pub(super) fn begin(
    shared: &Shared,
    place: Place,
    end: u64,
    time_ms: i64,
) -> Result<u64, LogError> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        // Compaction leaves gaps: the first record from here on may be behind the middle.
        match shared.records.range(place.key(middle)..place.key(high)).next() {
            None => high = middle,
            Some(entry) => {
                let (key, value) = entry.into_inner().map_err(store("looking for a time"))?;
                let found = codec::offset_of(&key).zip(codec::head(&value));
                let what = || format!("partition {}, below offset {high}", place.partition);
                let (offset, head) = found.ok_or_else(|| LogError::Corrupt { what: what() })?;
                if head.timestamp_ms < time_ms {
                    low = offset + 1;
                } else {
                    high = middle;
                }
            }
        }
    }
    Ok(low)
}
