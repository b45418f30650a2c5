//! What the sink is told: which changes are events, and headers for Splunk.

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of the sink; all of it may be absent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether changes of resources are events too, besides findings.
    pub inventory: bool,
    /// Headers for Splunk Connect for Kafka; none are written when absent.
    pub splunk: Option<Splunk>,
}

impl Default for Config {
    fn default() -> Self {
        Self { inventory: true, splunk: None }
    }
}

/// What Splunk Connect for Kafka reads from headers, where `splunk.header.support` is on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Splunk {
    /// The index.
    pub index: Option<String>,
    /// The source.
    pub source: Option<String>,
    /// The source type, by which Splunk finds time and fields.
    pub sourcetype: Option<String>,
    /// The host.
    pub host: Option<String>,
}

impl Splunk {
    /// Gives the headers' names and values, of those that are set.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("splunk.header.index", &self.index),
            ("splunk.header.source", &self.source),
            ("splunk.header.sourcetype", &self.sourcetype),
            ("splunk.header.host", &self.host),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// What is wrong with a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("splunk: {header} must be a text without control characters")]
pub struct ConfigError {
    /// The header that can't be used.
    pub header: &'static str,
}

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The first header that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut headers = self.splunk.iter().flat_map(Splunk::headers);
        let unfit = |value: &str| value.is_empty() || value.chars().any(char::is_control);
        match headers.find(|(_, value)| unfit(value)) {
            Some((header, _)) => Err(ConfigError { header }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_used_is_named() {
        let parse = |json: &str| serde_json::from_str::<Config>(json).unwrap();
        assert!(parse("{}").inventory);
        let config = parse(r#"{"inventory": false, "splunk": {"index": "cloud", "host": "a b"}}"#);
        assert_eq!(config.validate(), Ok(()));
        assert!(!config.inventory);
        for (json, header) in [
            (r#"{"splunk": {"index": ""}}"#, "splunk.header.index"),
            (r#"{"splunk": {"index": "i", "sourcetype": "a\nb"}}"#, "splunk.header.sourcetype"),
        ] {
            assert_eq!(parse(json).validate(), Err(ConfigError { header }), "{json}");
        }
        assert!(serde_json::from_str::<Config>(r#"{"splunk": {"token": "t"}}"#).is_err());
    }
}
