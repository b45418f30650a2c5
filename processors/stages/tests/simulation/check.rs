//! Judges what a run left: the log and the stores against the pure steps, and against the oracle.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use schemas::{
    TopicSpec, headers,
    topic::{self, Cleanup, DEADLETTER},
};
use stages::{AccountStage, RollupStage};
use stream::{
    Log, Outgoing, Position, Record, Stage,
    fold::Fold,
    local::LocalLog,
    snapshot,
    store::{Identity, Stores},
};

use crate::{
    actor::Kind,
    agree::{agree, timeless},
    build::Event,
    oracle::Oracle,
    runner::Trace,
    site::{Tables, compacted},
};

/// What a run left.
pub(crate) struct End {
    pub(crate) log: LocalLog,
    pub(crate) partitions: i32,
    /// Whether the log was compacted, so that some records are gone.
    pub(crate) compacted: bool,
    /// What each task took, in the order of its commits.
    pub(crate) orders: BTreeMap<(String, i32), Vec<Record>>,
    /// Where each task's tables lie.
    pub(crate) stores: Vec<(Kind, i32, Stores)>,
    /// The scenario, where the oracle can tell what comes of it.
    pub(crate) events: Option<Vec<Event>>,
}

pub(crate) fn check(end: &End, trace: &Trace) {
    note_digest(end, trace);
    for kind in [Kind::Account, Kind::Rollup] {
        every_record_was_taken_once(end, kind);
        every_output_has_one_cause(end, kind);
    }
    let accounts = folds(end, Kind::Account, AccountStage::default);
    let sums = folds(end, Kind::Rollup, || RollupStage);
    is_what_the_steps_make(end, Kind::Account, &accounts);
    is_what_the_steps_make(end, Kind::Rollup, &sums);
    if let Some(events) = &end.events {
        let mut oracle = Oracle::run(events);
        // When something was first noticed depends on the order of topics; nothing else does.
        oracle.verdicts.values_mut().for_each(|row| row.since_ms = 0);
        agree(&timeless(tables(end)), &oracle);
    }
}

/// Each input was read from its start to its end without a gap, a repeat or a step back.
fn every_record_was_taken_once(end: &End, kind: Kind) {
    let committed = end.log.committed(kind.name(), &kind.inputs()).unwrap();
    let ends = end.log.ends(&kind.inputs()).unwrap();
    if !end.compacted {
        assert_eq!(committed, ends, "the {} stage commits the ends of its inputs", kind.name());
    }
    for Position { topic, partition, offset } in ends {
        let taken = end.orders.get(&(kind.name().to_owned(), partition)).into_iter().flatten();
        let taken = taken.filter(|record| record.topic.name == topic.name);
        let offsets: Vec<i64> = taken.map(|record| record.offset).collect();
        let place = format!("{} of {}/{partition}", kind.name(), topic.name);
        if end.compacted {
            assert!(offsets.is_sorted_by(|one, next| one < next), "{place}: {offsets:?}");
        } else {
            assert_eq!(offsets, (0..offset).collect::<Vec<_>>(), "{place}");
        }
    }
}

/// Outputs name records in the order in which they were taken, and none has another's id. In a
/// compacted topic that order is each key's own.
fn every_output_has_one_cause(end: &End, kind: Kind) {
    let mut ids = BTreeSet::new();
    for topic in outputs(&*kind.stage()) {
        let mut last = BTreeMap::new();
        for record in records(&end.log, topic) {
            let (id, source) = cause(&record.headers);
            assert!(ids.insert(id.clone()), "{id} stands for two records");
            let mut parts = id.split('/');
            let input = parts.next().expect("a topic").to_owned();
            let offset: i64 = parts.nth(1).and_then(|part| part.parse().ok()).expect("an offset");
            let key = (topic.cleanup == Cleanup::Compact).then(|| record.key.clone());
            let last = last.entry((record.partition, source, input, key)).or_insert(offset);
            assert!(*last <= offset, "{id} comes after {last}");
            *last = offset;
        }
    }
}

/// Folds the pure steps over what each task took.
fn folds<S: Stage>(end: &End, kind: Kind, stage: impl Fn() -> S) -> Vec<Fold<S>> {
    let folds = (0..end.partitions).map(|partition| {
        let mut fold = Fold::new(stage(), partition, end.partitions);
        for record in end.orders.get(&(kind.name().to_owned(), partition)).into_iter().flatten() {
            fold.take(record).unwrap();
        }
        fold
    });
    folds.collect()
}

fn is_what_the_steps_make<S: Stage>(end: &End, kind: Kind, folds: &[Fold<S>]) {
    let made: Vec<&Outgoing> = folds.iter().flat_map(|fold| &fold.outputs).collect();
    for topic in outputs(&*kind.stage()) {
        let written = records(&end.log, topic).into_iter().map(Outgoing::from);
        let written = by_writer(written.filter(|record| is_of(record, kind)));
        let wanted = made.iter().filter(|record| record.topic.name == topic.name);
        let wanted = by_writer(wanted.map(|record| (*record).clone()));
        let names = |lists: &Writers| lists.keys().cloned().collect::<Vec<_>>();
        // A task all of whose rows came and went in one transaction has written none.
        if topic.cleanup != Cleanup::Compact {
            assert_eq!(names(&written), names(&wanted), "writers of {}", topic.name);
        }
        for (writer, wanted) in &wanted {
            let written = written.get(writer).map_or(&[][..], |written| written);
            let place = format!("{} by {} to partition {}", topic.name, writer.1, writer.0);
            if topic.cleanup == Cleanup::Compact {
                assert_eq!(last_values(written), last_values(wanted), "{place}");
                each_key_is_part_of(written, wanted, &place);
                continue;
            }
            for (at, (written, wanted)) in written.iter().zip(wanted).enumerate() {
                assert_eq!(written, wanted, "record {at} of {place}");
            }
            assert_eq!(written.len(), wanted.len(), "{place}");
        }
    }
    dead_letters_are(end, kind, folds);
    stores_hold(end, kind, folds);
}

