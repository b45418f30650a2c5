//! Spans around units of work: a transaction, a batch, a scan. What an operator asks about has one,
//! and nothing else.
//!
//! A span is one of `tracing`'s with [`TARGET`] as its target and, among its fields, `outcome`.
//! Who gathers spans is the program's matter; where nobody does, they cost next to nothing.

use tracing::Span;

/// The target of every span, by which the program knows its own from those of libraries.
pub const TARGET: &str = "scorecard.work";

/// The outcome of work that failed.
pub const FAILED: &str = "failed";

/// The outcome of work that nobody finished: it is begun anew, or not wanted any more.
pub const DROPPED: &str = "dropped";

/// Gives a count as spans have numbers: OpenTelemetry knows no others than signed ones.
pub fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A unit of work under way, with its span, which ends with it and says how it ended.
#[derive(Debug)]
pub struct Traced {
    span: Span,
    has_ended: bool,
}

impl Traced {
    /// Begins work whose span has a field `outcome`.
    pub fn begin(span: Span) -> Self {
        Self { span, has_ended: false }
    }

    /// Gives the span, to enter it and to record fields.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Ends the work.
    pub fn end(mut self, outcome: &str) {
        self.has_ended = true;
        self.span.record("outcome", outcome);
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.has_ended {
            self.span.record("outcome", DROPPED);
        }
    }
}
