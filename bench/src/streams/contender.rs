//! Who is measured: our account stage, and the peers, each in a process of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use kit::process::Child;
use schemas::{Codec, topic};
use stages::AccountStage;
use stream::{
    Log, LogConfig,
    kafka::KafkaConfig,
    store::Stores,
    worker::{Stop, Worker, WorkerConfig},
};

use super::{
    admin,
    feed::{Translate, WAIT_MAX},
    limit::MemoryGroup,
    ours::{Ours, read_score},
    peer::{self, Peer, read_counts},
    process,
    watch::{ReadCounts, reader},
    workload::Shape,
};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our account stage.
    Ours,
    /// Kafka Streams in its plain form.
    Dsl(Caches),
    /// Kafka Streams in its tuned form.
    Papi(Caches),
}

/// What a peer caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caches {
    /// Everything: Kafka Streams' default.
    On,
    /// Sums, but not the two source tables of the plain form.
    Sums,
    /// Nothing.
    Off,
}

impl Kind {
    /// Every contender.
    pub(crate) const ALL: [Self; 6] = [
        Self::Ours,
        Self::Dsl(Caches::On),
        Self::Dsl(Caches::Sums),
        Self::Dsl(Caches::Off),
        Self::Papi(Caches::On),
        Self::Papi(Caches::Off),
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Ours => "ours".to_owned(),
            Self::Dsl(caches) => format!("dsl-{}", caches.word()),
            Self::Papi(caches) => format!("papi-{}", caches.word()),
        }
    }
}

impl Caches {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Sums => "sums",
            Self::Off => "off",
        }
    }
}

/// Where and on what a contender works.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) bootstrap: String,
    pub(crate) partitions: i32,
    pub(crate) shape: Shape,
    /// Apart from other runs on the same broker.
    pub(crate) prefix: String,
    /// For local state and output.
    pub(crate) folder: PathBuf,
    /// What our worker may take of memory.
    pub(crate) group: Option<MemoryGroup>,
}

/// A contender, running or not.
pub(crate) struct Contender {
    pub(crate) kind: Kind,
    pub(crate) setting: Setting,
    child: Option<Child>,
    starts: u32,
}

impl Contender {
    /// Makes its topics and its folder.
    pub(crate) fn new(kind: Kind, setting: Setting) -> Result<Self> {
        std::fs::create_dir_all(&setting.folder).context("making a contender's folder")?;
        match kind {
            Kind::Ours => {
                open_log(&setting.bootstrap, &setting.prefix, setting.partitions)?.apply()?;
            }
            Kind::Dsl(_) | Kind::Papi(_) => {
                let names = ["findings", "exceptions", "compliance", "counts"];
                let names = names.map(|name| format!("{}.{name}", setting.prefix));
                admin::make_topics(&setting.bootstrap, &names, setting.partitions, "compact")?;
            }
        }
        Ok(Self { kind, setting, child: None, starts: 0 })
    }

    pub(crate) fn translate(&self) -> Box<dyn Translate> {
        let Setting { prefix, partitions, shape, .. } = &self.setting;
        match self.kind {
            Kind::Ours => Box::new(Ours::new(prefix, *partitions, *shape)),
            Kind::Dsl(_) | Kind::Papi(_) => Box::new(Peer::new(prefix, *partitions)),
        }
    }

