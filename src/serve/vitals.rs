//! What a process knows of itself: its stages' tasks, its clock, its scan, and what is not ready.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use schemas::TopicSpec;
use serde::{Deserialize, Serialize};
use sink_frame::Role;
use stream::{
    Log,
    worker::{Metrics, Phase, Progress, TaskProgress},
};

use super::sinks::{Sink, SinkMoment, SinkView};
use crate::site::now_ms;

/// How often the inputs' ends are asked for.
const ENDS_EVERY: Duration = Duration::from_secs(2);

/// Ends that are older say nothing: the log does not answer.
const ENDS_AGE_MAX: Duration = Duration::from_secs(60);

/// A clock that has not written for so long stands still: it writes one tick a minute.
const TICK_AGE_MAX_MS: i64 = 3 * 60_000;

/// What a process knows of itself; shared by what does the work and who shows it.
pub(crate) struct Vitals {
    pub(super) command: &'static str,
    pub(super) started_ms: i64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the process is past its start.
    begun: bool,
    stages: Vec<Stage>,
    sinks: Vec<Sink>,
    /// What stages and sinks follow, by their names.
    follows: BTreeMap<&'static str, Follow>,
    /// The last tick that this process wrote; none in it before the first.
    clock: Option<Option<i64>>,
    /// Accounts that the running or last scan has done, and all it has.
    scan: Option<(usize, usize)>,
}

/// A stage whose workers run in this process.
#[derive(Clone)]
struct Stage {
    name: &'static str,
    inputs: Vec<&'static TopicSpec>,
    progress: Progress,
}

/// What somebody reads, and how far that goes.
struct Follow {
    inputs: Vec<&'static TopicSpec>,
    ends: Ends,
}

/// The ends of inputs when they were last asked for.
#[derive(Clone, Default)]
pub(super) struct Ends {
    pub(super) asked: Option<Instant>,
    /// By topic and partition.
    pub(super) offsets: BTreeMap<(&'static str, i32), i64>,
}

impl Ends {
    pub(super) fn age(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.elapsed())
    }
}

/// A stage at one moment, for metrics.
pub(super) struct Moment {
    pub(super) name: &'static str,
    pub(super) tasks: BTreeMap<i32, TaskProgress>,
    pub(super) metrics: Metrics,
    /// By partition and topic.
    pub(super) lag: BTreeMap<(i32, &'static str), i64>,
    /// How old the ends are that lags are counted to; none when they were never told.
    pub(super) ends_age: Option<Duration>,
}

/// A process as `scorecard top` reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProcessView {
    /// The subcommand.
    pub(crate) command: String,
    pub(crate) version: String,
    /// When it was started, in UTC milliseconds.
    pub(crate) started_ms: i64,
    /// Memory that is in use.
    pub(crate) resident_bytes: Option<u64>,
    /// What is not ready, in words; empty when all is.
    pub(crate) missing: Vec<String>,
    pub(crate) stages: Vec<StageView>,
    #[serde(default)]
    pub(crate) sinks: Vec<SinkView>,
}

/// A stage's part in a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageView {
    pub(crate) name: String,
    /// Committed transactions of its workers here.
    pub(crate) transactions: u64,
    pub(crate) aborts: u64,
    pub(crate) fencings: u64,
    pub(crate) tasks: Vec<TaskView>,
}

/// A task at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskView {
    pub(crate) partition: i32,
    /// `opening`, `restoring`, `running` or `waiting`.
    pub(crate) phase: String,
    /// While it restores: offsets read, and offsets to read.
    pub(crate) restored: Option<(i64, i64)>,
    /// Offsets that it is behind the ends of its inputs; none when that is not known.
    pub(crate) lag: Option<i64>,
    pub(crate) records: u64,
    pub(crate) dead: u64,
    /// Whether steps are not committed, or work that records asked for is not done.
    pub(crate) pending: bool,
    /// Now minus the newest tick's time; none before the first tick.
    pub(crate) tick_delay_ms: Option<i64>,
}

impl Vitals {
    pub(super) fn new(command: &'static str) -> Self {
        Self { command, started_ms: now_ms(), state: Mutex::default() }
    }

    /// The process is past its start: its log is open, and its stages are shown.
    pub(crate) fn begins(&self) {
        self.lock().begun = true;
    }

