//! On Kafka: a sink that is killed while the server holds a message back repeats that one alone.
//!
//! The test runs itself as a child that is the sink, and kills it between the text and the answer.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use kit::kafka::Kafka;
use kit::mailpit::{Fault, Line, Mailpit};
use schemas::MailStatus;
use stream::Log;
use stream::kafka::{KafkaConfig, KafkaLog};
use stream::worker::Stop;
use world::{DAY_MS, HOUR_MS, World, owners, received};

const BROKERS: &str = "MAIL_TEST_BROKERS";
const PREFIX: &str = "MAIL_TEST_PREFIX";
const PORT: &str = "MAIL_TEST_PORT";

const PATIENCE: Duration = Duration::from_secs(60);

fn connect(bootstrap: &str, prefix: &str) -> KafkaLog {
    let config = KafkaConfig {
        partitions: 3,
        replication_factor: 1,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(bootstrap)
    };
    KafkaLog::connect(config, prefix).unwrap()
}

/// Settings under which owners get theirs every day.
fn daily(port: u16) -> sink_mail::Config {
    let mut config = world::config(port, "").unwrap();
    config.owners = Some(sink_mail::Schedule::new("0 7 * * *", "UTC").unwrap());
    config
}

/// Seven o'clock three days ago: Kafka drops ticks that are a week old, and takes none of the
/// future.
fn first_slot_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let today = i64::try_from(now.as_millis()).unwrap() / DAY_MS;
    (today - 3) * DAY_MS + 7 * HOUR_MS
}

/// Not a test of its own: the sink, until it is killed.
#[test]
fn child() {
    let (Ok(brokers), Ok(prefix), Ok(port)) = (env::var(BROKERS), env::var(PREFIX), env::var(PORT))
    else {
        return;
    };
    let log = connect(&brokers, &prefix);
    let config = daily(port.parse().unwrap());
    World::new(&log).run_until(&config, None, &Stop::new()).unwrap();
}

#[test]
fn a_kill_between_text_and_answer_is_one_repeat_that_says_so() {
    let node = Kafka::shared().unwrap();
    let (bootstrap, prefix) = (node.bootstrap(), node.prefix("mail"));
    let log = connect(&bootstrap, &prefix);
    log.apply().unwrap();
    let world = World::new(&log);
    let server = Mailpit::start().unwrap();
    let line = Line::start(server.smtp_port()).unwrap();
    world.accounts(&owners(8), 20).unwrap();
    let first_ms = first_slot_ms();
    for day in 0..3 {
        server.refuse_recipients(451, 20).unwrap();
        world.tick(first_ms + day * DAY_MS).unwrap();
        line.fails(Fault::HoldsAnswer, 1);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env(BROKERS, &bootstrap)
            .env(PREFIX, &prefix)
            .env(PORT, line.port().to_string())
            .spawn()
            .unwrap();
        assert!(line.has_failed(usize::try_from(day).unwrap() + 1, PATIENCE), "nothing is sent");
        thread::sleep(Duration::from_millis(300));
        child.kill().unwrap();
        child.wait().unwrap();
        server.refuse_recipients(451, 0).unwrap();
        world.run(&daily(line.port()), PATIENCE).unwrap();
    }
    let got = received(&server).unwrap();
    let mut counts: Vec<usize> = got.values().copied().collect();
    counts.sort_unstable();
    assert_eq!(counts, [[1].repeat(21), vec![2; 3]].concat(), "each once, three twice");
    assert_eq!(world.all_are(MailStatus::Sent).unwrap(), 24);
    let outbox = world.outbox().unwrap();
    let repeated: Vec<_> = outbox.values().filter(|state| state.uncertain > 0).collect();
    assert_eq!(repeated.len(), 3);
    for state in repeated {
        let twice = got.iter().find(|((_, id), _)| *id == state.message_id).unwrap();
        assert_eq!(*twice.1, 2, "it is the one that arrived twice");
    }
}
