//! The sink as a target of the frame: records to documents, and documents to the cluster.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemas::{
    AccountKey, AccountState, Codec, Key, Requirement, RequirementKey, TopicSpec, topic,
};
use serde_json::json;
use sink_frame::{
    Courier, Delivery, Encoded, Entry, Failure, Limits, Part, Role, Target, chain, read_until,
};
use stream::{Log, LogError, Position, Record, snapshot};

use crate::bulk::{self, Bounds, How, Item};
use crate::chores::Chores;
use crate::client::Cluster;
use crate::documents::{self, Unfit, kind_of};
use crate::facts::{self, About, Facts, Known};
use crate::lives::{self, Lives};
use crate::names::{self, Names};
use crate::rewrite::Rewrites;
use crate::{Config, setup};

/// What the sink reads.
const INPUTS: [&TopicSpec; 10] = [
    topic::REQUIREMENT.spec,
    topic::ACCOUNT_STATE.spec,
    topic::RESOURCE_STATE.spec,
    topic::COMPLIANCE_STATE.spec,
    topic::TRUST_STATE.spec,
    topic::SCORE_STATE.spec,
    topic::ROLLUP_STATE.spec,
    topic::RESOURCE_CHANGE.spec,
    topic::COMPLIANCE_CHANGE.spec,
    topic::SCORE_HISTORY.spec,
];

/// What the sink is among the processes that share the log.
pub const ROLE: Role =
    Role { name: "sink-elasticsearch", inputs: &INPUTS, outputs: &[], pinned: false };

/// How large batches are: a few bulk requests, which are sent at the same time.
pub const LIMITS: Limits = Limits { records: 10_000, bytes: 32 << 20, linger: Duration::ZERO };

/// The sink with everything that it needs.
pub struct Elastic<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) config: &'a Config,
    pub(crate) log: &'a dyn Log,
    pub(crate) codec: &'a Codec,
    /// Gives the time in UTC milliseconds.
    pub(crate) now_ms: &'a (dyn Fn() -> i64 + Sync),
    pub(crate) names: Names,
    pub(crate) lives: Lives,
    /// Facts by partition.
    pub(crate) known: BTreeMap<i32, Known>,
    pub(crate) chores: Chores,
    rewrites: Rewrites,
    is_checked: bool,
}

/// What writes to the cluster.
pub struct Writer<'a> {
    cluster: &'a Cluster,
    names: Names,
    bounds: Bounds,
    /// Aliases of months whose indices are there.
    months: BTreeSet<String>,
}

impl<'a> Elastic<'a> {
    /// Prepares the sink; makes no call.
    pub fn new(
        cluster: &'a Cluster,
        config: &'a Config,
        log: &'a dyn Log,
        codec: &'a Codec,
        now_ms: &'a (dyn Fn() -> i64 + Sync),
    ) -> Self {
        Self {
            cluster,
            config,
            log,
            codec,
            now_ms,
            names: Names::new(&config.prefix),
            lives: Lives::new(),
            known: BTreeMap::new(),
            chores: Chores::default(),
            rewrites: Rewrites::default(),
            is_checked: false,
        }
    }

    /// Reads the facts of partitions that the cluster's documents were written with.
    fn facts(&self, positions: &[Position]) -> Result<BTreeMap<i32, Known>, Failure> {
        let topics = [topic::ACCOUNT_STATE.spec, topic::REQUIREMENT.spec];
        let to = read_until(self.log, positions, &topics)?;
        let from: Vec<Position> = to.iter().map(|one| Position { offset: 0, ..*one }).collect();
        let mut known: BTreeMap<i32, Known> = BTreeMap::new();
        for position in positions {
            known.entry(position.partition).or_default();
        }
        let take = |records: Vec<Record>| -> Result<(), Unreadable> {
            for record in records {
                match fact(&record, self.codec) {
                    Ok((about, facts)) => {
                        put(known.entry(record.partition).or_default(), about, facts)
                    }
                    Err(error) if error.is_transient() => return Err(Unreadable::Row(error)),
                    // It is a dead letter already, or will be when its turn comes.
                    Err(_) => {}
                }
            }
            Ok(())
        };
        snapshot::between(self.log, &from, &to, take)?;
        Ok(known)
    }

