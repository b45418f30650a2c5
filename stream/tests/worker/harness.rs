//! Logs to run workers on, input that is the same at each run, and what must come out.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use kit::kafka::Kafka;
use schemas::{
    AccountKey, AccountRegister, Codec, Key, Placement, Spend, Tick, TickKey, Topic, TopicSpec,
    Value, partition_of,
    topic::{
        ACCOUNT_CHANGELOG, ACCOUNT_REGISTER, ACCOUNT_STATE, DEADLETTER, SCAN_UNIT, SPEND, TICK,
    },
};
use stream::{
    Log, Outgoing, Publisher, Record, Stage,
    fold::Fold,
    kafka::{KafkaConfig, KafkaLog},
    local::LocalLog,
    snapshot,
    store::{Identity, Stores},
    view::Store,
    worker::{Limits, Progress, Report, Stop, Worker, WorkerConfig, WorkerError, caught_up},
};

use crate::tally::{POLICY, Switches, Tally};

pub(crate) const PARTITIONS: i32 = 3;

/// Limit for everything that should come; a loaded machine needs some of it.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// When the input begins.
pub(crate) const START_MS: i64 = 1_700_000_040_000;

/// A log under test, a state folder and what tests switch.
pub(crate) struct Rig {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) prefix: String,
    pub(crate) switches: Arc<Switches>,
    pub(crate) state: tempfile::TempDir,
    _folder: Option<tempfile::TempDir>,
}

/// A fresh local log.
pub(crate) fn local() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), PARTITIONS, "scorecard").unwrap();
    log.apply().unwrap();
    Rig::new(Arc::new(log), "scorecard", Some(folder))
}

/// A fresh log on the node that all tests share.
pub(crate) fn kafka() -> Rig {
    let node = Kafka::shared().unwrap();
    let prefix = node.prefix("worker");
    let config = KafkaConfig {
        partitions: PARTITIONS,
        replication_factor: 1,
        retention_days: None,
        history_retention_days: None,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(node.bootstrap())
    };
    let log = KafkaLog::connect(config, &prefix).unwrap();
    log.apply().unwrap();
    Rig::new(Arc::new(log), &prefix, None)
}

impl Rig {
    pub(crate) fn new(log: Arc<dyn Log>, prefix: &str, folder: Option<tempfile::TempDir>) -> Self {
        Self {
            log,
            prefix: prefix.to_owned(),
            switches: Arc::default(),
            state: tempfile::tempdir().unwrap(),
            _folder: folder,
        }
    }

    /// Settings with small transactions, so that there are many of them.
    pub(crate) fn config(&self) -> WorkerConfig {
        self.config_in(self.state.path())
    }

    pub(crate) fn config_in(&self, state: &Path) -> WorkerConfig {
        let mut config = WorkerConfig::new("slot-0", Stores::open(state).unwrap());
        config.limits = Limits { records_max: 40, ..Limits::default() };
        config.retry = (Duration::from_millis(10), Duration::from_millis(50));
        config
    }

    pub(crate) fn worker(&self, config: WorkerConfig) -> Worker {
        let switches = self.switches.clone();
        let stage = move || Box::new(Tally::new(&switches)) as Box<dyn Stage>;
        let codec = Codec::default();
        Worker::new(self.log.clone(), codec, &self.prefix, Arc::new(stage), config)
    }

    pub(crate) fn group(&self) -> String {
        "tally".to_owned()
    }

    pub(crate) fn start(&self, config: WorkerConfig) -> Running {
        let mut worker = self.worker(config);
        let stop = Stop::new();
        let progress = worker.progress();
        let thread = thread::spawn({
            let stop = stop.clone();
            move || worker.run(&stop)
        });
        Running { stop, progress, thread }
    }

    /// Runs a worker until all is done, or it ends with an error.
    pub(crate) fn run(&self, config: WorkerConfig) -> Result<Report, WorkerError> {
        let running = self.start(config);
        let deadline = Instant::now() + LIMIT;
        while !running.thread.is_finished() && !self.is_done(&running.progress) {
            assert!(Instant::now() < deadline, "not caught up: {:?}", running.progress.tasks());
            thread::sleep(Duration::from_millis(5));
        }
        running.end()
    }

    pub(crate) fn is_done(&self, progress: &Progress) -> bool {
        caught_up(&*self.log, &self.group(), &inputs(), Some(progress)).unwrap()
    }

    pub(crate) fn publisher(&self) -> Publisher {
        Publisher::open(&*self.log, &Codec::default(), &self.prefix, "test").unwrap()
    }

    /// Appends a record that no schema fits, to one partition.
    pub(crate) fn append_raw(&self, outgoing: Outgoing) {
        let mut writer = self.log.writer("test").unwrap();
        writer.append(vec![outgoing]).unwrap();
        writer.flush().unwrap();
    }

    pub(crate) fn records(&self, topic: &'static TopicSpec) -> Vec<Record> {
        snapshot::records(&*self.log, topic).unwrap()
    }

