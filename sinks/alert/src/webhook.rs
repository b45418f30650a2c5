//! Posts alerts to a webhook: one request with all of them.

use std::time::Duration;

use serde_json::Value;
use sink_frame::Failure;
use stream::{LogError, http};
use ureq::Agent;

use crate::Webhook;

/// Limit of a call: the group waits meanwhile.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// Characters of an answer that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// The longest wait that a server is granted.
const WAIT_MAX_S: u64 = 3_600;

/// What the server said: it took the alerts, or never will.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Taken,
    Refused(String),
}

/// Why nothing came of a call this time.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers.
    #[error("asking the webhook what it takes")]
    Reach(#[source] ureq::Error),
    /// The alerts could not be sent.
    #[error("posting alerts to the webhook")]
    Call(#[source] ureq::Error),
    /// The webhook does not take them now.
    #[error("posting alerts to the webhook: status {status} {said}")]
    Status {
        /// The status of its answer.
        status: u16,
        /// What it said.
        said: String,
    },
}

/// The way to a webhook.
#[derive(Debug)]
pub struct Hook<'a> {
    agent: Agent,
    webhook: &'a Webhook,
}

impl<'a> Hook<'a> {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// When the certificates can't be read.
    pub fn new(webhook: &'a Webhook) -> Result<Self, LogError> {
        let ca_file = webhook.ca_file.as_deref();
        let agent = http::agent(CALL_LIMIT, ca_file, "alerts.webhook.ca_file")?;
        Ok(Self { agent, webhook })
    }

    /// Asks the webhook what it takes (`OPTIONS`), which tells it nothing, and gives the status of
    /// its answer: whatever that is, the way is free.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn reach(&self) -> Result<u16, CallError> {
        let answer = self.agent.options(&self.webhook.url).call().map_err(CallError::Reach)?;
        Ok(answer.status().as_u16())
    }

    /// Posts events in one batch.
    ///
    /// Source: CloudEvents 1.0.2, HTTP binding 3.3 (batched content mode).
    pub(crate) fn post(&self, events: &[Value]) -> Result<Answer, Failure> {
        let body = Value::Array(events.to_vec()).to_string();
        let mut request = self
            .agent
            .post(&self.webhook.url)
            .header("Content-Type", "application/cloudevents-batch+json; charset=utf-8");
        if let Some(token) = &self.webhook.token {
            let token = token.read("alerts.webhook.token")?;
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send(&body).map_err(|error| Failure::again(CallError::Call(error)))?;
        let status = answer.status().as_u16();
        let after = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let after = after.and_then(|text| text.parse::<u64>().ok());
        let said = answer.into_body().read_to_string().unwrap_or_default();
        let said: String = said.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
        match status {
            200..300 => Ok(Answer::Taken),
            408 | 425 | 429 | 500.. => Err(Failure::Again {
                error: CallError::Status { status, said }.into(),
                after: after.map(|seconds| Duration::from_secs(seconds.min(WAIT_MAX_S))),
            }),
            _ => Ok(Answer::Refused(format!("{status} {said}"))),
        }
    }
}
