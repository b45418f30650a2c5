//! Settings of the sink: who is told, of what, and how often.

use std::path::PathBuf;

use lettre::Address;
use schemars::JsonSchema;
use serde::Deserialize;
use sink_frame::ConfigError;
use stream::http;
use stream::secret::Secret;

/// Settings of the sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who is told by mail, through the server of `mail`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub recipients: Vec<Address>,
    /// Where alerts are posted as CloudEvents.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// Points (of 100) by which an account's score must fall within an hour.
    #[serde(default = "default_fall_points")]
    pub fall_points: u32,
    /// Hours after which an account that is not collected is told of.
    #[serde(default = "default_silence_hours")]
    pub silence_hours: u32,
    /// Minutes from one message to the next; what comes meanwhile is told together.
    #[serde(default = "default_quiet_minutes")]
    pub quiet_minutes: u32,
}

/// Where alerts are posted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its address, for example `https://hooks.example.com/scorecard`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Certificates (PEM) to trust instead of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether `http` is good enough for one that is not this machine.
    #[serde(default)]
    pub allow_plaintext: bool,
}

fn default_fall_points() -> u32 {
    10
}

fn default_silence_hours() -> u32 {
    24
}

fn default_quiet_minutes() -> u32 {
    60
}

impl Config {
    /// Checks what types can't; `has_mail` tells whether there is a mail server.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self, has_mail: bool) -> Result<(), ConfigError> {
        let wrong = |field, problem: &str| Err(ConfigError { field, problem: problem.to_owned() });
        if self.recipients.is_empty() && self.webhook.is_none() {
            return wrong("recipients", "nobody is told: name recipients or a webhook");
        }
        if !self.recipients.is_empty() && !has_mail {
            return wrong("recipients", "there is no `mail` whose server they are told by");
        }
        if !(1..=100).contains(&self.fall_points) {
            return wrong("fall_points", "must be 1 to 100");
        }
        if self.silence_hours == 0 {
            return wrong("silence_hours", "must be at least 1");
        }
        let Some(webhook) = &self.webhook else { return Ok(()) };
        http::check(&webhook.url, webhook.allow_plaintext)
            .or_else(|problem| wrong("webhook", &format!("url {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, has_mail: bool) -> Result<Config, String> {
        let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.validate(has_mail).map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn settings_have_defaults_and_what_can_not_be_used_is_named() {
        let config = read(r#"{"recipients": ["soc@example.com"]}"#, true).unwrap();
        assert_eq!((config.fall_points, config.silence_hours, config.quiet_minutes), (10, 24, 60));
        for url in ["https://hooks.example.com/x", "http://127.0.0.1:8080/", "http://localhost"] {
            read(&format!(r#"{{"webhook": {{"url": "{url}"}}}}"#), false).unwrap();
        }
        for (text, expected) in [
            ("{}", "nobody is told"),
            (r#"{"recipients": ["soc@example.com"]}"#, "no `mail`"),
            (r#"{"webhook": {"url": "http://hooks.example.com"}}"#, "https"),
            (r#"{"webhook": {"url": "https://"}}"#, "https"),
            (r#"{"webhook": {"url": "https://a"}, "fall_points": 0}"#, "1 to 100"),
            (r#"{"webhook": {"url": "https://a"}, "silence_hours": 0}"#, "at least 1"),
        ] {
            let error = read(text, false).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
