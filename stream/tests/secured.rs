//! The log on a Kafka that wants TLS and names, and allows only what lists allow: what works, what
//! is refused in which words, and that no password ever shows.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    collections::BTreeMap,
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use kit::secured::{ADMIN, ADMIN_PASSWORD, STORE_PASSWORD, Secured};
use schemas::topic::{ACCOUNT_CHANGELOG, DEADLETTER, REPORT, RESOURCE_STATE};
use stream::{
    Log, LogError, Member, Membership, Outcome, Outgoing, Polled, Position,
    acls::{Needs, arguments},
    kafka::{KafkaConfig, KafkaLog},
    secret::Secret,
};

const LIMIT: Duration = Duration::from_secs(90);
const WORKER: (&str, &str) = ("worker", "worker-0-only-for-tests");
const WRONG: &str = "wrong-0-only-for-tests";
const PASSWORDS: [&str; 4] = [ADMIN_PASSWORD, WORKER.1, STORE_PASSWORD, WRONG];

/// What the process logs, all of it.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn node() -> &'static Secured {
    static NODE: OnceLock<Secured> = OnceLock::new();
    NODE.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_env_filter("trace").with_ansi(false);
        subscriber.with_writer(|| Logged).init();
        tracing::info!("everything is heard");
        let node = Secured::start(&[WORKER]).unwrap();
        // Written before any test reads one.
        for password in PASSWORDS {
            std::fs::write(place(&node, password), format!("{password}\n")).unwrap();
        }
        node
    })
}

/// The file of the node's folder that holds a password.
fn place(node: &Secured, password: &str) -> PathBuf {
    let number = PASSWORDS.iter().position(|one| *one == password).unwrap();
    node.authority().with_file_name(format!("secret-{number}"))
}

fn secret(password: &str) -> Secret {
    Secret::File(place(node(), password))
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A configuration; one partition is enough here.
fn config(bootstrap: String, properties: &[(&str, &str)]) -> KafkaConfig {
    let own = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let properties: BTreeMap<_, _> = own.collect();
    KafkaConfig { partitions: 1, replication_factor: 1, properties, ..KafkaConfig::new(bootstrap) }
}

fn sasl(mechanism: &str, user: &str, password: &str) -> KafkaConfig {
    let authority = text(&node().authority());
    let mut config = config(
        node().sasl(),
        &[
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", user),
            ("ssl.ca.location", &authority),
        ],
    );
    config.secrets.insert("sasl.password".to_owned(), secret(password));
    config
}

fn certificate() -> KafkaConfig {
    let (authority, store) = (text(&node().authority()), text(&node().client_store()));
    let mut config = config(
        node().tls(),
        &[
            ("security.protocol", "SSL"),
            ("ssl.ca.location", &authority),
            ("ssl.keystore.location", &store),
        ],
    );
    config.secrets.insert("ssl.keystore.password".to_owned(), secret(STORE_PASSWORD));
    config
}

/// An error with its causes, as people see it.
fn words(error: &LogError) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// No password is in a text or in anything that was logged so far.
fn assert_hidden(texts: &[String]) {
    let logged = String::from_utf8_lossy(&LOGGED.lock().unwrap()).into_owned();
    assert!(!logged.is_empty(), "nothing is logged: the test would see nothing");
    for password in PASSWORDS {
        assert!(!logged.contains(password), "a password is in the log: {logged}");
        for text in texts {
            assert!(!text.contains(password), "a password is in {text}");
        }
    }
}

fn outgoing(topic: &'static schemas::TopicSpec, value: &str) -> Outgoing {
    Outgoing {
        topic,
        partition: 0,
        timestamp_ms: 1_700_000_000_000,
        key: b"k".to_vec(),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

fn join(log: &KafkaLog, group: &str) -> Result<Box<dyn Member>, LogError> {
    let inputs = vec![REPORT.spec];
    log.join(&Membership { group: group.to_owned(), slot: "slot".to_owned(), inputs })
}

/// Polls a member until it has read a value; gives the position behind it.
fn read_to(member: &mut dyn Member, value: &str) -> Result<Position, LogError> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        match member.poll(Duration::from_millis(100))? {
            Polled::Assigned(partitions) => {
                member.resume(&partitions)?;
            }
            Polled::Records(records) => {
                let found = records.iter().find(|r| r.value.as_deref() == Some(value.as_bytes()));
                if let Some(found) = found {
                    let (topic, offset) = (found.topic, found.offset + 1);
                    return Ok(Position { topic, partition: 0, offset });
                }
            }
            Polled::Revoked { .. } => {}
        }
    }
    panic!("{value} was not read in {LIMIT:?}");
}

/// Reads a topic from its start until a value comes.
fn find(log: &KafkaLog, topic: &'static schemas::TopicSpec, value: &str) -> Result<(), LogError> {
    let mut reader = log.reader(&[Position { topic, partition: 0, offset: 0 }])?;
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        let records = reader.poll(Duration::from_millis(100))?;
        if records.iter().any(|record| record.value.as_deref() == Some(value.as_bytes())) {
            return Ok(());
        }
    }
    panic!("{value} was not read in {LIMIT:?}");
}

fn write(log: &KafkaLog, value: &str) {
    let mut writer = log.writer("producer findings").unwrap();
    writer.append(vec![outgoing(REPORT.spec, value)]).unwrap();
    writer.flush().unwrap();
}

