//! What can go wrong while a sink runs, and before it does.

use std::error::Error;

use stream::LogError;

/// Why a sink ended.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A person must act, or patience is at its end: the target's own error.
    #[error(transparent)]
    Target(Box<dyn Error + Send + Sync>),
    /// The log failed.
    #[error("running {sink}")]
    Log {
        /// The sink.
        sink: &'static str,
        /// Why.
        #[source]
        source: LogError,
    },
    /// A topic was deleted, or made anew, while it was followed: its positions mean nothing now.
    /// [`Frame::run`](crate::Frame::run) joins again then, and returns no such error.
    #[error("running {sink}: topic {topic} was deleted or made anew")]
    Anew {
        /// The sink.
        sink: &'static str,
        /// The topic's noun and kind.
        topic: &'static str,
    },
    /// The target did not say what became of a record: a bug, and the batch is not committed.
    #[error("running {sink}: nobody knows what became of record {record} of a batch: {problem}")]
    Uncounted {
        /// The sink.
        sink: &'static str,
        /// The record's index in the batch.
        record: usize,
        /// What was told of it.
        problem: &'static str,
    },
}

/// What is wrong with a sink's configuration: the field and the reason.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ConfigError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}
