//! What the sink is told: the server, who asks, and how long rows stay.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use sink_frame::ConfigError;
use stream::http;
use stream::secret::Secret;

/// Days that a table's `TTL` can reach: a `Date` ends in the year 2149.
const RETENTION_DAYS_MAX: u32 = 40_000;

/// The usual retentions, with which the migrations make the tables.
pub(crate) const RETENTION_DAYS: u32 = 400;
pub(crate) const DAILY_RETENTION_DAYS: u32 = 3_650;

/// Configuration of the sink, and of the questions that are asked of its tables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's HTTP interface: `https://clickhouse.example.com:8443`.
    pub url: String,
    /// The user.
    #[serde(default = "default_user")]
    pub user: String,
    /// The user's password; none when absent.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The database that holds the tables.
    #[serde(default = "default_database")]
    pub database: String,
    /// Days that hourly cuts, transitions and states of accounts stay.
    #[serde(default = "default_retention_days")]
    pub retention_days: u32,
    /// Days that the last score of each day stays.
    #[serde(default = "default_daily_retention_days")]
    pub daily_retention_days: u32,
    /// A file with the certificates (PEM) of the authorities that the server's certificate may
    /// come from; those of this machine when absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether `http` is good enough for a server elsewhere.
    #[serde(default)]
    pub allow_plaintext: bool,
}

fn default_user() -> String {
    "default".to_owned()
}

fn default_database() -> String {
    "scorecard".to_owned()
}

fn default_retention_days() -> u32 {
    RETENTION_DAYS
}

fn default_daily_retention_days() -> u32 {
    DAILY_RETENTION_DAYS
}

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |field, problem: &str| Err(ConfigError { field, problem: problem.to_owned() });
        http::check(&self.url, self.allow_plaintext).or_else(|problem| wrong("url", problem))?;
        let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if !self.database.starts_with(first) || !self.database.chars().all(plain) {
            return wrong("database", "must be letters, digits and _, and not begin with a digit");
        }
        for (field, days) in [
            ("retention_days", self.retention_days),
            ("daily_retention_days", self.daily_retention_days),
        ] {
            if !(1..=RETENTION_DAYS_MAX).contains(&days) {
                return wrong(field, &format!("must lie between 1 and {RETENTION_DAYS_MAX}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_used_is_named() {
        let parse = |json: &str| serde_json::from_str::<Config>(json).unwrap().validate();
        for json in [
            r#"{"url": "https://clickhouse:8443"}"#,
            r#"{"url": "http://127.0.0.1:8123", "retention_days": 1}"#,
            r#"{"url": "http://[::1]:8123/", "database": "_x9"}"#,
            r#"{"url": "http://clickhouse:8123", "allow_plaintext": true}"#,
        ] {
            assert_eq!(parse(json), Ok(()), "{json}");
        }
        for (json, field) in [
            (r#"{"url": "clickhouse:8123"}"#, "url"),
            (r#"{"url": "https://"}"#, "url"),
            (r#"{"url": "http://clickhouse:8123"}"#, "url"),
            (r#"{"url": "http://127.0.0.1.example.com:8123"}"#, "url"),
            (r#"{"url": "https://me:secret@clickhouse"}"#, "url"),
            (r#"{"url": "https://c", "database": "a; DROP"}"#, "database"),
            (r#"{"url": "https://c", "database": ""}"#, "database"),
            (r#"{"url": "https://c", "retention_days": 0}"#, "retention_days"),
            (r#"{"url": "https://c", "daily_retention_days": 50000}"#, "daily_retention_days"),
        ] {
            assert_eq!(parse(json).unwrap_err().field, field, "{json}");
        }
        assert!(serde_json::from_str::<Config>(r#"{"url": "https://c", "x": 1}"#).is_err());
    }
}