    /// Shows a stage's tasks from now on, and asks the log for the ends of its inputs.
    pub(crate) fn watch(
        self: &Arc<Self>,
        log: &Arc<dyn Log>,
        name: &'static str,
        inputs: &[&'static TopicSpec],
        progress: &Progress,
    ) {
        let (stage_inputs, progress) = (inputs.to_vec(), progress.clone());
        self.lock().stages.push(Stage { name, inputs: stage_inputs, progress });
        self.follow(log, name, inputs);
    }

    /// A run of a sink begins.
    pub(crate) fn sink_begins(self: &Arc<Self>, log: &Arc<dyn Log>, role: &'static Role) {
        self.with_sink(role, Sink::begins);
        self.follow(log, role.name, role.inputs);
    }

    /// A run of a sink came so far.
    pub(crate) fn sink_tells(&self, role: &'static Role, progress: &sink_frame::Progress) {
        self.with_sink(role, |sink| sink.tells(progress));
    }

    /// A run of a sink is over.
    pub(crate) fn sink_ends(&self, role: &'static Role) {
        self.with_sink(role, Sink::ends);
    }

    fn with_sink(&self, role: &'static Role, change: impl FnOnce(&mut Sink)) {
        let mut state = self.lock();
        match state.sinks.iter_mut().find(|sink| sink.name == role.name) {
            Some(sink) => change(sink),
            None => {
                let mut sink = Sink::new(role.name);
                change(&mut sink);
                state.sinks.push(sink);
            }
        }
    }

    /// Asks for the ends of inputs from now on.
    fn follow(
        self: &Arc<Self>,
        log: &Arc<dyn Log>,
        name: &'static str,
        inputs: &[&'static TopicSpec],
    ) {
        let mut state = self.lock();
        let first = state.follows.is_empty();
        let follow = || Follow { inputs: inputs.to_vec(), ends: Ends::default() };
        state.follows.entry(name).or_insert_with(follow);
        drop(state);
        if first {
            // Held weakly, so that a log is closed when its work is done.
            let (vitals, log) = (Arc::downgrade(self), Arc::downgrade(log));
            let ask = move || {
                while let (Some(vitals), Some(log)) = (vitals.upgrade(), log.upgrade()) {
                    vitals.ask(&*log);
                    drop((vitals, log));
                    std::thread::sleep(ENDS_EVERY);
                }
            };
            if let Err(error) = std::thread::Builder::new().name("ends".to_owned()).spawn(ask) {
                tracing::error!(%error, "lags are not known: no thread is left");
            }
        }
    }

    /// The clock of this process wrote a tick, or begins.
    pub(crate) fn ticked(&self, last_ms: Option<i64>) {
        let mut state = self.lock();
        let before = state.clock.flatten();
        state.clock = Some(last_ms.max(before));
    }

    /// The scan of this process came so far.
    pub(crate) fn scanned(&self, accounts_done: usize, accounts_total: usize) {
        self.lock().scan = Some((accounts_done, accounts_total));
    }

    /// Asks how far inputs go.
    fn ask(&self, log: &dyn Log) {
        let inputs = |(name, follow): (&&'static str, &Follow)| (*name, follow.inputs.clone());
        let follows: Vec<_> = self.lock().follows.iter().map(inputs).collect();
        for (name, inputs) in follows {
            match log.ends(&inputs) {
                Ok(ends) => {
                    let offsets =
                        ends.iter().map(|end| ((end.topic.name, end.partition), end.offset));
                    let ends = Ends { asked: Some(Instant::now()), offsets: offsets.collect() };
                    if let Some(follow) = self.lock().follows.get_mut(name) {
                        follow.ends = ends;
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(follower = name, error, "the ends of inputs are not known");
                }
            }
        }
    }

    pub(super) fn moments(&self) -> Vec<Moment> {
        let state = self.lock();
        let stages: Vec<_> =
            state.stages.iter().map(|stage| (stage.clone(), state.ends(stage.name))).collect();
        drop(state);
        stages.into_iter().map(|(stage, ends)| stage.moment(&ends)).collect()
    }

    pub(super) fn sinks(&self) -> Vec<SinkMoment> {
        let state = self.lock();
        let sinks = state.sinks.iter();
        sinks.map(|sink| sink.clone().moment(&state.ends(sink.name))).collect()
    }

    pub(super) fn clock(&self) -> Option<Option<i64>> {
        self.lock().clock
    }

    pub(super) fn scan(&self) -> Option<(usize, usize)> {
        self.lock().scan
    }

    /// Says in words what is not ready; empty when all is.
    pub(super) fn missing(&self) -> Vec<String> {
        if !self.lock().begun {
            return vec![format!("{}: it is starting", self.command)];
        }
        let mut missing: Vec<String> = self.moments().iter().flat_map(Moment::missing).collect();
        missing.extend(self.sinks().iter().flat_map(SinkMoment::missing));
        if let Some(last) = self.clock() {
            match last.map(|last| now_ms() - last) {
                None => missing.push("clock: no tick is written yet".to_owned()),
                Some(age_ms) if age_ms > TICK_AGE_MAX_MS => {
                    missing.push(format!("clock: the last tick is {} s old", age_ms / 1_000));
                }
                Some(_) => {}
            }
        }
        missing
    }

    /// Gives everything as one value.
    pub(super) fn view(&self) -> ProcessView {
        ProcessView {
            command: self.command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.started_ms,
            resident_bytes: resident_bytes(),
            missing: self.missing(),
            stages: self.moments().iter().map(Moment::view).collect(),
            sinks: self.sinks().iter().map(SinkMoment::view).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is of one value.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives how far the inputs of a stage or sink go.
    fn ends(&self, name: &str) -> Ends {
        self.follows.get(name).map(|follow| follow.ends.clone()).unwrap_or_default()
    }
}

impl Stage {
    fn moment(self, ends: &Ends) -> Moment {
        let tasks = self.progress.tasks();
        let metrics = self.progress.metrics();
        let mut lag = BTreeMap::new();
        for (partition, task) in &tasks {
            for topic in &self.inputs {
                let looked = metrics.tasks.get(partition).and_then(|one| one.taken.get(topic.name));
                let committed = task.committed.iter().find(|at| at.topic.name == topic.name);
                let next = looked.copied().max(committed.map(|at| at.offset));
                let end = ends.offsets.get(&(topic.name, *partition));
                if let (Some(next), Some(end)) = (next, end) {
                    lag.insert((*partition, topic.name), (end - next).max(0));
                }
            }
        }
        Moment { name: self.name, tasks, metrics, lag, ends_age: ends.age() }
    }
}

impl Moment {
    fn missing(&self) -> Vec<String> {
        let stage = self.name;
        if self.tasks.is_empty() {
            return vec![format!("{stage}: no partition is assigned to this process")];
        }
        let tasks = self.tasks.iter().filter_map(|(partition, task)| {
            let why = match &task.phase {
                Phase::Running => return None,
                Phase::Opening => "its tables are opened".to_owned(),
                Phase::Waiting => "a step waits for something that is down".to_owned(),
                Phase::Restoring(far) => {
                    format!("its tables are read from the log, {} of {}", far.done, far.total)
                }
            };
            Some(format!("{stage}/{partition}: {why}"))
        });
        tasks.chain(ends_missing(stage, self.ends_age)).collect()
    }

    /// Gives how many offsets a task is behind all its inputs.
    fn lag(&self, partition: i32) -> Option<i64> {
        let mut lags = self.lag.iter().filter(|((of, _), _)| *of == partition).peekable();
        lags.peek()?;
        Some(lags.map(|(_, lag)| lag).sum())
    }

    fn view(&self) -> StageView {
        let workers = self.metrics.workers.values();
        let tasks = self.tasks.iter().map(|(partition, task)| {
            let counted = self.metrics.tasks.get(partition);
            let restored = match task.phase {
                Phase::Restoring(far) => Some((far.done, far.total)),
                _ => None,
            };
            TaskView {
                partition: *partition,
                phase: phase(&task.phase).to_owned(),
                restored,
                lag: self.lag(*partition),
                records: counted.map_or(0, |one| one.records),
                dead: counted.map_or(0, |one| one.dead),
                pending: task.pending,
                tick_delay_ms: counted.and_then(|one| Some(now_ms() - one.tick_ms?)),
            }
        });
        StageView {
            name: self.name.to_owned(),
            transactions: workers.clone().map(|one| one.commits.count).sum(),
            aborts: workers.clone().flat_map(|one| one.aborts.values()).sum(),
            fencings: workers.map(|one| one.fencings).sum(),
            tasks: tasks.collect(),
        }
    }
}

/// Says why it is not known how far somebody's inputs go; none when it is.
pub(super) fn ends_missing(name: &str, ends_age: Option<Duration>) -> Option<String> {
    match ends_age {
        None => Some(format!("{name}: how far its inputs go is not known yet")),
        Some(age) if age > ENDS_AGE_MAX => {
            Some(format!("{name}: the log has not answered for {} s", age.as_secs()))
        }
        Some(_) => None,
    }
}

/// Gives the word for what a task does.
pub(super) fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Opening => "opening",
        Phase::Restoring(_) => "restoring",
        Phase::Running => "running",
        Phase::Waiting => "waiting",
    }
}

/// Gives the memory of this process that is in use; none where the system does not tell.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use stream::{LogConfig, worker::Progress};

    use super::*;

    #[test]
    fn a_clock_that_stands_still_is_told() {
        let vitals = Vitals::new("clock");
        assert_eq!(vitals.missing(), ["clock: it is starting"]);
        vitals.begins();
        assert!(vitals.missing().is_empty(), "a process without a clock misses none");
        vitals.ticked(None);
        assert_eq!(vitals.missing(), ["clock: no tick is written yet"]);
        vitals.ticked(Some(now_ms()));
        assert!(vitals.missing().is_empty());
        let vitals = Vitals::new("clock");
        vitals.begins();
        vitals.ticked(Some(now_ms() - 200_000));
        assert_eq!(vitals.missing(), ["clock: the last tick is 200 s old"]);
    }

    #[test]
    fn a_stage_without_a_partition_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig::Local {
            dir: folder.path().join("log"),
            partitions: 1,
            retention_days: None,
            history_retention_days: None,
        };
        let log = stream::open(&config, "p").unwrap();
        let vitals = Arc::new(Vitals::new("process"));
        vitals.watch(&log, "rollup", &[], &Progress::default());
        vitals.begins();
        assert_eq!(vitals.missing(), ["rollup: no partition is assigned to this process"]);
    }

    #[test]
    fn memory_is_told() {
        let bytes = resident_bytes().unwrap();
        assert!((1 << 20..1 << 34).contains(&bytes), "{bytes}");
    }
}
