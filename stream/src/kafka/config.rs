//! How to reach Kafka, and the clients' settings that exactly-once needs.

use std::{collections::BTreeMap, fmt, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use schemars::JsonSchema;
use schemas::{Cleanup, TopicSpec};
use serde::Deserialize;

use crate::{LogError, secret::Secret};

/// Settings of librdkafka that the log sets itself, because its promises hang on them.
const OURS: [&str; 13] = [
    "acks",
    "bootstrap.servers",
    "client.id",
    "enable.auto.commit",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "partition.assignment.strategy",
    "transaction.timeout.ms",
    "transactional.id",
];

/// How to reach Kafka and how its topics are made.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Brokers to ask first: `host:port`, separated by commas.
    pub bootstrap: String,
    /// Partitions of every topic, for good; whoever opens the log says how many.
    #[serde(skip, default = "default_partitions")]
    pub partitions: i32,
    /// Copies of every partition. One less of them must have a record before it counts.
    #[serde(default = "default_replication")]
    pub replication_factor: i32,
    /// Days that events are kept; none keeps them for good.
    #[serde(default = "default_retention")]
    pub retention_days: Option<u32>,
    /// Days that histories are kept; none keeps them for good.
    #[serde(default = "default_history_retention")]
    pub history_retention_days: Option<u32>,
    /// After this time without a sign of life a member's partitions go to others, in milliseconds.
    #[serde(default = "default_session_timeout")]
    pub session_timeout_ms: u32,
    /// More settings of librdkafka, for example `security.protocol`.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Settings whose values are secrets, for example `sasl.password`, and where those are found.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
}

fn default_partitions() -> i32 {
    12
}

