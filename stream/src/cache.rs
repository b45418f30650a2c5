//! Rows that were read or written lately, as their types: a row that is asked for again costs
//! neither a search on disk nor a decoding, and one that is not there no search either.
//!
//! **Invariant**: what it holds is what the store holds; it changes nothing but time.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{
    by_table::ByTable,
    pending::{Pending, Row, Written},
};

/// What an entry takes besides its row's bytes: key, typed fields, pointers.
const ENTRY_BYTES: usize = 256;

/// How much larger a row is as its type than as bytes, about.
const TYPED_FACTOR: usize = 2;

/// Rows in two generations. What is used moves to the younger one; when that is full, the older one
/// is dropped and both change places.
#[derive(Debug)]
pub struct RowCache {
    young: Generation,
    old: Generation,
    young_bytes: usize,
    bytes_max: usize,
}

type Generation = ByTable<HashMap<String, (Option<Row>, usize), RandomState>>;

impl RowCache {
    /// Makes a cache that takes about this many bytes of memory; 0 keeps nothing.
    pub fn new(bytes_max: usize) -> Self {
        Self { young: Generation::default(), old: Generation::default(), young_bytes: 0, bytes_max }
    }

    /// Gives a row, or that there is none; none when it does not know.
    pub(crate) fn get(&mut self, table: &'static str, key: &str) -> Option<Option<Row>> {
        if let Some((row, _)) = self.young.get(table).and_then(|rows| rows.get(key)) {
            return Some(row.clone());
        }
        let (key, (row, bytes)) = self.old.get_mut(table)?.remove_entry(key)?;
        self.insert(table, key, row.clone(), bytes);
        Some(row)
    }

    /// Takes a row in, or that there is none; `bytes` is its encoded length.
    pub(crate) fn insert(
        &mut self,
        table: &'static str,
        key: String,
        row: Option<Row>,
        bytes: usize,
    ) {
        let size = |key: &str, bytes: usize| ENTRY_BYTES + key.len() + TYPED_FACTOR * bytes;
        let added = size(&key, bytes);
        let limit = self.bytes_max / 2;
        if added > limit {
            self.remove(table, &key);
            return;
        }
        if self.young_bytes + added > limit {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += added;
        self.young.of(table).insert(key, (row, bytes));
    }

    /// Follows a commit.
    pub fn follow(&mut self, committed: Pending) {
        for (table, rows) in committed.rows {
            for (key, change) in rows {
                // The older generation must not bring back what was there before.
                if let Some(rows) = self.old.get_mut(table) {
                    rows.remove(&key);
                }
                let bytes = change.value.as_ref().map_or(0, Written::len);
                self.insert(table, key, change.value.map(|value| value.row), bytes);
            }
        }
    }

    fn remove(&mut self, table: &'static str, key: &str) {
        for generation in [&mut self.young, &mut self.old] {
            if let Some(rows) = generation.get_mut(table) {
                rows.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn row(number: i32) -> Option<Row> {
        Some(Arc::new(number))
    }

    fn number(row: Option<Option<Row>>) -> Option<i32> {
        row.flatten().map(|row| *row.downcast::<i32>().expect("a number"))
    }

    #[test]
    fn what_is_used_stays_and_memory_is_bounded() {
        let mut cache = RowCache::new(100 * ENTRY_BYTES);
        for n in 0..1_000 {
            cache.insert("t", n.to_string(), row(n), 10);
            assert_eq!(number(cache.get("t", "0")), Some(0), "used all the time");
        }
        assert_eq!(number(cache.get("t", "1")), None);
        assert_eq!(number(cache.get("t", "999")), Some(999));
        let held: usize =
            [&cache.young, &cache.old].iter().map(|of| of.get("t").map_or(0, HashMap::len)).sum();
        assert!(held <= 100, "{held} rows");
    }

    #[test]
    fn a_row_that_is_too_large_is_not_kept_and_hides_nothing() {
        let mut cache = RowCache::new(100 * ENTRY_BYTES);
        cache.insert("t", "k".to_owned(), row(1), 10);
        cache.insert("t", "k".to_owned(), row(2), 1 << 20);
        assert_eq!(number(cache.get("t", "k")), None);
        let mut none = RowCache::new(0);
        none.insert("t", "k".to_owned(), row(1), 10);
        assert_eq!(number(none.get("t", "k")), None);
    }
}
