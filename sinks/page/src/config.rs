//! Settings of the page.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use stream::secret::Secret;

/// The fewest characters of a token: what is shorter can be guessed.
const TOKEN_CHARS_MIN: usize = 16;

/// Where the page is served, and to whom.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address; beyond loopback a token is wanted.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The token of those who see all accounts.
    #[serde(default)]
    pub token: Option<Secret>,
    /// The tokens of those who see one owner's accounts, by the owner as the register names him.
    #[serde(default)]
    pub owners: BTreeMap<String, Secret>,
    /// Names by which the page may be asked for, besides this machine's own; all when it is served
    /// beyond loopback and none is named.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// TLS of the page itself; without it the page speaks plain HTTP, for a proxy that has TLS.
    #[serde(default)]
    pub tls: Option<Tls>,
}

/// What the page proves with who it is. Both files are read anew when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those between it and its authority, in PEM.
    pub certificate: PathBuf,
    /// The certificate's private key, in PEM, without a password.
    pub key: PathBuf,
}

/// The address when nobody says another.
pub fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8642))
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: default_listen(),
            token: None,
            owners: BTreeMap::new(),
            hosts: Vec::new(),
            tls: None,
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Anybody could read everything.
    #[error("{0} can be reached from other machines: set `page.token`, or listen on 127.0.0.1")]
    Unguarded(SocketAddr),
    /// A token can be guessed.
    #[error("the token of {whose} is shorter than {TOKEN_CHARS_MIN} characters")]
    Short {
        /// Whose token.
        whose: String,
    },
    /// Two have the same token, so that it is not known who asks.
    #[error("{one} and {other} have the same token")]
    Shared {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// A token can't be read.
    #[error(transparent)]
    Secret(#[from] stream::LogError),
}

impl Config {
    /// Makes sure that nobody is let in by mistake.
    ///
    /// # Errors
    /// [`ConfigError::Unguarded`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        let is_guarded = self.token.is_some() || !self.owners.is_empty();
        if !self.listen.ip().is_loopback() && !is_guarded {
            return Err(ConfigError::Unguarded(self.listen));
        }
        Ok(())
    }

    /// Reads the tokens: none for who sees all, or the owner.
    pub(crate) fn tokens(&self) -> Result<Vec<(Option<String>, String)>, ConfigError> {
        let mut tokens: Vec<(Option<String>, String)> = Vec::new();
        let all = self.token.iter().map(|secret| (None, secret, "page.token".to_owned()));
        let owners = self.owners.iter();
        let owners = owners
            .map(|(owner, secret)| (Some(owner.clone()), secret, format!("page.owners.{owner}")));
        for (owner, secret, name) in all.chain(owners) {
            let token = secret.read(&name)?;
            if token.chars().count() < TOKEN_CHARS_MIN {
                return Err(ConfigError::Short { whose: name });
            }
            if let Some((other, _)) = tokens.iter().find(|(_, known)| *known == token) {
                let other = other
                    .as_ref()
                    .map_or("page.token".to_owned(), |owner| format!("page.owners.{owner}"));
                return Err(ConfigError::Shared { one: name, other });
            }
            tokens.push((owner, token));
        }
        Ok(tokens)
    }
}
