//! Accounts: as their organisation lists them, as the register knows them, and as one state.

use std::collections::BTreeMap;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{avro::string_map, key, symbols};

key! {
    /// An account, by its id at its provider.
    AccountKey {
        /// The account's id.
        account
    } by account
}

symbols! {
    /// Where an account stands in its life.
    AccountStatus default "unknown" {
        /// In use.
        Active = "active",
        /// Suspended by the provider.
        Suspended = "suspended",
        /// On its way to being closed.
        Closing = "closing",
        /// No organisation lists it any more.
        Left = "left",
        /// A word that this release does not know.
        Unknown = "unknown",
    }
}

/// An account as its payer's organisation lists it.
///
/// Source: AWS `organizations:ListAccounts`.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct AccountListing {
    /// The cloud: `aws`.
    pub provider: String,
    /// The account's id.
    pub account: String,
    /// The payer (management account) that lists it.
    pub payer: String,
    /// Name at the provider.
    pub name: String,
    /// Address of the account's root user.
    pub email: String,
    /// Where it stands in its life.
    pub status: AccountStatus,
    /// Names of the organisational units above it, from below the root down.
    #[serde(default)]
    #[avro(default = "[]")]
    pub units: Vec<String>,
    /// Its tags in the organisation.
    #[serde(default)]
    #[avro(default = "{}", with = string_map)]
    pub tags: BTreeMap<String, String>,
    /// The organisation's id (`o-…`); empty where the listing does not tell.
    #[serde(default)]
    #[avro(default = "\"\"")]
    pub organisation: String,
}

/// What the company itself knows of an account.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct AccountRegister {
    /// The account's id.
    pub account: String,
    /// Name that the company uses; the provider's when absent.
    pub name: Option<String>,
    /// Who answers for it (mail address or another stable id).
    pub owner: Option<String>,
    /// The executive above the owner.
    pub executive: Option<String>,
    /// A foreign account that the company may trust.
    pub third_party: bool,
    /// Whether that trust was approved.
    pub approved: bool,
}

/// What is known of the collection of one resource type in one account.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct TypeCoverage {
    /// The resource type.
    pub resource_type: String,
    /// Scopes (regions) that were ever tried.
    pub scopes: i64,
    /// Scopes of which some scan was once completed.
    pub collected: i64,
    /// Scopes whose latest attempt failed.
    pub failed: i64,
    /// When the scope with the oldest data was completed, in UTC milliseconds.
    pub oldest_ms: Option<i64>,
    /// The error of one failed scope, the first by region.
    pub error: Option<String>,
    /// Resources that the scopes held when each was last completed; one that several scopes list
    /// counts in each. Reports count none.
    #[serde(default)]
    #[avro(default = "0")]
    pub resources: i64,
}

/// All that is known of an account.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct AccountState {
    /// The cloud.
    pub provider: String,
    /// The account's id.
    pub account: String,
    /// The payer; empty when no organisation lists the account.
    pub payer: String,
    /// The register's name, else the provider's (its last one, for an account that left), else the
    /// id.
    pub name: String,
    /// Where it stands in its life.
    pub status: AccountStatus,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The executive above the owner.
    pub executive: Option<String>,
    /// Whether a payer's organisation lists it now.
    pub listed: bool,
    /// Estimated charges of the period in hundredths of the currency.
    pub spend_cents: Option<i64>,
    /// Coverage by resource type, sorted by type.
    pub coverage: Vec<TypeCoverage>,
    /// When the account's listing last changed where it stands, in UTC milliseconds; none when no
    /// organisation ever listed it.
    #[serde(default)]
    #[avro(default = "null")]
    pub status_since_ms: Option<i64>,
    /// Names of the organisational units above it, from below the root down, by its last listing.
    #[serde(default)]
    #[avro(default = "[]")]
    pub units: Vec<String>,
    /// Its tags in the organisation, by its last listing.
    #[serde(default)]
    #[avro(default = "{}", with = string_map)]
    pub tags: BTreeMap<String, String>,
}

impl AccountState {
    /// Tells whether the account is scored and counts in sums: a suspended account and one that
    /// left its organisation answer to nobody; a closing one does until it is closed.
    pub fn is_scored(&self) -> bool {
        !matches!(self.status, AccountStatus::Suspended | AccountStatus::Left)
    }
}
