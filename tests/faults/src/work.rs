//! The process that the faults befall: workers of both stages, with points at which it dies.

use std::{
    env,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use schemas::Codec;
use serde::{Deserialize, Serialize};
use stages::{AccountStage, RollupStage};
use stream::{
    Log, Stage,
    kafka::{KafkaConfig, KafkaLog},
    registry::{HttpRegistry, RegistryConfig},
    store::Stores,
    worker::{Failpoint, Stop, Worker, WorkerConfig},
};

use crate::{
    line::kafka_config,
    noted::Noted,
    owners::{Line, Owners},
};

/// Where the process finds its settings, as JSON.
pub(crate) const VARIABLE: &str = "FAULTS_WORK";

/// What a process is told.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Settings {
    /// Where the log is.
    pub(crate) bootstrap: String,
    /// Replicas of its topics.
    pub(crate) replicas: i32,
    /// What its topics' names begin with.
    pub(crate) prefix: String,
    /// Partitions of every topic.
    pub(crate) partitions: i32,
    /// The process's name; its workers' slots are `NAME-NUMBER`.
    pub(crate) name: String,
    /// Worker threads of each stage.
    pub(crate) workers: usize,
    /// The folder of its tables.
    pub(crate) state: PathBuf,
    /// The file of owners.
    pub(crate) owners: PathBuf,
    /// At which point it dies, and at which passing of it.
    pub(crate) dies: Option<(Point, u32)>,
    /// Records in a transaction at most.
    pub(crate) records_max: usize,
    /// Age from which tables on disk are not trusted, in milliseconds.
    pub(crate) store_age_max_ms: Option<u64>,
    /// The schema registry's address.
    pub(crate) registry: Option<String>,
}

/// [`Failpoint`] in words.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Point {
    BeforeCommit,
    AfterCommit,
    BetweenStores,
    WhileRestoring,
}

impl Point {
    fn is(self, point: Failpoint) -> bool {
        matches!(
            (self, point),
            (Self::BeforeCommit, Failpoint::BeforeCommit)
                | (Self::AfterCommit, Failpoint::AfterCommit)
                | (Self::BetweenStores, Failpoint::BetweenStores)
                | (Self::WhileRestoring, Failpoint::WhileRestoring)
        )
    }
}

/// Gives the codec of a process that uses this registry.
pub(crate) fn codec(registry: Option<&str>) -> Result<Codec> {
    let Some(url) = registry else { return Ok(Codec::default()) };
    let config = RegistryConfig {
        url: url.to_owned(),
        username: None,
        password: None,
        ca_file: None,
        allow_plaintext: false,
    };
    Ok(Codec::with_registry(HttpRegistry::new(&config)?))
}

/// Runs the process until its parent is gone or asks it to end; a worker's failure ends it.
pub(crate) fn run() -> Result<()> {
    let settings = env::var(VARIABLE).with_context(|| format!("{VARIABLE} is not set"))?;
    let settings: Settings = serde_json::from_str(&settings)?;
    Owners::open(&settings.owners)?.note(&Line::Starts(settings.name.clone()));
    let config = KafkaConfig {
        partitions: settings.partitions,
        replication_factor: settings.replicas,
        ..kafka_config(&settings.bootstrap)
    };
    let log: Arc<dyn Log> = Arc::new(KafkaLog::connect(config, &settings.prefix)?);
    let stores = Stores::open(&settings.state)?;
    let stop = Stop::new();
    let passed = Arc::new(AtomicU32::new(0));
    let mut threads = Vec::new();
    for number in 0..settings.workers {
        for stage in [account as fn() -> Box<dyn Stage>, rollup] {
            let noted = Noted::new(log.clone(), &settings.owners)?;
            let config = worker_config(&settings, number, &stores, &passed);
            let (watch, codec) = (noted.watch(), codec(settings.registry.as_deref())?);
            let factory = Arc::new(move || watch(stage()));
            let mut worker = Worker::new(Arc::new(noted), codec, &settings.prefix, factory, config);
            let stop = stop.clone();
            threads.push(thread::spawn(move || worker.run(&stop)));
        }
    }
    while threads.iter().all(|thread| !thread.is_finished()) {
        if settings.state.with_extension("stop").exists() {
            stop.stop();
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    // The first worker that fails takes the others with it.
    stop.stop();
    let ended = threads.into_iter().map(|thread| {
        thread.join().map_err(|_| anyhow!("a worker panicked"))?.map_err(anyhow::Error::from)
    });
    ended.collect::<Result<Vec<_>>>().map(drop)
}

fn account() -> Box<dyn Stage> {
    Box::new(AccountStage::default())
}

fn rollup() -> Box<dyn Stage> {
    Box::new(RollupStage)
}

fn worker_config(
    settings: &Settings,
    number: usize,
    stores: &Stores,
    passed: &Arc<AtomicU32>,
) -> WorkerConfig {
    let mut config = WorkerConfig::new(format!("{}-{number}", settings.name), stores.clone());
    config.limits.records_max = settings.records_max;
    // Tables that are rebuilt come in many pieces.
    config.restore_bytes_max = 64 * 1024;
    config.checkpoint_interval = Duration::from_secs(1);
    if let Some(age_ms) = settings.store_age_max_ms {
        config.store_age_max = Duration::from_millis(age_ms);
    }
    if let Some((point, nth)) = settings.dies {
        let passed = passed.clone();
        config.hook = Some(Arc::new(move |at| {
            if point.is(at) && passed.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                // Nothing is finished, dropped or flushed: as by `kill -9`, at this very point.
                process::abort();
            }
            false
        }));
    }
    config
}
