//! Settings of the sink: where the cluster is, who we are there, and how its indices are called.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use sink_frame::ConfigError;
use stream::http;
use stream::secret::Secret;

/// Settings of the sink.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cluster's address, for example `https://search.example.com:9200`.
    pub url: String,
    /// The user's name, with `password`.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// An API key as Elasticsearch gives it (`encoded`), instead of a user.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// A file with the certificates (PEM) of the authorities that the cluster's certificate may
    /// come from, besides the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether a cluster that is not on this machine may be spoken to without TLS.
    #[serde(default)]
    pub allow_plaintext: bool,
    /// What the names of indices, aliases and templates begin with.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Whether requests are packed: less network, more work here.
    #[serde(default)]
    pub compress: bool,
    /// Bytes of a bulk request, before it is packed; one that is too large for the cluster is
    /// halved.
    #[serde(default = "default_bulk_bytes")]
    pub bulk_bytes: usize,
    /// Bulk requests at the same time.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// Shards of each index of current state.
    #[serde(default = "default_shards")]
    pub shards: u32,
    /// Copies of each shard on other nodes; as many as there are nodes for, up to one, when absent.
    #[serde(default)]
    pub replicas: Option<u32>,
    /// Days that deleted documents are kept: longer than a topic keeps tombstones.
    #[serde(default = "default_deleted_days")]
    pub deleted_days: u32,
    /// Months that histories are kept; for ever when absent.
    #[serde(default)]
    pub history_months: Option<u32>,
    /// Hours after which a finding that has not changed is dated anew, so that it stays in the
    /// window that Kibana looks at.
    #[serde(default = "default_heartbeat_hours")]
    pub heartbeat_hours: u32,
}

fn default_prefix() -> String {
    "scorecard".to_owned()
}

fn default_bulk_bytes() -> usize {
    8 * 1024 * 1024
}

fn default_concurrency() -> usize {
    2
}

fn default_shards() -> u32 {
    1
}

fn default_deleted_days() -> u32 {
    30
}

fn default_heartbeat_hours() -> u32 {
    12
}

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |field, problem: &str| Err(ConfigError { field, problem: problem.to_owned() });
        http::check(&self.url, self.allow_plaintext).or_else(|problem| wrong("url", problem))?;
        if self.username.is_some() != self.password.is_some() {
            return wrong("username", "must come with password");
        }
        if self.username.is_some() && self.api_key.is_some() {
            return wrong("api_key", "must stand alone, without username");
        }
        // Elasticsearch's rules for names of indices, and no dot or dash where ours add their own.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let first = self.prefix.chars().next();
        if !first.is_some_and(|c| c.is_ascii_lowercase()) || !self.prefix.chars().all(plain) {
            return wrong("prefix", "must begin with a small letter and hold a-z, 0-9 and -_.");
        }
        if self.prefix.len() > 100 {
            return wrong("prefix", "must have at most 100 letters");
        }
        if self.bulk_bytes < 1024 * 1024 {
            return wrong("bulk_bytes", "must be at least 1048576: one record may be as large");
        }
        if self.deleted_days == 0 {
            return wrong("deleted_days", "must be at least 1");
        }
        for (field, number) in [
            ("concurrency", u32::try_from(self.concurrency).unwrap_or(u32::MAX)),
            ("shards", self.shards),
            ("history_months", self.history_months.unwrap_or(1)),
            ("heartbeat_hours", self.heartbeat_hours),
        ] {
            if !(1..=1_000).contains(&number) {
                return wrong(field, "must be from 1 to 1000");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> Option<&'static str> {
        serde_json::from_str::<Config>(json).unwrap().validate().err().map(|error| error.field)
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        for (json, wanted) in [
            (r#"{"url": "https://search:9200"}"#, None),
            (r#"{"url": "http://127.0.0.1:9200"}"#, None),
            (r#"{"url": "http://[::1]:9200", "prefix": "a.b-c"}"#, None),
            (r#"{"url": "http://search:9200"}"#, Some("url")),
            (r#"{"url": "http://localhost.example.com"}"#, Some("url")),
            (r#"{"url": "https://me:secret@search:9200"}"#, Some("url")),
            (r#"{"url": "http://search:9200", "allow_plaintext": true}"#, None),
            (r#"{"url": "search"}"#, Some("url")),
            (r#"{"url": "https://s", "username": "u"}"#, Some("username")),
            (r#"{"url": "https://s", "prefix": "A"}"#, Some("prefix")),
            (r#"{"url": "https://s", "prefix": "_a"}"#, Some("prefix")),
            (r#"{"url": "https://s", "concurrency": 0}"#, Some("concurrency")),
            (r#"{"url": "https://s", "bulk_bytes": 1}"#, Some("bulk_bytes")),
        ] {
            assert_eq!(field(json), wanted, "{json}");
        }
        assert!(serde_json::from_str::<Config>(r#"{"url": "https://s", "x": 1}"#).is_err());
    }
}
