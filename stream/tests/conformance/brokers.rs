//! Brokers that end or fall silent while a member commits: every commit is there once.
//!
//! The member runs in a process of its own, as in production: a call of librdkafka that hangs ends
//! the process by the watchdog, and a supervisor, here the test, starts it again.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use kit::kafka::Kafka;
use schemas::topic::{OBSERVATION, RESOURCE_STATE};
use stream::{
    Log, Outcome,
    kafka::{KafkaConfig, KafkaLog},
    watchdog,
};

use crate::harness::{append, at, join, kafka_config, read_all, record, texts};

/// Tells the child which brokers to use.
const BROKERS: &str = "STREAM_BROKERS_CHILD";

/// Commits that must succeed after the disturbance.
const MORE: usize = 20;

#[test]
fn a_killed_broker_makes_no_commit_count_twice_or_get_lost() {
    commit_while("", |node| {
        for pause_ms in [1_500, 4_000, 4_000] {
            thread::sleep(Duration::from_millis(pause_ms));
            node.kill9().unwrap();
            node.restart().unwrap();
        }
    });
}

#[test]
fn a_silent_broker_makes_no_commit_count_twice_or_get_lost() {
    // The controller must not think the broker dead: a partition that has no leader for a moment
    // may lose the marker that ends a transaction, see docs/decisions.
    commit_while("broker.session.timeout.ms=60000", |node| {
        thread::sleep(Duration::from_millis(1_500));
        // Longer than a commit waits for its answer: nobody knows how that commit ended.
        node.signal("STOP").unwrap();
        thread::sleep(Duration::from_secs(20));
        node.signal("CONT").unwrap();
        thread::sleep(Duration::from_secs(5));
    });
}

/// Has a child commit record after record while its node is disturbed; each must be there once.
///
/// A run that Kafka spoils is begun anew: a single broker that is killed in the middle of a commit
/// ends a transaction without its marker.
fn commit_while(properties: &str, disturb: impl Fn(&mut Kafka) + Send + Sync) {
    let run = |node: &mut Kafka| {
        thread::scope(|scope| {
            let bootstrap = node.bootstrap();
            commit_until(&bootstrap, || scope.spawn(|| disturb(node)));
        });
        Ok(())
    };
    Kafka::unspoiled(properties, run).unwrap();
}

fn commit_until<'s>(bootstrap: &str, disturb: impl FnOnce() -> ScopedJoinHandle<'s, ()>) {
    let log = connect(bootstrap);
    log.apply().unwrap();
    let input = OBSERVATION.spec;
    append(&log, vec![record(input, 0, "k", "v")]);

    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut child = spawn(bootstrap, &acknowledged);
    let disturber = disturb();
    let start = Instant::now();
    let (mut hangs, mut goal) = (0, usize::MAX);
    while acknowledged.load(Ordering::Relaxed) < goal {
        let count = acknowledged.load(Ordering::Relaxed);
        assert!(start.elapsed() < Duration::from_secs(400), "{count} commits, {hangs} hangs");
        if goal == usize::MAX && disturber.is_finished() {
            goal = count + MORE;
        }
        if let Some(status) = child.0.try_wait().unwrap() {
            assert_eq!(status.code(), Some(watchdog::EXIT_CODE), "the child failed: {status}");
            hangs += 1;
            // The next one counts what is there by itself.
            child = spawn(bootstrap, &acknowledged);
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.0.kill().unwrap();
    assert_eq!(child.0.wait().unwrap().signal(), Some(9));
    disturber.join().unwrap();

    // Taking the slot ends what the killed child left open.
    join(&log, "g", "s", &[input]).until_owns(&[0, 1, 2]);
    let read = texts(&read_all(&log, &[RESOURCE_STATE.spec]));
    let keys: Vec<String> = read.into_iter().map(|(key, _)| key).collect();
    let expected: Vec<String> = (0..keys.len()).map(|i| i.to_string()).collect();
    assert_eq!(keys, expected);
    // The last one may have been committed and not told.
    let told = acknowledged.load(Ordering::Relaxed);
    assert!((told..=told + 1).contains(&keys.len()), "{told} were told, {} are there", keys.len());
    assert_eq!(log.committed("g", &[input]).unwrap()[0], at(input, 0, 1));
    println!("{} commits, {hangs} hangs", keys.len());
}

fn connect(bootstrap: &str) -> KafkaLog {
    let config = KafkaConfig { bootstrap: bootstrap.to_owned(), ..kafka_config() };
    KafkaLog::connect(config, "disturbed").unwrap()
}

/// The child process; it does not outlive its run.
struct Committing(Child);

impl Drop for Committing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the child; the counter follows how many commits are known.
fn spawn(bootstrap: &str, acknowledged: &Arc<AtomicUsize>) -> Committing {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "brokers::committing_child", "--nocapture"])
        .env(BROKERS, bootstrap)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let acknowledged = acknowledged.clone();
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(count) = line.strip_prefix("known ") {
                acknowledged.store(count.parse().unwrap(), Ordering::Relaxed);
            }
        }
    });
    Committing(child)
}

/// Not a test of its own: what the child process does, until it is killed.
#[test]
fn committing_child() {
    let Ok(bootstrap) = env::var(BROKERS) else {
        return;
    };
    let log = connect(&bootstrap);
    let input = OBSERVATION.spec;
    loop {
        let mut member = join(&log, "g", "s", &[input]);
        member.until_owns(&[0, 1, 2]);
        // Whoever is new, or was fenced, knows only what is there.
        let mut count = read_all(&log, &[RESOURCE_STATE.spec]).len();
        loop {
            writeln!(io::stdout(), "known {count}").unwrap();
            let output = record(RESOURCE_STATE.spec, 0, &count.to_string(), "v");
            // The position stays the same: only the commit's own mark can tell how it ended.
            match member.member.commit(vec![output], &[at(input, 0, 1)]).unwrap() {
                Outcome::Committed => count += 1,
                Outcome::Aborted => {}
                Outcome::Fenced => break,
            }
        }
    }
}
