//! Scores of an account: integer counts, and the score that follows from them.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{key, symbols};

key! {
    /// A score: of a requirement in an account, or of the account (`*`).
    ScoreKey {
        /// The account's id.
        account,
        /// The requirement's id, or `*`.
        requirement
    } by account
}

/// Billionths: scores in state are whole billionths of 1, so that sums are exact in any order.
pub const SCORE_ONE: i64 = 1_000_000_000;

symbols! {
    /// Whether there is a score, and if not, why.
    ScoreStatus default "not_collected" {
        /// There is a score.
        Scored = "scored",
        /// Nothing counts: there are no such resources.
        NotApplicable = "not_applicable",
        /// No scope that it needs was ever completed.
        NotCollected = "not_collected",
    }
}

/// Counts and score.
///
/// `score = 1 - (noncompliant - excepted) / total`; for `*` the mean of the requirements' scores,
/// weighted by risk.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ScoreState {
    /// Whether there is a score.
    pub status: ScoreStatus,
    /// The score in billionths; none unless scored.
    pub score: Option<i64>,
    /// The requirement's risk weight; for `*` the sum of weights that have a score.
    pub weight: i64,
    /// Weight times score in billionths; for `*` the sum over its requirements.
    pub weighted_score: i64,
    /// Votes: passing and failing.
    pub total: i64,
    /// Failing votes, credited or not.
    pub noncompliant: i64,
    /// Failing votes with live credit.
    pub excepted: i64,
    /// Failing votes whose exception lapsed.
    pub expired: i64,
    /// Votes that could not be judged; outside both sides of the fraction.
    pub unknown: i64,
    /// Scopes that it needs.
    pub scopes: i64,
    /// Those of them that were once completed.
    pub scopes_collected: i64,
    /// When the oldest data behind it was collected, in UTC milliseconds.
    pub oldest_ms: Option<i64>,
}
