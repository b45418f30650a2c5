//! Settings of the sink: the server, whom mail is from, and who gets what when.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lettre::Address;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sink_frame::ConfigError;
use stream::secret::Secret;

use crate::schedule::Schedule;
use crate::server::Server;

/// Settings of the sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server: `smtps://HOST[:PORT]` (TLS from the start) or `smtp://HOST[:PORT]` (STARTTLS).
    pub server: Server,
    /// The user's name there, with `password`.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A file with the certificates (PEM) of the authorities that the server's certificate may come
    /// from, besides the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether a server that is not on this machine may be spoken to without TLS.
    #[serde(default)]
    pub allow_plaintext: bool,
    /// Whom mail is from: an address, or `Name <address>`. Its domain is that of message ids.
    #[schemars(with = "String")]
    pub from: Mailbox,
    /// When owners get theirs. An owner whose name in the register is an address gets it there.
    #[serde(default)]
    pub owners: Option<Schedule>,
    /// When the enterprise's is sent, and to whom.
    #[serde(default)]
    #[schemars(with = "Option<GivenListed<Vec<String>>>")]
    pub enterprise: Option<Listed<Vec<Address>>>,
    /// When payers' are sent, and by payer to whom.
    #[serde(default)]
    #[schemars(with = "Option<GivenListed<BTreeMap<String, Vec<String>>>>")]
    pub payers: Option<Listed<BTreeMap<String, Vec<Address>>>>,
    /// Whether a report that tells the same figures as the last one that was sent stays away.
    #[serde(default)]
    pub only_if_changed: bool,
    /// The largest workbook that is attached, in bytes; a link stands in for a larger one.
    #[serde(default = "default_attach_max_bytes")]
    pub attach_max_bytes: usize,
    /// Where workbooks can be fetched: an address with `{file}` for the file's name; without it the
    /// address of the page, which has the same tables.
    #[serde(default)]
    pub link: Option<String>,
    /// Sends everything to this address instead, and says for whom it was.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub redirect_all_to: Option<Address>,
    /// The domains that mail may go to; any when absent.
    #[serde(default)]
    pub allowed_domains: Option<Vec<String>>,
    /// Where a reader says that he wants no more: an address, or an `https://` address.
    #[serde(default)]
    pub unsubscribe: Option<String>,
    /// Hours after which a report that nobody planned in time is not begun any more.
    #[serde(default = "default_late_hours")]
    pub late_hours: u32,
}

/// A schedule with those who get the report.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "GivenListed<R>", bound = "R: DeserializeOwned")]
pub struct Listed<R> {
    /// When.
    pub schedule: Schedule,
    /// To whom.
    pub recipients: R,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Listed_{R}")]
#[serde(deny_unknown_fields, bound = "R: DeserializeOwned")]
struct GivenListed<R> {
    /// When, as a cron expression of five fields.
    cron: String,
    /// The time zone in which that is meant, UTC when absent.
    #[serde(default)]
    time_zone: Option<String>,
    /// To whom.
    recipients: R,
}

impl<R> TryFrom<GivenListed<R>> for Listed<R> {
    type Error = String;

    fn try_from(given: GivenListed<R>) -> Result<Self, String> {
        let zone = given.time_zone.as_deref().unwrap_or("UTC");
        let schedule = Schedule::new(&given.cron, zone)?;
        Ok(Self { schedule, recipients: given.recipients })
    }
}

/// Mail servers take some 25 MB, and base64 adds more than a third.
fn default_attach_max_bytes() -> usize {
    10 * 1024 * 1024
}

fn default_late_hours() -> u32 {
    48
}

impl Config {
    /// Checks what types can't.
    ///
    /// # Errors
    /// The first field that can't be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |field, problem: &str| Err(ConfigError { field, problem: problem.to_owned() });
        if self.username.is_some() != self.password.is_some() {
            return wrong("username", "must come with password");
        }
        if self.owners.is_none() && self.enterprise.is_none() && self.payers.is_none() {
            return wrong(
                "owners",
                "no schedule at all: say when owners, enterprise or payers are",
            );
        }
        if self.link.as_deref().is_some_and(|link| !is_web(link)) {
            return wrong("link", "must be an https address");
        }
        let address = |text: &str| text.parse::<Address>().is_ok();
        if self.unsubscribe.as_deref().is_some_and(|to| !address(to) && !is_web(to)) {
            return wrong("unsubscribe", "must be an address of mail, or one that begins https://");
        }
        let domains = self.allowed_domains.iter().flatten();
        if domains.into_iter().any(|domain| domain.is_empty() || domain.contains('@')) {
            return wrong("allowed_domains", "must be domains, such as example.com");
        }
        Ok(())
    }

