//! Sums over accounts: each account's share, and the sum.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::key;

key! {
    /// One account's share in one sum.
    ContributionKey {
        /// What is summed: `owner`, `executive`, `payer`, `enterprise` or `foreign`.
        kind,
        /// Whose sum: the owner, the payer, ...
        id,
        /// The account that contributes.
        account,
        /// The requirement; `*` for the account as a whole; the principal for `foreign`.
        requirement
    } by kind, id
}

key! {
    /// A sum.
    RollupKey {
        /// What is summed.
        kind,
        /// Whose sum.
        id
    } by kind, id
}

/// What one account adds to one sum.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Contribution {
    /// The weight: the requirement's risk weight, or the spend in hundredths for executives.
    pub weight: Option<i64>,
    /// The score in billionths; none when there is none.
    pub score: Option<i64>,
    /// Votes.
    pub total: i64,
    /// Failing votes.
    pub noncompliant: i64,
    /// Failing votes with live credit.
    pub excepted: i64,
}

/// A sum over accounts.
///
/// Of a foreign account votes are the resources through which it, or somebody in it, is trusted;
/// they fail while nobody knows it.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct RollupState {
    /// The weighted score in billionths; none when nothing has a score.
    pub score: Option<i64>,
    /// Sum of the weights of shares that have a score; of an executive in hundredths of the
    /// currency.
    pub weight: i64,
    /// Sum of weight times score in billionths; of an executive in millionths.
    pub weighted_score: i64,
    /// Accounts that contribute, with a score or not.
    pub accounts: i64,
    /// Shares that have a score.
    pub scored: i64,
    /// Votes.
    pub total: i64,
    /// Failing votes.
    pub noncompliant: i64,
    /// Failing votes with live credit.
    pub excepted: i64,
    /// Of a foreign account: the accounts that trust it, sorted; the first of `accounts`.
    #[serde(default)]
    #[avro(default = "[]")]
    pub trusted_by: Vec<String>,
    /// Of an executive: accounts with a score that do not weigh as what they spend. Those without
    /// a figure weigh as the median of the known ones; where none is known, or nothing was spent,
    /// each weighs 1.
    #[serde(default)]
    #[avro(default = "0")]
    pub estimated: i64,
}
