//! What a scan is told: payers, the audit role, regions, endpoints and limits.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use stream::secret::Secret;

use crate::api::{Endpoints, Partition};
use crate::redact::SecretField;
use crate::spend::SpendSource;

/// Configuration of the AWS producer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The organisations to collect, each by its management account.
    pub payers: Vec<PayerConfig>,
    /// Name (with path, if any) of the audit role in the payer and in every account of its
    /// organisation.
    pub role: String,
    /// The external id that the audit role's trust policy asks for.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Name of our sessions in the accounts' CloudTrail.
    #[serde(default = "default_session_name")]
    pub session_name: String,
    /// The partition: `aws`, `aws-us-gov` or `aws-cn`.
    #[serde(default)]
    pub partition: Partition,
    /// Regions to collect; empty means those that are enabled in each account.
    #[serde(default)]
    pub regions: Vec<String>,
    /// An endpoint that replaces AWS's own for every service.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Endpoints that replace AWS's own, by service in botocore's words.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// How much is done at the same time.
    #[serde(default)]
    pub concurrency: Concurrency,
    /// Tries of each call, the first included.
    #[serde(default = "default_max_attempts")]
    pub max_attempts: u32,
    /// Time limits of calls and accounts.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Where spend comes from.
    #[serde(default)]
    pub spend: SpendSource,
    /// The key of the digests that stand for secrets; without it they are all one word.
    #[serde(default)]
    pub digest_key: Option<Secret>,
    /// Places in documents that may hold secrets, besides those that are known.
    #[serde(default)]
    pub secret_fields: Vec<SecretField>,
}

/// One organisation. What is absent is as in [`Config`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayerConfig {
    /// The management account's id.
    pub account: String,
    /// Name of the audit role in this organisation.
    #[serde(default)]
    pub role: Option<String>,
    /// The external id in this organisation.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The session name in this organisation.
    #[serde(default)]
    pub session_name: Option<String>,
    /// The partition of this organisation.
    #[serde(default)]
    pub partition: Option<Partition>,
}

/// How much is done at the same time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Concurrency {
    /// Accounts.
    pub accounts: usize,
    /// Calls under way in each account.
    pub calls: usize,
    /// Calls a second of each service in each account.
    pub calls_per_second: u32,
    /// Calls of one process in one scan; what is asked beyond it fails.
    pub calls_per_scan: u64,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { accounts: 16, calls: 8, calls_per_second: 20, calls_per_scan: u64::MAX }
    }
}

/// Time limits in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For a connection.
    pub connect_ms: u64,
    /// For one try.
    pub attempt_ms: u64,
    /// For all tries and the pauses between them.
    pub call_ms: u64,
    /// For all that is asked in one account.
    pub unit_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, attempt_ms: 60_000, call_ms: 300_000, unit_ms: 1_500_000 }
    }
}

fn default_session_name() -> String {
    "scorecard".to_owned()
}

/// Pauses between tries double up to 20 s: seven tries outlast most throttling.
fn default_max_attempts() -> u32 {
    7
}

/// What is wrong with a configuration: the field and the reason.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ConfigError {
    /// The field's path.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The role that is assumed in the accounts of one organisation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuditRole {
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: String,
    pub(crate) partition: Partition,
}

impl AuditRole {
    /// Gives the role's ARN in an account.
    pub(crate) fn arn(&self, account: &str) -> String {
        let partition = self.partition.id();
        format!("arn:{partition}:iam::{account}:role/{}", self.name.trim_start_matches('/'))
    }
}

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.payers.is_empty() {
            return Err(wrong("payers", "at least one is needed"));
        }
        let mut seen = BTreeSet::new();
        for (position, payer) in self.payers.iter().enumerate() {
            let field = format!("payers[{position}]");
            let account = &payer.account;
            if account.len() != 12 || !account.bytes().all(|c| c.is_ascii_digit()) {
                let problem = format!("{account:?} is not an account id of 12 digits");
                return Err(wrong(&format!("{field}.account"), &problem));
            }
            if !seen.insert(account) {
                return Err(wrong(&format!("{field}.account"), "listed twice"));
            }
            check_role(&field, &self.audit_role(payer))?;
        }
        check_urls(self)?;
        let limits = [
            ("concurrency.accounts", self.concurrency.accounts as u64),
            ("concurrency.calls", self.concurrency.calls as u64),
            ("concurrency.calls_per_second", u64::from(self.concurrency.calls_per_second)),
            ("concurrency.calls_per_scan", self.concurrency.calls_per_scan),
            ("max_attempts", u64::from(self.max_attempts)),
            ("timeouts.connect_ms", self.timeouts.connect_ms),
            ("timeouts.attempt_ms", self.timeouts.attempt_ms),
            ("timeouts.call_ms", self.timeouts.call_ms),
            ("timeouts.unit_ms", self.timeouts.unit_ms),
        ];
        let fields = self.secret_fields.iter().enumerate();
        let starts = ["/configuration/", "/supplementary/"];
        for (at, field) in fields {
            if !starts.iter().any(|start| field.path.starts_with(start)) {
                let problem = format!("{:?} must begin with {}", field.path, starts.join(" or "));
                return Err(wrong(&format!("secret_fields[{at}].path"), &problem));
            }
        }
        match limits.iter().find(|(_, limit)| *limit == 0) {
            Some((field, _)) => Err(wrong(field, "must be at least 1")),
            None => Ok(()),
        }
    }

    /// Gives the role to assume in an organisation.
    pub(crate) fn audit_role(&self, payer: &PayerConfig) -> AuditRole {
        AuditRole {
            name: payer.role.clone().unwrap_or_else(|| self.role.clone()),
            external_id: payer.external_id.clone().or_else(|| self.external_id.clone()),
            session_name: payer.session_name.clone().unwrap_or_else(|| self.session_name.clone()),
            partition: payer.partition.unwrap_or(self.partition),
        }
    }

    /// Gives the role to assume in the accounts of a payer; none when it is not configured.
    pub(crate) fn role_of(&self, payer: &str) -> Option<AuditRole> {
        let payer = self.payers.iter().find(|known| known.account == payer)?;
        Some(self.audit_role(payer))
    }

    /// Gives the endpoints that replace AWS's own.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints { all: self.endpoint.clone(), by_service: self.endpoints.clone() }
    }
}

