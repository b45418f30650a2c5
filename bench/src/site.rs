//! A log for a benchmark, and workers on it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use anyhow::{Result, anyhow};
use kit::kafka::Kafka;
use schemas::{Codec, TopicSpec};
use stages::{AccountStage, RollupStage};
use stream::{
    Log, LogConfig, Publisher, Stage,
    kafka::KafkaConfig,
    store::Stores,
    worker::{Progress, Report, Stop, Worker, WorkerConfig, WorkerError},
};

use crate::LogKind;

/// The topics' prefix.
pub(crate) const PREFIX: &str = "bench";

/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 4;

/// The open log, and what keeps it alive.
pub(crate) struct Site {
    pub(crate) log: Arc<dyn Log>,
    folder: tempfile::TempDir,
    kafka: Option<Kafka>,
}

/// A worker's thread.
pub(crate) struct Running {
    pub(crate) group: String,
    pub(crate) inputs: Vec<&'static TopicSpec>,
    pub(crate) progress: Progress,
    thread: JoinHandle<Result<Report, WorkerError>>,
}

impl Site {
    /// Makes an empty log with all topics.
    pub(crate) fn open(kind: LogKind) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (config, kafka) = match kind {
            LogKind::Local => {
                let dir = folder.path().join("log");
                let config = LogConfig::Local {
                    dir,
                    partitions: PARTITIONS,
                    retention_days: None,
                    history_retention_days: None,
                };
                (config, None)
            }
            LogKind::Kafka => {
                let kafka = Kafka::start()?;
                let config = KafkaConfig {
                    partitions: PARTITIONS,
                    replication_factor: 1,
                    // Simulated records are older than any retention.
                    retention_days: None,
                    history_retention_days: None,
                    ..KafkaConfig::new(kafka.bootstrap())
                };
                (LogConfig::Kafka(config), Some(kafka))
            }
        };
        if let Some(pid) = kafka.as_ref().and_then(Kafka::pid) {
            pin(pid, "0");
        }
        pin(std::process::id(), "1");
        let log = stream::open(&config, PREFIX)?;
        log.apply()?;
        Ok(Self { log, folder, kafka })
    }

    /// Puts the broker beside this process, so that another server has core 0 for itself.
    pub(crate) fn leave_core_0(&self) {
        if let Some(pid) = self.kafka.as_ref().and_then(Kafka::pid) {
            pin(pid, "1");
        }
    }

    /// Gives the folder of the tasks' tables.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Opens a publisher.
    pub(crate) fn publisher(&self) -> Result<Publisher> {
        Ok(Publisher::open(&*self.log, &Codec::default(), PREFIX, "bench")?)
    }

    /// Publishes the standard that ships.
    pub(crate) fn publish_standard(&self, at_ms: i64) -> Result<()> {
        let mut publisher = self.publisher()?;
        for requirement in producer_standard::shipped().requirements {
            let key = schemas::RequirementKey::new(&*requirement.id);
            publisher.put(&schemas::topic::REQUIREMENT, &key, &requirement, at_ms)?;
        }
        Ok(publisher.flush()?)
    }

    /// Starts one worker of the account stage.
    pub(crate) fn account(&self, stores: &Stores, stop: &Stop) -> Running {
        self.start(stores, stop, || Box::new(AccountStage::default()))
    }

    /// Starts one worker of the roll-up stage.
    pub(crate) fn rollup(&self, stores: &Stores, stop: &Stop) -> Running {
        self.start(stores, stop, || Box::new(RollupStage))
    }

    fn start(&self, stores: &Stores, stop: &Stop, stage: fn() -> Box<dyn Stage>) -> Running {
        let config = WorkerConfig::new("bench", stores.clone());
        let progress = config.progress.clone();
        let (name, inputs) = (stage().name(), stage().inputs());
        let group = config.group(name);
        let (log, stop) = (self.log.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            Worker::new(log, Codec::default(), PREFIX, Arc::new(stage), config).run(&stop)
        });
        Running { group, inputs, progress, thread }
    }
}

impl Running {
    /// Tells whether the worker has taken everything.
    pub(crate) fn caught_up(&self, log: &dyn Log) -> Result<bool> {
        if self.thread.is_finished() {
            return Err(anyhow!("the worker of {} has ended", self.group));
        }
        Ok(stream::worker::caught_up(log, &self.group, &self.inputs, Some(&self.progress))?)
    }

    /// Waits for the worker's end.
    pub(crate) fn join(self) -> Result<Report> {
        Ok(self.thread.join().map_err(|_| anyhow!("the worker panicked"))??)
    }
}

/// Keeps a process on one core, so that broker and workers do not share one; says so when it can't.
pub(crate) fn pin(pid: u32, core: &str) {
    let pinned = std::process::Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", core, &pid.to_string()])
        .stdout(std::process::Stdio::null())
        .status();
    if !pinned.is_ok_and(|status| status.success()) {
        eprintln!("process {pid} is not pinned to core {core}: `taskset` failed");
    }
}

/// Gives the bytes of a folder's files.
pub(crate) fn bytes_of(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        sum += if kind.is_dir() { bytes_of(&entry.path())? } else { kind.len() };
    }
    Ok(sum)
}

/// Gives the time of this machine in UTC milliseconds.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
