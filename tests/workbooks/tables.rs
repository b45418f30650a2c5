//! A log's tables and histories as JSON, for a computation that shares no code with the program.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemas::{
    Codec, ComplianceChange, Key, Requirement, ScoreKey, ScoreState, Standing, Topic, topic,
};
use serde_json::{Map, Value, json};
use stream::{Log, snapshot};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How many weeks workbooks look back.
const WEEKS: i64 = 13;

/// Everything that a log says.
pub(crate) struct Tables {
    /// The tables by their topics' names, rows by key.
    pub(crate) all: BTreeMap<&'static str, Value>,
    /// What the computation is told, `all` without what it finds by itself.
    pub(crate) facts: Value,
}

impl Tables {
    pub(crate) fn read(log: &dyn Log, prefix: &str) -> Result<Self> {
        let given = BTreeMap::from([
            table(log, prefix, &topic::ACCOUNT_STATE)?,
            table(log, prefix, &topic::COMPLIANCE_STATE)?,
            table(log, prefix, &topic::TRUST_STATE)?,
            table(log, prefix, &topic::REQUIREMENT)?,
            table(log, prefix, &topic::EXCEPTION)?,
        ]);
        let ticks = snapshot::history(log, &Codec::default(), prefix, &topic::TICK)?;
        let at_ms = ticks.iter().map(|(_, _, tick)| tick.minute_ms).max();
        let at_ms = at_ms.context("the log has no tick")?;
        let facts = json!({
            "at_ms": at_ms,
            "version": env!("CARGO_PKG_VERSION"),
            "tables": given,
            "history": history(log, prefix, at_ms)?,
            "changes": changes(log, prefix)?,
            "standards": standards(log, prefix)?,
        });
        let found = BTreeMap::from([
            table(log, prefix, &topic::SCORE_STATE)?,
            table(log, prefix, &topic::ROLLUP_STATE)?,
        ]);
        Ok(Self { all: found, facts })
    }
}

fn table<K: Key, V: schemas::Value>(
    log: &dyn Log,
    prefix: &str,
    topic: &Topic<K, V>,
) -> Result<(&'static str, Value)> {
    let rows = snapshot::table(log, &Codec::default(), prefix, topic)?;
    let rows = rows.iter().map(|(key, row)| Ok((key.encode(), serde_json::to_value(row)?)));
    Ok((topic.spec.name, Value::Object(rows.collect::<Result<Map<_, _>>>()?)))
}

/// Gives the accounts' own scores that were kept in the hour before each week's end, or where there
/// are none in the day before it, each with its time.
fn history(log: &dyn Log, prefix: &str, at_ms: i64) -> Result<Vec<(i64, String, ScoreState)>> {
    let mut found = Vec::new();
    for weeks in 1..=WEEKS {
        let until_ms = at_ms - weeks * 7 * DAY_MS;
        for window_ms in [HOUR_MS + 60_000, DAY_MS] {
            let of_week = scores(log, prefix, until_ms - window_ms, until_ms)?;
            if !of_week.is_empty() {
                found.extend(of_week);
                break;
            }
        }
    }
    Ok(found)
}

/// Gives the accounts' own scores that were kept after a time and up to another.
fn scores(
    log: &dyn Log,
    prefix: &str,
    after_ms: i64,
    until_ms: i64,
) -> Result<Vec<(i64, String, ScoreState)>> {
    let (topic, codec) = (&topic::SCORE_HISTORY, Codec::default());
    let from = log.begins(&[topic.spec], after_ms + 1)?;
    let to = log.begins(&[topic.spec], until_ms + 1)?;
    let mut found = Vec::new();
    snapshot::between(log, &from, &to, |records| -> Result<()> {
        for record in records {
            let key = std::str::from_utf8(&record.key)?;
            let key = ScoreKey::decode(key).with_context(|| format!("a key of {prefix}"))?;
            if key.requirement == "*" {
                let value = record.value.as_deref().context("a cut has a score")?;
                found.push((record.timestamp_ms, key.account, codec.decode(value)?));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Gives each requirement as it was said at each time, nothing where it was taken away.
fn standards(log: &dyn Log, prefix: &str) -> Result<Vec<(i64, String, Option<Requirement>)>> {
    let (topic, codec) = (&topic::REQUIREMENT, Codec::default());
    // Every partition has the same ones.
    let records = snapshot::records(log, topic.spec)?.into_iter();
    let said = records.filter(|record| record.partition == 0).map(|record| {
        let key = String::from_utf8(record.key).with_context(|| format!("a key of {prefix}"))?;
        let value = record.value.as_deref().map(|value| codec.decode(value)).transpose()?;
        Ok((record.timestamp_ms, key, value))
    });
    said.collect()
}

/// Gives each change of a verdict with its time and key, those of one key in their order.
fn changes(log: &dyn Log, prefix: &str) -> Result<Vec<Value>> {
    let events = snapshot::history(log, &Codec::default(), prefix, &topic::COMPLIANCE_CHANGE)?;
    let events = events
        .into_iter()
        .map(|(record, key, change)| json!([record.timestamp_ms, key.encode(), small(&change)]));
    Ok(events.collect())
}

/// Gives a change without what no workbook tells of it: there are many.
fn small(change: &ComplianceChange) -> Value {
    let standing = |one: Option<Standing>| {
        one.map(|one| json!({"verdict": one.verdict, "credit": one.credit}))
    };
    let row = change.row.as_ref().map(|row| {
        json!({
            "name": row.name, "arn": row.arn, "resource_type": row.resource_type,
            "source": row.source,
        })
    });
    json!({
        "after": standing(change.after), "at_ms": change.at_ms, "cause": change.cause, "row": row,
    })
}