fn default_replication() -> i32 {
    3
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn default_retention() -> Option<u32> {
    Some(90)
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn default_history_retention() -> Option<u32> {
    Some(730)
}

fn default_session_timeout() -> u32 {
    15_000
}

impl fmt::Debug for KafkaConfig {
    /// Names properties without their values: any of them may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("bootstrap", &self.bootstrap)
            .field("partitions", &self.partitions)
            .field("replication_factor", &self.replication_factor)
            .field("retention_days", &self.retention_days)
            .field("history_retention_days", &self.history_retention_days)
            .field("session_timeout_ms", &self.session_timeout_ms)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .field("secrets", &self.secrets)
            .finish()
    }
}

/// How long a transaction may stay open before Kafka aborts it.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a record of a transaction may wait for its acknowledgement: less than the above.
pub(super) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(8);

/// Kafka's default for a batch with all its headers; see [`crate::RECORD_BYTES_MAX`].
const BATCH_BYTES_MAX: u32 = 1_048_588;

const DAY_MS: i64 = 24 * 3600 * 1000;

impl KafkaConfig {
    /// Makes a configuration for brokers, with the usual settings.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            partitions: default_partitions(),
            replication_factor: default_replication(),
            retention_days: default_retention(),
            history_retention_days: default_history_retention(),
            session_timeout_ms: default_session_timeout(),
            properties: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// Settings of any client.
    pub(super) fn client(&self, id: &str) -> Result<ClientConfig, LogError> {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Warning);
        for name in self.properties.keys().chain(self.secrets.keys()) {
            if OURS.contains(&name.as_str()) {
                return Err(LogError::Setting {
                    name: name.clone(),
                    problem: "is not to be set: exactly-once hangs on it".to_owned(),
                });
            }
        }
        for (name, value) in &self.properties {
            if is_secret(name) {
                return Err(LogError::Setting {
                    name: name.clone(),
                    problem: "is a secret: `secrets` names its file or variable".to_owned(),
                });
            }
            config.set(name, value);
        }
        for (name, secret) in &self.secrets {
            config.set(name, secret.read(name)?);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", id);
        config.set("allow.auto.create.topics", "false");
        // By default a client waits up to ten seconds before it tries a broker again.
        self.default(&mut config, "reconnect.backoff.ms", "50");
        self.default(&mut config, "reconnect.backoff.max.ms", "1000");
        Ok(config)
    }

    /// Settings of a consumer in a group, or with a group's name only.
    pub(super) fn consumer(&self, id: &str, group: &str) -> Result<ClientConfig, LogError> {
        let mut config = self.client(id)?;
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            // Positions are always given; this is for records that retention removed before them.
            .set("auto.offset.reset", "earliest");
        for (name, value) in [
            ("queued.max.messages.kbytes", "16384"),
            ("fetch.queue.backoff.ms", "5"),
            // The end of a partition is told by an empty answer, so that answer must not wait long.
            ("fetch.wait.max.ms", "50"),
            ("fetch.message.max.bytes", "2097152"),
        ] {
            self.default(&mut config, name, value);
        }
        Ok(config)
    }

    /// Settings of a group's member.
    pub(super) fn member(
        &self,
        id: &str,
        group: &str,
        slot: &str,
    ) -> Result<ClientConfig, LogError> {
        let mut config = self.consumer(id, group)?;
        config
            .set("group.instance.id", slot)
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", self.session_timeout_ms.to_string());
        let heartbeat_ms = (self.session_timeout_ms / 5).clamp(100, 3_000);
        self.default(&mut config, "heartbeat.interval.ms", &heartbeat_ms.to_string());
        Ok(config)
    }

    /// Settings of a producer's idempotent writer.
    pub(super) fn writer(&self, id: &str) -> Result<ClientConfig, LogError> {
        let mut config = self.client(id)?;
        config.set("enable.idempotence", "true").set("acks", "all");
        for (name, value) in [
            ("message.max.bytes", &*BATCH_BYTES_MAX.to_string()),
            ("compression.type", "lz4"),
            ("linger.ms", "5"),
            ("message.timeout.ms", "120000"),
            // The queue's bounds are what holds back a producer that is faster than the brokers.
            ("queue.buffering.max.messages", "50000"),
            ("queue.buffering.max.kbytes", "65536"),
        ] {
            self.default(&mut config, name, value);
        }
        Ok(config)
    }

    /// Settings of a member's transactional producer.
    pub(super) fn transactional(&self, id: &str) -> Result<ClientConfig, LogError> {
        let mut config = self.writer(id)?;
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", millis(TRANSACTION_TIMEOUT))
            .set("message.timeout.ms", millis(DELIVERY_TIMEOUT));
        // Kafka answers "concurrent transactions" while it ends the last one: the default of 100 ms
        // for the next try would be most of a commit.
        self.default(&mut config, "retry.backoff.ms", "10");
        self.default(&mut config, "linger.ms", "1");
        Ok(config)
    }

    /// Sets what the user did not.
    fn default(&self, config: &mut ClientConfig, name: &str, value: &str) {
        if !self.properties.contains_key(name) {
            config.set(name, value);
        }
    }

    /// Gives the settings of a topic, in Kafka's words.
    pub fn topic_settings(&self, spec: &TopicSpec) -> BTreeMap<&'static str, String> {
        let in_sync = (self.replication_factor - 1).max(1);
        let retention_ms = |days: Option<u32>| days.map_or(-1, |days| i64::from(days) * DAY_MS);
        let mut settings = BTreeMap::from([
            ("max.message.bytes", BATCH_BYTES_MAX.to_string()),
            ("min.insync.replicas", in_sync.to_string()),
            ("segment.bytes", (50 * 1024 * 1024).to_string()),
        ]);
        let retention_ms = match spec.cleanup {
            Cleanup::Compact => {
                settings.insert("cleanup.policy", "compact".to_owned());
                settings.insert("delete.retention.ms", (7 * DAY_MS).to_string());
                return settings;
            }
            Cleanup::Delete => retention_ms(self.retention_days),
            Cleanup::DeleteLong => retention_ms(self.history_retention_days),
        };
        settings.insert("cleanup.policy", "delete".to_owned());
        settings.insert("retention.ms", retention_ms.to_string());
        settings
    }
}

/// Whether a setting of librdkafka holds a secret.
fn is_secret(name: &str) -> bool {
    let ends = ["password", "secret", "passphrase", "key.pem"];
    ends.iter().any(|end| name.ends_with(end)) || name == "sasl.oauthbearer.config"
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_among_the_properties_is_refused_and_not_shown() {
        for (name, secret) in [
            ("sasl.password", true),
            ("ssl.key.password", true),
            ("ssl.key.pem", true),
            ("sasl.oauthbearer.client.secret", true),
            ("sasl.oauthbearer.config", true),
            ("sasl.username", false),
            ("ssl.key.location", false),
            ("ssl.ca.pem", false),
        ] {
            let mut config = KafkaConfig::new("broker:9092");
            config.properties.insert(name.to_owned(), "geheim".to_owned());
            match config.client("test") {
                Ok(_) => assert!(!secret, "{name} is taken"),
                Err(error) => {
                    assert!(secret, "{error}");
                    assert!(error.to_string().contains(name), "{error}");
                    assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
                }
            }
        }
    }
}
