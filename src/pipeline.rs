//! The pipeline in this process: worker threads of both stages, and waiting for them.

use std::{
    path::Path,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use schemas::TopicSpec;
use stages::{AccountStage, RollupStage};
use stream::{
    Stage,
    store::Stores,
    worker::{Progress, Report, StageFactory, Stop, Worker, WorkerConfig, WorkerError, caught_up},
};

use crate::{serve::Vitals, site::Site};

/// How often the end of the work is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A stage in this process.
struct Running {
    name: &'static str,
    group: String,
    inputs: Vec<&'static TopicSpec>,
    progress: Progress,
    threads: Vec<JoinHandle<Result<Report, WorkerError>>>,
}

/// The worker threads of the stages.
pub(crate) struct Pipeline {
    stop: Stop,
    stages: Vec<Running>,
}

/// Gives a stage's instance maker by the stage's name.
pub(crate) fn factory(name: &str) -> Result<StageFactory> {
    match name {
        "account" => Ok(Arc::new(|| Box::new(AccountStage::default()) as Box<dyn Stage>)),
        "rollup" => Ok(Arc::new(|| Box::new(RollupStage) as Box<dyn Stage>)),
        other => Err(anyhow!("there is no stage {other:?}; there are: account, rollup")),
    }
}

/// Every stage, in the order in which records pass them.
pub(crate) const STAGES: &[&str] = &["account", "rollup"];

impl Pipeline {
    /// Starts `workers` threads for each of the stages; `slot` names this process among others.
    pub(crate) fn start(
        site: &Site,
        stages: &[&str],
        state: &Path,
        workers: usize,
        slot: &str,
    ) -> Result<Self> {
        let stores = Stores::open(state)?;
        let stop = Stop::new();
        let mut running = Vec::new();
        for name in stages {
            running.push(Running::start(site, &factory(name)?, &stores, workers, slot, &stop)?);
        }
        Ok(Self { stop, stages: running })
    }

    /// Shows the stages' tasks, and that they are started, in what the process tells of itself.
    pub(crate) fn show(&self, site: &Site, vitals: &Arc<Vitals>) {
        for stage in &self.stages {
            vitals.watch(&site.log, stage.name, &stage.inputs, &stage.progress);
        }
        vitals.begins();
    }

    /// Waits until every stage has taken all that its inputs hold, and says so; or until the
    /// workers are told to end. `tell` hears how many records are done.
    pub(crate) fn catch_up(&mut self, site: &Site, tell: &mut dyn FnMut(u64)) -> Result<bool> {
        for at in 0..self.stages.len() {
            let mut told = Instant::now();
            loop {
                self.check()?;
                if self.stop.is_stopped() {
                    return Ok(false);
                }
                let stage = &self.stages[at];
                if caught_up(&*site.log, &stage.group, &stage.inputs, Some(&stage.progress))? {
                    break;
                }
                if told.elapsed() > Duration::from_secs(1) {
                    told = Instant::now();
                    tell(self.records());
                }
                std::thread::sleep(LOOK_INTERVAL);
            }
        }
        tell(self.records());
        Ok(true)
    }

    /// Gives the records that all tasks have taken since they were opened.
    pub(crate) fn records(&self) -> u64 {
        let of = |stage: &Running| stage.progress.tasks().values().map(|t| t.records).sum::<u64>();
        self.stages.iter().map(of).sum()
    }

    /// Gives the switch that ends the workers.
    pub(crate) fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Fails when a worker has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        let ended = self.stages.iter().flat_map(|s| &s.threads).any(JoinHandle::is_finished);
        if ended && !self.stop.is_stopped() { self.join() } else { Ok(()) }
    }

    /// Ends the workers: they finish their transactions first.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.stop.stop();
        self.join()
    }

    fn join(&mut self) -> Result<()> {
        // The first worker that fails takes the others with it.
        self.stop.stop();
        let mut failed = Ok(());
        for stage in &mut self.stages {
            for thread in stage.threads.drain(..) {
                let ended = thread.join().map_err(|_| anyhow!("a worker panicked"));
                let ended = ended.and_then(|report| Ok(report?));
                if let (Ok(()), Err(error)) = (&failed, ended) {
                    failed = Err(error).with_context(|| format!("in the {} stage", stage.name));
                }
            }
        }
        failed
    }
}

impl Running {
    fn start(
        site: &Site,
        factory: &StageFactory,
        stores: &Stores,
        workers: usize,
        slot: &str,
        stop: &Stop,
    ) -> Result<Self> {
        let stage = factory();
        let progress = Progress::default();
        let mut threads = Vec::new();
        let mut group = String::new();
        for number in 0..workers {
            let mut config = WorkerConfig::new(format!("{slot}-{number}"), stores.clone());
            config.progress = progress.clone();
            group = config.group(stage.name());
            let (log, codec) = (site.log.clone(), site.codec.clone());
            let mut worker = Worker::new(log, codec, &site.prefix, factory.clone(), config);
            let stop = stop.clone();
            let thread = std::thread::Builder::new().name(format!("{}-{number}", stage.name()));
            threads.push(thread.spawn(move || worker.run(&stop)).context("starting a worker")?);
        }
        Ok(Self { name: stage.name(), group, inputs: stage.inputs(), progress, threads })
    }
}
