//! The exporter's way to the collector: the HTTP client of our other roles, which tells once that
//! nobody answers, and not each time.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use stream::{chain, http, secret::Secret};
use ureq::{
    Agent,
    http::{HeaderName, HeaderValue},
};

use super::Config;

/// Limit of a call, and of all tries of an export.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read: it says at most how many spans were refused, and why.
const ANSWER_BYTES_MAX: u64 = 65_536;

/// What spans are written as.
const PROTOBUF: &str = "application/x-protobuf";

/// The client of one collector.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    url: String,
    headers: BTreeMap<String, Secret>,
    is_failing: AtomicBool,
}

impl Client {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// When a header or the certificates can't be read.
    pub(super) fn new(config: &Config) -> Result<Self> {
        let ca_file = config.ca_file.as_deref();
        let agent = http::agent(CALL_LIMIT, ca_file, "telemetry.ca_file")?;
        let client = Self {
            agent,
            url: config.traces_url(),
            headers: config.headers.clone(),
            is_failing: AtomicBool::new(false),
        };
        // What can't be read now would be missed later, when nobody looks.
        client.headers()?;
        Ok(client)
    }

    /// Sends no spans, and gives the status with which they were taken.
    ///
    /// # Errors
    /// When nobody answers, or not with a success.
    pub(super) fn try_out(&self) -> Result<u16> {
        let request = Request::post(&self.url).header("content-type", PROTOBUF);
        // A message without fields has no bytes.
        let request = request.body(Bytes::new()).context("making a request")?;
        let status = self.send(request)?.status();
        ensure!(status.is_success(), "status {}", status.as_u16());
        Ok(status.as_u16())
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let mut request = request.map(|body| body.to_vec());
        for (name, value) in self.headers()? {
            // The environment may have said something of that name.
            request.headers_mut().insert(name, value);
        }
        let (head, body) = self.agent.run(request)?.into_parts();
        let body = body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// Reads the headers, each time anew: a token may have been replaced.
    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let read = |(name, secret): (&String, &Secret)| {
            let setting = format!("telemetry.headers.{name}");
            let value = secret.read(&setting)?;
            // The error of a value that is none does not hold it.
            let mut value = HeaderValue::try_from(value)
                .with_context(|| format!("setting {setting} is no value of a header"))?;
            value.set_sensitive(true);
            Ok((name.parse()?, value))
        };
        self.headers.iter().map(read).collect()
    }

    /// Tells when the collector stops taking spans, and when it takes them again.
    fn tell(&self, sent: &Result<Response<Bytes>>) {
        let url = &self.url;
        let reason = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("status {}", answer.status().as_u16())),
            Err(error) => Some(chain(&**error)),
        };
        match reason {
            None if self.is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(url, "spans are taken again");
            }
            Some(reason) if !self.is_failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(url, reason, "spans are not taken, and lost until they are");
            }
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request);
        self.tell(&sent);
        Ok(sent?)
    }
}
