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
