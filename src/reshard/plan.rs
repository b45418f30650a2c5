//! The plan of a reshard on disk: what is carried, and how far it is.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use schemas::{Cleanup, TopicSpec, topic::by_name};
use serde::{Deserialize, Serialize};
use stream::{Log, Position};

use super::{is_history, once, sources};
use crate::site::Site;

/// Polls of a partition's first record before it is taken as empty.
const FIRST_POLLS: u32 = 50;

/// Offsets by topic and partition.
pub(super) type Totals = BTreeMap<String, Vec<i64>>;

/// What is carried, and how far it is.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The target's log and prefix in words.
    pub(super) target: String,
    pub(super) partitions: i32,
    /// Up to where the source is carried.
    end: Totals,
    /// Below these positions everything was carried.
    at: Totals,
    /// The target's ends then.
    noted: Totals,
    /// Times before which histories are carried, by source partition: what the sources no longer
    /// reach back to.
    horizons: Vec<Option<i64>>,
    /// Whether everything up to the end is carried and was compared.
    verified: bool,
}

/// Arranges positions by topic.
pub(super) fn totals(positions: &[Position]) -> Totals {
    let mut totals = Totals::new();
    for at in positions {
        let offsets = totals.entry(at.topic.name.to_owned()).or_default();
        offsets.resize(offsets.len().max(at.partition as usize + 1), 0);
        offsets[at.partition as usize] = at.offset;
    }
    totals
}

impl Plan {
    /// Begins a plan: everything that the source holds now.
    pub(super) fn new(source: &Site, target: &Site, name: &str) -> Result<Self> {
        let end = totals(&source.log.ends(&sources())?);
        Ok(Self {
            target: name.to_owned(),
            partitions: target.log.partitions(),
            end,
            at: Totals::new(),
            noted: Totals::new(),
            horizons: horizons(&*source.log)?,
            verified: false,
        })
    }

    /// Reads a plan that was begun.
    pub(super) fn read(file: &Path) -> Result<Option<Self>> {
        let reading = || format!("reading how far the reshard is from {}", file.display());
        match fs::read(file) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(reading)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(reading),
        }
    }

    /// Writes the plan, whole or not at all.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let writing = || format!("noting how far the reshard is in {}", file.display());
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(writing)?;
        let mut new = tempfile::NamedTempFile::new_in(folder).with_context(writing)?;
        serde_json::to_writer(&mut new, self).with_context(writing)?;
        new.as_file().sync_all().with_context(writing)?;
        new.persist(file).with_context(writing)?;
        Ok(())
    }

    /// Takes in what came to the source since, if all before it is carried.
    pub(super) fn extend(&mut self, source: &Site, file: &Path) -> Result<()> {
        if self.verified && self.left(source)? > 0 {
            self.end = totals(&source.log.ends(&sources())?);
            self.verified = false;
            self.write(file)?;
        }
        Ok(())
    }

    /// Notes how far it is.
    pub(super) fn note(&mut self, at: &[Position], ends: &Totals, file: &Path) -> Result<()> {
        self.at = totals(at);
        self.noted.clone_from(ends);
        self.write(file)
    }

    /// Notes that everything is carried.
    pub(super) fn verified(&mut self, file: &Path) -> Result<()> {
        self.verified = true;
        self.write(file)
    }

    /// Gives how many offsets of the source lie behind the plan's end.
    pub(super) fn left(&self, source: &Site) -> Result<i64> {
        let ends = once(source.log.ends(&sources())?);
        let planned = self.end()?;
        Ok(ends.iter().zip(&planned).map(|(end, plan)| (end.offset - plan.offset).max(0)).sum())
    }

    /// Gives where to go on.
    pub(super) fn positions(&self) -> Result<Vec<Position>> {
        let mut positions = self.end()?;
        for at in &mut positions {
            let noted = self.at.get(at.topic.name).and_then(|all| all.get(at.partition as usize));
            at.offset = noted.copied().unwrap_or(0);
        }
        Ok(positions)
    }

    /// Gives up to where the source is carried: of a broadcast topic one copy.
    pub(super) fn end(&self) -> Result<Vec<Position>> {
        let mut positions = Vec::new();
        for topic in sources() {
            let Some(ends) = self.end.get(topic.name) else {
                bail!("the plan of an older release does not know {}", topic.name);
            };
            let ends = ends.iter().enumerate();
            positions.extend(ends.map(|(partition, offset)| Position {
                topic,
                partition: partition as i32,
                offset: *offset,
            }));
        }
        ensure!(
            self.end.keys().all(|name| by_name(name).is_some()),
            "the plan is of another release"
        );
        Ok(once(positions))
    }

    /// Gives the target's ends of a topic when it was last noted how far it is.
    pub(super) fn noted(&self, topic: &TopicSpec) -> &[i64] {
        self.noted.get(topic.name).map_or(&[], Vec::as_slice)
    }

    /// Gives the time before which a history's records are carried; none when the sources tell all.
    pub(super) fn horizon(&self, topic: &TopicSpec, partition: i32) -> Option<i64> {
        let horizon = self.horizons.get(partition as usize).copied().flatten();
        horizon.filter(|_| is_history(topic))
    }
}

/// Finds the time from which on all sources of a partition are there, where retention took some.
fn horizons(log: &dyn Log) -> Result<Vec<Option<i64>>> {
    let events: Vec<_> =
        sources().into_iter().filter(|one| one.cleanup == Cleanup::Delete).collect();
    let mut horizons = vec![None; log.partitions() as usize];
    for end in log.ends(&events)?.iter().filter(|end| end.offset > 0) {
        if let Some((offset, at_ms)) = first(log, end)?.filter(|(offset, _)| *offset > 0) {
            tracing::info!(topic = end.topic.name, partition = end.partition, offset, "cut front");
            let horizon = &mut horizons[end.partition as usize];
            *horizon = (*horizon).max(Some(at_ms));
        }
    }
    Ok(horizons)
}

/// Gives offset and time of a partition's first record; none when there is none.
fn first(log: &dyn Log, end: &Position) -> Result<Option<(i64, i64)>> {
    let mut reader = log.reader(&[Position { offset: 0, ..*end }])?;
    for _ in 0..FIRST_POLLS {
        if let Some(record) = reader.poll(Duration::from_millis(100))?.first() {
            return Ok(Some((record.offset, record.timestamp_ms)));
        }
        if reader.positions()?.iter().all(|at| at.offset >= end.offset) {
            break;
        }
    }
    Ok(None)
}
