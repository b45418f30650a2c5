//! The whole line on one Kafka: a feeder, supervised processes of both stages, and waiting for the
//! end of their work.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use kit::supervisor::Supervisor;
use schemas::topic;
use stream::{
    Log, Outgoing, Writer,
    kafka::{KafkaConfig, KafkaLog},
    watchdog,
    worker::caught_up,
};
use tempfile::TempDir;

use crate::{
    agree::last_tick,
    build::Event,
    feed::Feed,
    judge::Kind,
    random::{Random, scenario},
    report::Tally,
    work::{Settings, VARIABLE},
};

/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 3;

/// How long the end of the work may take; takeovers and hanging calls are in it.
const SETTLE_LIMIT: Duration = Duration::from_secs(240);

/// How long nothing may be written before all is done.
const QUIET: Duration = Duration::from_millis(1_200);

/// Limit for a clean end of a process.
const END_LIMIT: Duration = Duration::from_secs(60);

/// Session timeout of members: the takeover of a dead one's partitions takes that long.
const SESSION_MS: u32 = 6_000;

/// What brokers of a round are set to: the last tick lies in the future, and the oracle wants to
/// see every record, compacted topics' too.
pub(crate) const BROKER: &str = "log.message.timestamp.after.max.ms=9223372036854775807\n\
    log.cleaner.min.compaction.lag.ms=9223372036854775807";

/// What all of one round share.
pub(crate) struct Round {
    pub(crate) random: Random,
    pub(crate) tally: Tally,
    /// Kept when the round fails.
    pub(crate) folder: TempDir,
}

/// The line.
pub(crate) struct Line<'r> {
    pub(crate) round: &'r mut Round,
    pub(crate) log: Arc<dyn Log>,
    /// How the harness reaches the log, and how processes do.
    pub(crate) bootstrap: String,
    pub(crate) theirs: String,
    pub(crate) prefix: String,
    pub(crate) replicas: i32,
    /// What the feeder appends, in an order that every topic and partition keeps.
    pub(crate) events: Vec<Event>,
    processes: BTreeMap<String, Supervisor>,
    feeding: Option<JoinHandle<Result<Fed>>>,
    fed: Option<Fed>,
    /// Where processes have their tables.
    pub(crate) states: BTreeMap<String, PathBuf>,
    /// Those that are ended by a signal.
    pub(crate) programs: BTreeSet<String>,
    /// Whether a process may find its tables unusable.
    pub(crate) may_rebuild: bool,
}

/// The feeder between two uses.
struct Fed {
    feed: Feed,
    writer: Box<dyn Writer>,
    random: Random,
    again: BTreeMap<&'static str, u64>,
}

/// Settings for brokers that any process of the tests uses.
pub(crate) fn kafka_config(bootstrap: &str) -> KafkaConfig {
    let mut config = KafkaConfig {
        partitions: PARTITIONS,
        replication_factor: 1,
        retention_days: None,
        history_retention_days: None,
        session_timeout_ms: SESSION_MS,
        ..KafkaConfig::new(bootstrap)
    };
    // A request that gets no answer is given up before the round is over.
    config.properties.insert("socket.timeout.ms".to_owned(), "10000".to_owned());
    config
}

/// Gives this very program, also when a build has put another in its place meanwhile.
pub(crate) fn program() -> PathBuf {
    format!("/proc/{}/exe", std::process::id()).into()
}

impl<'r> Line<'r> {
    /// Makes the topics of a line; `steps` says how long its scenario is.
    pub(crate) fn new(
        round: &'r mut Round,
        bootstrap: &str,
        replicas: i32,
        steps: usize,
    ) -> Result<Self> {
        let prefix = "faults".to_owned();
        let config = KafkaConfig { replication_factor: replicas, ..kafka_config(bootstrap) };
        let log: Arc<dyn Log> = Arc::new(KafkaLog::connect(config, &prefix)?);
        log.apply()?;
        // No verdict may depend on history, so that an oracle can tell what comes of it.
        let events = scenario(&mut round.random, steps, true);
        let seed = round.random.below(usize::MAX) as u64;
        let fed = Fed {
            feed: Feed::new(PARTITIONS, &events),
            writer: log.writer("producers")?,
            random: Random(seed),
            again: BTreeMap::new(),
        };
        Ok(Self {
            round,
            log,
            bootstrap: bootstrap.to_owned(),
            theirs: bootstrap.to_owned(),
            prefix,
            replicas,
            events,
            processes: BTreeMap::new(),
            feeding: None,
            fed: Some(fed),
            states: BTreeMap::new(),
            programs: BTreeSet::new(),
            may_rebuild: false,
        })
    }

