//! How a call can fail, in a form that can be kept as data.

use aws_smithy_runtime_api::box_error::BoxError;
use stream::chain;

use super::response::DecodeError;

/// A call that did not give a document.
#[derive(Debug, thiserror::Error)]
#[error("calling {service}:{operation} in {region}")]
pub struct CallError {
    /// The service, in botocore's words.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The region that was asked.
    pub region: String,
    /// What happened; boxed, so that results stay small.
    #[source]
    pub fault: Box<Fault>,
}

/// What happened to a call.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// AWS refused it, after all tries where another try could help.
    #[error("{code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// AWS's error code; the status where the answer has none.
        code: String,
        /// AWS's message, or the start of an answer that has none.
        message: String,
        /// The id that AWS support asks for.
        request_id: Option<String>,
        /// S3: the region of the bucket that the call named.
        bucket_region: Option<String>,
    },
    /// No answer in time, after all tries.
    #[error("no answer in time")]
    Timeout(#[source] BoxError),
    /// No connection, or one that broke, after all tries; also credentials that can't be had.
    #[error("no answer")]
    Unreachable(#[source] BoxError),
    /// An answer that broke off or grew too large, after all tries.
    #[error("the answer did not arrive whole")]
    Broken(#[source] BoxError),
    /// An answer of success that is not what the model says.
    #[error("the answer can't be read")]
    Unreadable(#[from] DecodeError),
    /// The call can't be written: an unknown operation or parameter, a bad endpoint.
    #[error("the request can't be made")]
    Request(#[source] BoxError),
    /// The scan has made as many calls as it may.
    #[error("the scan has made all the calls that calls_per_scan allows")]
    Budget,
    /// Pages that do not end.
    #[error("{0}")]
    Pages(&'static str),
}

impl CallError {
    /// Gives AWS's error code, or ours for calls that AWS did not refuse.
    pub fn code(&self) -> &str {
        match self.fault.as_ref() {
            Fault::Refused { code, .. } => code,
            Fault::Timeout(_) => "Timeout",
            Fault::Unreachable(_) => "Unreachable",
            Fault::Broken(_) => "BrokenAnswer",
            Fault::Unreadable(_) | Fault::Pages(_) => "UnreadableAnswer",
            Fault::Request(_) => "RequestNotMade",
            Fault::Budget => "BudgetSpent",
        }
    }

    /// Gives `Code: message`, the form in which failures are kept in documents and scopes.
    pub fn summary(&self) -> String {
        match self.fault.as_ref() {
            Fault::Refused { code, message, .. } => format!("{code}: {message}"),
            fault => format!("{}: {}", self.code(), chain(fault)),
        }
    }

    /// Gives the region that S3 says the call's bucket is in.
    pub(crate) fn bucket_region(&self) -> Option<&str> {
        match self.fault.as_ref() {
            Fault::Refused { bucket_region, .. } => bucket_region.as_deref(),
            _ => None,
        }
    }
}