    /// Makes the document of a record into what is written.
    fn item(&self, record: &Record, known: &Known) -> Result<Item, Unfit> {
        let kind = kind_of(record.topic).ok_or(Unfit::Key)?;
        let life = &self.lives[record.topic.name];
        let (mut document, at_ms) = documents::document(record, known, self.codec)?;
        let id = names::id(&documents::hash(record, &life.name));
        facts::set(&mut document, "event.id", json!(id));
        if kind.is_history() {
            let alias = self.names.month(kind, at_ms);
            return Ok(Item::put(&alias, &id, How::Once, &document));
        }
        let version = names::version(life.epoch, record.offset);
        Ok(Item::put(&self.names.all(kind), &id, How::Newer(version), &document))
    }
}

/// Why facts can't be read.
enum Unreadable {
    Log(LogError),
    Row(Unfit),
}

impl From<LogError> for Unreadable {
    fn from(error: LogError) -> Self {
        Unreadable::Log(error)
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Log(error) => Failure::Log(error),
            Unreadable::Row(error) => Failure::again(error),
        }
    }
}

/// What a fact is about: an account or a requirement, by its id.
type Subject = (About, String);

/// Reads a record of a topic whose rows are facts in other documents.
fn fact(record: &Record, codec: &Codec) -> Result<(Subject, Option<Facts>), Unfit> {
    let key = std::str::from_utf8(&record.key).map_err(|_| Unfit::Key)?;
    let value = record.value.as_deref();
    if record.topic.name == topic::ACCOUNT_STATE.spec.name {
        let AccountKey { account } = Key::decode(key).ok_or(Unfit::Key)?;
        let row = value.map(|bytes| codec.decode::<AccountState>(bytes)).transpose();
        let row = row.map_err(Unfit::Value)?;
        return Ok(((About::Account, account), row.as_ref().map(facts::of_account)));
    }
    let RequirementKey { requirement } = Key::decode(key).ok_or(Unfit::Key)?;
    let row = value.map(|bytes| codec.decode::<Requirement>(bytes)).transpose();
    let row = row.map_err(Unfit::Value)?;
    Ok(((About::Rule, requirement), row.as_ref().map(facts::of_requirement)))
}

fn put(known: &mut Known, subject: Subject, facts: Option<Facts>) {
    match facts {
        Some(facts) => drop(known.insert(subject, facts)),
        None => drop(known.remove(&subject)),
    }
}

fn is_facts(record: &Record) -> bool {
    [topic::ACCOUNT_STATE.spec.name, topic::REQUIREMENT.spec.name].contains(&record.topic.name)
}

impl<'a> Target for Elastic<'a> {
    type Item = Item;
    type Courier = Writer<'a>;

