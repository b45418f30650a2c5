//! Rows that were read or written lately, as their types: a row that is asked for again costs
//! neither a search on disk nor a decoding.
//!
//! **Invariant**: what it holds is what the store holds; it changes nothing but time.

use std::collections::{BTreeMap, HashMap};

use crate::pending::{Changes, Row};

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

type Generation = BTreeMap<&'static str, HashMap<String, (Row, usize)>>;

impl RowCache {
    /// Makes a cache that takes about this many bytes of memory; 0 keeps nothing.
    pub fn new(bytes_max: usize) -> Self {
        Self { young: Generation::new(), old: Generation::new(), young_bytes: 0, bytes_max }
    }

    pub(crate) fn get(&mut self, table: &'static str, key: &str) -> Option<Row> {
        if let Some((row, _)) = self.young.get(table).and_then(|rows| rows.get(key)) {
            return Some(row.clone());
        }
        let (key, (row, bytes)) = self.old.get_mut(table)?.remove_entry(key)?;
        self.insert(table, key, row.clone(), bytes);
        Some(row)
    }

    /// Takes a row in; `bytes` is its encoded length.
    pub(crate) fn insert(&mut self, table: &'static str, key: String, row: Row, bytes: usize) {
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
        self.young.entry(table).or_default().insert(key, (row, bytes));
    }

    /// Follows a commit.
    pub(crate) fn follow(&mut self, changes: Changes) {
        for (table, rows) in changes {
            for (key, change) in rows {
                // The older generation must not bring back what was there before.
                match change.value {
                    Some(value) => {
                        if let Some(rows) = self.old.get_mut(table) {
                            rows.remove(&key);
                        }
                        self.insert(table, key, value.row, value.bytes.len());
                    }
                    None => self.remove(table, &key),
                }
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

    fn row(number: i32) -> Row {
        Arc::new(number)
    }

    fn number(row: Option<Row>) -> Option<i32> {
        row.map(|row| *row.downcast::<i32>().expect("a number"))
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
        let held: usize = [&cache.young, &cache.old].iter().map(|of| of["t"].len()).sum();
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
