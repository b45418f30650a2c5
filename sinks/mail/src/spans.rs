//! The span of a message's delivery: which report, and what the server said; not to whom.

use schemas::{MailKey, MailState};
use stream::span::{TARGET, Traced, number};
use tracing::field::Empty;
use tracing::info_span;

/// Begins the span of a delivery, from the offer of its addresses to the server's last word: a
/// trace of its own.
pub(crate) fn delivery(key: &MailKey, state: &MailState, bytes: usize) -> Traced {
    Traced::begin(info_span!(
        target: TARGET,
        parent: None,
        "mail delivery",
        kind = key.kind,
        period = key.period,
        attempt = state.attempts + 1,
        bytes = number(bytes),
        outcome = Empty,
    ))
}
