//! The lists hold what the roles really touch, and are printed as Kafka's tool takes them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use schemas::Codec;
use stream::{
    Layer, Log, LogConfig, LogError, Member, Membership, Outgoing, Position, Reader, Writer,
    store::Stores, worker::WorkerConfig,
};

use super::*;
use crate::config::ConfigFile;
use crate::{progress::Teller, render, site::Site, sources};

/// Names of the topics that were read and written.
#[derive(Default)]
struct Touched {
    read: BTreeSet<&'static str>,
    written: BTreeSet<&'static str>,
}

/// A log that remembers which topics were touched.
struct Watched {
    log: Arc<dyn Log>,
    touched: Arc<Mutex<Touched>>,
}

struct WatchedWriter {
    writer: Box<dyn Writer>,
    touched: Arc<Mutex<Touched>>,
}

impl Layer for Watched {
    fn below(&self) -> &dyn Log {
        &*self.log
    }

    fn writer(&self, role: &str) -> Result<Box<dyn Writer>, LogError> {
        let writer = self.log.writer(role)?;
        Ok(Box::new(WatchedWriter { writer, touched: self.touched.clone() }))
    }

    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        self.touched.lock().unwrap().read.extend(from.iter().map(|p| p.topic.name));
        self.log.reader(from)
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        panic!("{membership:?}: no role here joins a group")
    }

    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        // Who asks here is about to read, and reads nothing of a topic that is empty.
        self.touched.lock().unwrap().read.extend(of.iter().map(|topic| topic.name));
        self.log.ends(of)
    }
}

impl Writer for WatchedWriter {
    fn append(&mut self, records: Vec<Outgoing>) -> Result<(), LogError> {
        let topics = records.iter().map(|record| record.topic.name);
        self.touched.lock().unwrap().written.extend(topics);
        self.writer.append(records)
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.writer.flush()
    }
}

/// What a role touches on a local log that holds one tick.
fn touched_by(act: impl FnOnce(&Site, &std::path::Path)) -> Touched {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let config =
        LogConfig::Local { dir, partitions: 2, retention_days: None, history_retention_days: None };
    let log = stream::open(&config, "p").unwrap();
    log.apply().unwrap();
    let site = |log| Site { log, codec: Codec::default(), prefix: "p".to_owned() };
    let mut publisher = site(log.clone()).publisher(CLOCK).unwrap();
    producer_clock::tick(&mut publisher, None, 1_700_000_000_000).unwrap();
    publisher.flush().unwrap();
    let touched = Arc::new(Mutex::new(Touched::default()));
    let watched = Watched { log, touched: touched.clone() };
    act(&site(Arc::new(watched)), folder.path());
    let mut touched = touched.lock().unwrap();
    std::mem::take(&mut *touched)
}

fn needs(name: &str) -> Needs {
    let mut roles = roles().unwrap().into_iter();
    roles.find(|role| role.name == name).unwrap().needs
}

