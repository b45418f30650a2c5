//! On Kafka and the real engine: the tables hold what the topics hold, once, whatever happens.
//!
//! `SCORECARD_SINK_ROWS` sets about how many rows of verdicts there are; where it is set, a server
//! that is stopped stays away for a whole minute.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::clickhouse::{ClickHouse, Fault};
use kit::kafka::Kafka;
use kit::process::Child;
use schemas::{TopicSpec, headers::text, topic};
use sink_clickhouse::{Config, ROLE};
use sink_frame::{Limits, Progress, Role};
use stream::kafka::{KafkaConfig, KafkaLog};
use stream::worker::Stop;
use stream::{Log, Position, TopicPlan};
use world::tables::{AT_ONCE, assert_equal, carry, follow, prepared, query, raw_count};
use world::{DAY_MS, HOUR_MS, START_MS, Size, World};

const LIMIT: Duration = Duration::from_secs(120);

/// The sink again, as a group that has committed nothing: it begins at offset 0.
const REPLAY: Role = Role { name: "sink-clickhouse-replay", ..ROLE };

fn log(prefix: &str) -> Arc<dyn Log> {
    connect(&Kafka::shared().unwrap().bootstrap(), prefix)
}

fn connect(bootstrap: &str, prefix: &str) -> Arc<dyn Log> {
    let config = KafkaConfig {
        partitions: 3,
        replication_factor: 1,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(bootstrap.to_owned())
    };
    let log = KafkaLog::connect(config, prefix).unwrap();
    log.apply().unwrap();
    Arc::new(log)
}

fn asked() -> Option<i64> {
    std::env::var("SCORECARD_SINK_ROWS").ok().map(|text| text.parse().unwrap())
}

fn rows() -> i64 {
    asked().unwrap_or(600)
}

fn size() -> Size {
    let rows = rows();
    let (accounts, requirements) = (10.max(rows / 4_000), 5);
    let resources = 1.max(rows / accounts / requirements);
    // The oracle keeps all of it in memory: of very many rows one day is enough.
    let days = if rows > 100_000 { 1 } else { 4 };
    Size { accounts, requirements, days, resources }
}

fn run(role: &'static Role, log: &dyn Log, prefix: &str, config: &Config) -> Progress {
    carry(role, AT_ONCE, log, prefix, config)
}

/// The sink as a process of its own, which the test below starts and kills.
fn be_killed(prefix: &str) {
    let setting = |name: &str| std::env::var(name).unwrap();
    let config: Config = serde_json::from_str(&setting("TEST_CONFIG")).unwrap();
    let log = connect(&setting("TEST_BOOTSTRAP"), prefix);
    // Of any size some ten batches.
    let limits = Limits { records: rows() as usize / 12, ..AT_ONCE };
    carry(&ROLE, limits, &*log, prefix, &config);
}

fn start_process(prefix: &str, server: &ClickHouse, folder: &std::path::Path) -> Child {
    let config = serde_json::json!({"url": server.url(), "retention_days": 4000}).to_string();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "a_killed_sink_repeats_its_batch_exactly", "--nocapture"])
        .env("TEST_PREFIX", prefix)
        .env("TEST_CONFIG", config)
        .env("TEST_BOOTSTRAP", Kafka::shared().unwrap().bootstrap());
    Child::spawn(command, folder, "sink").unwrap()
}

#[test]
fn tables_hold_what_topics_hold_before_and_after_a_replay() {
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-exact");
    let log = log(&prefix);
    let server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::of(&*log, &prefix, size());
    let written = world.write(&*log);
    let began = Instant::now();
    let first = run(&ROLE, &*log, &prefix, &config);
    println!("{written} records in {:?}: {first:?}", began.elapsed());
    assert_eq!(first.records() as usize, written);
    let broadcast = world.rows("requirement_history").len() + world.rows("exception_history").len();
    assert_eq!(first.counts.skipped as usize, 2 * broadcast, "the copies of two partitions");
    assert_eq!(first.counts.written as usize, written - 2 * broadcast);
    assert_equal(&server, &world);
    for table in ["score_history", "compliance_change", "rollup_history", "account_history"] {
        assert_eq!(raw_count(&server, table), world.rows(table).len(), "{table}: none is double");
    }

    let replayed = run(&REPLAY, &*log, &prefix, &config);
    assert_eq!(replayed.records() as usize, written);
    assert_equal(&server, &world);
    let again = run(&ROLE, &*log, &prefix, &config);
    assert_eq!(again.records(), 0, "{again:?}");

    // What was read as history is joined to who answered at the time.
    let owners = query(
        &server,
        "SELECT owner, toInt64(ms(at)) AS at FROM scores WHERE account = '100000000000' LIMIT 9999",
    );
    assert!(!owners.is_empty());
    for row in owners {
        let day = (row["at"].as_i64().unwrap() - START_MS) / DAY_MS;
        assert_eq!(row["owner"], world::owner(0, day), "{row}");
    }
}

