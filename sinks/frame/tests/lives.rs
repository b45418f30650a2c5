//! A topic that is deleted and made anew: it is noticed, and read from its start.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use schemas::TopicSpec;
use schemas::topic::{RESOURCE_CHANGE, RESOURCE_STATE};
use sink_frame::{Progress, Role};
use stream::local::LocalLog;
use stream::worker::Stop;
use stream::{Layer, Log, LogError, Outgoing};
use tempfile::TempDir;
use world::{Held, PINNED, ROLE, Run, Store, local, row, write};

const LIMIT: Duration = Duration::from_secs(60);

/// No life at all.
const GONE: u32 = 0;

/// A log whose table has another life at each number, with the same records.
struct Reborn {
    log: LocalLog,
    life: AtomicU32,
    _folder: TempDir,
}

impl Layer for Reborn {
    fn below(&self) -> &dyn Log {
        &self.log
    }

    fn incarnation(&self, topic: &'static TopicSpec) -> Result<String, LogError> {
        let name = self.log.incarnation(topic)?;
        match self.life.load(Ordering::SeqCst) {
            _ if topic.name != RESOURCE_STATE.spec.name => Ok(name),
            GONE => Err(LogError::Topic {
                topic: topic.name.to_owned(),
                problem: "is not there".to_owned(),
            }),
            life => Ok(format!("{name}.{life}")),
        }
    }
}

fn reborn() -> Reborn {
    let (folder, log) = local();
    Reborn { log, life: AtomicU32::new(1), _folder: folder }
}

/// Five rows of the table, and two events beside them.
fn rows() -> Vec<Outgoing> {
    let rows = ["a", "b", "c", "d", "e"].map(|key| row(key, Some("1")));
    let events = ["f", "g"].map(|key| {
        let row = row(key, Some("1"));
        Outgoing { topic: RESOURCE_CHANGE.spec, ..row }
    });
    rows.into_iter().chain(events).collect()
}

/// How often each key was tried.
fn tries(held: &Mutex<Held>) -> BTreeMap<String, usize> {
    let mut tries = BTreeMap::new();
    for (_, key) in &held.lock().unwrap().tries {
        *tries.entry(key.clone()).or_default() += 1;
    }
    tries
}

fn times(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let each = |(keys, times): &(&str, usize)| {
        let times = *times;
        keys.chars().map(move |key| (key.to_string(), times)).collect::<Vec<_>>()
    };
    of.iter().flat_map(each).collect()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_made_anew_between_two_runs_is_read_from_its_start() {
    for role in [&ROLE, &PINNED] {
        let log = reborn();
        write(&log, rows());
        let run = Run { role, ..Run::default() };
        let held = Arc::new(Mutex::new(Held::default()));
        assert_eq!(run.on(&log, &mut Store::good(&held)).unwrap().records(), 7);
        assert_eq!(run.on(&log, &mut Store::good(&held)).unwrap().records(), 0);
        log.life.store(2, Ordering::SeqCst);
        let again = run.on(&log, &mut Store::good(&held)).unwrap();
        assert_eq!((again.records(), again.counts.unchanged), (5, 5), "of {}", role.name);
        assert_eq!(tries(&held), times(&[("abcde", 2), ("fg", 1)]));
        assert_eq!(run.on(&log, &mut Store::good(&held)).unwrap().records(), 0);
    }
}

/// Runs for good while `then` is done; gives how far it was told to be at the end.
fn while_running(
    role: &'static Role,
    log: &Reborn,
    then: impl FnOnce(&Mutex<Held>, &Mutex<Progress>),
) {
    let stop = Stop::new();
    let held = Arc::new(Mutex::new(Held::default()));
    let told = Mutex::new(Progress::default());
    let run = Run { role, once: false, stop: stop.clone(), ..Run::default() };
    std::thread::scope(|scope| {
        let mut store = Store::good(&held);
        let tell = |progress: &Progress| *told.lock().unwrap() = progress.clone();
        let sink = scope.spawn(move || run.telling(log, &mut store, &tell).map(drop));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| then(&held, &told)));
        stop.stop();
        sink.join().unwrap().unwrap();
        ended.unwrap();
    });
}

#[test]
fn no_record_of_the_next_life_is_taken_for_one_of_the_last() {
    for role in [&ROLE, &PINNED] {
        let log = reborn();
        write(&log, rows());
        while_running(role, &log, |held, _| {
            wait_until("all is held", || held.lock().unwrap().rows.len() == 7);
            let joined = held.lock().unwrap().assigned.len();
            log.life.store(2, Ordering::SeqCst);
            write(&log, vec![row("h", Some("1"))]);
            wait_until("all is held again", || tries(held).values().sum::<usize>() == 13);
            // The new row alone could have come before it was read anew: it did not.
            assert_eq!(tries(held), times(&[("abcde", 2), ("fg", 1), ("h", 1)]));
            let held = held.lock().unwrap();
            let mut anew = held.assigned[joined..].iter().flatten();
            let is_table = |topic: &TopicSpec| topic.name == RESOURCE_STATE.spec.name;
            assert!(anew.all(|at| at.offset == 0 || !is_table(at.topic)), "{:?}", held.assigned);
        });
    }
}

#[test]
fn a_topic_that_is_gone_is_waited_for() {
    let log = reborn();
    write(&log, rows());
    while_running(&ROLE, &log, |held, told| {
        wait_until("all is held", || held.lock().unwrap().rows.len() == 7);
        log.life.store(GONE, Ordering::SeqCst);
        write(&log, vec![row("h", Some("1"))]);
        let waits =
            || told.lock().unwrap().waiting.clone().is_some_and(|why| why.contains("not there"));
        wait_until("it says what it waits for", waits);
        assert!(!held.lock().unwrap().rows.contains_key("h"));
        log.life.store(2, Ordering::SeqCst);
        wait_until("all is held again", || tries(held).values().sum::<usize>() == 13);
    });
}
