//! A local log, and a target in memory that fails as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use schemas::topic::{RESOURCE_CHANGE, RESOURCE_STATE};
use schemas::{TopicSpec, headers::text};
use sink_frame::{
    Courier, Delivery, Encoded, Entry, Failure, Frame, FrameError, Limits, Part, Pin, Progress,
    Role, Target,
};
use stream::local::LocalLog;
use stream::worker::{DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, Stop};
use stream::{Log, Outgoing, Position, Record, snapshot};
use tempfile::TempDir;

/// What the sinks of these tests read.
pub(crate) const INPUTS: [&TopicSpec; 2] = [RESOURCE_STATE.spec, RESOURCE_CHANGE.spec];

pub(crate) const ROLE: Role =
    Role { name: "sink-test", inputs: &INPUTS, outputs: &[], pinned: false };

pub(crate) const PINNED: Role = Role { name: "sink-pinned", pinned: true, ..ROLE };

/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 4;

/// A local log in a folder of its own.
pub(crate) fn local() -> (TempDir, LocalLog) {
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), PARTITIONS, "test").unwrap();
    log.apply().unwrap();
    (folder, log)
}

/// A row of a table: the partition follows from the key's first letter.
pub(crate) fn row(key: &str, value: Option<&str>) -> Outgoing {
    Outgoing {
        topic: RESOURCE_STATE.spec,
        partition: i32::from(key.as_bytes()[0]) % PARTITIONS,
        timestamp_ms: 0,
        key: key.as_bytes().to_vec(),
        value: value.map(|value| value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

pub(crate) fn write(log: &dyn Log, rows: Vec<Outgoing>) {
    let mut writer = log.writer("test").unwrap();
    writer.append(rows).unwrap();
    writer.flush().unwrap();
}

/// What the target holds, and what was asked of it.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) rows: BTreeMap<String, String>,
    /// Each try of an item: when, and of which key.
    pub(crate) tries: Vec<(Instant, String)>,
    /// The parts of each delivery, with their keys; without a pin what is of no part.
    pub(crate) deliveries: Vec<Vec<(Option<Pin>, Vec<String>)>>,
    pub(crate) assigned: Vec<Vec<Position>>,
    pub(crate) revoked: BTreeSet<i32>,
    pub(crate) chores: Vec<&'static str>,
}

/// What the target answers to a try of an item.
pub(crate) enum Answer {
    Take,
    Refuse(&'static str),
    Busy(Option<Duration>),
    Stop(&'static str),
    /// The process dies after what came before was taken.
    Die,
}

/// What a script sees of a try: the item's key, its value, and how often it was tried before.
type Script<'a> = dyn FnMut(&str, Option<&str>, usize) -> Answer + Send + 'a;

/// A row to hold, or a key to delete.
pub(crate) type Item = (String, Option<String>);

/// A target in memory. Keys that begin with `skip` are not for it, and `rubbish` is no value.
pub(crate) struct Store<'a> {
    pub(crate) held: Arc<Mutex<Held>>,
    pub(crate) script: Arc<Mutex<Box<Script<'a>>>>,
    /// Keys of which it never says what became.
    pub(crate) forgets: Option<&'static str>,
    /// Lots that follow a batch, and lots of chores.
    pub(crate) follow_ups: Vec<Vec<Item>>,
    pub(crate) chores: Vec<Vec<Item>>,
    /// How many batches were encoded.
    pub(crate) encoded: Arc<AtomicUsize>,
}

impl<'a> Store<'a> {
    pub(crate) fn new(
        held: &Arc<Mutex<Held>>,
        script: impl FnMut(&str, Option<&str>, usize) -> Answer + Send + 'a,
    ) -> Self {
        let (follow_ups, chores) = (Vec::new(), Vec::new());
        Self {
            encoded: Arc::default(),
            held: held.clone(),
            script: Arc::new(Mutex::new(Box::new(script))),
            forgets: None,
            follow_ups,
            chores,
        }
    }

    pub(crate) fn good(held: &Arc<Mutex<Held>>) -> Self {
        Self::new(held, |_, _, _| Answer::Take)
    }
}

/// What puts rows into the store.
pub(crate) struct Hands<'a> {
    held: Arc<Mutex<Held>>,
    script: Arc<Mutex<Box<Script<'a>>>>,
}

impl Hands<'_> {
    /// Answers for one entry; true while it may go on.
    fn answer(&mut self, entry: Entry<Item>, delivery: &mut Delivery<Item>) {
        let (key, value) = entry.item.clone();
        let mut held = self.held.lock().unwrap();
        let before = held.tries.iter().filter(|(_, one)| *one == key).count();
        held.tries.push((Instant::now(), key.clone()));
        let answer = (self.script.lock().unwrap())(&key, value.as_deref(), before);
        match answer {
            Answer::Take if held.rows.get(&key) == value.as_ref() => {
                delivery.unchanged(entry.record);
            }
            Answer::Take => {
                match value {
                    Some(value) => drop(held.rows.insert(key, value)),
                    None => drop(held.rows.remove(&key)),
                }
                delivery.written(entry.record);
            }
            Answer::Refuse(reason) => delivery.refused(entry.record, reason),
            Answer::Busy(after) => {
                let error = format!("the store is too busy for {key}").into();
                delivery.again(entry, Failure::Again { error, after });
            }
            Answer::Stop(reason) => delivery.again(entry, Failure::stop(reason)),
            Answer::Die => {
                drop(held);
                std::panic::resume_unwind(Box::new("killed"));
            }
        }
    }
}

impl Courier for Hands<'_> {
    type Item = Item;

    fn deliver(&mut self, entries: Vec<Entry<Item>>, parts: &[Part]) -> Delivery<Item> {
        let mut by_part: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
        for Entry { record, item: (key, _) } in &entries {
            let holds = |part: &Part| record.is_some_and(|record| part.records.contains(&record));
            by_part.entry(parts.iter().position(holds)).or_default().push(key.clone());
        }
        let pinned = by_part.into_iter().map(|(part, keys)| (part.map(|at| parts[at].pin), keys));
        self.held.lock().unwrap().deliveries.push(pinned.collect());
        let tried = entries.len();
        let mut delivery = Delivery::default();
        for entry in entries {
            self.answer(entry, &mut delivery);
        }
        delivery.effect("tried", tried as u64);
        delivery
    }
}