fn dead_letters_are<S: Stage>(end: &End, kind: Kind, folds: &[Fold<S>]) {
    let written = records(&end.log, DEADLETTER).into_iter().filter(|record| {
        headers::text(&record.headers, stream::worker::DLQ_STAGE) == Some(kind.name())
    });
    let mut written: Vec<_> = written.map(|r| (r.partition, r.key, r.value)).collect();
    written.sort_by_key(|letter| letter.0);
    let dead = folds.iter().flat_map(|fold| &fold.dead);
    let wanted: Vec<_> = dead.map(|(r, _)| (r.partition, r.key.clone(), r.value.clone())).collect();
    assert_eq!(written, wanted, "dead letters of the {} stage", kind.name());
}

/// Tables on disk are the fold's, row by row.
fn stores_hold<S: Stage>(end: &End, kind: Kind, folds: &[Fold<S>]) {
    let stage = kind.stage();
    for (_, partition, stores) in end.stores.iter().filter(|(of, ..)| *of == kind) {
        let identity = Identity {
            stage: kind.name(),
            partition: *partition,
            partitions: end.partitions,
            prefix: "scorecard".to_owned(),
            log: end.log.identity().unwrap(),
            tables: stage.tables(),
        };
        let store = stores.lease(&identity).unwrap().expect("its task is gone");
        for table in stage.tables() {
            let kept = store.rows(table.name).unwrap();
            let wanted = folds[*partition as usize].store.rows(table.name);
            let wanted = wanted.map(|(key, row)| (key.clone(), row.clone())).collect();
            assert_eq!(kept, wanted, "{} on disk, partition {partition}", table.name);
        }
    }
}

/// What readers of the tables see.
fn tables(end: &End) -> Tables {
    let topics = [Kind::Account, Kind::Rollup].into_iter().flat_map(|k| outputs(&*k.stage()));
    let written = topics.flat_map(|topic| records(&end.log, topic)).map(Outgoing::from);
    let written: Vec<_> = written.collect();
    let written: Vec<_> = written.iter().collect();
    Tables {
        accounts: compacted(&written, topic::ACCOUNT_STATE),
        resources: compacted(&written, topic::RESOURCE_STATE),
        trust: compacted(&written, topic::TRUST_STATE),
        verdicts: compacted(&written, topic::COMPLIANCE_STATE),
        scores: compacted(&written, topic::SCORE_STATE),
        shares: compacted(&written, topic::CONTRIBUTION),
        sums: compacted(&written, topic::ROLLUP_STATE),
    }
}

/// The topics that a stage writes: its tables' and its outputs, each once.
fn outputs(stage: &dyn Stage) -> Vec<&'static TopicSpec> {
    let mut topics: Vec<&'static TopicSpec> = Vec::new();
    for topic in stage.tables().iter().map(|table| table.topic).chain(stage.outputs()) {
        if topics.iter().all(|known| known.name != topic.name) {
            topics.push(topic);
        }
    }
    topics
}

/// All records of a topic, partition by partition.
fn records(log: &LocalLog, topic: &'static TopicSpec) -> Vec<Record> {
    snapshot::records(log, topic).unwrap()
}

/// Records by their partition and the task that wrote them.
type Writers = BTreeMap<(i32, String), Vec<Outgoing>>;

fn by_writer(records: impl Iterator<Item = Outgoing>) -> Writers {
    let mut lists = Writers::new();
    for record in records {
        let (_, source) = cause(&record.headers);
        lists.entry((record.partition, source)).or_default().push(record);
    }
    lists
}

fn is_of(record: &Outgoing, kind: Kind) -> bool {
    cause(&record.headers).1.starts_with(&format!("/scorecard/{}/", kind.name()))
}

fn cause(of: &headers::Headers) -> (String, String) {
    let text = |name| headers::text(of, name).expect("every output says where it is from");
    (text("ce_id").to_owned(), text("ce_source").to_owned())
}

/// What was written of each key is what the steps made of it, in their order, with what one
/// transaction or a compaction passed over left out.
fn each_key_is_part_of(written: &[Outgoing], wanted: &[Outgoing], place: &str) {
    let mut made: BTreeMap<&[u8], VecDeque<&Outgoing>> = BTreeMap::new();
    wanted.iter().for_each(|record| made.entry(&record.key).or_default().push_back(record));
    for record in written {
        let left = made.entry(&record.key).or_default();
        let is_next = std::iter::from_fn(|| left.pop_front()).any(|one| one == record);
        assert!(is_next, "{record:?} of {place} is none that steps made");
    }
}

fn last_values(records: &[Outgoing]) -> BTreeMap<&[u8], &[u8]> {
    let mut last = BTreeMap::new();
    for record in records {
        match &record.value {
            Some(value) => last.insert(&*record.key, &**value),
            None => last.remove(&*record.key),
        };
    }
    last
}

/// Notes what the whole log holds, for runs that must be the same.
fn note_digest(end: &End, trace: &Trace) {
    let mut digest = DefaultHasher::new();
    let mut count = 0;
    for topic in topic::ALL {
        for record in records(&end.log, topic) {
            count += 1;
            let place = (record.topic.name, record.partition, record.offset);
            (place, record.timestamp_ms, record.key, record.value).hash(&mut digest);
            record.headers.hash(&mut digest);
        }
    }
    trace.note(format!("the log holds {count} records, digest {:016x}", digest.finish()));
}