    pub(crate) fn table<K: Key, V: Value>(&self, topic: &Topic<K, V>) -> BTreeMap<K, V> {
        snapshot::table(&*self.log, &Codec::default(), &self.prefix, topic).unwrap()
    }

    /// Runs the stage over the same input in memory, partition by partition, by time.
    pub(crate) fn fold(&self) -> Vec<Fold<Tally>> {
        let folds = (0..PARTITIONS).map(|partition| {
            let mut fold = Fold::new(Tally::new(&self.switches), partition, PARTITIONS);
            let mut records: Vec<Record> = Vec::new();
            for topic in inputs() {
                records.extend(self.records(topic));
            }
            records.retain(|record| record.partition == partition);
            // Stable: equal times stay in the order of topics, then of offsets.
            records.sort_by_key(|record| record.timestamp_ms);
            records.iter().for_each(|record| fold.take(record).unwrap());
            fold
        });
        folds.collect()
    }

    /// Holds everything that the worker wrote against the fold: tables in the log and on disk,
    /// events in their order, dead letters.
    pub(crate) fn check(&self, stores: &Stores) {
        self.check_tables(stores);
        for (partition, fold) in self.fold().iter().enumerate() {
            let made = self.of(SCAN_UNIT.spec, partition);
            let events = fold.outputs.iter().filter(|o| o.topic.name == SCAN_UNIT.spec.name);
            let events: Vec<_> = events.cloned().collect();
            assert_eq!(made.len(), events.len(), "events of partition {partition}");
            for (made, wanted) in made.iter().zip(&events) {
                assert_eq!(&Outgoing::from(made.clone()), wanted);
            }
        }
    }

    /// The same without the order of events, which depends on when records came.
    pub(crate) fn check_tables(&self, stores: &Stores) {
        for (partition, fold) in self.fold().iter().enumerate() {
            for topic in [ACCOUNT_STATE.spec, ACCOUNT_CHANGELOG] {
                let made = self.of(topic, partition);
                let times = made.iter().map(|record| record.timestamp_ms);
                let wanted = fold.outputs.iter().filter(|made| made.topic.name == topic.name);
                let newest = wanted.map(|made| made.timestamp_ms).max();
                assert_eq!(times.max(), newest, "rows carry the time of the record behind them");
            }
            let totals = last_values(self.of(ACCOUNT_STATE.spec, partition));
            assert_eq!(totals, rows(fold, "account.state"), "totals of partition {partition}");
            let private = last_values(self.of(ACCOUNT_CHANGELOG, partition));
            let mut wanted = BTreeMap::new();
            for table in ["cursor", "register", "timers"] {
                for (key, value) in rows(fold, table) {
                    wanted.insert(format!("{table}/{key}"), value);
                }
            }
            assert_eq!(private, wanted, "private tables of partition {partition}");
            self.check_store(stores, fold, partition);
            let dead = self.of(DEADLETTER, partition);
            let keys = |records: &mut dyn Iterator<Item = &Record>| {
                records.map(|r| (r.key.clone(), r.value.clone())).collect::<Vec<_>>()
            };
            assert_eq!(keys(&mut dead.iter()), keys(&mut fold.dead.iter().map(|(r, _)| r)));
        }
    }

    /// Holds the tables on disk against those in the log, whose input may be compacted by now.
    pub(crate) fn check_disk(&self, stores: &Stores) {
        for partition in 0..PARTITIONS as usize {
            let store = stores.lease(&self.identity(partition as i32)).unwrap().unwrap();
            let kept = |table| {
                let rows = store.scan(table, "", None, usize::MAX).unwrap().into_iter();
                rows.map(|(key, value)| (key, value.to_vec())).collect::<BTreeMap<_, _>>()
            };
            assert_eq!(kept("account.state"), last_values(self.of(ACCOUNT_STATE.spec, partition)));
            let mut private = BTreeMap::new();
            for table in ["cursor", "register", "timers"] {
                let rows = kept(table).into_iter();
                private.extend(rows.map(|(key, value)| (format!("{table}/{key}"), value)));
            }
            assert_eq!(private, last_values(self.of(ACCOUNT_CHANGELOG, partition)));
        }
    }

    fn check_store(&self, stores: &Stores, fold: &Fold<Tally>, partition: usize) {
        let store = stores.lease(&self.identity(partition as i32)).unwrap().unwrap();
        for table in ["account.state", "cursor", "register", "timers"] {
            let kept = store.scan(table, "", None, usize::MAX).unwrap();
            let kept: BTreeMap<_, _> = kept.into_iter().map(|(k, v)| (k, v.to_vec())).collect();
            assert_eq!(kept, rows(fold, table), "{table} on disk, partition {partition}");
        }
    }

    pub(crate) fn identity(&self, partition: i32) -> Identity {
        Identity {
            stage: "tally",
            partition,
            partitions: PARTITIONS,
            prefix: self.prefix.clone(),
            log: self.log.identity().unwrap(),
            tables: Tally::new(&self.switches).tables(),
        }
    }

