//! A client of Confluent's schema registry: the two calls that the codec needs.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ureq::{
    Agent,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{LogError, http_url, secret::Secret};

/// Limit of one call. The caller tries again: a registry that is down is no poison.
const TIMEOUT: Duration = Duration::from_secs(10);

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// The registry's code for an error that it gives without a body of its own kind.
const UNKNOWN_CODE: u32 = 0;

/// The registry's code for an id that it has no schema for.
const NO_SUCH_SCHEMA: u32 = 40_403;

/// Where the schema registry is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// Its address, for example `https://registry:8081`.
    pub url: String,
    /// The user of basic authentication; none without.
    #[serde(default)]
    pub username: Option<String>,
    /// Where that user's password is found.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Certificates (PEM) to trust instead of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether `http` is good enough for a password's way to another machine.
    #[serde(default)]
    pub allow_plaintext: bool,
}

impl RegistryConfig {
    /// Checks what types can't: a password does not travel in the clear.
    ///
    /// # Errors
    /// What is wrong with `url`.
    pub fn validate(&self) -> Result<(), &'static str> {
        http_url::check(&self.url, self.allow_plaintext || self.password.is_none())
    }
}

/// A client of a schema registry.
pub struct HttpRegistry {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

/// A call of the registry that failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It does not answer, or not as a registry does.
    #[error("asking the schema registry at {url}")]
    Call {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It refuses.
    #[error("the schema registry refused {url} with status {status}, code {code}: {message}")]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own code, for example 40403 for an unknown schema; 0 without one.
        code: u32,
        /// Its words.
        message: String,
    },
}

#[derive(Serialize)]
struct Registration<'a> {
    schema: &'a str,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Found {
    schema: String,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
    message: String,
}

impl HttpRegistry {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// When the password or the certificates can't be read.
    pub fn new(config: &RegistryConfig) -> Result<Self, LogError> {
        let tls = match &config.ca_file {
            None => TlsConfig::default(),
            Some(path) => TlsConfig::builder()
                .root_certs(certificates(path, "schema_registry.ca_file")?)
                .build(),
        };
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        let authorization = match &config.username {
            None => None,
            Some(user) => {
                let password = config.password.as_ref();
                let password = password.map(|secret| secret.read("password")).transpose()?;
                let pair = format!("{user}:{}", password.unwrap_or_default());
                Some(format!("Basic {}", base64(pair.as_bytes())))
            }
        };
        Ok(Self {
            agent: agent.new_agent(),
            url: config.url.trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    /// Makes sure that the registry answers and lets us in.
    ///
    /// # Errors
    /// When it does not.
    ///
    /// Source: `GET /schemas/types`.
    pub fn check(&self) -> Result<(), RegistryError> {
        let url = format!("{}/schemas/types", self.url);
        let mut request = self.agent.get(&url).header("Accept", CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        read::<Vec<String>>(url, request.call()).map(|_| ())
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let url = format!("{}/subjects/{subject}/versions", self.url);
        let mut request = self.agent.post(&url).header("Accept", CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let request = request.content_type(CONTENT_TYPE);
        let answer = request.send_json(Registration { schema });
        Ok(read::<Registered>(url, answer)?.id)
    }

    fn find(&self, id: u32) -> Result<String, RegistryError> {
        let url = format!("{}/schemas/ids/{id}", self.url);
        let mut request = self.agent.get(&url).header("Accept", CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        Ok(read::<Found>(url, request.call())?.schema)
    }
}

impl fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRegistry({})", self.url)
    }
}

impl schemas::Registry for HttpRegistry {
    fn id_of(
        &self,
        subject: &str,
        schema: &str,
    ) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.register(subject, schema)?)
    }

    fn schema_of(&self, id: u32) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        self.find(id).map_err(|error| match error {
            // It is sure: to wait for this schema would be to wait for ever.
            RegistryError::Refused { code: NO_SUCH_SCHEMA, .. } => {
                schemas::UnknownSchema(id).into()
            }
            error => error.into(),
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(
    url: String,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T, RegistryError> {
    let failed = |source| RegistryError::Call { url: url.clone(), source: Box::new(source) };
    let mut answer = answer.map_err(failed)?;
    if answer.status().is_success() {
        return answer.body_mut().read_json().map_err(failed);
    }
    let status = answer.status().as_u16();
    let refusal: Option<Refusal> = answer.body_mut().read_json().ok();
    let (code, message) = refusal.map_or((UNKNOWN_CODE, "no reason given".to_owned()), |refusal| {
        (refusal.error_code, refusal.message)
    });
    Err(RegistryError::Refused { url, status, code, message })
}

/// Reads certificates (PEM) that a client trusts instead of the public ones; `name` is the setting
/// that names their file.
///
/// # Errors
/// When the file is not there or holds none.
pub fn certificates(path: &Path, name: &str) -> Result<RootCerts, LogError> {
    let failed = |problem: String| LogError::Setting {
        name: name.to_owned(),
        problem: format!("wants certificates in {}: {problem}", path.display()),
    };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| failed(e.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(failed("there are none".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Writes bytes in base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for digit in 0..4 {
            if digit <= chunk.len() {
                let index = group >> (18 - 6 * digit) & 63;
                text.push(char::from(DIGITS[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
