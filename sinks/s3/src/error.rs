//! What can go wrong when the bucket is written.

use std::path::PathBuf;

use sink_frame::Failure;

/// A failure of the sink: what was attempted and on what; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The runtime of the calls can't be started.
    #[error("starting the runtime of the calls to S3")]
    Runtime(#[source] std::io::Error),
    /// A call failed.
    #[error("{attempted} in bucket {bucket}")]
    Call {
        /// What was attempted, on which key.
        attempted: String,
        /// The bucket.
        bucket: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row can't be read because something that is needed for it is down.
    #[error("reading a row of topic {topic}")]
    Row {
        /// The topic's noun and kind.
        topic: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A workbook can't be read.
    #[error("{attempted} {}", path.display())]
    File {
        /// What was attempted.
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<S3Error> for Failure {
    /// Whatever the store says may pass: a policy is mended, a bucket made.
    fn from(error: S3Error) -> Self {
        Failure::again(error)
    }
}
