//! Spend: what an account is estimated to cost.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

/// The estimated charges of an account in the running period.
///
/// Source: CloudWatch `AWS/Billing EstimatedCharges`.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Spend {
    /// The account.
    pub account: String,
    /// Estimated charges in hundredths of the currency.
    pub cents: i64,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// When the figure was read, in UTC milliseconds.
    pub captured_ms: i64,
}