#[test]
fn every_way_to_prove_a_name_carries_the_log() {
    let ways = [
        ("plain", sasl("PLAIN", ADMIN, ADMIN_PASSWORD)),
        ("scram-256", sasl("SCRAM-SHA-256", ADMIN, ADMIN_PASSWORD)),
        ("scram-512", sasl("SCRAM-SHA-512", ADMIN, ADMIN_PASSWORD)),
        ("certificate", certificate()),
    ];
    for (way, config) in ways {
        let shown = format!("{config:?}");
        let log = KafkaLog::connect(config, "ways").unwrap();
        log.apply().unwrap();
        log.check().unwrap();
        write(&log, way);
        let mut member = join(&log, way).unwrap();
        let position = read_to(&mut *member, way).unwrap();
        let outputs = vec![outgoing(RESOURCE_STATE.spec, way)];
        assert_eq!(member.commit(outputs, &[position]).unwrap(), Outcome::Committed, "{way}");
        find(&log, RESOURCE_STATE.spec, way).unwrap();
        assert_eq!(log.committed(way, &[REPORT.spec]).unwrap(), [position], "{way}");
        assert_hidden(&[shown]);
    }
}

#[test]
fn a_refusal_says_what_where_and_why_but_no_secret() {
    let mut stranger = sasl("PLAIN", ADMIN, ADMIN_PASSWORD);
    stranger.properties.insert("ssl.ca.location".to_owned(), text(&node().stranger()));
    let mut typing_error = sasl("PLAIN", ADMIN, ADMIN_PASSWORD);
    typing_error.secrets.insert("sasl.pasword".to_owned(), secret(ADMIN_PASSWORD));
    let mut no_number = sasl("PLAIN", ADMIN, ADMIN_PASSWORD);
    no_number.secrets.insert("linger.ms".to_owned(), secret(ADMIN_PASSWORD));
    let (bootstrap, refused) = (node().sasl(), "is refused by librdkafka");
    let cases: [(KafkaConfig, &[&str]); 6] = [
        (sasl("PLAIN", ADMIN, WRONG), &["connecting", &bootstrap, "Authentication failed"]),
        (sasl("SCRAM-SHA-512", ADMIN, WRONG), &["connecting", &bootstrap, "SCRAM-SHA-512"]),
        (sasl("SCRAM-SHA-256", "nobody", WRONG), &["connecting", &bootstrap, "SCRAM-SHA-256"]),
        (stranger, &["connecting", &bootstrap, "certificate verify failed"]),
        (typing_error, &["sasl.pasword", refused]),
        (no_number, &["linger.ms", refused]),
    ];
    for (config, expected) in cases {
        let start = Instant::now();
        let error = KafkaLog::connect(config, "refused").err().unwrap();
        let words = words(&error);
        for part in expected {
            assert!(words.contains(part), "{part:?} is not in {words:?}");
        }
        // Far below the 20 s after which any question is given up.
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}: {words}", start.elapsed());
        assert_hidden(&[words, format!("{error:?}")]);
    }
}

/// Takes the right away whose arguments hold these words.
fn withdraw(rights: &[Vec<String>], words: &str) {
    let mut found = rights.iter().filter(|list| list.join(" ").contains(words));
    node().withdraw(WORKER.0, found.next().unwrap()).unwrap();
    assert!(found.next().is_none(), "{words} is not one right");
}

fn assert_told(error: &LogError, parts: &[&str]) {
    let words = words(error);
    for part in parts.iter().copied().chain([&*node().sasl()]) {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
    assert_hidden(&[words, format!("{error:?}")]);
}

#[test]
fn a_worker_gets_along_with_the_rights_of_its_list_and_with_no_fewer() {
    let admin = KafkaLog::connect(sasl("SCRAM-SHA-512", ADMIN, ADMIN_PASSWORD), "rights").unwrap();
    admin.apply().unwrap();
    write(&admin, "in");
    let needs = Needs {
        reads: vec![REPORT.spec, RESOURCE_STATE.spec],
        writes: vec![RESOURCE_STATE.spec, DEADLETTER],
        makes: Vec::new(),
        group: Some("g".to_owned()),
    };
    let rights = arguments(&needs.acls("rights"));
    let log = KafkaLog::connect(sasl("SCRAM-SHA-512", WORKER.0, WORKER.1), "rights").unwrap();
    // What is hidden is not called missing.
    assert_told(&log.check().unwrap_err(), &["finding topic rights.", "authorization failed"]);

    for list in &rights {
        node().allow(WORKER.0, list).unwrap();
    }
    log.check().unwrap();
    let mut member = join(&log, "g").unwrap();
    let position = read_to(&mut *member, "in").unwrap();
    let outputs = |value| vec![outgoing(RESOURCE_STATE.spec, value), outgoing(DEADLETTER, value)];
    assert_eq!(member.commit(outputs("out"), &[position]).unwrap(), Outcome::Committed);
    find(&log, RESOURCE_STATE.spec, "out").unwrap();
    let other = member.commit(vec![outgoing(ACCOUNT_CHANGELOG, "no")], &[position]);
    assert_told(&other.unwrap_err(), &["writing records", "authorization failed"]);

    // One right after the other goes; what needs it says so.
    drop(member);
    withdraw(&rights, "--operation Read --topic rights.report.v1");
    let reading = find(&log, REPORT.spec, "in").unwrap_err();
    assert_told(&reading, &["reading", "rights.report.v1", "authorization failed"]);
    withdraw(&rights, "--operation Read --group rights.g");
    let reading = join(&log, "g").and_then(|mut member| read_to(&mut *member, "in"));
    assert_told(&reading.unwrap_err(), &["reading", "rights.g", "authorization failed"]);
    withdraw(&rights, "--transactional-id");
    let joining = join(&log, "g").err().unwrap();
    assert_told(&joining, &["starting a producer", "Transactional Id authorization failed"]);
}