    fn courier(&self) -> Writer<'a> {
        let &Config { bulk_bytes, concurrency, .. } = self.config;
        let bounds = Bounds { bytes: bulk_bytes, concurrency };
        let names = Names::new(&self.config.prefix);
        Writer { cluster: self.cluster, names, bounds, months: BTreeSet::new() }
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        if !self.is_checked {
            setup::check(self.cluster, &self.names)?;
            // Histories can be searched before their first event.
            for kind in names::Kind::histories() {
                setup::month(self.cluster, &self.names.month(kind, (self.now_ms)()))?;
            }
            self.is_checked = true;
        }
        let topics: Vec<&'static TopicSpec> =
            INPUTS.into_iter().filter(|topic| kind_of(topic).is_some()).collect();
        let lives = lives::present(self.cluster, &self.names, self.log, &topics)?;
        let known = self.facts(positions)?;
        let now_ms = (self.now_ms)();
        let chores = Chores::taken_over(self.cluster, &self.names, &lives, positions, now_ms)?;
        self.lives = lives;
        self.rewrites = Rewrites::default();
        self.known.extend(known);
        self.chores.add(chores);
        Ok(())
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.known.retain(|partition, _| !partitions.contains(partition));
        self.rewrites = Rewrites::default();
        self.chores.drop_partitions(partitions);
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<Item>, Failure> {
        let mut encoded = Encoded::default();
        let mut known = Cow::Borrowed(&self.known);
        let mut rewrites = Rewrites::default();
        for record in records.iter().filter(|record| is_facts(record)) {
            // A record that can't be read is told of below.
            let (subject, facts) = match fact(record, self.codec) {
                Ok(fact) => fact,
                Err(error) if error.is_transient() => return Err(Failure::again(error)),
                Err(_) => continue,
            };
            let before = known.get(&record.partition).and_then(|known| known.get(&subject));
            if before != facts.as_ref() {
                rewrites.add(record.partition, subject.clone());
                put(known.to_mut().entry(record.partition).or_default(), subject, facts);
            }
        }
        let last = last_of_each(records);
        let nothing = Known::new();
        for (index, record) in records.iter().enumerate() {
            let known = known.get(&record.partition).unwrap_or(&nothing);
            if !last.contains(&index) {
                encoded.superseded(index);
                continue;
            }
            if record.topic.name == topic::REQUIREMENT.spec.name {
                match fact(record, self.codec) {
                    Ok(_) => encoded.skipped(index),
                    Err(error) => encoded.dead(index, chain(&error)),
                }
                continue;
            }
            match self.item(record, known) {
                Ok(item) => encoded.item(index, item),
                Err(error) if error.is_transient() => return Err(Failure::again(error)),
                Err(error) => encoded.dead(index, chain(&error)),
            }
        }
        if let Cow::Owned(known) = known {
            self.known = known;
        }
        if !rewrites.is_empty() {
            encoded.more_follows();
        }
        self.rewrites = rewrites;
        Ok(encoded)
    }

    fn follow_up(&mut self) -> Result<Option<Vec<Item>>, Failure> {
        Ok(self.rewrites.next(self.cluster, &self.names, &self.known)?)
    }

    fn chores(&mut self, owned: &BTreeSet<i32>) -> Result<Option<Vec<Item>>, Failure> {
        self.next_chore(owned)
    }

    fn effects(&self) -> Vec<(&'static str, u64)> {
        self.chores.effects()
    }
}

impl Courier for Writer<'_> {
    type Item = Item;

    fn deliver(&mut self, entries: Vec<Entry<Item>>, _: &[Part]) -> Delivery<Item> {
        let begins: Vec<String> =
            names::Kind::histories().map(|kind| format!("{}-", self.names.people(kind))).collect();
        let wanted: BTreeSet<&String> = entries
            .iter()
            .map(|entry| &entry.item.alias)
            .filter(|alias| begins.iter().any(|begin| alias.starts_with(begin)))
            .filter(|alias| !self.months.contains(*alias))
            .collect();
        let made: Result<Vec<String>, _> = wanted
            .into_iter()
            .map(|alias| setup::month(self.cluster, alias).map(|()| alias.clone()))
            .collect();
        match made {
            Ok(months) => self.months.extend(months),
            Err(error) => return Delivery::all_left(entries, error.into()),
        }
        let delivery = bulk::deliver(self.cluster, &mut self.bounds, entries);
        if delivery.failure.is_some() {
            // An index of a month may have been deleted: look again.
            self.months.clear();
        }
        delivery
    }
}

/// Gives the places of the records that count: the last of each key of a table, and all events.
fn last_of_each(records: &[Record]) -> BTreeSet<usize> {
    let mut last: BTreeMap<(&str, i32, &[u8]), usize> = BTreeMap::new();
    let mut places = BTreeSet::new();
    for (index, record) in records.iter().enumerate() {
        if kind_of(record.topic).is_some_and(names::Kind::is_history) {
            places.insert(index);
        } else {
            last.insert((record.topic.name, record.partition, &record.key), index);
        }
    }
    places.extend(last.into_values());
    places
}
