//! `scorecard reshard`: every event comes over, in its account's order, and the tables made of them
//! are the same.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use kit::process::Child;
use schemas::{Cleanup, Placement, TopicSpec, headers::Headers, partition_of, topic};
use stream::{Outgoing, Record, snapshot};

use crate::site::Site;

/// Partitions before and after.
const BEFORE: i32 = 4;
const AFTER: i32 = 7;

/// Runs that are killed before one may end.
const KILLS: u64 = 4;

/// How often it is tried to kill a run amid its work.
const TRIES: usize = 3;

/// Limit for a run to begin with its appends.
const LIMIT: Duration = Duration::from_secs(60);

/// What producers write.
const SOURCES: [&TopicSpec; 9] = [
    topic::TICK.spec,
    topic::ACCOUNT_LISTING.spec,
    topic::ACCOUNT_REGISTER.spec,
    topic::REQUIREMENT.spec,
    topic::EXCEPTION.spec,
    topic::SPEND.spec,
    topic::OBSERVATION.spec,
    topic::REPORT.spec,
    topic::SCAN_UNIT.spec,
];

/// What the stages publish.
const TABLES: [&TopicSpec; 7] = [
    topic::ACCOUNT_STATE.spec,
    topic::RESOURCE_STATE.spec,
    topic::TRUST_STATE.spec,
    topic::COMPLIANCE_STATE.spec,
    topic::SCORE_STATE.spec,
    topic::CONTRIBUTION.spec,
    topic::ROLLUP_STATE.spec,
];

/// A record as it was written.
type Written = (i64, Option<Vec<u8>>, Headers);

fn written(record: Record) -> Written {
    (record.timestamp_ms, record.value, record.headers)
}

/// Gives each key's records in their order, of one copy of what lies in every partition; of a
/// compacted topic only the last one, since a run that goes on may have written some twice.
fn by_key(site: &Site, spec: &'static TopicSpec) -> Result<BTreeMap<Vec<u8>, Vec<Written>>> {
    let mut keys: BTreeMap<Vec<u8>, Vec<Written>> = BTreeMap::new();
    for record in snapshot::records(&*site.open()?, spec)? {
        if spec.placement == Placement::Keyed || record.partition == 0 {
            let records = keys.entry(record.key.clone()).or_default();
            if spec.cleanup == Cleanup::Compact {
                records.clear();
            }
            records.push(written(record));
        }
    }
    Ok(keys)
}

