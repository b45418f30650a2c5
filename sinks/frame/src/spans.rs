//! The span of a batch: of which sink, how much, and how it ended.

use stream::LogError;
use stream::span::{DROPPED, FAILED, TARGET, Traced, number};
use tracing::field::Empty;
use tracing::info_span;

use crate::FrameError;

/// Begins a batch's span: a trace of its own.
pub(crate) fn batch(sink: &'static str, slot: &str, records: usize) -> Traced {
    Traced::begin(info_span!(
        target: TARGET,
        parent: None,
        "sink batch",
        sink,
        slot,
        records = number(records),
        outcome = Empty,
    ))
}

/// Says how a batch ended by what taking it gave, and whether it was committed.
pub(crate) fn outcome(taken: &Result<bool, FrameError>, is_committed: bool) -> &'static str {
    match taken {
        Ok(true) if is_committed => "committed",
        Ok(true) => "aborted",
        Ok(false) => DROPPED,
        Err(FrameError::Log { source: LogError::Fenced { .. }, .. }) => "fenced",
        Err(_) => FAILED,
    }
}