    /// Gives the settings of a process of this name, which a row may change.
    pub(crate) fn settings(&self, name: &str, workers: usize) -> Settings {
        let folder = self.round.folder.path();
        Settings {
            bootstrap: self.theirs.clone(),
            replicas: self.replicas,
            prefix: self.prefix.clone(),
            partitions: PARTITIONS,
            name: name.to_owned(),
            workers,
            state: folder.join(format!("state-{name}")),
            owners: folder.join("owners"),
            dies: None,
            records_max: 40,
            store_age_max_ms: None,
            registry: None,
        }
    }

    /// Starts a process; `at` gives its settings for each of its starts, from 0 on.
    pub(crate) fn start_with(
        &mut self,
        name: &str,
        mut at: impl FnMut(usize) -> Settings + Send + 'static,
    ) -> Result<()> {
        let program = program();
        let make = move |start| {
            let settings = serde_json::to_string(&at(start)).expect("plain data");
            let mut command = Command::new(&program);
            command.arg("work").env(VARIABLE, settings);
            command
        };
        self.supervise(name, make)
    }

    /// Starts a process with settings that stay the same.
    pub(crate) fn start(&mut self, settings: Settings) -> Result<()> {
        let name = settings.name.clone();
        self.start_with(&name, move |_| settings.clone())
    }

