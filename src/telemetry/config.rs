//! Where spans go: the collector, what it is told of us, and which share of them.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use schemars::JsonSchema;
use serde::Deserialize;
use stream::{http, secret::Secret};
use ureq::http::HeaderName;

/// Where spans go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The collector, which speaks OTLP over HTTP: `https://collector.example.com:4318`, without
    /// `/v1/traces`.
    pub(crate) url: String,
    /// Headers of each request, by name; what they say is secret.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Secret>,
    /// The share of traces that is sent, from 0 to 1.
    #[serde(default = "default_sample")]
    pub(crate) sample: f64,
    /// Certificates (PEM) to trust instead of the public ones.
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether `http` is good enough for a collector elsewhere.
    #[serde(default)]
    pub(crate) allow_plaintext: bool,
}

fn default_sample() -> f64 {
    1.0
}

/// Headers that are the exporter's own.
const OWN_HEADERS: [&str; 4] = ["content-encoding", "content-length", "content-type", "host"];

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// When a field can't be used.
    pub(crate) fn validate(&self) -> Result<()> {
        let checked = http::check(&self.url, self.allow_plaintext);
        checked.map_err(|problem| anyhow!("url: {problem}"))?;
        ensure!(!self.url.contains('?'), "url: must hold no query: there are `headers`");
        for name in self.headers.keys() {
            let known = name.parse::<HeaderName>();
            let known = known.with_context(|| format!("headers: {name:?} is no name"))?;
            ensure!(
                !OWN_HEADERS.contains(&known.as_str()),
                "headers: {name} is the exporter's own"
            );
        }
        ensure!((0.0..=1.0).contains(&self.sample), "sample: must lie between 0 and 1");
        Ok(())
    }

    /// Gives the address that spans are posted to.
    pub(crate) fn traces_url(&self) -> String {
        format!("{}/v1/traces", self.url.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    fn read(json: &str) -> Result<Config> {
        let config: Config = serde_json::from_str(json)?;
        config.validate()?;
        Ok(config)
    }

    #[test]
    fn settings_have_defaults_and_what_can_not_be_used_is_named() {
        let config = read(r#"{"url": "https://collector.example.com:4318"}"#).unwrap();
        assert_eq!((config.sample, config.headers.len()), (1.0, 0));
        for url in ["http://127.0.0.1:4318", "http://[::1]:4318/", "http://localhost/otlp"] {
            read(&format!(r#"{{"url": "{url}"}}"#)).unwrap();
        }
        read(r#"{"url": "http://collector:4318", "allow_plaintext": true}"#).unwrap();
        read(r#"{"url": "https://c", "headers": {"X-Team": {"env": "T"}}, "sample": 0}"#).unwrap();
        for (json, expected) in [
            (r#"{"url": "collector:4318"}"#, "must be https://"),
            (r#"{"url": "grpc://collector:4317"}"#, "must be https://"),
            (r#"{"url": "https://"}"#, "must be https://"),
            (r#"{"url": "http://collector:4318"}"#, "allow_plaintext"),
            (r#"{"url": "http://127.0.0.1.example.com"}"#, "allow_plaintext"),
            (r#"{"url": "https://me:secret@collector"}"#, "no user"),
            (r#"{"url": "https://collector?key=secret"}"#, "no query"),
            (r#"{"url": "https://c", "headers": {"a b": {"env": "T"}}}"#, "is no name"),
            (r#"{"url": "https://c", "headers": {"Host": {"env": "T"}}}"#, "exporter's own"),
            (
                r#"{"url": "https://c", "headers": {"authorization": "Bearer x"}}"#,
                "unknown variant",
            ),
            (r#"{"url": "https://c", "sample": 1.5}"#, "between 0 and 1"),
            (r#"{"url": "https://c", "sample": -0.1}"#, "between 0 and 1"),
            (r#"{"url": "https://c", "protocol": "grpc"}"#, "unknown field"),
        ] {
            let error = format!("{:#}", read(json).unwrap_err());
            assert!(error.contains(expected), "{json}: {error}");
            assert!(!error.contains("secret"), "{json}: {error}");
        }
    }

    #[test]
    fn spans_are_posted_below_the_collectors_address() {
        for (url, expected) in [
            ("https://c:4318", "https://c:4318/v1/traces"),
            ("https://c:4318/", "https://c:4318/v1/traces"),
            ("https://c/otlp/", "https://c/otlp/v1/traces"),
        ] {
            let config = read(&format!(r#"{{"url": "{url}"}}"#)).unwrap();
            assert_eq!(config.traces_url(), expected);
        }
    }

    #[test]
    fn the_example_for_traces_is_a_configuration() {
        let page = include_str!("../../docs/src/operations.md");
        let example = page.split("```yaml\n").nth(1).and_then(|text| text.split("```").next());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        std::fs::write(&path, format!("log: {{local: ./log}}\n{}", example.unwrap())).unwrap();
        let telemetry = ConfigFile::at(path).read().unwrap().telemetry.unwrap();
        let token = Secret::File(folder.path().join("otlp.token"));
        assert_eq!(telemetry.headers["authorization"], token, "from its folder");
        assert_eq!(telemetry.sample, 0.1);
    }
}
