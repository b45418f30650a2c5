//! The scheduler: draws from a seed who does what next, until all is done and settled.

mod disturb;
mod settle;

use std::{path::PathBuf, time::Duration};

use stream::{
    Log, LogError, Writer,
    local::{Fault, LocalLog, LocalOptions},
    worker::{Clock, Failpoint, Phase, Turn, WorkerError, caught_up},
};

use crate::{
    actor::{Actor, Home, Running, Settings},
    agree::last_tick,
    build::Event,
    check::{self, End},
    feed::Feed,
    judge::Kind,
    random::{Random, scenario},
    runner::Trace,
    watched::{Hearing, Orders, Watched},
};

/// Rounds of everyone's turns in which all has to settle when nothing disturbs any more.
const ROUNDS_MAX: usize = 5_000;

/// Steps that a run goes on after all is appended.
const STEPS_AFTER: usize = 25;

/// A run.
struct Run<'t> {
    random: Random,
    trace: &'t Trace,
    folder: tempfile::TempDir,
    partitions: i32,
    settings: Settings,
    /// Whether the log is compacted at times.
    compacts: bool,
    clock: Clock,
    log: Option<LocalLog>,
    writer: Option<Box<dyn Writer>>,
    homes: Vec<Home>,
    /// Whether all workers are of one process.
    shared: bool,
    actors: Vec<Actor>,
    /// Workers that do not know that another one took their slot.
    twins: Vec<(String, Running)>,
    feed: Feed,
    orders: Orders,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, trace: &Trace) {
    let mut random = Random(seed);
    // What no verdict's history depends on can be held against the oracle, whatever the order.
    let plain = random.chance(50);
    let steps = 8 + random.below(28);
    let mut events = scenario(&mut random, steps, plain);
    let mut run = Run::new(random, trace, &events);
    trace.note(format!("{} events over {} partitions", events.len(), run.partitions));
    run.open();
    let mut after = 0;
    while after < STEPS_AFTER {
        after += usize::from(run.feed.is_empty());
        run.step();
    }
    run.feed.add(&last_tick());
    events.push(last_tick());
    run.drain();
    if run.random.chance(20) {
        run.all_down(true);
        run.drain();
    }
    let judged = plain && !run.compacts;
    trace.count("judged by the oracle", judged.into());
    let end = run.end(judged.then_some(events));
    check::check(&end, trace);
}

impl<'t> Run<'t> {
    fn new(mut random: Random, trace: &'t Trace, events: &[Event]) -> Self {
        let partitions = 1 + random.below(3) as i32;
        let settings = Settings::draw(&mut random);
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let shared = random.chance(30);
        let mut actors = Vec::new();
        for (kind, most) in [(Kind::Account, 3), (Kind::Rollup, 2)] {
            for at in 0..1 + random.below(most) {
                let slot = format!("{}-{at}", kind.name());
                let home = if shared { 0 } else { at };
                actors.push(Actor { kind, slot, home, running: None });
            }
        }
        let homes = (0..3).map(|at| Home::new(folder.path().join(at.to_string()))).collect();
        Self {
            compacts: random.chance(25),
            random,
            trace,
            folder,
            partitions,
            settings,
            clock: Clock::standing(),
            log: None,
            writer: None,
            homes,
            shared,
            actors,
            twins: Vec::new(),
            feed: Feed::new(partitions, events),
            orders: Orders::default(),
        }
    }

    fn open(&mut self) {
        let options = LocalOptions { compact_by_itself: false, ..LocalOptions::default() };
        let folder = self.folder.path().join("log");
        let log = LocalLog::open_with(folder, self.partitions, "scorecard", options).unwrap();
        log.apply().unwrap();
        self.writer = Some(log.writer("producers").unwrap());
        self.log = Some(log);
    }

    fn log(&self) -> &LocalLog {
        self.log.as_ref().expect("it is open between steps")
    }

    /// Lets one thing happen.
    fn step(&mut self) {
        match self.random.below(200) {
            0..80 => self.someones_turn(Fault::None),
            80..130 => self.append(),
            130..142 => self.wait(),
            142..160 => self.fault(),
            160..164 => self.arm(),
            164..168 => self.crash(),
            168..171 => self.stop(),
            171..174 => self.twin(),
            174..177 => self.process_dies(),
            177..178 => self.all_down(false),
            178..182 if self.compacts => {
                self.log().compact().unwrap();
                self.happens("compaction", "the log".into());
            }
            _ => self.start(),
        }
    }

    fn happens(&self, what: &'static str, whom: String) {
        self.trace.count(what, 1);
        self.trace.note(format!("{what}: {whom}"));
    }

