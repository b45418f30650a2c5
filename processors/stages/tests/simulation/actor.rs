//! The workers of a run: what they are set to, where their tables lie, and how they end.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use schemas::Codec;
use stream::{
    store::Stores,
    worker::{Clock, Failpoint, Limits, Progress, Stop, Turn, Worker, WorkerConfig, WorkerError},
};

use crate::{
    judge::Kind,
    random::Random,
    runner::Trace,
    watched::{Hearing, Watched},
};

/// A place for a worker in its stage's group.
pub(crate) struct Actor {
    pub(crate) kind: Kind,
    pub(crate) slot: String,
    /// Which process it belongs to.
    pub(crate) home: usize,
    pub(crate) running: Option<Running>,
}

/// A worker that was started.
pub(crate) struct Running {
    worker: Worker,
    pub(crate) stop: Stop,
    pub(crate) armed: Arc<Mutex<Option<Failpoint>>>,
    pub(crate) progress: Progress,
    pub(crate) hearing: Arc<Mutex<Hearing>>,
    home: usize,
}

/// What is the same for all workers of a run.
pub(crate) struct Settings {
    limits: Limits,
    task_idle: Duration,
    buffer_records_max: usize,
    checkpoint_interval: Duration,
    row_cache_bytes: usize,
}

impl Settings {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let millis = Duration::from_millis;
        Self {
            limits: Limits {
                records_max: random.pick(&[1, 3, 10, 40, 5_000]),
                bytes_max: random.pick(&[4_000, 8 * 1024 * 1024]),
                linger: millis(random.pick(&[0, 100])),
            },
            task_idle: millis(random.pick(&[0, 50])),
            buffer_records_max: random.pick(&[1, 4, 5_000]),
            checkpoint_interval: millis(random.pick(&[0, 10_000])),
            row_cache_bytes: random.pick(&[0, 3_000, 20_000, 8 * 1024 * 1024]),
        }
    }
}

impl Running {
    pub(crate) fn start(
        actor: &Actor,
        log: Watched,
        stores: Stores,
        settings: &Settings,
        clock: &Clock,
    ) -> Self {
        let mut config = WorkerConfig::new(&*actor.slot, stores);
        config.limits = settings.limits;
        config.task_idle = settings.task_idle;
        config.buffer_records_max = settings.buffer_records_max;
        config.checkpoint_interval = settings.checkpoint_interval;
        config.row_cache_bytes = settings.row_cache_bytes;
        config.clock = clock.clone();
        let armed = Arc::new(Mutex::new(None));
        let hook = armed.clone();
        config.hook = Some(Arc::new(move |point| {
            let mut armed = hook.lock().unwrap();
            let dies = *armed == Some(point);
            if dies {
                *armed = None;
            }
            dies
        }));
        let (kind, watch, hearing) = (actor.kind, log.watch(), log.hearing());
        let stage = Arc::new(move || watch(kind.stage()));
        let worker = Worker::new(Arc::new(log), Codec::default(), "scorecard", stage, config);
        let progress = worker.progress();
        Self { worker, stop: Stop::new(), armed, progress, hearing, home: actor.home }
    }

    pub(crate) fn home(&self) -> usize {
        self.home
    }

    pub(crate) fn turn(&mut self) -> Result<Turn, WorkerError> {
        self.worker.turn(&self.stop)
    }

    /// Says what it did so far.
    pub(crate) fn said(&self) -> String {
        let report = self.worker.report();
        format!(
            "{} records, {} commits, {} aborts, {} restored",
            report.records, report.commits, report.aborts, report.restored
        )
    }

    /// Counts what it did; then it is gone, with all that it had not committed.
    pub(crate) fn end(self, trace: &Trace) {
        let report = self.worker.report();
        trace.count("record", report.records);
        trace.count("dead letter", report.dead);
        trace.count("commit", report.commits);
        trace.count("abort", report.aborts);
        trace.count("fenced", report.fenced.into());
        trace.count("restored row", report.restored);
    }
}

/// A process: where the tables of its workers lie.
pub(crate) struct Home {
    folder: PathBuf,
    stores: Option<Stores>,
}

impl Home {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, stores: None }
    }

    pub(crate) fn stores(&mut self) -> Stores {
        let open = || Stores::open(&self.folder).unwrap();
        self.stores.get_or_insert_with(open).clone()
    }

    /// Ends the process, whose workers are gone; the disk stays or not.
    pub(crate) fn end(&mut self, wipe: bool) {
        self.stores = None;
        if wipe && self.folder.exists() {
            fs::remove_dir_all(&self.folder).unwrap();
        }
    }
}
