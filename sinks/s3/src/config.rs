//! What the sink is told: the bucket, how it is encrypted, and what goes there.

use schemars::JsonSchema;
use serde::Deserialize;
use sink_frame::ConfigError;

use crate::names::PREFIX_BYTES_MAX;

/// Configuration of the sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The bucket.
    pub bucket: String,
    /// What every key begins with, for example `inventory/`.
    #[serde(default)]
    pub prefix: String,
    /// The bucket's region; the environment's or the profile's when absent.
    #[serde(default)]
    pub region: Option<String>,
    /// The KMS key that objects are encrypted with; S3's own keys when absent.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// The account that must own the bucket: S3 refuses every call when another one does.
    #[serde(default)]
    pub expected_bucket_owner: Option<String>,
    /// An endpoint that replaces AWS's own; the bucket is then named in the path.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Whether each day's partition for data lakes is written.
    #[serde(default = "yes")]
    pub lake: bool,
    /// Whether the owners' workbooks go to the bucket too.
    #[serde(default = "yes")]
    pub workbooks: bool,
    /// Calls at the same time.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
}

fn yes() -> bool {
    true
}

fn default_concurrency() -> usize {
    16
}

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |field, problem: &str| Err(ConfigError { field, problem: problem.to_owned() });
        if self.bucket.is_empty() {
            return wrong("bucket", "must be a bucket's name");
        }
        if self.prefix.len() > PREFIX_BYTES_MAX {
            // Keys end at 1,024 bytes, and the rest is the names'.
            return wrong("prefix", &format!("must have at most {PREFIX_BYTES_MAX} bytes"));
        }
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=".contains(letter);
        if self.prefix.starts_with('/') || !self.prefix.chars().all(plain) {
            return wrong("prefix", "must be letters, digits and -_./= and not begin with /");
        }
        if self.concurrency == 0 {
            return wrong("concurrency", "must be at least 1");
        }
        let is_account = |id: &str| id.len() == 12 && id.bytes().all(|c| c.is_ascii_digit());
        if self.expected_bucket_owner.as_deref().is_some_and(|id| !is_account(id)) {
            return wrong("expected_bucket_owner", "must be the twelve digits of an account");
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
        assert_eq!(parse(r#"{"bucket": "b", "prefix": "a/b=c/"}"#), Ok(()));
        let long = format!(r#"{{"bucket": "b", "prefix": "{}"}}"#, "x".repeat(101));
        for (json, field) in [
            (r#"{"bucket": ""}"#, "bucket"),
            (r#"{"bucket": "b", "prefix": "/a"}"#, "prefix"),
            (r#"{"bucket": "b", "prefix": "ü"}"#, "prefix"),
            (&long, "prefix"),
            (r#"{"bucket": "b", "concurrency": 0}"#, "concurrency"),
            (r#"{"bucket": "b", "expected_bucket_owner": "me"}"#, "expected_bucket_owner"),
        ] {
            assert_eq!(parse(json).unwrap_err().field, field, "{json}");
        }
        assert!(serde_json::from_str::<Config>(r#"{"bucket": "b", "acl": "public"}"#).is_err());
    }
}
