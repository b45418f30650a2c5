//! Compares source and target when everything is carried: counts, and each key's records in order.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use schemas::{Cleanup, TopicSpec};
use serde::Serialize;
use sha2::{Digest, Sha256};
use stream::{Log, LogError, Position, Record, snapshot};

use super::{
    once,
    place::{carried, is_broadcast, targets},
    plan::Plan,
    sources,
};
use crate::{output::say, progress::Teller, site::Site};

/// How one topic came over.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Row {
    topic: &'static str,
    /// Records that were to be carried.
    records: u64,
    /// Records in the target, copies of a broadcast topic counted once.
    carried: u64,
    keys: usize,
    /// Digest over each key's records in their order, of source and target.
    digests: [String; 2],
    /// What is wrong, in words; none when nothing is.
    wrong: Option<String>,
}

/// What one topic holds: for each key a digest that is made of its records one after another.
#[derive(Default, PartialEq)]
struct Contents {
    records: u64,
    keys: BTreeMap<Vec<u8>, [u8; 32]>,
}

impl Contents {
    fn add(&mut self, record: &Record) {
        self.records += 1;
        let before = self.keys.get(&record.key).copied().unwrap_or_default();
        let mut digest = Sha256::new();
        // Of a table only the last record of each key counts: the others may be compacted away.
        // Records without a key come from several partitions, in no order.
        let ordered = record.topic.cleanup != Cleanup::Compact && !record.key.is_empty();
        if ordered {
            digest.update(before);
        }
        digest.update(record.timestamp_ms.to_be_bytes());
        let mut part = |bytes: Option<&[u8]>| {
            digest.update(bytes.map_or(-1, |bytes| bytes.len() as i64).to_be_bytes());
            digest.update(bytes.unwrap_or_default());
        };
        part(record.value.as_deref());
        for (name, value) in &record.headers {
            part(Some(name.as_bytes()));
            part(Some(value));
        }
        let mut of_key: [u8; 32] = digest.finalize().into();
        if record.key.is_empty() {
            of_key.iter_mut().zip(before).for_each(|(byte, other)| *byte ^= other);
        }
        self.keys.insert(record.key.clone(), of_key);
    }

    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (key, of_key) in &self.keys {
            digest.update((key.len() as u64).to_be_bytes());
            digest.update(key);
            digest.update(of_key);
        }
        let digest = digest.finalize();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Compares every topic.
pub(super) fn all(source: &Site, target: &Site, plan: &Plan, teller: &Teller) -> Result<Vec<Row>> {
    let ends = plan.end()?;
    let mut rows = Vec::new();
    for topic in sources() {
        teller.step(&format!("comparing {}", topic.name));
        let ends: Vec<_> =
            ends.iter().copied().filter(|end| end.topic.name == topic.name).collect();
        let wanted = read(&*source.log, &ends, &mut |record| {
            Ok(carried(record, plan.horizon(record.topic, record.partition)))
        });
        let wanted = wanted.context("reading the source")?;
        rows.push(compare(topic, &wanted, target)?);
    }
    Ok(rows)
}

fn compare(topic: &'static TopicSpec, wanted: &Contents, target: &Site) -> Result<Row> {
    let partitions = target.log.partitions();
    let ends = target.log.ends(&[topic])?;
    let mut misplaced = 0_u64;
    let found = read(&*target.log, &once(ends.clone()), &mut |record| {
        misplaced += u64::from(!targets(record, partitions).contains(&record.partition));
        Ok(true)
    })?;
    let counted = topic.cleanup != Cleanup::Compact;
    let mut wrong = None;
    if misplaced > 0 {
        wrong = Some(format!("{misplaced} records lie in a partition that is not theirs"));
    } else if counted && found.records != wanted.records {
        wrong = Some(format!("{} records instead of {}", found.records, wanted.records));
    } else if found.keys != wanted.keys {
        let differ =
            wanted.keys.iter().filter(|(key, of)| found.keys.get(*key) != Some(of)).count();
        wrong = Some(format!(
            "{differ} keys differ, {} instead of {}",
            found.keys.len(),
            wanted.keys.len()
        ));
    } else if is_broadcast(topic) {
        for end in ends.iter().filter(|end| end.partition > 0) {
            let copy = read(&*target.log, &[*end], &mut |_| Ok(true))?;
            if copy.keys != wanted.keys || (counted && copy.records != wanted.records) {
                wrong = Some(format!("partition {} is no copy of the first", end.partition));
            }
        }
    }
    Ok(Row {
        topic: topic.name,
        records: wanted.records,
        carried: found.records,
        keys: wanted.keys.len(),
        digests: [wanted.digest(), found.digest()],
        wrong,
    })
}

fn read(
    log: &dyn Log,
    ends: &[Position],
    keep: &mut dyn FnMut(&Record) -> Result<bool, LogError>,
) -> Result<Contents> {
    let starts: Vec<_> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
    let mut contents = Contents::default();
    snapshot::between(log, &starts, ends, |records| {
        for record in &records {
            if keep(record)? {
                contents.add(record);
            }
        }
        Ok::<(), LogError>(())
    })?;
    Ok(contents)
}

/// Prints what came over, and fails when something did not.
pub(super) fn print(rows: &[Row], json: bool) -> Result<()> {
    if json {
        say!("{}", serde_json::to_string(rows)?)?;
    } else {
        say!(
            "{:<18} {:>10} {:>10} {:>9}  {:<17} target",
            "topic",
            "records",
            "carried",
            "keys",
            "source"
        )?;
        for row in rows {
            let [source, target] = &row.digests;
            say!(
                "{:<18} {:>10} {:>10} {:>9}  {source:<17} {target}",
                row.topic,
                row.records,
                row.carried,
                row.keys
            )?;
        }
    }
    let wrong =
        rows.iter().filter_map(|row| Some(format!("{}: {}", row.topic, row.wrong.as_ref()?)));
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "the target is not the source, so do not use it: {}; delete its topics and begin anew",
        wrong.join("; ")
    )
}
