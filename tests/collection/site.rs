//! One site: a configuration with its folder and log, and runs of the program on it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kit::process::{Child, Finished};
use schemas::{Codec, Key, Topic};
use serde_json::{Value, json};
use stream::{LogConfig, snapshot};
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
        let mut aws = json!({
            "payers": [{"account": world.payer()}], "role": "audit", "endpoint": endpoint,
            "concurrency": {"calls_per_second": 1000},
        });
        if let (Value::Object(aws), Value::Object(more)) = (&mut aws, more) {
            aws.extend(more);
        }
        let text = format!(
            "prefix: {}\npartitions: {PARTITIONS}\nlog: {{local: ./data}}\nstate: ./state\n\
             standard: {:?}\nworkbooks: ./workbooks\naws: {aws}\n",
            site.prefix,
            kit::setup::repository().join("standard"),
        );
        fs::write(site.folder().join("config.yaml"), text)?;
        Ok(site)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a scan and everything behind it to its end, however that is.
    pub(crate) fn run(&self) -> Result<Finished> {
        let command = self.command(&["run", "--once", "--json"]);
        Child::spawn(command, self.folder(), "run")?.wait(RUN_LIMIT)
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

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
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
    serde_json::from_str(&run.stdout).with_context(|| format!("--json printed {:?}", run.stdout))
}
