//! The tables of a site as JSON, read from its log, and the histories of what changed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemas::{Codec, Key, Topic, topic};
use serde_json::Value;
use stream::{Log, snapshot};

/// Rows by key.
pub(crate) type Table = BTreeMap<String, Value>;

/// Times that a run decides, by their fields' names; all others are facts of the accounts.
const TIMES: [&str; 5] =
    ["captured_ms", "first_seen_ms", "since_ms", "status_since_ms", "oldest_ms"];

/// Everything that a site's log says.
pub(crate) struct Tables {
    /// The six tables by their topics' names.
    pub(crate) all: BTreeMap<&'static str, Table>,
    /// Key and kind of each change, by its place in the log.
    pub(crate) resource_changes: BTreeMap<String, (String, String)>,
    /// Key and change of each verdict, by its place in the log.
    pub(crate) compliance_changes: BTreeMap<String, (String, Value)>,
    /// The time of the last tick.
    pub(crate) at_ms: i64,
}

impl Tables {
    pub(crate) fn read(log: &dyn Log, prefix: &str) -> Result<Self> {
        let all = BTreeMap::from([
            table(log, prefix, &topic::RESOURCE_STATE)?,
            table(log, prefix, &topic::TRUST_STATE)?,
            table(log, prefix, &topic::COMPLIANCE_STATE)?,
            table(log, prefix, &topic::SCORE_STATE)?,
            table(log, prefix, &topic::ROLLUP_STATE)?,
            table(log, prefix, &topic::ACCOUNT_STATE)?,
        ]);
        let ticks = snapshot::history(log, &Codec::default(), prefix, &topic::TICK)?;
        let at_ms = ticks.iter().map(|(_, _, tick)| tick.minute_ms).max();
        let resource_changes = history(log, prefix, &topic::RESOURCE_CHANGE)?;
        let resource_changes = resource_changes.into_iter().map(|(place, (key, change))| {
            let kind = change["kind"].as_str().unwrap_or_default().to_owned();
            (place, (key, kind))
        });
        Ok(Self {
            all,
            resource_changes: resource_changes.collect(),
            compliance_changes: history(log, prefix, &topic::COMPLIANCE_CHANGE)?,
            at_ms: at_ms.context("the log has no tick")?,
        })
    }

    /// Gives every row of every table, with the times that a run decides taken out.
    pub(crate) fn normal(&self) -> Table {
        let mut rows = Table::new();
        for (name, table) in &self.all {
            for (key, row) in table {
                let mut row = row.clone();
                forget_times(&mut row);
                rows.insert(format!("{name} {key}"), row);
            }
        }
        rows
    }

    /// Gives the changes of resources that an earlier reading had not, sorted by key.
    pub(crate) fn resource_changes_since(&self, before: &Self) -> Vec<(String, String)> {
        let new = self.resource_changes.iter();
        let new = new.filter(|(place, _)| !before.resource_changes.contains_key(*place));
        let mut new: Vec<_> = new.map(|(_, change)| change.clone()).collect();
        new.sort();
        new
    }

    /// Gives the changes of verdicts that an earlier reading had not, sorted by key.
    pub(crate) fn compliance_changes_since(&self, before: &Self) -> Vec<(String, Value)> {
        let new = self.compliance_changes.iter();
        let new = new.filter(|(place, _)| !before.compliance_changes.contains_key(*place));
        let mut new: Vec<_> = new.map(|(_, change)| change.clone()).collect();
        new.sort_by(|a, b| a.0.cmp(&b.0));
        new
    }
}

fn table<K: Key, V: schemas::Value>(
    log: &dyn Log,
    prefix: &str,
    topic: &Topic<K, V>,
) -> Result<(&'static str, Table)> {
    let rows = snapshot::table(log, &Codec::default(), prefix, topic)?;
    let rows = rows.iter().map(|(key, row)| Ok((key.encode(), serde_json::to_value(row)?)));
    Ok((topic.spec.name, rows.collect::<Result<Table>>()?))
}

fn history<K: Key, V: schemas::Value>(
    log: &dyn Log,
    prefix: &str,
    topic: &Topic<K, V>,
) -> Result<BTreeMap<String, (String, Value)>> {
    let events = snapshot::history(log, &Codec::default(), prefix, topic)?;
    let events = events.iter().map(|(record, key, change)| {
        let place = format!("{}:{:09}", record.partition, record.offset);
        Ok((place, (key.encode(), serde_json::to_value(change)?)))
    });
    events.collect()
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if TIMES.contains(&name.as_str()) && member.is_number() {
                    *member = Value::from("some time");
                } else {
                    forget_times(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}