/// Source: the limits of `sts:AssumeRole`.
fn check_role(field: &str, role: &AuditRole) -> Result<(), ConfigError> {
    if role.name.is_empty() {
        return Err(wrong(&format!("{field}.role"), "must not be empty"));
    }
    let name = &role.session_name;
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(allowed) {
        let problem = format!("{name:?} is not 2 to 64 letters, digits or any of _+=,.@-");
        return Err(wrong(&format!("{field}.session_name"), &problem));
    }
    match &role.external_id {
        Some(id) if !(2..=1_224).contains(&id.len()) => {
            Err(wrong(&format!("{field}.external_id"), "must have 2 to 1224 characters"))
        }
        _ => Ok(()),
    }
}

/// The services that are called, in botocore's words.
const SERVICES: [&str; 16] = [
    "account",
    "ce",
    "cloudtrail",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "iam",
    "opensearch",
    "organizations",
    "route53",
    "route53domains",
    "s3",
    "secretsmanager",
    "sts",
    "support",
];

fn check_urls(config: &Config) -> Result<(), ConfigError> {
    if let Some(name) = config.endpoints.keys().find(|name| !SERVICES.contains(&name.as_str())) {
        let problem = format!("unknown service; known are {}", SERVICES.join(", "));
        return Err(wrong(&format!("endpoints.{name}"), &problem));
    }
    let one = config.endpoint.iter().map(|url| ("endpoint".to_owned(), url));
    let named = config.endpoints.iter().map(|(name, url)| (format!("endpoints.{name}"), url));
    for (field, url) in one.chain(named) {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(wrong(&field, &format!("{url:?} is not an http or https URL")));
        }
    }
    Ok(())
}

fn wrong(field: &str, problem: &str) -> ConfigError {
    ConfigError { field: field.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(change: Value) -> Result<Config, String> {
        let mut config = json!({"role": "Audit", "payers": [{"account": "111122223333"}]});
        if let (Value::Object(config), Value::Object(change)) = (&mut config, change) {
            config.extend(change);
        }
        let config: Config = serde_json::from_value(config).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn a_payer_overrides_what_holds_for_all() {
        let payers = json!([
            {"account": "111122223333"},
            {"account": "444455556666", "role": "/team/Other", "external_id": "xy",
             "session_name": "gov", "partition": "aws-us-gov"},
        ]);
        let config = read(json!({"payers": payers, "external_id": "ab"})).expect("it is valid");
        let roles: Vec<_> = config.payers.iter().map(|payer| config.audit_role(payer)).collect();
        assert_eq!(roles[0].arn("1"), "arn:aws:iam::1:role/Audit");
        assert_eq!(roles[0].external_id.as_deref(), Some("ab"));
        assert_eq!(roles[0].session_name, "scorecard");
        assert_eq!(roles[1].arn("2"), "arn:aws-us-gov:iam::2:role/team/Other");
        assert_eq!(roles[1].external_id.as_deref(), Some("xy"));
    }

    #[test]
    fn mistakes_name_their_field() {
        let cases = [
            (json!({"payers": []}), "payers: at least one is needed"),
            (
                json!({"payers": [{"account": "1"}]}),
                "payers[0].account: \"1\" is not an account id of 12 digits",
            ),
            (
                json!({"payers": [{"account": "111122223333"}, {"account": "111122223333"}]}),
                "payers[1].account: listed twice",
            ),
            (json!({"role": ""}), "payers[0].role: must not be empty"),
            (json!({"external_id": "x"}), "payers[0].external_id: must have 2 to 1224 characters"),
            (
                json!({"session_name": "a b"}),
                "payers[0].session_name: \"a b\" is not 2 to 64 letters, digits or any of _+=,.@-",
            ),
            (
                json!({"endpoint": "localhost"}),
                "endpoint: \"localhost\" is not an http or https URL",
            ),
            (
                json!({"endpoints": {"s4": "http://x"}}),
                "endpoints.s4: unknown service; known are account, ce, cloudtrail, cloudwatch, \
                 ec2, ecr, ecs, iam, opensearch, organizations, route53, route53domains, s3, \
                 secretsmanager, sts, support",
            ),
            (json!({"concurrency": {"calls": 0}}), "concurrency.calls: must be at least 1"),
            (json!({"max_attempts": 0}), "max_attempts: must be at least 1"),
        ];
        for (change, expected) in cases {
            assert_eq!(read(change.clone()).expect_err("it is wrong"), expected, "{change}");
        }
        let misspelt = read(json!({"region": []})).expect_err("it is unknown");
        assert!(misspelt.contains("unknown field `region`"), "{misspelt}");
    }
}
