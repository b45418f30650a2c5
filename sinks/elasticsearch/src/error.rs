//! What can go wrong with the cluster.

use std::time::Duration;

use sink_frame::Failure;

/// A failure of the cluster: what was attempted; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum ElasticError {
    /// The runtime of the calls can't be started.
    #[error("starting the runtime of the calls to Elasticsearch")]
    Runtime(#[source] std::io::Error),
    /// The configuration names something that can't be used.
    #[error("{what}")]
    Setting {
        /// What was attempted, on what.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A secret can't be read.
    #[error("reading who we are")]
    Secret(#[from] stream::LogError),
    /// The cluster can't be reached.
    #[error("{attempted}")]
    Unreachable {
        /// What was attempted.
        attempted: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cluster said no.
    #[error("{attempted}: Elasticsearch answered {status}: {reason}")]
    Refused {
        /// What was attempted.
        attempted: String,
        /// The status code.
        status: u16,
        /// The cluster's words.
        reason: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// An answer is not what it should be.
    #[error("{attempted}: the answer can't be read: {problem}")]
    Answer {
        /// What was attempted.
        attempted: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something that `scorecard setup elasticsearch` makes is not there.
    #[error("{missing} is not there: run `scorecard setup elasticsearch` first")]
    NotSetUp {
        /// What.
        missing: String,
    },
}

/// Tells whether a status may be another one later: too much to do, or no node for it.
pub(crate) fn may_pass(status: u16) -> bool {
    status == 429 || status == 408 || status >= 500
}

impl From<ElasticError> for Failure {
    fn from(error: ElasticError) -> Self {
        match error {
            ElasticError::Refused { status, retry_after, .. } if may_pass(status) => {
                Failure::Again { error: error.into(), after: retry_after }
            }
            // Half an answer: a proxy or a node on its way down.
            ElasticError::Unreachable { .. } | ElasticError::Answer { .. } => Failure::again(error),
            _ => Failure::stop(error),
        }
    }
}