    /// Has a process supervised.
    pub(crate) fn supervise(
        &mut self,
        name: &str,
        make: impl FnMut(usize) -> Command + Send + 'static,
    ) -> Result<()> {
        let folder = self.round.folder.path().to_owned();
        self.states.insert(name.to_owned(), folder.join(format!("state-{name}")));
        let process = Supervisor::start(folder, name, make)?;
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    /// Gives a process.
    pub(crate) fn process(&self, name: &str) -> &Supervisor {
        &self.processes[name]
    }

    /// Ends a process well.
    pub(crate) fn end(&mut self, name: &str) -> Result<()> {
        let process = self.processes.remove(name).context("it runs")?;
        // Ours look for a file; the program that ships hears the signal.
        let sign = self.states[name].with_extension("stop");
        let finished = process.end(END_LIMIT, |child| {
            fs::write(&sign, "")?;
            if self.programs.contains(name) { child.signal("TERM") } else { Ok(()) }
        })?;
        fs::remove_file(&sign)?;
        self.count_ends(name, &process);
        let code = finished.status.code();
        if code == Some(watchdog::EXIT_CODE) {
            // It was in a call that hangs, and others have done its work.
            self.round.tally.happened(&format!("{name} was ended by its watchdog at the end"));
            return Ok(());
        }
        let said: Vec<_> = finished.stderr.lines().rev().take(30).collect();
        ensure!(code == Some(0), "{name} ended with {code:?}; it said, backwards: {said:#?}");
        Ok(())
    }

    /// Kills a process, which is started again at once.
    pub(crate) fn kill(&mut self, name: &str) -> Result<()> {
        self.round.tally.fault("kill -9 of a process");
        self.process(name).kill9()
    }

    fn count_ends(&mut self, name: &str, process: &Supervisor) {
        for (end, last) in process.ends() {
            let last: String = last.chars().filter(|letter| *letter != '|').take(240).collect();
            let how = match end.code() {
                Some(watchdog::EXIT_CODE) => format!("{name} was ended by its watchdog"),
                Some(code) => format!("{name} ended with code {code} ({last})"),
                None => format!("{name} ended by signal {}", end.signal().unwrap_or_default()),
            };
            self.round.tally.happened(&how);
        }
    }

    /// Appends the scenario in the background, with pauses so that it takes about so long.
    pub(crate) fn feed_for(&mut self, time: Duration) -> Result<()> {
        let mut fed = self.fed.take().context("nobody feeds yet")?;
        let draws = u32::try_from(fed.feed.len() / 3 + 1)?;
        let pause = time / draws;
        self.feeding = Some(thread::spawn(move || {
            while !fed.feed.is_empty() {
                fed.append()?;
                thread::sleep(pause);
            }
            fed.writer.flush()?;
            Ok(fed)
        }));
        Ok(())
    }

    /// Tells whether the feeder is still at it.
    pub(crate) fn is_feeding(&self) -> bool {
        self.feeding.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits until the feeder has appended everything; without one, appends the rest at once.
    pub(crate) fn feed_all(&mut self) -> Result<()> {
        if let Some(feeding) = self.feeding.take() {
            let fed = feeding.join().map_err(|_| anyhow!("the feeder panicked"))?;
            self.fed = Some(fed.context("feeding")?);
        }
        let fed = self.fed.as_mut().context("a feeder")?;
        while !fed.feed.is_empty() {
            fed.append()?;
        }
        fed.writer.flush()?;
        for (how, times) in std::mem::take(&mut fed.again) {
            self.round.tally.faults(how, times);
        }
        Ok(())
    }

    /// Gives the feed, while nothing is appended in the background.
    pub(crate) fn feed(&mut self) -> &mut Feed {
        &mut self.fed.as_mut().expect("nothing feeds in the background").feed
    }

    /// Adds an event behind all others.
    pub(crate) fn add(&mut self, event: Event) {
        self.feed().add(&event);
        self.events.push(event);
    }

    /// Appends records as they are.
    pub(crate) fn append(&mut self, records: Vec<Outgoing>) -> Result<()> {
        let fed = self.fed.as_mut().context("a feeder")?;
        fed.writer.append(records)?;
        fed.writer.flush()?;
        Ok(())
    }

    /// Takes another scenario instead of its own, of which nothing was appended yet.
    pub(crate) fn instead(&mut self, events: Vec<Event>) {
        *self.feed() = Feed::new(PARTITIONS, &events);
        self.events = events;
    }

    /// Fills a folder with the tables of a process that worked on another log.
    pub(crate) fn foreign_tables(&mut self, state: &Path) -> Result<()> {
        let prefix = format!("foreign-{}", self.round.random.below(1_000_000));
        let config = kafka_config(&self.bootstrap);
        let log = KafkaLog::connect(config, &prefix)?;
        log.apply()?;
        let mut feed = Feed::new(PARTITIONS, &scenario(&mut self.round.random, 60, true));
        let mut writer = log.writer("producers")?;
        while !feed.is_empty() {
            writer.append(feed.draw(&mut self.round.random, &|_| {}))?;
        }
        writer.flush()?;
        let mut settings = self.settings("foreign", 1);
        (settings.prefix, settings.state) = (prefix, state.to_owned());
        self.start(settings)?;
        self.states.insert("foreign".to_owned(), state.to_owned());
        let start = Instant::now();
        while !caught_up(&log, Kind::Account.name(), &Kind::Account.inputs(), None)? {
            ensure!(start.elapsed() < SETTLE_LIMIT, "the other log is not worked off");
            thread::sleep(Duration::from_millis(100));
        }
        self.end("foreign")
    }

    /// Appends what is left and the last tick, and waits until all is worked off and nothing is
    /// written any more.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.feed_all()?;
        self.add(last_tick());
        self.feed_all()?;
        self.quiet()
    }

    /// Waits until everything is worked off and nothing is written any more.
    pub(crate) fn quiet(&mut self) -> Result<()> {
        let start = Instant::now();
        let (mut ends, mut since) = (Vec::new(), Instant::now());
        loop {
            let now = self.log.ends(topic::ALL)?;
            if now != ends {
                (ends, since) = (now, Instant::now());
            }
            let done = |kind: Kind| caught_up(&*self.log, kind.name(), &kind.inputs(), None);
            if since.elapsed() > QUIET && done(Kind::Account)? && done(Kind::Rollup)? {
                return Ok(());
            }
            if start.elapsed() > SETTLE_LIMIT {
                let tails = self.processes.iter().map(|(n, p)| format!("{n}: {}", p.tail()));
                let tails = tails.collect::<Vec<_>>().join("\n");
                // The kit keeps what brokers of a panicking test leave.
                panic!("not settled after {SETTLE_LIMIT:?}\n{tails}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends all processes well.
    pub(crate) fn end_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.processes.keys().cloned().collect();
        names.iter().try_for_each(|name| self.end(name))
    }
}

impl Fed {
    fn append(&mut self) -> Result<()> {
        let again = std::cell::RefCell::new(&mut self.again);
        let count = |how| *again.borrow_mut().entry(how).or_default() += 1;
        let records = self.feed.draw(&mut self.random, &count);
        self.writer.append(records)?;
        self.writer.flush()?;
        Ok(())
    }
}