/// Gives the last value of each key of a table.
fn rows(site: &Site, spec: &'static TopicSpec) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut rows = BTreeMap::new();
    for record in snapshot::records(&*site.open()?, spec)? {
        let key = String::from_utf8(record.key)?;
        match record.value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
    Ok(rows)
}

/// Holds the target against the source, event by event.
fn expect_all_events(source: &Site, target: &Site) -> Result<()> {
    let mut events = 0;
    for spec in SOURCES {
        let (before, after) = (by_key(source, spec)?, by_key(target, spec)?);
        ensure!(before == after, "{}: other records or another order", spec.name);
        events += before.values().map(Vec::len).sum::<usize>();
        for record in snapshot::records(&*target.open()?, spec)? {
            let key = String::from_utf8(record.key)?;
            let own = partition_of(&key, AFTER) == record.partition;
            ensure!(own || spec.placement == Placement::Broadcast, "{}: {key}", spec.name);
        }
        if spec.placement == Placement::Broadcast && spec.cleanup == Cleanup::Delete {
            let one: usize = before.values().map(Vec::len).sum();
            let all = target.count(&[spec])?;
            assert_eq!(all, one as u64 * AFTER as u64, "{}", spec.name);
        }
    }
    ensure!(events > 500, "only {events} events");
    Ok(())
}

fn expect_same_tables(source: &Site, target: &Site) -> Result<()> {
    for spec in TABLES {
        let (before, after) = (rows(source, spec)?, rows(target, spec)?);
        ensure!(!before.is_empty(), "{} has no rows", spec.name);
        for (key, value) in &before {
            ensure!(after.get(key) == Some(value), "{} {key} is another", spec.name);
        }
        assert_eq!(before.len(), after.len(), "{}", spec.name);
    }
    Ok(())
}

fn tables_stay(source: &Site, target: &Site, to: &[&str]) -> Result<()> {
    source.fill(6, 3)?;
    source.process()?;
    let before = source.count(topic::ALL)?;
    let arguments = [&["reshard", "--partitions", "7"], to].concat();
    source.run(&arguments)?;
    expect_all_events(source, target)?;
    for history in [topic::RESOURCE_CHANGE.spec, topic::SCORE_HISTORY.spec] {
        assert_eq!(target.count(&[history])?, 0, "the stages tell {} anew", history.name);
    }

    // What comes later is carried by another run.
    source.fill(2, 1)?;
    source.run(&arguments)?;
    expect_all_events(source, target)?;
    let more = source.count(topic::ALL)? - before;
    ensure!(more > 50, "only {more} records came later");
    let idle = source.end_of(&arguments)?;
    ensure!(idle.stderr.contains("carried 0 records"), "{}", idle.stderr);

    source.process()?;
    target.process()?;
    expect_same_tables(source, target)?;
    let late = source.end_of(&arguments)?;
    ensure!(late.stderr.contains("stages have begun at the target"), "{}", late.stderr);
    Ok(())
}

#[test]
fn tables_stay_on_a_local_log() -> Result<()> {
    let (source, target) = (Site::local(BEFORE)?, Site::local(AFTER)?);
    let file = target.file();
    tables_stay(&source, &target, &["--config-to", file.to_str().unwrap()])
}

#[test]
fn tables_stay_on_kafka() -> Result<()> {
    let source = Site::kafka("reshard", BEFORE)?;
    let target = Site::on_kafka(&format!("{}-7", source.prefix), AFTER)?;
    tables_stay(&source, &target, &["--to", &target.prefix])
}

/// Kills runs while they append, then lets one end. Tells whether one was killed amid its work: on
/// a busy machine all may be carried before the signal comes.
fn killed_again_and_again(source: &Site, target: &Site, to: &[&str]) -> Result<bool> {
    source.fill(80, 5)?;
    let arguments = [&["reshard", "--partitions", "7"], to].concat();
    let all = source.count(&[topic::OBSERVATION.spec])?;
    let mut amid = Vec::new();
    for attempt in 0..KILLS {
        let mut child: Child = source.spawn(&arguments, &format!("reshard-{attempt}"))?;
        let start = Instant::now();
        // It says so after a fifth of a second of appending.
        while !child.stderr().contains("carrying") && child.is_running() {
            ensure!(start.elapsed() < LIMIT, "{}", child.tail());
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(attempt * 200));
        child.kill9()?;
        amid.push(target.count(&[topic::OBSERVATION.spec])?);
    }
    source.run(&arguments)?;
    expect_all_events(source, target)?;
    Ok(amid.iter().any(|there| (1..all).contains(there)))
}

/// Does it until a run was killed amid its work.
fn until_amid(mut killed: impl FnMut(usize) -> Result<bool>) -> Result<()> {
    for attempt in 0..TRIES {
        if killed(attempt)? {
            return Ok(());
        }
    }
    bail!("{TRIES} times all was carried before the signal came")
}

#[test]
fn a_killed_run_is_gone_on_with_on_a_local_log() -> Result<()> {
    until_amid(|_| {
        let (source, target) = (Site::local(BEFORE)?, Site::local(AFTER)?);
        let file = target.file();
        killed_again_and_again(&source, &target, &["--config-to", file.to_str().unwrap()])
    })
}

#[test]
fn a_killed_run_is_gone_on_with_on_kafka() -> Result<()> {
    until_amid(|attempt| {
        let source = Site::kafka(&format!("killed-{attempt}"), BEFORE)?;
        let target = Site::on_kafka(&format!("{}-7", source.prefix), AFTER)?;
        target.open()?.apply()?;
        killed_again_and_again(&source, &target, &["--to", &target.prefix])
    })
}

#[test]
fn a_target_that_is_not_empty_is_refused() -> Result<()> {
    let (source, target) = (Site::local(BEFORE)?, Site::local(AFTER)?);
    source.fill(1, 1)?;
    let file = target.file();
    let to = ["--config-to", file.to_str().unwrap()];
    let arguments = [&["reshard", "--partitions", "7"], &to[..]].concat();
    let foreign = || -> Result<()> {
        let log = target.open()?;
        let mut writer = log.writer("test")?;
        writer.append(vec![Outgoing {
            topic: topic::OBSERVATION.spec,
            partition: 3,
            timestamp_ms: 0,
            key: b"1".to_vec(),
            value: None,
            headers: Vec::new(),
        }])?;
        Ok(writer.flush()?)
    };
    foreign()?;
    let refused = source.end_of(&arguments)?;
    ensure!(refused.stderr.contains("does not say how they came there"), "{}", refused.stderr);

    // A record that comes in between is found, however it got there.
    std::fs::remove_dir_all(target.folder().join("log"))?;
    target.open()?.apply()?;
    source.run(&arguments)?;
    foreign()?;
    let found = source.end_of(&arguments)?;
    ensure!(
        found.status.code() == Some(1) && found.stderr.contains("1 records that are not from here"),
        "{}",
        found.stderr
    );
    Ok(())
}

/// What retention took of the events is still in the histories: that part is carried.
#[test]
fn histories_that_the_events_no_longer_tell_come_over() -> Result<()> {
    let (source, target) = (Site::local(BEFORE)?, Site::local(AFTER)?);
    source.fill(10, 5)?;
    source.process()?;
    source.age()?;
    let file = target.file();
    source.run(&["reshard", "--partitions", "7", "--config-to", file.to_str().unwrap()])?;
    expect_all_events(&source, &target)?;
    // In each partition: before the time from which on all events are there.
    let mut horizons = BTreeMap::new();
    for spec in SOURCES.iter().filter(|spec| spec.cleanup == Cleanup::Delete) {
        let mut firsts = BTreeMap::new();
        for record in snapshot::records(&*source.open()?, spec)? {
            firsts.entry(record.partition).or_insert((record.offset, record.timestamp_ms));
        }
        for (partition, (offset, at_ms)) in firsts {
            let horizon = horizons.entry(partition).or_insert(i64::MIN);
            *horizon = if offset > 0 { at_ms.max(*horizon) } else { *horizon };
        }
    }
    let (mut expected, mut all) = (Vec::new(), 0);
    for record in snapshot::records(&*source.open()?, topic::RESOURCE_CHANGE.spec)? {
        all += 1;
        if record.timestamp_ms < horizons[&record.partition] {
            expected.push((record.key.clone(), written(record)));
        }
    }
    ensure!(!expected.is_empty() && expected.len() < all, "{} of {all}", expected.len());
    let mut found = Vec::new();
    for record in snapshot::records(&*target.open()?, topic::RESOURCE_CHANGE.spec)? {
        let account = String::from_utf8_lossy(&record.key);
        let account = account.split('/').next().unwrap_or_default();
        assert_eq!(record.partition, partition_of(account, AFTER), "{account}");
        found.push((record.key.clone(), written(record)));
    }
    // Each key's records keep their order; those of several keys need not.
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    ensure!(expected == found, "{} records instead of {}", found.len(), expected.len());
    Ok(())
}

#[test]
fn a_target_that_can_not_be_is_refused() -> Result<()> {
    let source = Site::local(BEFORE)?;
    let file = source.file();
    for (arguments, expected) in [
        (vec!["--partitions", "7", "--to", "new"], "name another with --config-to"),
        (vec!["--partitions", "7", "--config-to", file.to_str().unwrap()], "says 4"),
        (vec!["--partitions", "0", "--to", "new"], "between 1 and 1000"),
    ] {
        let refused = source.end_of(&[&["reshard"], &arguments[..]].concat())?;
        ensure!(refused.stderr.contains(expected), "{arguments:?}: {}", refused.stderr);
    }
    Ok(())
}
