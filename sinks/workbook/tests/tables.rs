//! The tables are read from a log as they stand there.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod sample;

use std::collections::BTreeMap;

use schemas::{
    Codec, ComplianceState, Key, RollupKey, Tick, TickKey, Topic, Value, Verdict, topic,
};
use sink_workbook::Tables;
use stream::{Log, Publisher, local::LocalLog};

const PREFIX: &str = "test";

fn publish<K: Key, V: Value>(log: &LocalLog, topic: &Topic<K, V>, rows: &BTreeMap<K, V>) {
    let mut publisher = Publisher::open(log, &Codec::default(), PREFIX, "test").unwrap();
    for (key, value) in rows {
        publisher.put(topic, key, value, 0).unwrap();
    }
    publisher.flush().unwrap();
}

fn tick(log: &LocalLog, minute_ms: i64) {
    publish(log, &topic::TICK, &BTreeMap::from([(TickKey { minute_ms }, Tick { minute_ms })]));
}

/// What is read: a verdict that passes is in the scores, and no workbook names it.
fn named(tables: Tables) -> Tables {
    let rows = tables.compliance.iter();
    let named = rows.filter(|(_, row)| row.verdict != Verdict::Pass).collect();
    Tables { compliance: named, ..tables }
}

#[test]
fn tables_are_read_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), 3, PREFIX).unwrap();
    log.apply().unwrap();
    let read = || {
        let tables = Tables::read(&log, &Codec::default(), PREFIX).unwrap();
        let ends = log.ends(&[topic::COMPLIANCE_CHANGE.spec]).unwrap();
        assert_eq!(tables.changes_end.as_ref(), Some(&ends));
        Tables { changes_end: None, ..tables }
    };
    assert_eq!(read(), Tables::default(), "an empty log is no error");
    let tables = sample::tables();
    publish(&log, &topic::ACCOUNT_STATE, &tables.accounts);
    publish(&log, &topic::COMPLIANCE_STATE, &tables.compliance.iter().collect());
    let tables = named(tables);
    publish(&log, &topic::SCORE_STATE, &tables.scores);
    publish(&log, &topic::ROLLUP_STATE, &tables.rollups);
    publish(&log, &topic::TRUST_STATE, &tables.trust);
    publish(&log, &topic::REQUIREMENT, &tables.requirements);
    publish(&log, &topic::EXCEPTION, &tables.exceptions);
    // Without a tick the time is the latest that the tables name.
    let since = tables.compliance.iter().map(|(_, row)| row.since_ms).max().unwrap();
    let oldest = tables.accounts.values().flat_map(|state| &state.coverage);
    let oldest = oldest.filter_map(|kind| kind.oldest_ms).max().unwrap();
    assert_eq!(read().at_ms, since.max(oldest));
    for minute in 0..40 {
        tick(&log, sample::AT_MS - (39 - minute) * 60_000);
    }
    assert_eq!(read(), tables);
    // What changes and what goes is seen too.
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "test").unwrap();
    let gone = RollupKey::new("owner", sample::MAYA);
    publisher.tombstone(&topic::ROLLUP_STATE, &gone, 1).unwrap();
    publisher.flush().unwrap();
    let mut fewer = tables;
    fewer.rollups.remove(&gone);
    assert_eq!(read(), fewer);
    // One is mended, one fails anew, one is gone, and one passes but is kept from older data.
    let mut rows: BTreeMap<_, _> = fewer.compliance.iter().collect();
    let keys: Vec<_> = rows.keys().take(4).cloned().collect();
    let mut put = |key, change: &dyn Fn(&mut ComplianceState)| {
        change(rows.get_mut(key).unwrap());
        publish(&log, &topic::COMPLIANCE_STATE, &rows);
    };
    put(&keys[0], &|row| row.verdict = Verdict::Pass);
    put(&keys[1], &|row| row.verdict = Verdict::Pass);
    put(&keys[1], &|row| (row.verdict, row.evidence) = (Verdict::Fail, "again".to_owned()));
    put(&keys[3], &|row| (row.verdict, row.held) = (Verdict::Pass, true));
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "test").unwrap();
    publisher.tombstone(&topic::COMPLIANCE_STATE, &keys[2], 1).unwrap();
    publisher.flush().unwrap();
    rows.retain(|key, _| *key != keys[0] && *key != keys[2]);
    fewer.compliance = rows.into_iter().collect();
    assert_eq!(read(), fewer);
}
