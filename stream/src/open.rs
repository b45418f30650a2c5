//! Opens the log that the configuration names.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;

use crate::{
    Log, LogError,
    kafka::{KafkaConfig, KafkaLog},
    local::{LocalLog, LocalOptions},
};

/// Which log to use.
///
/// In a configuration file: `local: {dir: data}` or `kafka: {bootstrap: "broker:9092"}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum LogConfig {
    /// A log in a folder, for one process.
    Local {
        /// The folder; it is made when it is not there.
        dir: PathBuf,
        /// Partitions of every topic, for good.
        #[serde(default = "default_partitions")]
        partitions: i32,
        /// Days that events are kept; none keeps them for good.
        #[serde(default)]
        retention_days: Option<u32>,
        /// Days that histories are kept; none keeps them for good.
        #[serde(default)]
        history_retention_days: Option<u32>,
    },
    /// Apache Kafka.
    Kafka(KafkaConfig),
}

fn default_partitions() -> i32 {
    12
}

/// Opens a log; the names of its topics and groups begin with the prefix.
///
/// # Errors
/// As [`LocalLog::open`] and [`KafkaLog::connect`].
pub fn open(config: &LogConfig, prefix: &str) -> Result<Arc<dyn Log>, LogError> {
    match config {
        LogConfig::Local { dir, partitions, retention_days, history_retention_days } => {
            let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 3600);
            let options = LocalOptions {
                retention: retention_days.map(days),
                history_retention: history_retention_days.map(days),
                ..LocalOptions::default()
            };
            Ok(Arc::new(LocalLog::open_with(dir, *partitions, prefix, options)?))
        }
        LogConfig::Kafka(config) => Ok(Arc::new(KafkaLog::connect(config.clone(), prefix)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<LogConfig, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_local_log_needs_a_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new");
        let config = parse(&format!(r#"{{"local": {{"dir": {dir:?}}}}}"#)).unwrap();
        let log = open(&config, "scorecard").unwrap();
        assert_eq!(log.partitions(), 12);
        log.apply().unwrap();
        log.check().unwrap();
    }

    #[test]
    fn kafka_needs_brokers_only_and_unknown_settings_are_errors() {
        let config = parse(r#"{"kafka": {"bootstrap": "b:9092"}}"#).unwrap();
        let LogConfig::Kafka(config) = config else {
            panic!("{config:?}");
        };
        assert_eq!((config.partitions, config.replication_factor), (12, 3));
        assert!(parse(r#"{"kafka": {"bootstrap": "b:9092", "typo": 1}}"#).is_err());
        assert!(parse(r#"{"local": {"dir": "d", "typo": 1}}"#).is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let json = r#"{"kafka": {"bootstrap": "b:9092",
            "properties": {"sasl.password": "geheim", "security.protocol": "SASL_SSL"},
            "secrets": {"ssl.key.password": {"env": "KEY_PASSWORD"}}}}"#;
        let shown = format!("{:?}", parse(json).unwrap());
        assert!(!shown.contains("geheim"), "{shown}");
        assert!(shown.contains("sasl.password") && shown.contains("KEY_PASSWORD"));
    }

    #[test]
    fn what_exactly_once_hangs_on_can_not_be_set() {
        let json = r#"{"kafka": {"bootstrap": "127.0.0.1:1",
            "properties": {"enable.auto.commit": "true"}}}"#;
        let error = open(&parse(json).unwrap(), "p").err().unwrap();
        assert!(matches!(error, LogError::Setting { .. }), "{error:?}");
    }
}