impl<'a> Target for Store<'a> {
    type Item = Item;
    type Courier = Hands<'a>;

    fn courier(&self) -> Hands<'a> {
        Hands { held: self.held.clone(), script: self.script.clone() }
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        self.held.lock().unwrap().assigned.push(positions.to_vec());
        Ok(())
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.held.lock().unwrap().revoked.extend(partitions);
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<Item>, Failure> {
        self.encoded.fetch_add(1, Ordering::SeqCst);
        let mut encoded = Encoded::default();
        let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        for (index, record) in records.iter().enumerate() {
            if record.key.starts_with(b"skip") {
                encoded.skipped(index);
            } else if record.value.as_deref() == Some(b"rubbish") {
                encoded.dead(index, "rubbish is no value");
            } else if let Some(before) = last.insert(&record.key, index) {
                encoded.superseded(before);
            }
        }
        for index in last.into_values() {
            let Record { key, value, .. } = &records[index];
            if self.forgets.is_none_or(|forgotten| key != forgotten.as_bytes()) {
                encoded.item(index, (text(key), value.as_deref().map(text)));
            }
        }
        if !self.follow_ups.is_empty() {
            encoded.more_follows();
        }
        Ok(encoded)
    }

    fn follow_up(&mut self) -> Result<Option<Vec<Item>>, Failure> {
        Ok(self.follow_ups.pop())
    }

    fn chores(&mut self, _owned: &BTreeSet<i32>) -> Result<Option<Vec<Item>>, Failure> {
        Ok(self.chores.pop())
    }
}

/// How a run differs from the usual one.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) role: &'static Role,
    pub(crate) slot: &'static str,
    pub(crate) limits: Limits,
    pub(crate) once: bool,
    pub(crate) patience: Option<Duration>,
    pub(crate) stop: Stop,
}

impl Default for Run {
    fn default() -> Self {
        let limits = Limits { records: 7, ..Limits::default() };
        let patience = Some(Duration::from_secs(60));
        Self { role: &ROLE, slot: "a", limits, once: true, patience, stop: Stop::new() }
    }
}

impl Run {
    pub(crate) fn on(&self, log: &dyn Log, store: &mut Store<'_>) -> Result<Progress, FrameError> {
        self.telling(log, store, &|_| ())
    }

    pub(crate) fn telling(
        &self,
        log: &dyn Log,
        store: &mut Store<'_>,
        tell: &dyn Fn(&Progress),
    ) -> Result<Progress, FrameError> {
        let Self { role, slot, limits, once, patience, ref stop } = *self;
        Frame { role, log, slot, limits, once, patience, tell }.run(store, stop)
    }

    /// Runs until the target kills the process.
    pub(crate) fn dies(&self, log: &dyn Log, store: &mut Store<'_>) {
        let run = std::panic::AssertUnwindSafe(|| self.on(log, store).map(drop));
        std::panic::catch_unwind(run).unwrap_err();
    }
}

/// The dead letters: partition, offset and reason of each, by place.
pub(crate) fn letters(log: &dyn Log, stage: &str) -> Vec<(i32, i64, String)> {
    let letters = snapshot::records(log, schemas::topic::DEADLETTER).unwrap();
    let mut found: Vec<(i32, i64, String)> = letters
        .iter()
        .map(|letter| {
            let of = |name| text(&letter.headers, name).unwrap();
            assert_eq!(of(DLQ_STAGE), stage);
            let (partition, offset) = (of(DLQ_PARTITION), of(DLQ_OFFSET));
            (partition.parse().unwrap(), offset.parse().unwrap(), of(DLQ_REASON).to_owned())
        })
        .collect();
    found.sort();
    found
}