    /// Gives the topic of its counts, and how to read that.
    pub(crate) fn counts(&self) -> (String, ReadCounts) {
        match self.kind {
            Kind::Ours => (topic::SCORE_STATE.spec.full_name(&self.setting.prefix), read_score),
            Kind::Dsl(_) | Kind::Papi(_) => {
                (format!("{}.counts", self.setting.prefix), read_counts)
            }
        }
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        let Setting { bootstrap, partitions, prefix, folder, .. } = &self.setting;
        let peer = |form, caches: Caches| {
            peer::command(bootstrap, prefix, &self.state(), form, caches.word())
        };
        let command = match self.kind {
            Kind::Dsl(caches) => peer("dsl", caches)?,
            Kind::Papi(caches) => peer("papi", caches)?,
            Kind::Ours => worker(bootstrap, prefix, *partitions, &self.state())?,
        };
        self.starts += 1;
        let name = format!("{}-{}", self.kind.name(), self.starts);
        let child = Child::spawn(command, folder, &name)?;
        if let (Kind::Ours, Some(group)) = (self.kind, &self.setting.group) {
            group.take(child.pid())?;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it has joined its group.
    pub(crate) fn wait_until_up(&mut self) -> Result<()> {
        let group = self.group();
        let reader = reader(&self.setting.bootstrap)?;
        let from = Instant::now();
        while !admin::is_stable(&reader, &group)? {
            self.pid()?;
            anyhow::ensure!(from.elapsed() < WAIT_MAX, "{group} does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        // Its tasks open after that.
        std::thread::sleep(Duration::from_secs(2));
        Ok(())
    }

    /// Tells whether it has taken all that it reads, but for markers of transactions.
    pub(crate) fn has_taken_all(&self) -> Result<bool> {
        let Setting { bootstrap, prefix, .. } = &self.setting;
        Ok(admin::behind(bootstrap, &self.group(), prefix)? <= 2)
    }

    fn group(&self) -> String {
        match self.kind {
            Kind::Ours => format!("{}.account", self.setting.prefix),
            Kind::Dsl(_) | Kind::Papi(_) => self.setting.prefix.clone(),
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.kill9(),
            None => Ok(()),
        }
    }

    /// Removes what it kept on disk.
    pub(crate) fn wipe(&self) -> Result<()> {
        std::fs::remove_dir_all(self.state()).context("removing a contender's state")
    }

    /// Gives its process id; an error with its last words when it has ended.
    pub(crate) fn pid(&mut self) -> Result<u32> {
        let name = self.kind.name();
        let child = self.child.as_mut().with_context(|| format!("{name} runs"))?;
        anyhow::ensure!(child.is_running(), "{name} has ended\n{}", child.tail());
        Ok(child.pid())
    }

    fn state(&self) -> PathBuf {
        self.setting.folder.join("state")
    }
}

/// Gives the command that runs one worker of our account stage.
pub(crate) fn worker(
    bootstrap: &str,
    prefix: &str,
    partitions: i32,
    state: &Path,
) -> Result<Command> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = process::pinned(program);
    command.args(["streams-worker", "--bootstrap", bootstrap, "--prefix", prefix]);
    command.args(["--partitions", &partitions.to_string(), "--state"]).arg(state);
    Ok(command)
}

/// Runs one worker of the account stage, until it is killed
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    prefix: String,
    #[arg(long)]
    partitions: i32,
    #[arg(long)]
    state: PathBuf,
}

/// Runs the worker.
pub(crate) fn work(args: &WorkerArgs) -> Result<()> {
    let log = open_log(&args.bootstrap, &args.prefix, args.partitions)?;
    let config = WorkerConfig::new("bench", Stores::open(&args.state)?);
    let stage = Arc::new(|| Box::new(AccountStage::default()) as Box<dyn stream::Stage>);
    Worker::new(log, Codec::default(), &args.prefix, stage, config).run(&Stop::new())?;
    Ok(())
}

/// Opens our log as the bench configures it.
pub(crate) fn open_log(bootstrap: &str, prefix: &str, partitions: i32) -> Result<Arc<dyn Log>> {
    let config = KafkaConfig {
        partitions,
        replication_factor: 1,
        // The workload's times are older than any retention.
        retention_days: None,
        history_retention_days: None,
        ..KafkaConfig::new(bootstrap)
    };
    Ok(stream::open(&LogConfig::Kafka(config), prefix)?)
}

/// Between two looks at how far a contender is.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(2);
