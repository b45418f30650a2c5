//! Alerts: what people should hear of soon, and when they were told.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::key;

key! {
    /// Something to tell of an account.
    AlertKey {
        /// The account.
        account,
        /// What it is: `trust`, `fall` or `silence`.
        kind,
        /// For `trust` the foreign account; else `*`.
        subject
    } by account
}

/// Since when it is so, and whether people were told.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct AlertState {
    /// Since when, in UTC milliseconds of the log's own time: when the foreign account was first
    /// seen, the score was cut, or the account was last collected (or first seen uncollected).
    pub since_ms: i64,
    /// When people were told, in the same time; none while they were not.
    pub told_ms: Option<i64>,
    /// For `trust`: the principal that was seen first.
    pub principal: Option<String>,
    /// For `trust`: the key of the first resource that lets it in.
    pub through: Option<String>,
    /// For `fall`: the score an hour before, in billionths.
    pub score_before: Option<i64>,
    /// For `fall`: the score, in billionths.
    pub score: Option<i64>,
}