#[test]
fn exceptions_and_severities_stand_beside_transitions() {
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-changes");
    let log = log(&prefix);
    let server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::of(&*log, &prefix, size());
    world.write(&*log);
    run(&ROLE, &*log, &prefix, &config);
    let changes = query(
        &server,
        "SELECT requirement, account, region, resource, part, credit_before, credit, exception,
             severity FROM changes",
    );
    assert_eq!(changes.len(), world.rows("compliance_change").len());
    let mut credited = 0;
    for row in changes {
        let text = |name: &str| row[name].as_str().unwrap();
        let [requirement, account, region, resource, part] =
            ["requirement", "account", "region", "resource", "part"].map(text);
        let key = schemas::ComplianceKey::new(requirement, account, region, resource, part);
        let has_credit = |name: &str| !["", "none"].contains(&text(name));
        let wanted = match has_credit("credit_before") || has_credit("credit") {
            true => world::exception_of(&key),
            false => "",
        };
        credited += usize::from(!wanted.is_empty());
        assert_eq!(text("exception"), wanted, "{row}");
        let nth: usize = requirement.rsplit('-').next().unwrap().parse().unwrap();
        assert_eq!(text("severity"), ["low", "high", "critical"][nth % 3]);
    }
    assert!(credited > 0);
}

