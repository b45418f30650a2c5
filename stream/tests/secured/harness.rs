//! The node that all tests share, configurations for it, and what the process logs.

use std::{
    collections::BTreeMap,
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use kit::{
    secured::{ADMIN, ADMIN_PASSWORD, STORE_PASSWORD, Secured},
    tokens::{self, CLIENT, CLIENT_SECRET},
};
use schemas::{TopicSpec, topic::REPORT};
use stream::{
    Log, LogError, Member, Membership, Outgoing, Polled, Position,
    kafka::{KafkaConfig, KafkaLog},
    secret::Secret,
};

const LIMIT: Duration = Duration::from_secs(90);
pub(crate) const WORKER: (&str, &str) = ("worker", "worker-0-only-for-tests");
pub(crate) const MAKER: (&str, &str) = ("maker", "maker-0-only-for-tests");
pub(crate) const WRONG: &str = "wrong-0-only-for-tests";
const PASSWORDS: [&str; 6] =
    [ADMIN_PASSWORD, WORKER.1, MAKER.1, STORE_PASSWORD, CLIENT_SECRET, WRONG];

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

pub(crate) fn node() -> &'static Secured {
    static NODE: OnceLock<Secured> = OnceLock::new();
    NODE.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_env_filter("trace").with_ansi(false);
        subscriber.with_writer(|| Logged).init();
        tracing::info!("everything is heard");
        let node = Secured::start(&[WORKER, MAKER]).unwrap();
        // Written before any test reads one.
        for password in PASSWORDS {
            std::fs::write(place(&node, password), format!("{password}\n")).unwrap();
        }
        node
    })
}

/// The file of the node's folder that holds a password.
pub(crate) fn place(node: &Secured, password: &str) -> PathBuf {
    let number = PASSWORDS.iter().position(|one| *one == password).unwrap();
    node.authority().with_file_name(format!("secret-{number}"))
}

pub(crate) fn secret(password: &str) -> Secret {
    Secret::File(place(node(), password))
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A configuration; one partition is enough here.
pub(crate) fn config(bootstrap: String, properties: &[(&str, &str)]) -> KafkaConfig {
    let own = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let properties: BTreeMap<_, _> = own.collect();
    KafkaConfig { partitions: 1, replication_factor: 1, properties, ..KafkaConfig::new(bootstrap) }
}

pub(crate) fn sasl(mechanism: &str, user: &str, password: &str) -> KafkaConfig {
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

pub(crate) fn certificate() -> KafkaConfig {
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

/// As a client who gets its tokens from an identity provider.
pub(crate) fn oauth(client_secret: &str) -> KafkaConfig {
    static PROVIDER: OnceLock<String> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| tokens::start(ADMIN).unwrap());
    let authority = text(&node().authority());
    let mut config = config(
        node().sasl(),
        &[
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "OAUTHBEARER"),
            ("sasl.oauthbearer.method", "oidc"),
            ("sasl.oauthbearer.token.endpoint.url", provider),
            ("sasl.oauthbearer.client.id", CLIENT),
            ("ssl.ca.location", &authority),
        ],
    );
    let name = "sasl.oauthbearer.client.secret".to_owned();
    config.secrets.insert(name, secret(client_secret));
    config
}

/// An error with its causes, as people see it.
pub(crate) fn words(error: &LogError) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// No password is in a text or in anything that was logged so far.
pub(crate) fn assert_hidden(texts: &[String]) {
    let logged = String::from_utf8_lossy(&LOGGED.lock().unwrap()).into_owned();
    assert!(!logged.is_empty(), "nothing is logged: the test would see nothing");
    for password in PASSWORDS {
        assert!(!logged.contains(password), "a password is in the log: {logged}");
        for text in texts {
            assert!(!text.contains(password), "a password is in {text}");
        }
    }
}

pub(crate) fn outgoing(topic: &'static TopicSpec, value: &str) -> Outgoing {
    Outgoing {
        topic,
        partition: 0,
        timestamp_ms: 1_700_000_000_000,
        key: b"k".to_vec(),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

pub(crate) fn join(log: &KafkaLog, group: &str) -> Result<Box<dyn Member>, LogError> {
    let inputs = vec![REPORT.spec];
    log.join(&Membership { group: group.to_owned(), slot: "slot".to_owned(), inputs })
}

/// Polls a member until it has read a value; gives the position behind it.
pub(crate) fn read_to(member: &mut dyn Member, value: &str) -> Result<Position, LogError> {
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
pub(crate) fn find(log: &KafkaLog, topic: &'static TopicSpec, value: &str) -> Result<(), LogError> {
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

pub(crate) fn write(log: &KafkaLog, value: &str) {
    let mut writer = log.writer("producer findings").unwrap();
    writer.append(vec![outgoing(REPORT.spec, value)]).unwrap();
    writer.flush().unwrap();
}
