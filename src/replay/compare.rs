//! Compares a table with its rebuilt twin: the last value of each key, by bytes.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemas::TopicSpec;
use serde::Serialize;
use sha2::{Digest, Sha256};
use stream::{LogError, Outgoing, Position, snapshot};

use super::cut::{Cut, end_of, whole};
use crate::{output::say, site::Site};

/// Keys of each kind of difference that are named.
const NAMED_MAX: usize = 5;

/// How a table and its rebuilt twin compare.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Comparison {
    table: &'static str,
    /// Rows in the log.
    rows: u64,
    /// Rows whose rebuilt twin holds the same bytes.
    equal: u64,
    /// Rebuilt rows that are not in the log.
    missing: Named,
    /// Rows in the log that were not rebuilt.
    extra: Named,
    /// Rows whose rebuilt twin holds other bytes.
    different: Named,
}

/// How many rows, and the first of them.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Named {
    count: u64,
    /// `PARTITION/KEY`.
    first: Vec<String>,
}

/// A row without its bytes: they may be many.
type Rows = BTreeMap<Vec<u8>, [u8; 32]>;

impl Comparison {
    /// Gives how many rows are not equal.
    pub(super) fn differing(&self) -> u64 {
        self.missing.count + self.extra.count + self.different.count
    }

    fn add(&mut self, partition: i32, here: &Rows, rebuilt: &Rows) {
        self.rows += here.len() as u64;
        for (key, digest) in here {
            match rebuilt.get(key) {
                Some(other) if other == digest => self.equal += 1,
                Some(_) => self.different.add(partition, key),
                None => self.extra.add(partition, key),
            }
        }
        for key in rebuilt.keys().filter(|key| !here.contains_key(*key)) {
            self.missing.add(partition, key);
        }
    }
}

impl Named {
    fn add(&mut self, partition: i32, key: &[u8]) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            // Keys quote outside data: an escape must not forge a line.
            let key = String::from_utf8_lossy(key).escape_debug().to_string();
            self.first.push(format!("{partition}/{key}"));
        }
    }
}

/// Compares a table, one partition after another: only one partition's keys are in memory.
pub(super) fn table(
    site: &Site,
    cut: &Cut,
    scratch: &Site,
    topic: &'static TopicSpec,
    tell: &dyn Fn(i32),
) -> Result<Comparison> {
    let mut comparison = Comparison { table: topic.name, ..Comparison::default() };
    for partition in 0..site.log.partitions() {
        tell(partition);
        let here = digests(site, cut.end(topic, partition))?;
        let rebuilt = digests(scratch, end_of(&*scratch.log, topic, partition)?)?;
        comparison.add(partition, &here, &rebuilt);
    }
    Ok(comparison)
}

fn digests(site: &Site, end: Position) -> Result<Rows> {
    let mut rows = Rows::new();
    let (from, to) = whole(end);
    let read: Result<(), LogError> = snapshot::between(&*site.log, &from, &to, |records| {
        for record in records {
            match record.value {
                Some(value) => rows.insert(record.key, Sha256::digest(value).into()),
                None => rows.remove(&record.key),
            };
        }
        Ok(())
    });
    read.with_context(|| format!("reading {}", end.topic.full_name(&site.prefix)))?;
    Ok(rows)
}

/// Hands out the rows of a table in pieces, each key's last value once.
pub(super) fn rows(
    site: &Site,
    topic: &'static TopicSpec,
    take: &mut dyn FnMut(Vec<Outgoing>) -> Result<()>,
) -> Result<()> {
    for partition in 0..site.log.partitions() {
        let (from, to) = whole(end_of(&*site.log, topic, partition)?);
        let mut last: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        let read: Result<(), LogError> = snapshot::between(&*site.log, &from, &to, |records| {
            for record in records {
                match record.value {
                    Some(_) => last.insert(record.key, record.offset),
                    None => last.remove(&record.key),
                };
            }
            Ok(())
        });
        read?;
        snapshot::between(&*site.log, &from, &to, |records| {
            let rows = records.into_iter();
            let rows = rows.filter(|record| last.get(&record.key) == Some(&record.offset));
            take(rows.map(Outgoing::from).collect())
        })?;
    }
    Ok(())
}

/// Prints a table of the comparisons, and the first keys that differ.
pub(super) fn print(tables: &[Comparison]) -> Result<()> {
    let line = |words: [&str; 6]| {
        let [table, rows, equal, missing, extra, different] = words;
        say!("{table:<18} {rows:>9} {equal:>9} {missing:>9} {extra:>9} {different:>9}")
    };
    line(["table", "rows", "equal", "missing", "extra", "different"])?;
    for table in tables {
        let counts = [table.rows, table.equal, table.missing.count, table.extra.count];
        let [rows, equal, missing, extra] = counts.map(|count| count.to_string());
        let different = table.different.count.to_string();
        line([table.table, &rows, &equal, &missing, &extra, &different])?;
    }
    for table in tables {
        let kinds = [("missing", &table.missing), ("extra", &table.extra)];
        for (kind, named) in kinds.into_iter().chain([("different", &table.different)]) {
            for key in &named.first {
                say!("{} {kind}: {key}", table.table)?;
            }
            if named.count > named.first.len() as u64 {
                let more = named.count - named.first.len() as u64;
                say!("{} {kind}: {more} more", table.table)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_difference_is_counted_and_named() {
        let row = |key: &str, byte| (key.as_bytes().to_vec(), [byte; 32]);
        let here = Rows::from([row("same", 1), row("other", 1), row("stays", 1)]);
        let rebuilt = Rows::from([row("same", 1), row("other", 2), row("new\n", 1)]);
        let mut comparison = Comparison::default();
        comparison.add(3, &here, &rebuilt);
        assert_eq!((comparison.rows, comparison.equal, comparison.differing()), (3, 1, 3));
        let first = |named: &Named| (named.count, named.first.join(","));
        assert_eq!(first(&comparison.missing), (1, "3/new\\n".to_owned()));
        assert_eq!(first(&comparison.extra), (1, "3/stays".to_owned()));
        assert_eq!(first(&comparison.different), (1, "3/other".to_owned()));
    }
}