#[test]
fn a_killed_sink_repeats_its_batch_exactly() {
    if let Ok(prefix) = std::env::var("TEST_PREFIX") {
        return be_killed(&prefix);
    }
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-killed");
    let log = log(&prefix);
    let mut server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::of(&*log, &prefix, size());
    world.write(&*log);
    // After an insert and before its commit, in the middle of an insert, and again.
    for (fault, skip) in [(Fault::Hold(60), 3), (Fault::Stall(60), 2), (Fault::Hold(60), 7)] {
        server.start_again().unwrap();
        server.disturb(fault, skip, 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut sink = start_process(&prefix, &server, folder.path());
        let held = server.wait_until_held(LIMIT);
        assert!(held.is_ok(), "{held:?}\n{}", sink.tail());
        sink.kill9().unwrap();
    }
    server.start_again().unwrap();
    // Other limits than the batch was cut by: it is repeated all the same.
    run(&ROLE, &*log, &prefix, &config);
    assert_equal(&server, &world);
    for table in world.tables().filter(|table| *table != "compliance") {
        assert_eq!(raw_count(&server, table), world.rows(table).len(), "{table}: none is double");
    }
}

#[test]
fn a_server_that_fails_is_waited_for() {
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-failing");
    let log = log(&prefix);
    let mut server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::of(&*log, &prefix, size());
    for fault in [Fault::Answer(503), Fault::Answer(429), Fault::Cut, Fault::Forget] {
        world.write(&*log);
        server.disturb(fault, 1, 2).unwrap();
        let progress = run(&ROLE, &*log, &prefix, &config);
        // Two inserts are under way at a time: both may meet it at once.
        assert!(progress.retries >= 1, "{fault:?}: {progress:?}");
        for n in 0..5 {
            let at_ms = START_MS + 5 * DAY_MS + world.rows("score_history").len() as i64 * 1_000;
            world.cut(n, "*", 6, (10, n, 0), at_ms);
        }
    }
    world.write(&*log);
    server.stop().unwrap();
    let progress = std::thread::scope(|scope| {
        let sink = scope.spawn(|| run(&ROLE, &*log, &prefix, &config));
        std::thread::sleep(Duration::from_secs(if asked().is_some() { 60 } else { 4 }));
        server.start_again().unwrap();
        sink.join().unwrap()
    });
    assert!(progress.retries > 0, "{progress:?}");
    assert_equal(&server, &world);
    for table in ["score_history", "compliance_change"] {
        assert_eq!(raw_count(&server, table), world.rows(table).len(), "{table}: none is double");
    }
}

#[test]
fn a_record_that_can_not_be_read_goes_to_the_dead_letters() {
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-poison");
    let log = log(&prefix);
    let server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::new(&*log, &prefix);
    world.cut(0, "*", 6, (10, 1, 0), START_MS);
    world.poison(1);
    world.cut(1, "*", 6, (10, 2, 0), START_MS + HOUR_MS);
    let written = world.write(&*log);
    let progress = run(&ROLE, &*log, &prefix, &config);
    assert_eq!((progress.counts.dead, progress.records() as usize), (1, written));
    assert_equal(&server, &world);
    let letters = log.ends(&[topic::DEADLETTER]).unwrap();
    let from = letters.iter().map(|end| Position { offset: 0, ..*end }).collect::<Vec<_>>();
    let mut reader = log.reader(&from).unwrap();
    let began = Instant::now();
    let letter = loop {
        let mut records = reader.poll(Duration::from_millis(100)).unwrap();
        if let Some(record) = records.pop() {
            break record;
        }
        assert!(began.elapsed() < LIMIT);
    };
    assert_eq!(letter.value.as_deref(), Some(&b"poison"[..]));
    let reason =
        letter.headers.iter().map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    let reason = reason.collect::<Vec<_>>().join(" ");
    assert!(reason.contains("not an Avro value") && reason.contains("sink-clickhouse"), "{reason}");
    assert_eq!(text(&letter.headers, "ce_id"), Some("poison"), "the record's own are there too");
}

fn make_anew(log: &dyn Log, prefix: &str, topic: &'static TopicSpec) {
    let bootstrap = Kafka::shared().unwrap().bootstrap();
    let name = topic.full_name(prefix);
    let args = ["--bootstrap-server", &bootstrap, "--delete", "--topic", &name];
    kit::java::run("org.apache.kafka.tools.TopicCommand", &args, "").unwrap();
    let began = Instant::now();
    while !log.plan().unwrap().contains(&TopicPlan::Create(topic)) {
        assert!(began.elapsed() < LIMIT, "the topic stays");
    }
    log.apply().unwrap();
}

#[test]
fn a_topic_that_was_made_anew_begins_a_new_life() {
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-anew");
    let log = log(&prefix);
    let server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::new(&*log, &prefix);
    let key = |n: i64| {
        schemas::ComplianceKey::new(world::requirement(0), world::account(n), "eu", "r", "")
    };
    let standing = |verdict| Some(schemas::Standing { verdict, credit: schemas::Credit::None });
    for n in 0..20 {
        world.verdict(&key(n), standing(schemas::Verdict::Fail), START_MS);
        world.cut(n, "*", 6, (10, 1, 0), START_MS);
    }
    world.write(&*log);
    run(&ROLE, &*log, &prefix, &config);
    assert_equal(&server, &world);

    make_anew(&*log, &prefix, topic::COMPLIANCE_STATE.spec);
    make_anew(&*log, &prefix, topic::SCORE_HISTORY.spec);
    world.begin_anew(topic::COMPLIANCE_STATE.spec.name);
    world.begin_anew(topic::SCORE_HISTORY.spec.name);
    // The same offsets, other rows; some keys of the first life are not in the second.
    for n in 0..12 {
        world.verdict(&key(n), standing(schemas::Verdict::Pass), START_MS - HOUR_MS);
        world.cut(n, "*", 6, (10, 2, 0), START_MS + i64::from(n > 5) * HOUR_MS);
    }
    world.write(&*log);
    let second = run(&ROLE, &*log, &prefix, &config);
    assert_eq!(second.counts.written, 24, "{second:?}");
    // History stays, and the newer life speaks where both do. The present is the present life.
    assert_equal(&server, &world);
    let present = query(&server, "SELECT account, verdict FROM verdicts ORDER BY account");
    let wanted: Vec<_> = (0..12)
        .map(|n| serde_json::json!({"account": world::account(n), "verdict": "pass"}))
        .collect();
    assert_eq!(present, wanted);
    let lives = query(&server, "SELECT max(epoch) AS n FROM life WHERE topic = 'score.history'");
    assert_eq!(lives[0]["n"], 2);
}

/// Rows of a table that are of the nth life of its topic.
fn of_life(server: &ClickHouse, table: &str, nth: u64) -> usize {
    let count =
        format!("SELECT count() AS n FROM {table} WHERE intDiv(version, 281474976710656) = {nth}");
    query(server, &count)[0]["n"].as_u64().unwrap() as usize
}

#[test]
fn a_topic_that_is_made_anew_while_the_sink_runs_is_read_from_its_start() {
    let prefix = Kafka::shared().unwrap().prefix("clickhouse-reborn");
    let log = log(&prefix);
    let server = ClickHouse::start().unwrap();
    let (config, _) = prepared(&server);
    let mut world = World::new(&*log, &prefix);
    let wait_for = |nth: u64, rows: usize| {
        let began = Instant::now();
        while of_life(&server, "score_history", nth) < rows {
            assert!(began.elapsed() < LIMIT, "life {nth}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let stop = Stop::new();
    std::thread::scope(|scope| {
        let sink = scope.spawn(|| follow((&ROLE, AT_ONCE), &*log, &prefix, &config, Some(&stop)));
        // More than before, so that old positions are none that Kafka refuses; then fewer.
        for (nth, rows) in [(1, 20), (2, 60), (3, 10)] {
            let at_ms = START_MS + nth as i64 * HOUR_MS;
            if nth > 1 {
                make_anew(&*log, &prefix, topic::SCORE_HISTORY.spec);
                world.begin_anew(topic::SCORE_HISTORY.spec.name);
            }
            for n in 0..rows {
                world.cut(n, "*", 6, (10, nth as i64, 0), at_ms);
            }
            world.write(&*log);
            wait_for(nth, rows as usize);
        }
        stop.stop();
        let progress = sink.join().unwrap();
        assert_eq!(progress.fencings, 0, "{progress:?}");
        assert_eq!(progress.counts.written, 90, "{progress:?}");
    });
    assert_equal(&server, &world);
    // Each row bears the life that it was written in, and none was taken for one of another.
    let lives = [1, 2, 3].map(|nth| of_life(&server, "score_history", nth));
    assert_eq!(lives, [20, 60, 10]);
}
