//! Logs to test, and small helpers over the trait.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use kit::kafka::Kafka;
use schemas::TopicSpec;
use stream::{
    Log, Member, Membership, Outcome, Outgoing, Polled, Position, Record,
    kafka::{KafkaConfig, KafkaLog},
    local::{LocalLog, LocalOptions},
};

/// Partitions of every topic in the suite: more than one member, and not a power of two.
pub(crate) const PARTITIONS: i32 = 3;

/// Limit for everything that should come; a loaded machine needs some of it.
const LIMIT: Duration = Duration::from_secs(60);

/// A log under test.
pub(crate) struct Subject {
    /// The log, with its topics made.
    pub(crate) log: Arc<dyn Log>,
    /// A log of the same kind without topics.
    pub(crate) bare: Arc<dyn Log>,
    /// Prepares a topic for compaction within seconds.
    pub(crate) hasten: Box<dyn Fn(&'static TopicSpec)>,
    /// Compacts, or waits a little for the log to do so.
    pub(crate) compact: Box<dyn Fn()>,
    /// Keeps folders until the test ends.
    _folders: Vec<tempfile::TempDir>,
}

/// A fresh local log.
pub(crate) fn local() -> Subject {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let options = LocalOptions { compact_by_itself: false, ..LocalOptions::default() };
    let open = |folder: &tempfile::TempDir| {
        LocalLog::open_with(folder.path(), PARTITIONS, "suite", options).unwrap()
    };
    let log = open(&folders[0]);
    log.apply().unwrap();
    Subject {
        bare: Arc::new(open(&folders[1])),
        hasten: Box::new(|_| ()),
        compact: Box::new({
            let log = log.clone();
            move || log.compact().unwrap()
        }),
        log: Arc::new(log),
        _folders: folders.into(),
    }
}

/// A configuration for the node that all tests share; nothing in it expires.
pub(crate) fn kafka_config() -> KafkaConfig {
    KafkaConfig {
        partitions: PARTITIONS,
        replication_factor: 1,
        retention_days: None,
        history_retention_days: None,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(Kafka::shared().unwrap().bootstrap())
    }
}

/// A fresh log on the node that all tests share.
pub(crate) fn kafka() -> Subject {
    let node = Kafka::shared().unwrap();
    let prefix = node.prefix("suite");
    let connect = |prefix: &str| KafkaLog::connect(kafka_config(), prefix).unwrap();
    let log = connect(&prefix);
    log.apply().unwrap();
    Subject {
        log: Arc::new(log),
        bare: Arc::new(connect(&node.prefix("bare"))),
        hasten: Box::new(move |topic| hasten_compaction(node, &topic.full_name(&prefix))),
        compact: Box::new(|| std::thread::sleep(Duration::from_millis(300))),
        _folders: Vec::new(),
    }
}

/// Has Kafka roll and clean a topic's segments all the time, by Kafka's own tool.
fn hasten_compaction(node: &Kafka, topic: &str) {
    let args = [
        "--bootstrap-server",
        &node.bootstrap(),
        "--alter",
        "--entity-type",
        "topics",
        "--entity-name",
        topic,
        "--add-config",
        "segment.ms=100,min.cleanable.dirty.ratio=0.01",
    ];
    kit::java::run("kafka.admin.ConfigCommand", &args, "").unwrap();
}

/// A record with a text key and value.
pub(crate) fn record(
    topic: &'static TopicSpec,
    partition: i32,
    key: &str,
    value: &str,
) -> Outgoing {
    Outgoing {
        topic,
        partition,
        timestamp_ms: 1_700_000_000_000,
        key: key.as_bytes().to_vec(),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

/// A tombstone.
pub(crate) fn tombstone(topic: &'static TopicSpec, partition: i32, key: &str) -> Outgoing {
    Outgoing { value: None, ..record(topic, partition, key, "") }
}

/// Appends as a producer does, and waits for it.
pub(crate) fn append(log: &dyn Log, records: Vec<Outgoing>) {
    let mut writer = log.writer("suite").unwrap();
    writer.append(records).unwrap();
    writer.flush().unwrap();
}

/// A partition's position.
pub(crate) fn at(topic: &'static TopicSpec, partition: i32, offset: i64) -> Position {
    Position { topic, partition, offset }
}

/// Start of all partitions of topics.
pub(crate) fn starts(topics: &[&'static TopicSpec]) -> Vec<Position> {
    let topics = topics.iter();
    let all = topics.flat_map(|topic| (0..PARTITIONS).map(|p| at(topic, p, 0)));
    all.collect()
}

/// Reads topics from the start up to their ends.
pub(crate) fn read_all(log: &dyn Log, topics: &[&'static TopicSpec]) -> Vec<Record> {
    let ends = log.ends(topics).unwrap();
    let mut reader = log.reader(&starts(topics)).unwrap();
    let mut records = Vec::new();
    let start = Instant::now();
    while !reached(&reader.positions().unwrap(), &ends) {
        assert!(start.elapsed() < LIMIT, "the ends {ends:?} are not reached");
        records.extend(reader.poll(Duration::from_millis(100)).unwrap());
    }
    records
}

/// Whether positions are at or past others.
pub(crate) fn reached(positions: &[Position], ends: &[Position]) -> bool {
    ends.iter().all(|end| {
        let mut positions = positions.iter();
        positions.any(|p| {
            p.topic.name == end.topic.name && p.partition == end.partition && p.offset >= end.offset
        })
    })
}

/// Keys and values of records, as text; a tombstone has the value `-`.
pub(crate) fn texts(records: &[Record]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let pairs = records.iter().map(|record| {
        let value = record.value.as_deref().map_or("-".to_owned(), text);
        (text(&record.key), value)
    });
    pairs.collect()
}

/// Keys and values of one partition's records.
pub(crate) fn texts_of(records: &[Record], partition: i32) -> Vec<(String, String)> {
    let own = records.iter().filter(|r| r.partition == partition);
    texts(&own.cloned().collect::<Vec<_>>())
}

pub(crate) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = expected.iter();
    pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A member with what it was told.
pub(crate) struct Joined {
    pub(crate) member: Box<dyn Member>,
    pub(crate) owned: Vec<i32>,
    pub(crate) records: Vec<Record>,
    /// The next offset of each input partition, as a worker keeps it.
    pub(crate) next: BTreeMap<(&'static str, i32), Position>,
}

pub(crate) fn join(
    log: &dyn Log,
    group: &str,
    slot: &str,
    inputs: &[&'static TopicSpec],
) -> Joined {
    let membership =
        Membership { group: group.to_owned(), slot: slot.to_owned(), inputs: inputs.to_vec() };
    Joined {
        member: log.join(&membership).unwrap(),
        owned: Vec::new(),
        records: Vec::new(),
        next: BTreeMap::new(),
    }
}

impl Joined {
    /// Polls once and does what a worker does with the answer.
    pub(crate) fn turn(&mut self) -> bool {
        match self.member.poll(Duration::from_millis(50)).unwrap() {
            Polled::Records(records) => {
                for record in &records {
                    let next = at(record.topic, record.partition, record.offset + 1);
                    self.next.insert((record.topic.name, record.partition), next);
                }
                self.records.extend(records);
                false
            }
            Polled::Assigned(partitions) => {
                self.resume(&partitions);
                self.owned.extend(partitions);
                self.owned.sort_unstable();
                true
            }
            Polled::Revoked { partitions, lost } => {
                assert!(!lost, "{partitions:?} were lost");
                self.owned.retain(|owned| !partitions.contains(owned));
                self.next.retain(|(_, partition), _| !partitions.contains(partition));
                true
            }
        }
    }

    pub(crate) fn resume(&mut self, partitions: &[i32]) {
        for position in self.member.resume(partitions).unwrap() {
            let key = (position.topic.name, position.partition);
            self.next.insert(key, position);
        }
    }

    /// Polls until it owns these partitions.
    pub(crate) fn until_owns(&mut self, partitions: &[i32]) {
        let start = Instant::now();
        while self.owned != partitions {
            let owned = &self.owned;
            assert!(start.elapsed() < LIMIT, "it owns {owned:?}, not {partitions:?}");
            self.turn();
        }
    }

    /// Polls until it has read this many records.
    pub(crate) fn until_read(&mut self, count: usize) {
        let start = Instant::now();
        while self.records.len() < count {
            let read = self.records.len();
            assert!(start.elapsed() < LIMIT, "{read} of {count} records were read");
            self.turn();
        }
        assert_eq!(self.records.len(), count);
    }

    /// Commits the records read so far with outputs.
    pub(crate) fn commit(&mut self, outputs: Vec<Outgoing>) -> Outcome {
        let positions: Vec<_> = self.next.values().copied().collect();
        self.member.commit(outputs, &positions).unwrap()
    }
}

/// Polls members in turn until a condition holds.
pub(crate) fn until(members: &mut [&mut Joined], mut done: impl FnMut(&[&mut Joined]) -> bool) {
    let start = Instant::now();
    while !done(members) {
        let owned: Vec<_> = members.iter().map(|m| m.owned.clone()).collect();
        assert!(start.elapsed() < LIMIT, "members own {owned:?}");
        for member in members.iter_mut() {
            member.turn();
        }
    }
}