    fn of(&self, topic: &'static TopicSpec, partition: usize) -> Vec<Record> {
        let mut records = self.records(topic);
        records.retain(|record| record.partition == partition as i32);
        records
    }
}

/// A worker on its thread.
pub(crate) struct Running {
    pub(crate) stop: Stop,
    pub(crate) progress: Progress,
    pub(crate) thread: JoinHandle<Result<Report, WorkerError>>,
}

impl Running {
    pub(crate) fn end(self) -> Result<Report, WorkerError> {
        self.stop.stop();
        self.thread.join().unwrap()
    }
}

/// Waits for something, and says what did not come.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not come");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn inputs() -> Vec<&'static TopicSpec> {
    vec![ACCOUNT_REGISTER.spec, SPEND.spec, TICK.spec]
}

/// Writes input records, each a second after the one before; the same number gives the same input.
pub(crate) struct Feed {
    publisher: Publisher,
    at_ms: i64,
    seed: u64,
    /// The sum of cents by account, counted apart from the stage.
    pub(crate) sums: BTreeMap<String, i64>,
    /// How many spends there were.
    pub(crate) spends: usize,
}

impl Feed {
    pub(crate) fn new(rig: &Rig) -> Self {
        Self {
            publisher: rig.publisher(),
            at_ms: START_MS,
            seed: 42,
            sums: BTreeMap::new(),
            spends: 0,
        }
    }

    /// Appends so many spends, with a tick each minute and a register or policy now and then.
    pub(crate) fn append(&mut self, spends: usize) {
        for _ in 0..spends {
            self.at_ms += 1_000;
            let (account, cents) = (format!("acc{}", self.random(10)), self.random(1_000) as i64);
            match self.random(40) {
                0 => self.register(POLICY),
                1 => self.register(&account),
                _ => {}
            }
            if self.random(60) == 0 {
                self.spend(&account, cents, crate::tally::CLOSE);
            } else {
                self.spend(&account, cents, "USD");
            }
            if self.at_ms % 60_000 == 0 {
                let (key, tick) =
                    (TickKey { minute_ms: self.at_ms }, Tick { minute_ms: self.at_ms });
                self.publisher.put(&TICK, &key, &tick, self.at_ms).unwrap();
            }
        }
        self.publisher.flush().unwrap();
    }

    pub(crate) fn spend(&mut self, account: &str, cents: i64, currency: &str) {
        let spend = Spend {
            account: account.to_owned(),
            cents,
            currency: currency.to_owned(),
            captured_ms: self.at_ms,
        };
        if currency == crate::tally::CLOSE {
            self.sums.remove(account);
        } else if currency != crate::tally::BAD {
            *self.sums.entry(account.to_owned()).or_default() += cents;
        }
        self.spends += 1;
        self.publisher.put(&SPEND, &AccountKey::new(account), &spend, self.at_ms).unwrap();
    }

    pub(crate) fn register(&mut self, account: &str) {
        let entry = AccountRegister {
            account: account.to_owned(),
            name: None,
            owner: Some(format!("owner{}", self.random(5))),
            executive: Some(format!("executive{}", self.random(1_000))),
            third_party: false,
            approved: false,
        };
        let key = AccountKey::new(account);
        self.publisher.put(&ACCOUNT_REGISTER, &key, &entry, self.at_ms).unwrap();
    }

    pub(crate) fn later(&mut self, ms: i64) {
        self.at_ms += ms;
    }

    pub(crate) fn flush(&mut self) {
        self.publisher.flush().unwrap();
    }

    /// Holds the sums in the log's table against those counted here.
    pub(crate) fn check(&self, rig: &Rig) {
        let rows = rig.table(&ACCOUNT_STATE);
        let sums = rows.iter().map(|(key, row)| (key.account.clone(), row.spend_cents.unwrap()));
        assert_eq!(sums.collect::<BTreeMap<_, _>>(), self.sums);
    }

    /// A linear congruential generator (Knuth's MMIX): the same everywhere.
    fn random(&mut self, below: u64) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }
}

/// The partition of an account's records.
pub(crate) fn partition(account: &str) -> i32 {
    assert_eq!(SPEND.spec.placement, Placement::Keyed);
    partition_of(account, PARTITIONS)
}

pub(crate) fn last_values(records: Vec<Record>) -> BTreeMap<String, Vec<u8>> {
    let mut last = BTreeMap::new();
    for record in records {
        let key = String::from_utf8(record.key).unwrap();
        match record.value {
            Some(value) => last.insert(key, value),
            None => last.remove(&key),
        };
    }
    last
}

fn rows(fold: &Fold<Tally>, table: &str) -> BTreeMap<String, Vec<u8>> {
    let rows = fold.store.rows(table);
    rows.map(|(key, value)| (key.clone(), value.to_vec())).collect()
}