    /// Gives the address that mail for a recipient goes to; none when it may not go there.
    pub fn envelope(&self, recipient: &Address) -> Option<Address> {
        let to = self.redirect_all_to.as_ref().unwrap_or(recipient);
        let allows = |domains: &Vec<String>| {
            domains.iter().any(|domain| domain.eq_ignore_ascii_case(to.domain()))
        };
        self.allowed_domains.as_ref().is_none_or(allows).then(|| to.clone())
    }
}

/// Tells whether a text is a web address that fits in a header and in an attribute.
fn is_web(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"".contains(c);
    text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        r#""server": "smtps://mail.example.com", "from": "Scores <scores@example.com>""#;

    fn read(rest: &str) -> Result<Config, String> {
        let json = format!("{{{LEAST}, {rest}}}");
        let config: Config = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn settings_are_read() {
        let config = read(
            r#""owners": {"cron": "0 8 * * MON", "time_zone": "Europe/Berlin"},
               "enterprise": {"cron": "0 7 1 * *", "recipients": ["ciso@example.com"]},
               "payers": {"cron": "0 7 1 * *", "recipients": {"1": ["a@example.com"]}}"#,
        );
        let config = config.unwrap();
        assert_eq!(config.from.to_string(), "Scores <scores@example.com>");
        assert_eq!(config.payers.unwrap().recipients["1"][0].to_string(), "a@example.com");
        assert_eq!((config.attach_max_bytes, config.late_hours), (10_485_760, 48));
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        let owners = r#""owners": {"cron": "0 8 * * MON"}"#;
        let table = [
            ("\"only_if_changed\": true".to_owned(), "no schedule at all"),
            (format!("{owners}, \"username\": \"u\""), "must come with password"),
            (format!("{owners}, \"link\": \"http://x/{{file}}\""), "https"),
            (format!("{owners}, \"unsubscribe\": \"https://x>\\r\\nBcc: a@b.c\""), "unsubscribe"),
            (format!("{owners}, \"allowed_domains\": [\"a@b.c\"]"), "must be domains"),
            (format!("{owners}, \"redirect_all_to\": \"nobody\""), "missing domain"),
            ("\"owners\": {\"cron\": \"whenever\"}".to_owned(), "five fields"),
            ("\"owners\": {\"cron\": \"0 8 * * *\", \"at\": 1}".to_owned(), "unknown field"),
        ];
        for (rest, expected) in table {
            let error = read(&rest).map(|_| ()).unwrap_err().to_lowercase();
            assert!(error.contains(expected), "{rest}: {error}");
        }
    }

    #[test]
    fn staging_reaches_nobody_else() {
        let to = |rest: &str, recipient: &str| {
            let config = read(&format!("\"owners\": {{\"cron\": \"0 8 * * *\"}}{rest}")).unwrap();
            config.envelope(&recipient.parse().unwrap()).map(|address| address.to_string())
        };
        let allowed = r#", "allowed_domains": ["Example.com"]"#;
        assert_eq!(to(allowed, "vp@example.com").as_deref(), Some("vp@example.com"));
        assert_eq!(to(allowed, "vp@example.org"), None);
        assert_eq!(to(allowed, "vp@sub.example.com"), None);
        let redirected = r#", "redirect_all_to": "test@example.net""#;
        assert_eq!(to(redirected, "vp@example.com").as_deref(), Some("test@example.net"));
        let both = format!("{allowed}{redirected}");
        assert_eq!(to(&both, "vp@example.com"), None, "nor does a redirection go elsewhere");
    }
}
