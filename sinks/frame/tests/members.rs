//! Members of one group: what one gives up another does, and a twin of a slot takes it over.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use schemas::topic::RESOURCE_STATE;
use sink_frame::Progress;
use stream::{Log, local::LocalLog};
use world::{Answer, Held, INPUTS, PARTITIONS, ROLE, Run, Store, local, row, write};

const LIMIT: Duration = Duration::from_secs(60);

/// Ends runs when it is dropped: a test that fails must not wait for threads of its own.
struct Ends<'a>(&'a [&'a Run]);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|run| run.stop.stop());
    }
}

fn wait(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < LIMIT, "{what} did not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Tells whether a group has committed everything that the log holds.
fn is_committed(log: &LocalLog) -> bool {
    let ends = log.ends(&INPUTS).unwrap();
    let committed = log.committed(ROLE.name, &INPUTS).unwrap();
    ends.iter().all(|end| committed.contains(end))
}

fn keys() -> Vec<String> {
    ('a'..='p').map(|letter| letter.to_string()).collect()
}

#[test]
fn what_a_member_had_begun_when_it_lost_partitions_is_dropped_and_done_by_their_next_owner() {
    let (_folder, log) = local();
    write(&log, keys().iter().map(|key| row(key, Some("1"))).collect());
    let held = Arc::new(Mutex::new(Held::default()));
    let (busy, second_began) = (AtomicBool::new(true), AtomicBool::new(false));
    // All but one partition's rows are taken at once; those wait until there are two members.
    let first = |key: &str, _: Option<&str>, _: usize| {
        if key.as_bytes()[0] % 4 == 3 && busy.load(Ordering::Acquire) {
            Answer::Busy(None)
        } else {
            Answer::Take
        }
    };
    let second = |_: &str, _: Option<&str>, _: usize| {
        second_began.store(true, Ordering::Release);
        Answer::Take
    };
    let member = |slot| Run { once: false, patience: None, slot, ..Run::default() };
    let (a, b) = (member("a"), member("b"));
    let (a_done, b_done) = thread::scope(|scope| {
        let _ends = Ends(&[&a, &b]);
        let first = scope.spawn(|| a.on(&log, &mut Store::new(&held, first)).unwrap());
        wait("a try", || held.lock().unwrap().tries.len() > 2);
        let second = scope.spawn(|| b.on(&log, &mut Store::new(&held, second)).unwrap());
        wait("the second member", || second_began.load(Ordering::Acquire));
        busy.store(false, Ordering::Release);
        wait("the end", || is_committed(&log));
        write(&log, vec![row("a", Some("2")), row("c", None), row("d", Some("2"))]);
        wait("the second end", || is_committed(&log));
        a.stop.stop();
        b.stop.stop();
        (first.join().unwrap(), second.join().unwrap())
    });
    let mut expected: BTreeMap<String, String> =
        keys().into_iter().map(|key| (key, "1".to_owned())).collect();
    expected.extend(["a", "d"].map(|key| (key.to_owned(), "2".to_owned())));
    expected.remove("c");
    let held = held.lock().unwrap();
    assert_eq!(held.rows, expected);
    assert!(!held.revoked.is_empty());
    // What was dropped counts for whoever committed it, and for nobody else.
    assert_eq!(a_done.records() + b_done.records(), 16 + 3);
    assert!(b_done.records() > 0, "{b_done:?}");
}

#[test]
fn a_member_that_a_twin_fenced_joins_again_and_goes_on() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1"))]);
    let held = Arc::new(Mutex::new(Held::default()));
    let first = Run { once: false, ..Run::default() };
    let done = thread::scope(|scope| {
        let _ends = Ends(&[&first]);
        let running = scope.spawn(|| first.on(&log, &mut Store::good(&held)).unwrap());
        wait("the first row", || is_committed(&log));
        // The same slot, once: it ends when all is read.
        Run::default().on(&log, &mut Store::good(&held)).unwrap();
        write(&log, vec![row("b", Some("1"))]);
        wait("the second row", || is_committed(&log));
        first.stop.stop();
        running.join().unwrap()
    });
    assert_eq!((done.fencings, done.records()), (1, 2));
    assert_eq!(held.lock().unwrap().rows.len(), 2);
}

#[test]
fn a_run_is_asked_to_end_while_it_waits() {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1"))]);
    let held = Arc::new(Mutex::new(Held::default()));
    let run = Run { once: false, patience: None, ..Run::default() };
    let long = |_: &str, _: Option<&str>, _: usize| Answer::Busy(Some(LIMIT * 2));
    let done = thread::scope(|scope| {
        let _ends = Ends(&[&run]);
        let running = scope.spawn(|| run.on(&log, &mut Store::new(&held, long)).unwrap());
        wait("a try", || !held.lock().unwrap().tries.is_empty());
        run.stop.stop();
        running.join().unwrap()
    });
    assert_eq!((done.records(), done.waiting.is_some()), (0, true));
    assert!(done.positions.is_empty(), "nothing is its own any more");
}

#[test]
fn health_sees_a_member_at_rest_and_one_that_gets_nothing_done() {
    let (_folder, log) = local();
    let held = Arc::new(Mutex::new(Held::default()));
    let run = Run { once: false, patience: None, ..Run::default() };
    let busy = AtomicBool::new(true);
    let script = |_: &str, _: Option<&str>, _: usize| {
        if busy.load(Ordering::Acquire) { Answer::Busy(None) } else { Answer::Take }
    };
    let told = Mutex::new(Progress::default());
    let tell = |progress: &Progress| *told.lock().unwrap() = progress.clone();
    let seen = || told.lock().unwrap().clone();
    let taken = |progress: &Progress| {
        let topic = RESOURCE_STATE.spec.name;
        (0..PARTITIONS).filter_map(|p| progress.positions.get(&(topic, p))).sum::<i64>()
    };
    thread::scope(|scope| {
        let _ends = Ends(&[&run]);
        scope.spawn(|| run.telling(&log, &mut Store::new(&held, script), &tell).unwrap());
        wait("rest", || seen().succeeded.is_some());
        write(&log, vec![row("a", Some("1"))]);
        wait("a failure", || seen().waiting.is_some());
        let before = seen();
        wait("another one", || seen().retries > 2);
        let stuck = seen();
        assert_eq!((stuck.succeeded, taken(&stuck)), (before.succeeded, 0));
        busy.store(false, Ordering::Release);
        wait("success", || seen().succeeded > before.succeeded && taken(&seen()) == 1);
        run.stop.stop();
    });
}
