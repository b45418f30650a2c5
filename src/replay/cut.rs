//! One moment of a log at rest: what its stages have taken, how far its tables go, and a copy.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use schemas::{Cleanup, TopicSpec};
use serde::Serialize;
use stream::{Log, Outgoing, Position, snapshot, worker::caught_up};

use crate::{
    pipeline::{STAGES, factory},
    site::Site,
};

/// Longer than a transaction stays open: what did not move in between is at rest.
const REST: Duration = Duration::from_millis(800);

/// How long the stages are waited for.
const REST_LIMIT: Duration = Duration::from_secs(30);

/// One moment of a log at rest.
pub(super) struct Cut {
    /// What the stages have taken of the sources.
    taken: Vec<Position>,
    /// The ends of what the stages write.
    ends: Vec<Position>,
}

/// What became of a copy.
pub(super) struct Copied {
    pub(super) records: u64,
    pub(super) lost: Vec<Lost>,
}

/// Source records that the log no longer holds.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Lost {
    topic: &'static str,
    records: u64,
    /// Why: `retention` or `compaction`.
    by: &'static str,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, records, by } = self;
        write!(f, "{topic}: {records} records are gone by {by}: rows that hang on them may differ")
    }
}

impl Cut {
    /// Waits until the stages are at rest, and takes that moment.
    pub(super) fn at_rest(site: &Site, tell: &dyn Fn(&str)) -> Result<Self> {
        let start = Instant::now();
        let mut before = Self::now(site)?;
        loop {
            std::thread::sleep(REST);
            let now = Self::now(site)?;
            if now.taken == before.taken && now.ends == before.ends {
                break;
            }
            tell("waiting for the stages to come to rest");
            ensure!(
                start.elapsed() < REST_LIMIT,
                "the stages do not come to rest: tables are compared as of one moment, so end the \
                 stages or the producers"
            );
            before = now;
        }
        ensure!(
            before.records() > 0,
            "no stage has taken a record yet: there is nothing to replay"
        );
        for name in STAGES.iter().filter(|name| **name != "account") {
            let stage = factory(name)?();
            if !caught_up(&*site.log, stage.name(), &stage.inputs(), None)? {
                bail!(
                    "the {name} stage has not taken all that the account stage wrote: let it run"
                );
            }
        }
        Ok(before)
    }

    /// Tells whether nothing has moved since.
    pub(super) fn is_now(&self, site: &Site) -> Result<bool> {
        let now = Self::now(site)?;
        Ok(now.taken == self.taken && now.ends == self.ends)
    }

    fn now(site: &Site) -> Result<Self> {
        let (mut taken, mut ends) = (Vec::new(), Vec::new());
        for name in STAGES {
            let stage = factory(name)?();
            let (sources, inner): (Vec<&'static TopicSpec>, Vec<_>) =
                stage.inputs().into_iter().partition(|topic| topic.is_source());
            let asked = "asking how far the stages are";
            taken.extend(site.log.committed(stage.name(), &sources).context(asked)?);
            let tables = stage.tables().into_iter().map(|table| table.topic);
            let mut written: Vec<_> = tables.chain(inner).collect();
            written.sort_by_key(|topic| topic.name);
            written.dedup_by_key(|topic| topic.name);
            ends.extend(site.log.ends(&written).context(asked)?);
        }
        Ok(Self { taken, ends })
    }

    /// Gives how many offsets of the sources the stages have taken.
    pub(super) fn records(&self) -> i64 {
        self.taken.iter().map(|position| position.offset).sum()
    }

    /// Gives the end of a table's partition.
    pub(super) fn end(&self, topic: &'static TopicSpec, partition: i32) -> Position {
        let mut ends = self.ends.iter();
        let end = ends.find(|end| end.topic.name == topic.name && end.partition == partition);
        end.copied().unwrap_or(Position { topic, partition, offset: 0 })
    }

    /// Copies what was taken of the sources into another log, partition by partition as it is.
    pub(super) fn copy(&self, from: &Site, to: &Site, tell: &dyn Fn(u64)) -> Result<Copied> {
        let starts: Vec<_> = self.taken.iter().map(|at| Position { offset: 0, ..*at }).collect();
        let mut writer = to.log.writer("replay")?;
        let count = Cell::new(0);
        let mut by_topic: BTreeMap<&str, i64> = BTreeMap::new();
        snapshot::between(&*from.log, &starts, &self.taken, |records| {
            count.set(count.get() + records.len() as u64);
            for record in &records {
                *by_topic.entry(record.topic.name).or_default() += 1;
            }
            tell(count.get());
            writer.append(records.into_iter().map(Outgoing::from).collect())
        })
        .context("copying the sources")?;
        writer.flush()?;
        let mut lost: BTreeMap<&str, Lost> = BTreeMap::new();
        for at in &self.taken {
            let by = if at.topic.cleanup == Cleanup::Compact { "compaction" } else { "retention" };
            let lost = lost.entry(at.topic.name);
            let lost = lost.or_insert(Lost { topic: at.topic.name, records: 0, by });
            lost.records += at.offset as u64;
        }
        for (topic, copied) in by_topic {
            if let Some(lost) = lost.get_mut(topic) {
                lost.records = lost.records.saturating_sub(copied as u64);
            }
        }
        let lost = lost.into_values().filter(|lost| lost.records > 0);
        Ok(Copied { records: count.get(), lost: lost.collect() })
    }
}

/// Opens a reader's way through one whole partition up to an end.
pub(super) fn whole(end: Position) -> ([Position; 1], [Position; 1]) {
    ([Position { offset: 0, ..end }], [end])
}

/// Gives a partition's end as it is now.
pub(super) fn end_of(log: &dyn Log, topic: &'static TopicSpec, partition: i32) -> Result<Position> {
    let ends = log.ends(&[topic])?;
    let end = ends.into_iter().find(|end| end.partition == partition);
    end.with_context(|| format!("{} has no partition {partition}", topic.name))
}
