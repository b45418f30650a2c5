//! What only a log in a folder has: reopening, faults, retention.

use std::{path::Path, time::Duration};

use schemas::topic::{OBSERVATION, RESOURCE_CHANGE, RESOURCE_STATE};
use stream::{
    Log, LogError, Outcome, Outgoing,
    local::{Fault, LocalLog, LocalOptions},
};

use crate::harness::{
    PARTITIONS, append, at, join, pairs, read_all, record, texts, texts_of, tombstone,
};

const HOUR_MS: i64 = 3_600_000;

fn open(folder: &Path, options: LocalOptions) -> LocalLog {
    let log = LocalLog::open_with(folder, PARTITIONS, "suite", options).unwrap();
    log.apply().unwrap();
    log
}

fn quiet() -> LocalOptions {
    LocalOptions { compact_by_itself: false, ..LocalOptions::default() }
}

fn timed(record: Outgoing, hours: i64) -> Outgoing {
    Outgoing { timestamp_ms: hours * HOUR_MS, ..record }
}

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (identity, incarnation);
    {
        let log = open(folder.path(), quiet());
        identity = log.identity().unwrap();
        incarnation = log.incarnation(OBSERVATION.spec).unwrap();
        append(&log, vec![record(OBSERVATION.spec, 0, "a", "1")]);
        let mut member = join(&log, "g", "s", &[OBSERVATION.spec]);
        member.until_read(1);
        let outputs = vec![
            record(RESOURCE_STATE.spec, 2, "k", "1"),
            record(RESOURCE_STATE.spec, 2, "k", "2"),
        ];
        assert_eq!(member.commit(outputs), Outcome::Committed);
        log.compact().unwrap();
    }
    let log = open(folder.path(), quiet());
    log.check().unwrap();
    assert_eq!(log.identity().unwrap(), identity);
    assert_eq!(log.incarnation(OBSERVATION.spec).unwrap(), incarnation);
    let other = tempfile::tempdir().unwrap();
    let other = open(other.path(), quiet());
    assert_ne!(other.identity().unwrap(), identity);
    assert_ne!(other.incarnation(OBSERVATION.spec).unwrap(), incarnation);
    assert_eq!(log.committed("g", &[OBSERVATION.spec]).unwrap()[0], at(OBSERVATION.spec, 0, 1));
    let read = read_all(&log, &[RESOURCE_STATE.spec]);
    assert_eq!(texts(&read), pairs(&[("k", "2")]));
    assert_eq!(read[0].offset, 1);
    append(&log, vec![record(RESOURCE_STATE.spec, 2, "l", "1")]);
    let ends = log.ends(&[RESOURCE_STATE.spec]).unwrap();
    assert_eq!(ends[2].offset, 3);
}

#[test]
fn a_folder_has_one_process_one_count_and_one_format() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), quiet());
    let error = LocalLog::open(folder.path(), PARTITIONS, "suite").err().unwrap();
    assert!(matches!(error, LogError::InUse { .. }), "{error:?}");
    drop(log);
    let error = LocalLog::open(folder.path(), 4, "suite").err().unwrap();
    assert!(matches!(error, LogError::Unfit { .. }), "{error:?}");
    let expected = format!("the local log in {} has 3 partitions, not 4", folder.path().display());
    let said = error.to_string();
    assert!(said.starts_with(&expected) && said.contains("scorecard reshard"), "{said}");
    assert!(LocalLog::open(folder.path().join("new"), 0, "suite").is_err());
    drop(open(folder.path(), quiet()));

    // What another release would have written there: the format, and the number of partitions.
    let store = fjall::Database::builder(folder.path()).open().unwrap();
    let meta = store.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
    meta.insert("format", [0, 0, 0, 9, 0, 0, 0, 3]).unwrap();
    drop((meta, store));
    let error = LocalLog::open(folder.path(), PARTITIONS, "suite").err().unwrap();
    let said = error.to_string();
    assert!(said.contains("format 9") && said.contains("the release that wrote it"), "{said}");
}

#[test]
fn prefixes_share_a_folder_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), quiet());
    append(&log, vec![record(OBSERVATION.spec, 0, "a", "1")]);
    drop(log);
    let other = LocalLog::open(folder.path(), PARTITIONS, "other").unwrap();
    assert!(other.check().is_err());
    other.apply().unwrap();
    assert!(read_all(&other, &[OBSERVATION.spec]).is_empty());
}

#[test]
fn faults_strike_as_often_as_asked_and_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), quiet());
    let mut member = join(&log, "g", "s", &[OBSERVATION.spec]);
    member.until_owns(&[0, 1, 2]);
    let output = || vec![record(RESOURCE_STATE.spec, 0, "k", "v")];

    log.set_fault(Fault::AbortCommits(2));
    assert_eq!(member.commit(output()), Outcome::Aborted);
    assert_eq!(member.commit(output()), Outcome::Aborted);
    assert!(read_all(&log, &[RESOURCE_STATE.spec]).is_empty());

    log.set_fault(Fault::RefuseWrites(1));
    assert!(member.member.commit(output(), &[]).is_err());
    assert!(read_all(&log, &[RESOURCE_STATE.spec]).is_empty());

    assert_eq!(member.commit(output()), Outcome::Committed);
    log.set_fault(Fault::LoseAnswers(1));
    assert!(member.member.commit(output(), &[]).is_err());
    assert_eq!(read_all(&log, &[RESOURCE_STATE.spec]).len(), 2);

    log.set_fault(Fault::FailPolls(1));
    assert!(member.member.poll(Duration::ZERO).is_err());
    assert!(member.member.poll(Duration::ZERO).is_ok());
}

