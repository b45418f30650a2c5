//! One site: a configuration with its folder and log, the program at work on it, and the collector
//! that its spans go to.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kit::http;
use kit::otlp::Collector;
use kit::process::{Child, Finished};
use producer_simulator as simulator;
use schemas::{Codec, RequirementKey, TopicSpec, topic};
use serde_json::Value;
use stream::{Log, LogConfig, Outgoing, Publisher};
use tempfile::TempDir;

use crate::spans::{self, Span};

/// Limit for one command, and for stages to come to rest.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// What collectors are told of themselves: it must be in no log.
pub(crate) const SECRET: &str = "Bearer geheim-5d2c77";

const PREFIX: &str = "scorecard";

const PARTITIONS: i32 = 2;

/// The first simulated instant: 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

/// What the account stage reads.
pub(crate) const SOURCES: [&TopicSpec; 8] = [
    topic::TICK.spec,
    topic::ACCOUNT_LISTING.spec,
    topic::ACCOUNT_REGISTER.spec,
    topic::REQUIREMENT.spec,
    topic::EXCEPTION.spec,
    topic::SPEND.spec,
    topic::OBSERVATION.spec,
    topic::REPORT.spec,
];

/// A configuration with its folder, and a collector.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) collector: Collector,
}

impl Site {
    /// Makes a site with an empty log, whose spans go to a collector that wants a secret.
    pub(crate) fn new() -> Result<Self> {
        let site = Self { folder: tempfile::tempdir()?, collector: Collector::start()? };
        fs::write(site.folder().join("otlp.token"), format!("{SECRET}\n"))?;
        site.configure(&site.telemetry())?;
        site.open()?.apply()?;
        Ok(site)
    }

    /// Gives the part of the configuration that lets spans go to the collector.
    pub(crate) fn telemetry(&self) -> String {
        let url = self.collector.url();
        format!("telemetry: {{url: \"{url}\", headers: {{authorization: {{file: otlp.token}}}}}}\n")
    }

    /// Writes the configuration with `more` in it.
    pub(crate) fn configure(&self, more: &str) -> Result<()> {
        let text = format!(
            "log: {{local: ./log}}\npartitions: {PARTITIONS}\nstate: ./state\n\
             workbooks: ./workbooks\n{more}"
        );
        Ok(fs::write(self.folder().join("scorecard.yaml"), text)?)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens the log; nobody else can meanwhile.
    pub(crate) fn open(&self) -> Result<Arc<dyn Log>> {
        let dir = self.folder().join("log");
        let log = LogConfig::Local {
            dir,
            partitions: PARTITIONS,
            retention_days: None,
            history_retention_days: None,
        };
        Ok(stream::open(&log, PREFIX)?)
    }

    /// Writes the standard that ships, some days of a simulated organisation, and a record that no
    /// stage can read.
    pub(crate) fn fill(&self) -> Result<()> {
        let log = self.open()?;
        let mut publisher = Publisher::open(&*log, &Codec::default(), PREFIX, "simulator")?;
        for requirement in producer_standard::shipped().requirements {
            let key = RequirementKey::new(&*requirement.id);
            publisher.put(&topic::REQUIREMENT, &key, &requirement, START_MS)?;
        }
        let config = simulator::Config {
            accounts: 3,
            days: 2,
            size: 6,
            start_ms: START_MS,
            ..simulator::Config::default()
        };
        for event in simulator::simulate(&config) {
            simulator::publish(&event, &mut publisher)?;
        }
        publisher.flush()?;
        let mut writer = log.writer("test")?;
        writer.append(vec![Outgoing {
            topic: topic::SPEND.spec,
            partition: 1,
            timestamp_ms: START_MS,
            key: b"111111111111".to_vec(),
            value: Some(b"not Avro".to_vec()),
            headers: Vec::new(),
        }])?;
        Ok(writer.flush()?)
    }

    /// Counts the records that a group has taken.
    pub(crate) fn taken(&self, group: &str, inputs: &[&'static TopicSpec]) -> Result<i64> {
        Ok(self.open()?.committed(group, inputs)?.iter().map(|at| at.offset).sum())
    }

    /// Counts the records that topics ever held.
    pub(crate) fn count(&self, topics: &[&'static TopicSpec]) -> Result<i64> {
        Ok(self.open()?.ends(topics)?.iter().map(|end| end.offset).sum())
    }

    /// Prepares a command. What the exporter does by itself it does not before the test is over.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder().join("scorecard.yaml"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("OTEL_BSP_SCHEDULE_DELAY", "600000")
            // The configuration has the last word.
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=nobody")
            .env_remove("AWS_PROFILE")
            .env_remove("SCORECARD_LOG");
        command
    }

    /// Runs a command to its end, whichever it is.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Finished> {
        self.start(arguments)?.wait(LIMIT)
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Child> {
        Child::spawn(self.command(arguments), self.folder(), arguments[0])
    }

    /// Lets both stages take everything in one process, which is then asked to end; gives what it
    /// wrote, and how long its end took.
    pub(crate) fn process(&self, arguments: &[&str]) -> Result<(Finished, Duration)> {
        let arguments = [&["process", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = self.start(&arguments)?;
        let port = told_port(&mut child, "listening at http://127.0.0.1:")?;
        let begun = Instant::now();
        while !is_done(port)? {
            ensure!(child.is_running() && begun.elapsed() < LIMIT, "{}", child.tail());
            std::thread::sleep(Duration::from_millis(50));
        }
        let asked = Instant::now();
        child.signal("TERM")?;
        let finished = child.wait(LIMIT)?;
        Ok((finished, asked.elapsed()))
    }

    /// Reads the spans that the collector got, all of them with its secret, and forgets them.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.collector.take();
        for request in &requests {
            assert_eq!(spans::header(request, "authorization"), [SECRET]);
        }
        spans::of(&requests)
    }
}

/// Waits until a child tells at which port it listens.
pub(crate) fn told_port(child: &mut Child, said: &str) -> Result<u16> {
    child.wait_for_output(said, LIMIT)?;
    let stderr = child.stderr();
    let port = stderr.split(said).nth(1).and_then(|rest| rest.lines().next());
    Ok(port.context("the port is told")?.trim().parse()?)
}

/// Tells whether all tasks of both stages have taken everything.
fn is_done(port: u16) -> Result<bool> {
    let view: Value = serde_json::from_slice(&http::request(port, "GET", "/tasks", "", b"")?.body)?;
    let stages = view["stages"].as_array().context("stages")?;
    let tasks: Vec<_> = stages.iter().filter_map(|one| one["tasks"].as_array()).flatten().collect();
    let done = tasks
        .iter()
        .all(|task| task["phase"] == "running" && task["lag"] == 0 && task["pending"] == false);
    Ok(tasks.len() == 2 * usize::try_from(PARTITIONS)? && done)
}