fn names(topics: &[&'static TopicSpec]) -> BTreeSet<&'static str> {
    topics.iter().map(|topic| topic.name).collect()
}

#[test]
fn render_reads_what_its_list_says() {
    let touched = touched_by(|site, folder| {
        let (tables, past) = render::read(site).unwrap();
        render::render(&tables, &past, &folder.join("out"), &Teller::new()).unwrap();
    });
    assert_eq!(touched.read, names(&needs("render").reads));
    assert!(touched.written.is_empty() && needs("render").writes.is_empty());
}

#[test]
fn the_clock_reads_and_writes_what_its_list_says() {
    let touched = touched_by(|site, _| {
        let last = producer_clock::last_minute(&*site.log).unwrap();
        let mut publisher = site.publisher(CLOCK).unwrap();
        producer_clock::tick(&mut publisher, last, 1_700_000_060_000).unwrap();
        publisher.flush().unwrap();
    });
    assert_eq!(touched.read, names(&needs("clock").reads));
    assert_eq!(touched.written, names(&needs("clock").writes));
}

#[test]
fn collect_compares_what_its_list_says() {
    let touched = touched_by(|site, folder| {
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("accounts.csv", "account,name,owner\n111122223333,shop,ann@example.org\n");
        let risk = r#"{"Id": "1", "Accounts": "111122223333", "Requirements": "*",
            "Reason": "known", "Expires": "2030-01-01", "Status": "approved"}"#;
        write("risks.json", &format!("[{risk}]"));
        let register = "register: {accounts: accounts.csv, risks: risks.json}";
        write("scorecard.yaml", &format!("log: {{local: ./log}}\n{register}\n"));
        let config = ConfigFile::at(folder.join("scorecard.yaml")).read().unwrap();
        let problems = sources::publish(site, &config, 1_700_000_000_000).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
    });
    let needs = needs("collect");
    // A scan itself reads what was listed before and which units are open, in a group.
    let scan = BTreeSet::from(["account.listing", "scan.unit"]);
    assert!(touched.read.is_disjoint(&scan));
    assert_eq!(&touched.read | &scan, names(&needs.reads));
    assert_eq!(needs.group.as_deref(), Some("collector"));
    let scan = ["account.listing", "observation", "scan.unit", "spend"];
    assert!(names(&needs.writes).is_superset(&BTreeSet::from(scan)));
    assert_eq!(touched.written, BTreeSet::from(["account.register", "exception", "requirement"]));
    assert!(touched.written.is_subset(&names(&needs.writes)));
}

/// Roles of sinks, in the order of the list.
const SINKS: [&str; 6] =
    ["sink-s3", "sink-elasticsearch", "sink-clickhouse", "sink-siem", "sink-alert", "sink-mail"];

#[test]
fn every_topic_has_a_role_that_makes_it_and_one_that_writes_it() {
    let roles = roles().unwrap();
    let makers = roles.iter().filter(|role| names(&role.needs.makes) == names(topic::ALL));
    let makers: Vec<_> = makers.map(|role| &*role.name).collect();
    assert_eq!(makers, ["topics", "reshard-target"]);
    for topic in topic::ALL {
        let writes = |role: &&Role| names(&role.needs.writes).contains(topic.name);
        let writers: Vec<_> = roles.iter().filter(writes).map(|role| &*role.name).collect();
        let carries = ["dlq", "reshard-target"];
        let (carriers, own): (Vec<&str>, Vec<&str>) =
            writers.into_iter().partition(|name| carries.contains(name));
        let dlq: Vec<_> = carriers.into_iter().filter(|name| *name == "dlq").collect();
        let expected = match topic.writer {
            "producer clock" => vec!["clock"],
            "whoever met it" => ["account", "rollup"].into_iter().chain(SINKS).collect(),
            "sink siem" => vec!["sink-siem"],
            "sink alert" => vec!["sink-alert"],
            "sink mail" => vec!["sink-mail"],
            stage if stage.ends_with(" stage") => vec![stage.trim_end_matches(" stage")],
            _ => vec!["collect"],
        };
        assert_eq!(own, expected, "{}", topic.name);
        // A retry gives back to producers' topics, never to a stage's.
        assert!(dlq.is_empty() || topic.writer.starts_with("producer"), "{}", topic.name);
    }
}

#[test]
fn a_stages_group_is_the_one_that_its_workers_join() {
    let folder = tempfile::tempdir().unwrap();
    let config = WorkerConfig::new("slot", Stores::open(folder.path()).unwrap());
    for stage in STAGES {
        assert_eq!(needs(stage).group, Some(config.group(stage)));
    }
}

#[test]
fn commands_are_what_a_shell_and_kafkas_tool_take() {
    let given = ["clock=User:CN=it's the clock".to_owned()];
    let text = printed(None, &given, Format::Commands).unwrap();
    let clock = text.split("\n# ").find(|part| part.starts_with("clock")).unwrap();
    let start = "kafka-acls.sh --bootstrap-server \"$BOOTSTRAP\" --command-config \
                 admin.properties --add --allow-principal 'User:CN=it'\\''s the clock'";
    let expected = [
        "clock: scorecard clock".to_owned(),
        format!(
            "{start} --resource-pattern-type literal --operation Read --operation Write \
             --topic scorecard.tick.v1"
        ),
        format!(
            "{start} --resource-pattern-type prefixed --operation Describe \
             --operation DescribeConfigs --topic scorecard."
        ),
        format!(
            "{start} --resource-pattern-type literal --operation Describe --group scorecard.reader"
        ),
    ];
    assert_eq!(clock.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn json_is_one_object_a_right() {
    let text = printed(None, &["rollup=User:sums".to_owned()], Format::Json).unwrap();
    let rights: Vec<Value> = serde_json::from_str(&text).unwrap();
    let of_ids = |right: &&Value| right["resource_type"] == "transactional-id";
    let ids: Vec<_> = rights.iter().filter(of_ids).collect();
    assert_eq!(ids.len(), 9, "one for the collectors, for each stage and for each sink");
    let expected = json!({
        "role": "rollup", "principal": "User:sums", "permission": "Allow", "operation": "Write",
        "resource_type": "transactional-id", "name": "scorecard.rollup.", "pattern": "prefixed",
    });
    assert_eq!(*ids[2], expected);
}

#[test]
fn a_principal_of_no_role_or_without_a_kind_is_refused() {
    for (given, expected) in [
        ("clock", "must be ROLE=User:NAME"),
        ("clock=me", "for example User:name"),
        ("clock=User:", "for example User:name"),
        (
            "cook=User:me",
            "there are: topics, collect, clock, account, rollup, render, sink-s3, \
             sink-elasticsearch, sink-clickhouse, sink-siem, sink-alert, sink-mail, dlq, \
             top",
        ),
    ] {
        let error = printed(None, &[given.to_owned()], Format::Json).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