    fn live(&self) -> Vec<usize> {
        (0..self.actors.len()).filter(|at| self.actors[*at].running.is_some()).collect()
    }

    /// Draws a live worker.
    fn someone(&mut self) -> Option<usize> {
        let live = self.live();
        (!live.is_empty()).then(|| self.random.pick(&live))
    }

    fn someones_turn(&mut self, fault: Fault) {
        if !self.twins.is_empty() && self.random.chance(30) {
            self.turn_of_twin(fault);
        } else if let Some(at) = self.someone() {
            self.turn(at, fault);
        }
    }

    fn turn(&mut self, at: usize, fault: Fault) {
        let slot = self.actors[at].slot.clone();
        let Some(mut running) = self.actors[at].running.take() else { return };
        if self.drive(&slot, &mut running, fault) {
            self.actors[at].running = Some(running);
        } else {
            running.end(self.trace);
        }
    }

    fn turn_of_twin(&mut self, fault: Fault) {
        let at = self.random.below(self.twins.len());
        let (slot, mut running) = self.twins.remove(at);
        if self.random.chance(10) {
            *running.hearing.lock().unwrap() = Hearing::Normal;
        }
        let before = running.said();
        if self.drive(&format!("old {slot}"), &mut running, fault) {
            self.twins.insert(at, (slot, running));
        } else {
            self.trace.note(format!("old {slot} is gone, before: {before}"));
            running.end(self.trace);
        }
    }

    /// Gives a worker its turn; false when it is over with it.
    fn drive(&self, slot: &str, running: &mut Running, fault: Fault) -> bool {
        self.log().set_fault(fault);
        let turned = running.turn();
        self.log().set_fault(Fault::None);
        let said = running.said();
        let (on, how) = match turned {
            Ok(Turn::On) => (true, "on".to_owned()),
            // A twin that joined again would fence who fenced it, and so on.
            Ok(Turn::Fenced) => {
                self.trace.count("refused zombie", 1);
                (!slot.starts_with("old"), "fenced".to_owned())
            }
            Ok(Turn::Stopped) => (false, "stopped".to_owned()),
            Err(WorkerError::Died(point)) => {
                self.trace.count(name_of(point), 1);
                (false, format!("died at {point:?}"))
            }
            // A member that polls hears it so, and its worker ends.
            Err(WorkerError::Log { source: LogError::Fenced { .. }, .. }) => {
                self.trace.count("fenced", 1);
                (false, "fenced out".to_owned())
            }
            Err(error @ WorkerError::Log { .. }) if fault != Fault::None => {
                (false, format!("failed: {error}"))
            }
            Err(error) => panic!("{slot} ended with {error:?}"),
        };
        self.trace.note(format!("turn of {slot}, {fault:?}: {how}; {said}"));
        on
    }

    fn append(&mut self) {
        let records = self.feed.draw(&mut self.random, &|how| self.trace.count(how, 1));
        for record in &records {
            let key = String::from_utf8_lossy(&record.key);
            let (topic, partition) = (record.topic.name, record.partition);
            self.trace.note(format!("append: {topic}/{partition} {key}"));
        }
        self.writer.as_mut().expect("the log is open").append(records).unwrap();
    }

    /// Moves the workers' clock, which is not that of the records.
    fn wait(&mut self) {
        let week = 7 * 24 * 3_600_000 + 1;
        let ms = self.random.pick(&[1, 20, 60, 60, 150, 150, 11_000, 11_000, week]);
        self.clock.advance(Duration::from_millis(ms));
        self.trace.note(format!("wait: {ms} ms"));
    }

    fn start(&mut self) {
        let down = (0..self.actors.len()).filter(|at| self.actors[*at].running.is_none());
        let down: Vec<_> = down.collect();
        if !down.is_empty() {
            let at = self.random.pick(&down);
            self.run_worker(at);
        }
    }

    fn run_worker(&mut self, at: usize) {
        let delays = self.random.below(usize::MAX) as u64;
        let log = Watched::new(self.log().clone(), self.orders.clone(), delays);
        let home = self.actors[at].home;
        let stores = self.homes[home].stores();
        let actor = &self.actors[at];
        let running = Running::start(actor, log, stores, &self.settings, &self.clock);
        self.happens("start", format!("{} in home {home}", actor.slot));
        self.actors[at].running = Some(running);
    }
}

fn name_of(point: Failpoint) -> &'static str {
    match point {
        Failpoint::BeforeCommit => "before commit",
        Failpoint::AfterCommit => "after commit",
        Failpoint::BetweenStores => "between stores",
        Failpoint::WhileRestoring => "while restoring",
    }
}

/// Gives a folder in memory where there is one: what a run does to its disk must not be waited for.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
