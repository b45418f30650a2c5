//! Judges what a log holds against the pure steps: each record has one cause and is what they make.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemas::{
    TopicSpec, headers,
    topic::{Cleanup, DEADLETTER},
};
use stages::{AccountStage, RollupStage};
use stream::{
    Log, Outgoing, Record, Stage,
    fold::Fold,
    snapshot,
    store::{Identity, Stores},
    worker::{DLQ_STAGE, DLQ_VALUE_BYTES},
};

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    Rollup,
}

impl Kind {
    pub(crate) fn stage(self) -> Box<dyn Stage> {
        match self {
            Kind::Account => Box::new(AccountStage::default()),
            Kind::Rollup => Box::new(RollupStage),
        }
    }

    /// Gives the stage's name, which is its group's too.
    pub(crate) fn name(self) -> &'static str {
        self.stage().name()
    }

    pub(crate) fn inputs(self) -> Vec<&'static TopicSpec> {
        self.stage().inputs()
    }

    /// Gives the topics of its tables, each once.
    pub(crate) fn tables(self) -> Vec<&'static TopicSpec> {
        let stage = self.stage();
        let mut topics: Vec<&'static TopicSpec> = Vec::new();
        for topic in stage.tables().iter().map(|table| table.topic) {
            if topics.iter().all(|known| known.name != topic.name) {
                topics.push(topic);
            }
        }
        topics
    }
}

/// The records that each task took, by stage and partition, in the order of its commits.
pub(crate) type Orders = BTreeMap<(String, i32), Vec<Record>>;

/// What there is to judge.
pub(crate) struct Written<'a> {
    pub(crate) log: &'a dyn Log,
    pub(crate) prefix: &'a str,
    pub(crate) partitions: i32,
    pub(crate) orders: &'a Orders,
    /// Where each task's tables lie.
    pub(crate) stores: &'a [(Kind, i32, Stores)],
}

/// Everything that both stages wrote is what their steps make of what they took; gives the folds.
pub(crate) fn is_made_by_the_steps(
    written: &Written<'_>,
) -> (Vec<Fold<AccountStage>>, Vec<Fold<RollupStage>>) {
    for kind in [Kind::Account, Kind::Rollup] {
        every_output_has_one_cause(written, kind);
    }
    let accounts = folds(written, Kind::Account, AccountStage::default);
    let sums = folds(written, Kind::Rollup, || RollupStage);
    is_what_the_steps_make(written, Kind::Account, &accounts);
    is_what_the_steps_make(written, Kind::Rollup, &sums);
    (accounts, sums)
}

/// Outputs name records in the order in which they were taken, and none has another's id. In a
/// compacted topic that order is each key's own.
fn every_output_has_one_cause(there: &Written<'_>, kind: Kind) {
    let mut ids = BTreeSet::new();
    for topic in outputs(&*kind.stage()) {
        let mut last = BTreeMap::new();
        for record in records(there.log, topic) {
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
fn folds<S: Stage>(there: &Written<'_>, kind: Kind, stage: impl Fn() -> S) -> Vec<Fold<S>> {
    let folds = (0..there.partitions).map(|partition| {
        let mut fold = Fold::new(stage(), partition, there.partitions);
        for record in there.orders.get(&(kind.name().to_owned(), partition)).into_iter().flatten() {
            fold.take(record).unwrap();
        }
        fold
    });
    folds.collect()
}

fn is_what_the_steps_make<S: Stage>(there: &Written<'_>, kind: Kind, folds: &[Fold<S>]) {
    let made: Vec<&Outgoing> = folds.iter().flat_map(|fold| &fold.outputs).collect();
    for topic in outputs(&*kind.stage()) {
        let written = records(there.log, topic).into_iter().map(Outgoing::from);
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
    dead_letters_are(there, kind, folds);
    stores_hold(there, kind, folds);
}

fn dead_letters_are<S: Stage>(there: &Written<'_>, kind: Kind, folds: &[Fold<S>]) {
    let written = records(there.log, DEADLETTER)
        .into_iter()
        .filter(|record| headers::text(&record.headers, DLQ_STAGE) == Some(kind.name()));
    let mut written: Vec<_> = written.collect();
    written.sort_by_key(|letter| letter.partition);
    let dead = folds.iter().flat_map(|fold| &fold.dead);
    let wanted: Vec<_> = dead.map(|(record, _)| record).collect();
    for (letter, record) in written.iter().zip(&wanted) {
        let place = format!("a dead letter of the {} stage", kind.name());
        assert_eq!((letter.partition, &letter.key), (record.partition, &record.key), "{place}");
        let cut = headers::text(&letter.headers, DLQ_VALUE_BYTES);
        let whole = record.value.as_ref().map(|value| value.len().to_string());
        assert!(cut.is_none() || cut == whole.as_deref(), "{place}: {cut:?} of {whole:?}");
        let room = cut.and(letter.value.as_ref()).map_or(usize::MAX, Vec::len);
        let value = record.value.as_ref().map(|value| &value[..value.len().min(room)]);
        assert_eq!(letter.value.as_deref(), value, "{place}");
    }
    assert_eq!(written.len(), wanted.len(), "dead letters of the {} stage", kind.name());
}

/// Tables on disk are the fold's, row by row.
fn stores_hold<S: Stage>(there: &Written<'_>, kind: Kind, folds: &[Fold<S>]) {
    let stage = kind.stage();
    for (_, partition, stores) in there.stores.iter().filter(|(of, ..)| *of == kind) {
        let identity = identity(there.log, kind, there.prefix, *partition);
        let store = stores.lease(&identity).unwrap().expect("its task is gone");
        for table in stage.tables() {
            let kept = store.rows(table.name).unwrap();
            let wanted = folds[*partition as usize].store.rows(table.name);
            let wanted = wanted.map(|(key, row)| (key.clone(), row.clone())).collect();
            assert_eq!(kept, wanted, "{} on disk, partition {partition}", table.name);
        }
    }
}

/// Whose a task's tables on disk are.
pub(crate) fn identity(log: &dyn Log, kind: Kind, prefix: &str, partition: i32) -> Identity {
    Identity {
        stage: kind.name(),
        partition,
        partitions: log.partitions(),
        prefix: prefix.to_owned(),
        log: log.identity().unwrap(),
        tables: kind.stage().tables(),
    }
}

/// The topics that a stage writes: its tables' and its outputs, each once.
pub(crate) fn outputs(stage: &dyn Stage) -> Vec<&'static TopicSpec> {
    let mut topics: Vec<&'static TopicSpec> = Vec::new();
    for topic in stage.tables().iter().map(|table| table.topic).chain(stage.outputs()) {
        if topics.iter().all(|known| known.name != topic.name) {
            topics.push(topic);
        }
    }
    topics
}

/// All records of a topic, partition by partition.
pub(crate) fn records(log: &dyn Log, topic: &'static TopicSpec) -> Vec<Record> {
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
