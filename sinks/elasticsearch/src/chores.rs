//! What is done besides following the log: sweeps, heartbeats, purges, the end of old months.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use elasticsearch::http::Method;
use schemas::{TopicSpec, headers::rfc3339};
use serde_json::{Value, json};
use sink_frame::Failure;
use stream::{LogError, Position, Record, snapshot};

use crate::ElasticError;
use crate::bulk::{How, Item};
use crate::client::Cluster;
use crate::documents::{gone, kind_of};
use crate::facts::set;
use crate::lives::Lives;
use crate::names::{Hash, Kind, Names, hash_of, hash_of_key};
use crate::scan::Scan;
use crate::setup::{days_of, has_lifecycles};
use crate::target::Elastic;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Time between two looks for findings that are dated anew, and between two purges.
const HEARTBEAT_EVERY_MS: i64 = 10 * MINUTE_MS;
const PURGE_EVERY_MS: i64 = HOUR_MS;

/// Time between two sweeps of a topic's partition.
const SWEEP_EVERY_MS: i64 = DAY_MS;

/// A topic's partition.
type Place = (&'static str, i32);

/// What is due and what is being done.
#[derive(Default)]
pub(crate) struct Chores {
    /// When each place is to be swept next.
    sweeps: BTreeMap<Place, i64>,
    heartbeat_ms: i64,
    purge_ms: i64,
    running: Option<Running>,
    swept: u64,
    refreshed: u64,
    purged: u64,
}

/// A walk and what it is for.
enum Running {
    /// Documents of a place are looked for that no row stands for.
    Sweep { place: Place, kind: Kind, rows: BTreeSet<Hash>, scan: Scan },
    /// Findings that have not changed for long are dated anew.
    Heartbeat { scan: Scan },
    /// Documents that were deleted long ago are removed, alias by alias.
    Purge { scans: VecDeque<Scan> },
}

impl Chores {
    /// Finds out what partitions need that are followed from these positions on: a sweep at once
    /// where nothing was committed, where the topic has another life than at the last sweep, or
    /// where that was long ago.
    pub(crate) fn taken_over(
        cluster: &Cluster,
        names: &Names,
        lives: &Lives,
        positions: &[Position],
        now_ms: i64,
    ) -> Result<Self, ElasticError> {
        let mut chores = Self::default();
        for position in positions {
            let kind = kind_of(position.topic).filter(|kind| !kind.is_history());
            if kind.is_none() {
                continue;
            }
            let place = (position.topic.name, position.partition);
            let last = cluster.find(&format!("/{}/_doc/{}", names.control(), mark(place)))?;
            let last = last.unwrap_or_default();
            let is_same = last["_source"]["life"] == json!(lives[position.topic.name].name);
            let at_ms = last["_source"]["swept"].as_i64().filter(|_| is_same);
            let due_ms = match at_ms {
                Some(at_ms) if position.offset > 0 => at_ms.saturating_add(SWEEP_EVERY_MS),
                _ => now_ms,
            };
            chores.sweeps.insert(place, due_ms);
        }
        Ok(chores)
    }

    /// Takes over what newly assigned partitions need.
    pub(crate) fn add(&mut self, other: Self) {
        self.sweeps.extend(other.sweeps);
        self.running = None;
    }

    /// Forgets partitions, and what was begun.
    pub(crate) fn drop_partitions(&mut self, partitions: &[i32]) {
        self.sweeps.retain(|(_, partition), _| !partitions.contains(partition));
        self.running = None;
    }

    pub(crate) fn effects(&self) -> Vec<(&'static str, u64)> {
        vec![("swept", self.swept), ("refreshed", self.refreshed), ("purged", self.purged)]
    }
}

impl Elastic<'_> {
    /// Gives the next lot of what is due.
    pub(crate) fn next_chore(
        &mut self,
        owned: &BTreeSet<i32>,
    ) -> Result<Option<Vec<Item>>, Failure> {
        loop {
            if self.chores.running.is_none() && !self.begin(owned)? {
                return Ok(None);
            }
            if let Some(items) = self.step()? {
                return Ok(Some(items));
            }
        }
    }

    /// Begins what is due first; false when nothing is.
    fn begin(&mut self, owned: &BTreeSet<i32>) -> Result<bool, Failure> {
        let now_ms = (self.now_ms)();
        let due = self.chores.sweeps.iter().find(|(_, due_ms)| **due_ms <= now_ms);
        if let Some(place) = due.map(|(place, _)| *place) {
            self.chores.running = Some(self.sweep(place)?);
        } else if self.chores.heartbeat_ms <= now_ms {
            self.chores.heartbeat_ms = now_ms + HEARTBEAT_EVERY_MS;
            self.chores.running = Some(self.heartbeat(owned, now_ms));
        } else if self.chores.purge_ms <= now_ms {
            // One member is enough, and partition 0 is always somebody's.
            if owned.contains(&0) {
                self.end_months(now_ms)?;
                self.chores.running = Some(self.purge(now_ms));
            }
            self.chores.purge_ms = now_ms + PURGE_EVERY_MS;
        }
        Ok(self.chores.running.is_some())
    }

    /// Does a piece of what was begun; none when there is nothing to deliver.
    fn step(&mut self) -> Result<Option<Vec<Item>>, Failure> {
        let now_ms = (self.now_ms)();
        match &mut self.chores.running {
            None => Ok(None),
            Some(Running::Sweep { place, kind, rows, scan }) => {
                let place = *place;
                let Some(hits) = scan.page(self.cluster)? else {
                    self.end_sweep(place, now_ms)?;
                    return Ok(None);
                };
                let mut items = Vec::new();
                for hit in hits {
                    let is_there = hash_of(&hit.id).is_some_and(|hash| rows.contains(&hash));
                    let key = hit.field("scorecard.key").as_str().filter(|_| !is_there);
                    let topic = crate::ROLE.inputs.iter().find(|topic| topic.name == place.0);
                    let (Some(key), Some(topic)) = (key, topic) else { continue };
                    if let Some(mut document) = gone(*kind, topic, place.1, key, now_ms) {
                        set(&mut document, "event.id", json!(hit.id));
                        let how = How::Same(hit.version);
                        items.push(Item::put(scan.alias(), &hit.id, how, &document));
                    }
                }
                self.chores.swept += items.len() as u64;
                Ok(Some(items))
            }
            Some(Running::Heartbeat { scan }) => {
                let Some(hits) = scan.page(self.cluster)? else {
                    self.chores.running = None;
                    return Ok(None);
                };
                let dated = hits.into_iter().map(|mut hit| {
                    set(&mut hit.source, "@timestamp", json!(rfc3339(now_ms)));
                    Item::put(scan.alias(), &hit.id, How::Same(hit.version), &hit.source)
                });
                let items: Vec<Item> = dated.collect();
                self.chores.refreshed += items.len() as u64;
                Ok(Some(items))
            }
            Some(Running::Purge { scans }) => {
                let Some(scan) = scans.front_mut() else {
                    self.chores.running = None;
                    return Ok(None);
                };
                let Some(hits) = scan.page(self.cluster)? else {
                    scans.pop_front();
                    return Ok(Some(Vec::new()));
                };
                let remove =
                    |hit: crate::scan::Hit| Item::remove(scan.alias(), &hit.id, hit.version);
                let items: Vec<Item> = hits.into_iter().map(remove).collect();
                self.chores.purged += items.len() as u64;
                Ok(Some(items))
            }
        }
    }

    /// Reads which rows a place has now, and begins to look for documents without one.
    fn sweep(&self, place: Place) -> Result<Running, Failure> {
        let (name, partition) = place;
        let topic = crate::ROLE.inputs.iter().find(|topic| topic.name == name).copied();
        let topic = topic.expect("places are of the sink's inputs");
        let kind = kind_of(topic).expect("only tables are swept");
        let rows = self.rows(topic, partition)?;
        let mut places = vec![json!({"term": {"kafka.partition": partition}})];
        if partition == 0 {
            // What was written when the topic had more partitions is nobody else's.
            places.push(json!({"range": {"kafka.partition": {"gte": self.log.partitions()}}}));
        }
        let query = json!({"bool": {
            "filter": [{"term": {"kafka.topic": name}}, {"term": {"scorecard.deleted": false}}],
            "should": places, "minimum_should_match": 1
        }});
        let scan = Scan::fields(self.names.all(kind), query, &["scorecard.key"]);
        Ok(Running::Sweep { place, kind, rows, scan })
    }

    /// Gives the keys' hashes of a table's rows as the log holds them now.
    fn rows(&self, topic: &'static TopicSpec, partition: i32) -> Result<BTreeSet<Hash>, LogError> {
        let ends = self.log.ends(&[topic])?;
        let to: Vec<Position> = ends.into_iter().filter(|end| end.partition == partition).collect();
        let mut rows = BTreeSet::new();
        let from = Position { topic, partition, offset: 0 };
        snapshot::between::<LogError>(self.log, &[from], &to, |records| {
            for Record { key, value, .. } in records {
                let hash = hash_of_key(&key);
                match value {
                    Some(_) => rows.insert(hash),
                    None => rows.remove(&hash),
                };
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// Remembers in the cluster when a place was swept.
    fn end_sweep(&mut self, place: Place, now_ms: i64) -> Result<(), Failure> {
        let body = json!({"life": self.lives[place.0].name, "swept": now_ms});
        let path = format!("/{}/_doc/{}", self.names.control(), mark(place));
        self.cluster.call(Method::Put, &path, Some(&body))?;
        self.chores.sweeps.insert(place, now_ms + SWEEP_EVERY_MS);
        self.chores.running = None;
        Ok(())
    }

    fn heartbeat(&self, owned: &BTreeSet<i32>, now_ms: i64) -> Running {
        let before = now_ms - i64::from(self.config.heartbeat_hours) * HOUR_MS;
        let query = json!({"bool": {"filter": [
            {"terms": {"kafka.partition": owned}},
            {"term": {"scorecard.deleted": false}},
            {"range": {"@timestamp": {"lt": rfc3339(before)}}}
        ]}});
        Running::Heartbeat { scan: Scan::documents(self.names.all(Kind::Compliance), query) }
    }

    fn purge(&self, now_ms: i64) -> Running {
        let before = now_ms - i64::from(self.config.deleted_days) * DAY_MS;
        let query = json!({"bool": {"filter": [
            {"term": {"scorecard.deleted": true}},
            {"range": {"@timestamp": {"lt": rfc3339(before)}}}
        ]}});
        let scan = |kind| Scan::fields(self.names.all(kind), query.clone(), &["event.id"]);
        Running::Purge { scans: Kind::states().map(scan).collect() }
    }

    /// Removes the months of histories that are over, where the server does not do so by itself.
    fn end_months(&self, now_ms: i64) -> Result<(), Failure> {
        let Some(months) = self.config.history_months else { return Ok(()) };
        if has_lifecycles(self.cluster)? {
            return Ok(());
        }
        let last_ms = now_ms - i64::from(days_of(months)) * DAY_MS;
        for kind in Kind::histories() {
            let oldest = self.names.month(kind, last_ms);
            let people = self.names.people(kind);
            let found = self.cluster.find(&format!("/_alias/{people}"))?.unwrap_or_default();
            for index in over(&found, &oldest) {
                tracing::info!(index, "a month of history is over");
                self.cluster.call(Method::Delete, &format!("/{index}"), None)?;
            }
        }
        Ok(())
    }
}

/// Gives the indices whose month is before that of an alias; months sort as their names do.
fn over<'a>(found: &'a Value, oldest: &str) -> Vec<&'a str> {
    let indices = found.as_object().into_iter().flatten();
    let older = indices.filter(|(_, index)| {
        let aliases = index["aliases"].as_object().into_iter().flat_map(|aliases| aliases.keys());
        let mut months = aliases.filter(|alias| alias.len() == oldest.len());
        months.any(|alias| alias.as_str() < oldest)
    });
    older.map(|(name, _)| name.as_str()).collect()
}

/// Gives the name under which is remembered when a place was swept.
fn mark((topic, partition): Place) -> String {
    format!("sweep-{topic}-{partition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_that_are_over_are_found_by_their_alias() {
        let found = json!({
            "s-changes-2025.09-000001": {"aliases": {"s-changes": {}, "s-changes-2025.09": {}}},
            "s-changes-2025.10-000001": {"aliases": {"s-changes": {}, "s-changes-2025.10": {}}},
            "s-changes-2026.01-000001": {"aliases": {"s-changes": {}, "s-changes-2026.01": {}}}
        });
        assert_eq!(over(&found, "s-changes-2025.10"), ["s-changes-2025.09-000001"]);
        assert!(over(&Value::Null, "s-changes-2025.10").is_empty());
    }
}
