//! Exceptions: entries of the risk register that give credit until they expire.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::key;

key! {
    /// An exception, by its id in the risk register.
    ExceptionKey {
        /// The exception's id.
        exception
    } by exception
}

/// An accepted risk.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Exception {
    /// Its id in the risk register.
    pub id: String,
    /// The accounts it covers; a single `*` covers all.
    pub accounts: Vec<String>,
    /// The requirements it covers; a single `*` covers all.
    pub requirements: Vec<String>,
    /// The resource it covers: an id, name or ARN, with `*` and `?` as in a shell; never a regular
    /// expression.
    pub resource: String,
    /// Whether the risk was accepted; an entry that waits for approval gives no credit.
    pub approved: bool,
    /// Why the risk is accepted.
    pub reason: String,
    /// Who asked for it.
    pub owner: String,
    /// The first UTC millisecond at which it gives no credit any more; none: it does not expire.
    pub expires_ms: Option<i64>,
}
