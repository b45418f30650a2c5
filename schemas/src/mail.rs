//! Mail: what is to be sent to whom, and what became of it.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{key, symbols};

key! {
    /// A message: a report of a period to a recipient.
    MailKey {
        /// Whom the report is about: `owner`, `payer` or `enterprise`.
        kind,
        /// Which of them.
        id,
        /// When it was due, as `2026-11-30T07:00Z`.
        period,
        /// The address that it is for.
        recipient
    } by kind, id
}

symbols! {
    /// How far a message is.
    MailStatus default "superseded" {
        /// It is due and not sent.
        Planned = "planned",
        /// Its text is being handed to the server; who finds this after a crash does not know
        /// whether it arrived.
        Sending = "sending",
        /// The server took it.
        Sent = "sent",
        /// It will not be sent: the server refused it for good, or nobody knows twice whether it
        /// arrived.
        Failed = "failed",
        /// It was not sent, and will not be: a later one is due, or nobody wants it any more.
        Superseded = "superseded",
        /// It was not sent, since nothing changed since the last one.
        Unchanged = "unchanged",
    }
}

/// A message in the outbox.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct MailState {
    /// How far it is.
    pub status: MailStatus,
    /// Its `Message-ID`, without the angle brackets; empty before the first attempt.
    pub message_id: String,
    /// A hash of the figures that it tells; empty before the first attempt.
    pub content: String,
    /// How often its text was handed to a server, or about to be.
    pub attempts: i64,
    /// Attempts of which nobody knows whether the message arrived.
    pub uncertain: i64,
    /// What the server said last, or why nothing was sent.
    pub answer: Option<String>,
    /// When it was planned, in UTC milliseconds of the log's own time.
    pub planned_ms: i64,
    /// When the status changed last, in the same time.
    pub changed_ms: i64,
}
