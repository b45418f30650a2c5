//! A client of Confluent's schema registry: the two calls that the codec needs.

use std::{fmt, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ureq::Agent;

use crate::{LogError, http, secret::Secret};

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
        http::check(&self.url, self.allow_plaintext || self.password.is_none())
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
        let ca_file = config.ca_file.as_deref();
        let agent = http::agent(TIMEOUT, ca_file, "schema_registry.ca_file")?;
        let authorization = match &config.username {
            None => None,
            Some(user) => {
                let password = config.password.as_ref();
                let password = password.map(|secret| secret.read("password")).transpose()?;
                let pair = format!("{user}:{}", password.unwrap_or_default());
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
        };
        Ok(Self { agent, url: config.url.trim_end_matches('/').to_owned(), authorization })
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
