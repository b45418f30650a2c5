//! A site in memory: the account stage's tasks, the roll-up stage's tasks, and the tables of all.

use std::collections::BTreeMap;

use schemas::{
    AccountKey, AccountState, ComplianceKey, ComplianceState, Contribution, ContributionKey, Key,
    ResourceKey, ResourceState, RollupKey, RollupState, ScoreKey, ScoreState, Topic, TrustKey,
    TrustState, Value, topic,
};
use stages::{AccountStage, RollupStage};
use stream::{Outgoing, Record, Stage, Table, fold::Fold};

use crate::build::{Event, Tape};

pub(crate) struct Site {
    pub(crate) accounts: Vec<Fold<AccountStage>>,
    pub(crate) sums: Vec<Fold<RollupStage>>,
    tape: Tape,
    rolled: Vec<usize>,
    offsets: Vec<i64>,
}

/// What other processes see, over all partitions.
#[derive(Debug, PartialEq)]
pub(crate) struct Tables {
    pub(crate) accounts: BTreeMap<AccountKey, AccountState>,
    pub(crate) resources: BTreeMap<ResourceKey, ResourceState>,
    pub(crate) trust: BTreeMap<TrustKey, TrustState>,
    pub(crate) verdicts: BTreeMap<ComplianceKey, ComplianceState>,
    pub(crate) scores: BTreeMap<ScoreKey, ScoreState>,
    pub(crate) shares: BTreeMap<ContributionKey, Contribution>,
    pub(crate) sums: BTreeMap<RollupKey, RollupState>,
}

impl Site {
    pub(crate) fn new(partitions: i32) -> Self {
        let count = usize::try_from(partitions).expect("a small number");
        Self {
            accounts: (0..partitions)
                .map(|p| Fold::new(AccountStage::default(), p, partitions))
                .collect(),
            sums: (0..partitions).map(|p| Fold::new(RollupStage, p, partitions)).collect(),
            tape: Tape::new(partitions),
            rolled: vec![0; count],
            offsets: vec![0; count],
        }
    }

    /// Takes an event with all that follows from it, sums over accounts too.
    pub(crate) fn take(&mut self, event: &Event) {
        for record in self.tape.records(event) {
            let at = usize::try_from(record.partition).expect("a small number");
            self.accounts[at].take(&record).expect("memory can't fail");
            self.roll(at);
        }
    }

    pub(crate) fn take_all(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.take(event));
    }

    pub(crate) fn run(partitions: i32, events: &[Event]) -> Self {
        let mut site = Self::new(partitions);
        site.take_all(events);
        site
    }

    pub(crate) fn records(&mut self, event: &Event) -> Vec<Record> {
        self.tape.records(event)
    }

    /// Hands one task's new shares to the roll-up stage.
    pub(crate) fn roll(&mut self, from: usize) {
        let outputs = &self.accounts[from].outputs;
        let fresh =
            outputs[self.rolled[from]..].iter().filter(|out| out.topic == topic::CONTRIBUTION.spec);
        for share in fresh {
            let to = usize::try_from(share.partition).expect("a small number");
            let record = as_record(share, self.offsets[to]);
            self.offsets[to] += 1;
            self.sums[to].take(&record).expect("memory can't fail");
        }
        self.rolled[from] = outputs.len();
    }

    pub(crate) fn tables(&self) -> Tables {
        Tables {
            accounts: all(&self.accounts, topic::ACCOUNT_STATE),
            resources: all(&self.accounts, topic::RESOURCE_STATE),
            trust: all(&self.accounts, topic::TRUST_STATE),
            verdicts: all(&self.accounts, topic::COMPLIANCE_STATE),
            scores: all(&self.accounts, topic::SCORE_STATE),
            shares: compacted(&self.outputs(), topic::CONTRIBUTION),
            sums: all(&self.sums, topic::ROLLUP_STATE),
        }
    }

    /// Gives what all tasks of the account stage appended, task by task.
    pub(crate) fn outputs(&self) -> Vec<&Outgoing> {
        self.accounts.iter().flat_map(|fold| &fold.outputs).collect()
    }

    pub(crate) fn events_of<K: Key, V: Value>(&self, of: Topic<K, V>) -> Vec<(K, V)> {
        let records = self.records_of(of).into_iter();
        records.filter_map(|(key, value)| value.map(|value| (key, value))).collect()
    }

    /// Gives all that was appended to a topic, tombstones too.
    pub(crate) fn records_of<K: Key, V: Value>(&self, of: Topic<K, V>) -> Vec<(K, Option<V>)> {
        let outputs = self.outputs();
        outputs.into_iter().filter(|out| out.topic == of.spec).map(decoded).collect()
    }
}

/// Gives the rows of a published table over all tasks.
fn all<S: Stage, K: Key, V: Value>(folds: &[Fold<S>], of: Topic<K, V>) -> BTreeMap<K, V> {
    let table = Table::published(of);
    folds.iter().flat_map(|fold| fold.table(&table)).collect()
}

/// Gives what a compacted topic keeps: the last value of each key, without tombstones.
pub(crate) fn compacted<K: Key, V: Value>(
    outputs: &[&Outgoing],
    of: Topic<K, V>,
) -> BTreeMap<K, V> {
    let mut rows = BTreeMap::new();
    for out in outputs.iter().filter(|out| out.topic == of.spec) {
        match decoded(out) {
            (key, Some(value)) => rows.insert(key, value),
            (key, None) => rows.remove(&key),
        };
    }
    rows
}

fn decoded<K: Key, V: Value>(out: &Outgoing) -> (K, Option<V>) {
    let key = std::str::from_utf8(&out.key).expect("keys are text");
    let value = out.value.as_deref().map(|bytes| {
        let codec = schemas::Codec::default();
        codec.decode(bytes).expect("a value of the topic")
    });
    (K::decode(key).expect("a key of the topic"), value)
}

fn as_record(out: &Outgoing, offset: i64) -> Record {
    Record {
        topic: out.topic,
        partition: out.partition,
        offset,
        timestamp_ms: out.timestamp_ms,
        key: out.key.clone(),
        value: out.value.clone(),
        headers: out.headers.clone(),
    }
}
