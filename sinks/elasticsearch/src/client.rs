//! The cluster: calls by the official client's transport, one attempt each, and what was answered.

use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{HeaderMap, RETRY_AFTER};
use elasticsearch::http::request::JsonBody;
use elasticsearch::http::response::Response;
use elasticsearch::http::transport::{SingleNodeConnectionPool, TransportBuilder};
use elasticsearch::http::{Method, Url};
use elasticsearch::{BulkParts, Elasticsearch};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::mapping::Flavour;
use crate::{Config, ElasticError};

/// Limit of one call: the group waits meanwhile.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// Characters of an answer that is no JSON which are shown.
const SHOWN_CHARS_MAX: usize = 300;

/// A cluster, with a runtime for the calls to it.
pub struct Cluster {
    runtime: Runtime,
    client: Elasticsearch,
    url: String,
}

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    retry_after: Option<Duration>,
}

/// What became of one item of a bulk request.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) error: Option<Value>,
    /// `used` when the document went to the failure store instead of where it belongs.
    #[serde(default)]
    pub(crate) failure_store: Option<String>,
}

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<std::collections::BTreeMap<String, Outcome>>,
}

impl Cluster {
    /// Prepares calls; makes none.
    ///
    /// # Errors
    /// When the address, a certificate or a secret can't be used.
    pub fn prepare(config: &Config) -> Result<Self, ElasticError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ElasticError::Runtime)?;
        let setting = |what: String| {
            move |source: Box<dyn std::error::Error + Send + Sync>| ElasticError::Setting {
                what,
                source,
            }
        };
        let url = Url::parse(&config.url).map_err(|error| {
            setting(format!("reading the address {}", config.url))(error.into())
        })?;
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
            .request_body_compression(config.compress)
            .timeout(CALL_LIMIT);
        if let Some(credentials) = credentials(config)? {
            builder = builder.auth(credentials);
        }
        if let Some(path) = &config.ca_file {
            let failed = || setting(format!("reading certificates of {}", path.display()));
            let pem = std::fs::read(path).map_err(|error| failed()(error.into()))?;
            let certificates =
                Certificate::from_pem(&pem).map_err(|error| failed()(error.into()))?;
            builder = builder.cert_validation(CertificateValidation::Full(certificates));
        }
        let transport = builder.build();
        let transport =
            transport.map_err(|error| setting("making the client".to_owned())(error.into()))?;
        Ok(Self { runtime, client: Elasticsearch::new(transport), url: config.url.clone() })
    }

    /// Gives the cluster's address, for people.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes one call and gives its answer, whatever the status.
    pub(crate) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ElasticError> {
        let attempted = || format!("{method:?} {path} at {}", self.url).to_lowercase();
        self.runtime.block_on(async {
            let body = body.map(JsonBody::new);
            let none = None::<&()>;
            let sent =
                self.client.transport().send(method, path, HeaderMap::new(), none, body, None);
            let response = sent.await.map_err(|error| unreachable(attempted(), error))?;
            answer(response).await.map_err(|error| unreachable(attempted(), error))
        })
    }

    /// Makes one call that must succeed.
    pub(crate) fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ElasticError> {
        let answer = self.ask(method, path, body)?;
        let attempted = || format!("{method:?} {path} at {}", self.url).to_lowercase();
        succeeded(answer, attempted)
    }

    /// Gives what is found, or none when there is no such thing.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Value>, ElasticError> {
        let answer = self.ask(Method::Get, path, None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        succeeded(answer, || format!("get {path} at {}", self.url)).map(Some)
    }

    /// Waits for calls, on the calling thread.
    pub(crate) fn wait<T>(&self, calls: impl Future<Output = T>) -> T {
        self.runtime.block_on(calls)
    }

    /// Sends a bulk request, made of actions with their sources, and gives what became of each.
    pub(crate) async fn bulk(&self, lines: Vec<Bytes>) -> Result<Vec<Outcome>, ElasticError> {
        let wanted = lines.len();
        let attempted = || format!("writing {wanted} documents at {}", self.url);
        let sent = self
            .client
            .bulk(BulkParts::None)
            .require_alias(true)
            .filter_path(&["items.*.status", "items.*.error", "items.*.failure_store"])
            .body(lines)
            .send();
        let response = sent.await.map_err(|error| unreachable(attempted(), error))?;
        let answer = answer(response).await.map_err(|error| unreachable(attempted(), error))?;
        outcomes(succeeded(answer, attempted)?, wanted, attempted)
    }

    /// Asks what kind of server it is; one that does not tell counts as Elasticsearch.
    pub(crate) fn flavour(&self) -> Result<Flavour, ElasticError> {
        let answer = self.ask(Method::Get, "/", None)?;
        if matches!(answer.status, 401 | 403) || crate::error::may_pass(answer.status) {
            succeeded(answer, || format!("asking {} what it is", self.url))?;
            return Ok(Flavour::Elasticsearch);
        }
        let is_open = answer.body["version"]["distribution"] == "opensearch";
        Ok(if is_open { Flavour::OpenSearch } else { Flavour::Elasticsearch })
    }
}

