//! The site: the open log with what every role needs beside it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use schemas::{Codec, Key, Topic, Value};
use stream::{Log, LogConfig, Publisher, TopicPlan, registry::HttpRegistry, snapshot};

use crate::config::Config;

/// The open log, how values are written, and the names' prefix.
pub(crate) struct Site {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) codec: Codec,
    pub(crate) prefix: String,
}

impl Site {
    /// Opens the log that a configuration names, and checks its topics.
    ///
    /// A local log makes its topics itself; on Kafka `scorecard topics apply` does.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let site = Self::connect(config)?;
        if config.log.local.is_some() {
            site.log.apply()?;
        }
        site.check()?;
        Ok(site)
    }

    /// Opens a log that is there with all its topics, and changes nothing in it.
    pub(crate) fn existing(config: &Config) -> Result<Self> {
        if let Some(dir) = &config.log.local {
            ensure!(dir.is_dir(), "there is no log in {}", dir.display());
        }
        let site = Self::connect(config)?;
        site.check()?;
        Ok(site)
    }

    /// Opens a local log with its topics.
    pub(crate) fn local(dir: &Path, partitions: i32) -> Result<Self> {
        let prefix = "scorecard".to_owned();
        let log = stream::open(&local_log(dir, partitions), &prefix)?;
        log.apply()?;
        Ok(Self { log, codec: Codec::default(), prefix })
    }

    /// Makes a local log with the same prefix, codec and number of partitions as another log.
    pub(crate) fn scratch(dir: &Path, of: &Self) -> Result<Self> {
        let log = stream::open(&local_log(dir, of.log.partitions()), &of.prefix)?;
        log.apply()?;
        Ok(Self { log, codec: of.codec.clone(), prefix: of.prefix.clone() })
    }

    /// Opens the log without looking at its topics.
    pub(crate) fn connect(config: &Config) -> Result<Self> {
        Self::connect_as(config, &config.prefix, config.partitions())
    }

    /// Opens the log that a configuration names under another prefix, with a number of partitions,
    /// without looking at its topics.
    pub(crate) fn connect_as(config: &Config, prefix: &str, partitions: i32) -> Result<Self> {
        let log = match (&config.log.local, &config.log.kafka) {
            (Some(dir), _) => local_log(dir, partitions),
            (None, Some(kafka)) => {
                let mut kafka = kafka.clone();
                kafka.partitions = partitions;
                LogConfig::Kafka(kafka)
            }
            (None, None) => bail!("the configuration names no log"),
        };
        let codec = match &config.schema_registry {
            None => Codec::default(),
            Some(registry) => {
                Codec::with_registry(HttpRegistry::new(registry).context("the schema registry")?)
            }
        };
        let log = stream::open(&log, prefix)?;
        Ok(Self { log, codec, prefix: prefix.to_owned() })
    }

    /// Opens a publisher for a producer's role.
    pub(crate) fn publisher(&self, role: &str) -> Result<Publisher> {
        Ok(Publisher::open(&*self.log, &self.codec, &self.prefix, role)?)
    }

    /// Reads a table as it is now.
    pub(crate) fn table<K: Key, V: Value>(&self, topic: &Topic<K, V>) -> Result<BTreeMap<K, V>> {
        let rows = snapshot::table(&*self.log, &self.codec, &self.prefix, topic);
        rows.with_context(|| format!("reading the table {}", topic.spec.name))
    }

    /// Reads a broadcast topic as its partitions agree on it.
    pub(crate) fn agreed<K: Key, V: Value>(
        &self,
        topic: &Topic<K, V>,
    ) -> Result<BTreeMap<K, Option<V>>> {
        Ok(snapshot::agreed(&*self.log, &self.codec, &self.prefix, topic)?)
    }

    /// Gives the log's own time, of which its tables are: the last tick; this machine's where there
    /// is none. A log that nobody writes any more ended before now.
    ///
    /// # Errors
    /// When the log can't be read.
    pub(crate) fn time_ms(&self) -> Result<i64> {
        let last = producer_clock::last_minute(&*self.log).context("looking for the last tick")?;
        Ok(last.unwrap_or_else(now_ms))
    }

    /// Makes sure that all topics are as they must be.
    fn check(&self) -> Result<()> {
        let plan = self.log.plan()?;
        let wrong = plan.iter().find(|one| !matches!(one, TopicPlan::Keep(_)));
        let Some(wrong) = wrong else { return Ok(()) };
        bail!(
            "the log is not ready: {}; see `scorecard topics plan`, then `scorecard topics apply`",
            crate::topics::describe(wrong, &self.prefix)
        )
    }
}

/// A local log keeps everything: its owner deletes the folder.
fn local_log(dir: &Path, partitions: i32) -> LogConfig {
    let dir = dir.to_owned();
    LogConfig::Local { dir, partitions, retention_days: None, history_retention_days: None }
}

/// Gives the time of this machine in UTC milliseconds.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
