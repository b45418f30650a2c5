//! One site: a configuration with its folder and log, and runs of the program on it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kit::kafka::Kafka;
use kit::process::{self, Child, Finished};
use schemas::{Codec, Key, Topic};
use serde_json::{Value, json};
use stream::{LogConfig, kafka::KafkaConfig, snapshot};
use tempfile::TempDir;

use crate::tables::Tables;
use crate::world::World;

/// Limit for one run of a few accounts; a loaded machine with two cores needed 15 s at most.
const RUN_LIMIT: Duration = Duration::from_secs(120);

const PARTITIONS: i32 = 4;

/// A configuration with its folder, and the log that it names.
pub(crate) struct Site {
    folder: TempDir,
    prefix: String,
    log: LogConfig,
}

impl Site {
    /// Makes a site with a log in its folder; `more` adds to the configuration's part `aws`.
    pub(crate) fn local(world: &World, endpoint: &str, more: Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = LogConfig::Local {
            dir: folder.path().join("data"),
            partitions: PARTITIONS,
            retention_days: None,
            history_retention_days: None,
        };
        let site = Self { folder, prefix: "collection".to_owned(), log };
        site.configure(world, endpoint, more, &json!({"local": "./data"}))?;
        Ok(site)
    }

    /// Makes a site with topics of its own on the shared Kafka node.
    pub(crate) fn kafka(
        world: &World,
        endpoint: &str,
        more: Value,
        session_timeout_ms: u32,
    ) -> Result<Self> {
        let kafka = Kafka::shared()?;
        let log = json!({"bootstrap": kafka.bootstrap(), "replication_factor": 1,
            "session_timeout_ms": session_timeout_ms});
        let config: KafkaConfig = serde_json::from_value(log.clone())?;
        let site = Self {
            folder: tempfile::tempdir()?,
            prefix: kafka.prefix("collection"),
            log: LogConfig::Kafka(KafkaConfig { partitions: PARTITIONS, ..config }),
        };
        site.configure(world, endpoint, more, &json!({"kafka": log}))?;
        process::run(site.command(&["topics", "apply"]), RUN_LIMIT).context("making the topics")?;
        Ok(site)
    }

    fn configure(&self, world: &World, endpoint: &str, more: Value, log: &Value) -> Result<()> {
        let mut aws = json!({
            "payers": [{"account": world.payer()}], "role": "audit", "endpoint": endpoint,
            "concurrency": {"calls_per_second": 1000},
        });
        if let (Value::Object(aws), Value::Object(more)) = (&mut aws, more) {
            aws.extend(more);
        }
        let standard = kit::setup::repository().join("standard");
        let text = format!(
            "prefix: {}\npartitions: {PARTITIONS}\nlog: {log}\nstate: ./state\n\
             standard: {standard:?}\nworkbooks: ./workbooks\naws: {aws}\n",
            self.prefix,
        );
        fs::write(self.folder().join("config.yaml"), text).context("writing the configuration")
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a scan of a few accounts and everything behind it to its end, however that is.
    pub(crate) fn run(&self) -> Result<Finished> {
        self.run_within(RUN_LIMIT)
    }

    /// [`Site::run`] with a limit of one's own.
    pub(crate) fn run_within(&self, limit: Duration) -> Result<Finished> {
        self.start("run", &["run", "--once", "--output", "json"])?.wait(limit)
    }

    /// Runs the program to its end, which must be a good one, and gives what it prints.
    pub(crate) fn read(&self, arguments: &[&str]) -> Result<String> {
        process::run(self.command(arguments), RUN_LIMIT)
    }

    /// Starts the program; its output goes to files of this name.
    pub(crate) fn start(&self, name: &str, arguments: &[&str]) -> Result<Child> {
        Child::spawn(self.command(arguments), self.folder(), name)
    }

    /// Reads the tables as they are now.
    pub(crate) fn tables(&self) -> Result<Tables> {
        Tables::read(&*stream::open(&self.log, &self.prefix)?, &self.prefix)
    }

    /// Reads every record of a topic, each partition in order.
    pub(crate) fn history<K: Key, V: schemas::Value>(&self, topic: &Topic<K, V>) -> Result<Vec<V>> {
        let log = stream::open(&self.log, &self.prefix)?;
        let records = snapshot::history(&*log, &Codec::default(), &self.prefix, topic)?;
        Ok(records.into_iter().map(|(_, _, value)| value).collect())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder().join("config.yaml"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE")
            .env_remove("SCORECARD_LOG");
        command
    }
}

/// Reads the summary of a run that ended well.
pub(crate) fn summary(run: &Finished) -> Result<Value> {
    if !run.status.success() {
        bail!("the run ended with {}:\n{}\n{}", run.status, run.stdout, run.stderr);
    }
    serde_json::from_str(&run.stdout)
        .with_context(|| format!("--output json printed {:?}", run.stdout))
}