fn credentials(config: &Config) -> Result<Option<Credentials>, ElasticError> {
    if let Some(key) = &config.api_key {
        let key = key.read("elasticsearch.api_key")?;
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "reading elasticsearch.api_key".to_owned();
            return Err(ElasticError::Setting { what, source: "it is not one word".into() });
        }
        return Ok(Some(Credentials::EncodedApiKey(key)));
    }
    let (Some(name), Some(password)) = (&config.username, &config.password) else {
        return Ok(None);
    };
    let password = password.read("elasticsearch.password")?;
    Ok(Some(Credentials::Basic(name.clone(), password)))
}

/// Reads an answer to its end; what is no JSON is kept as a text.
async fn answer(response: Response) -> Result<Answer, elasticsearch::Error> {
    let status = response.status_code().as_u16();
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = seconds.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let bytes = response.bytes().await?;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&bytes);
        Value::String(text.chars().take(SHOWN_CHARS_MAX).collect())
    });
    Ok(Answer { status, body, retry_after })
}

fn succeeded(answer: Answer, attempted: impl Fn() -> String) -> Result<Value, ElasticError> {
    let Answer { status, body, retry_after } = answer;
    if !(200..300).contains(&status) {
        let reason = reason(body.get("error").unwrap_or(&body));
        return Err(ElasticError::Refused { attempted: attempted(), status, reason, retry_after });
    }
    if body.is_string() {
        let problem = "it is no JSON".to_owned();
        return Err(ElasticError::Answer { attempted: attempted(), problem });
    }
    Ok(body)
}

/// Reads what became of items; one outcome for each, or none of them counts.
fn outcomes(
    body: Value,
    wanted: usize,
    attempted: impl Fn() -> String,
) -> Result<Vec<Outcome>, ElasticError> {
    let unreadable = |problem| ElasticError::Answer { attempted: attempted(), problem };
    let answer: BulkAnswer =
        serde_json::from_value(body).map_err(|error| unreadable(error.to_string()))?;
    let items = answer.items.into_iter().filter_map(|item| item.into_values().next());
    let items: Vec<Outcome> = items.collect();
    if items.len() != wanted {
        return Err(unreadable(format!("{} outcomes for {wanted} documents", items.len())));
    }
    Ok(items)
}

/// Gives an error's type and reason with its causes, in the server's words.
pub(crate) fn reason(error: &Value) -> String {
    let mut text = String::new();
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(plain) = error.as_str() {
            return plain.to_owned();
        }
        let part = |name: &str| error[name].as_str().unwrap_or_default();
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&format!("{}: {}", part("type"), part("reason")));
        at = error.get("caused_by");
    }
    text
}

fn unreachable(attempted: String, error: elasticsearch::Error) -> ElasticError {
    ElasticError::Unreachable { attempted, source: error.into() }
}