#[test]
fn commits_for_partitions_of_others_are_fenced() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), quiet());
    let mut member = join(&log, "g", "s", &[OBSERVATION.spec]);
    let foreign = [at(OBSERVATION.spec, 0, 1)];
    let outcome = member.member.commit(Vec::new(), &foreign).unwrap();
    assert_eq!(outcome, Outcome::Fenced, "it was never assigned");
    member.until_owns(&[0, 1, 2]);
    let outcome = member.member.commit(Vec::new(), &foreign).unwrap();
    assert_eq!(outcome, Outcome::Committed);
}

#[test]
fn tombstones_go_when_old_and_seen_before() {
    let folder = tempfile::tempdir().unwrap();
    let day = Duration::from_secs(24 * 3600);
    let options = LocalOptions { tombstone_retention: day, ..quiet() };
    let log = open(folder.path(), options);
    let topic = RESOURCE_STATE.spec;
    append(
        &log,
        vec![
            timed(record(topic, 0, "a", "1"), 0),
            timed(tombstone(topic, 0, "a"), 1),
            timed(record(topic, 0, "b", "1"), 24),
        ],
    );
    let keys = |log: &LocalLog| texts_of(&read_all(log, &[topic]), 0);
    log.compact().unwrap();
    assert_eq!(keys(&log), pairs(&[("a", "-"), ("b", "1")]), "23 hours old");

    append(&log, vec![timed(record(topic, 1, "other", "1"), 26)]);
    log.compact().unwrap();
    assert_eq!(keys(&log), pairs(&[("b", "1")]), "25 hours old");

    // An old tombstone that no earlier compaction has seen survives the first one.
    append(&log, vec![timed(tombstone(topic, 0, "b"), 0)]);
    log.compact().unwrap();
    assert_eq!(keys(&log), pairs(&[("b", "-")]));
    log.compact().unwrap();
    assert_eq!(keys(&log), []);
    let ends = log.ends(&[topic]).unwrap();
    assert_eq!(ends[0].offset, 4, "an empty partition keeps its end");
}

#[test]
fn events_stay_unless_a_retention_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let events = |topic| (0..5).map(move |i| timed(record(topic, 0, "k", "v"), i)).collect();
    let log = open(folder.path(), quiet());
    append(&log, events(OBSERVATION.spec));
    append(&log, events(RESOURCE_CHANGE.spec));
    log.compact().unwrap();
    assert_eq!(read_all(&log, &[OBSERVATION.spec]).len(), 5);
    drop(log);

    let options = LocalOptions { retention: Some(Duration::from_secs(2 * 3600)), ..quiet() };
    let log = open(folder.path(), options);
    log.compact().unwrap();
    let offsets = |topic| read_all(&log, &[topic]).iter().map(|r| r.offset).collect::<Vec<_>>();
    assert_eq!(offsets(OBSERVATION.spec), [2, 3, 4], "the newest is of hour 4");
    assert_eq!(offsets(RESOURCE_CHANGE.spec), [0, 1, 2, 3, 4]);
    // A reader from the start begins with what is left.
    let mut reader = log.reader(&[at(OBSERVATION.spec, 0, 0)]).unwrap();
    assert_eq!(reader.poll(Duration::ZERO).unwrap().len(), 3);
    // Where records are gone, a time still begins where the first one is that is as late.
    for (hour, left) in [(0, 3), (2, 3), (3, 2), (4, 1), (5, 0)] {
        let begins = log.begins(&[OBSERVATION.spec], hour * 3_600_000).unwrap();
        let mut reader = log.reader(&begins).unwrap();
        assert_eq!(reader.poll(Duration::ZERO).unwrap().len(), left, "from hour {hour}");
    }
}

#[test]
fn a_log_compacts_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), LocalOptions::default());
    let topic = RESOURCE_STATE.spec;
    let mut writer = log.writer("suite").unwrap();
    let last_value = (0..60).map(|round| {
        let records = (0..1_000).map(|i| record(topic, 0, &i.to_string(), &round.to_string()));
        writer.append(records.collect()).unwrap();
        round.to_string()
    });
    let last_value = last_value.last().unwrap();
    let start = std::time::Instant::now();
    loop {
        let read = read_all(&log, &[topic]);
        let tail = texts(&read).split_off(read.len() - 1_000);
        assert!(tail.iter().all(|(_, value)| *value == last_value));
        if read.len() < 60_000 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{}", read.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}
