//! Trust: who may act in an account.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{key, symbols};

key! {
    /// A principal that an account trusts.
    TrustKey {
        /// The trusting account.
        account,
        /// The principal as the policy names it.
        principal
    } by account
}

symbols! {
    /// What kind of principal it is.
    PrincipalKind default "other" {
        /// A whole account, or a user or role in one.
        Account = "account",
        /// A service of the provider.
        Service = "service",
        /// An identity provider.
        Federated = "federated",
        /// Everyone.
        Public = "public",
        /// All accounts of an organisation.
        Organisation = "organisation",
        /// An account by its canonical user id, which does not tell the account.
        Canonical = "canonical",
        /// Something this release can't name.
        Other = "other",
    }
}

symbols! {
    /// By what a principal is known.
    KnownBy default "nobody" {
        /// Nobody knows it; everyone is nobody.
        Nobody = "nobody",
        /// Its account is one of ours: a payer lists it, or the register has it as our own.
        Organisation = "organisation",
        /// The register approves it as a third party.
        Register = "register",
        /// It is on the list of known vendors, which says whose it is and approves nothing.
        Vendor = "vendor",
        /// It is a service of the provider, or an identity provider that is built in.
        Service = "service",
    }
}

/// How many resources demand a condition of a principal.
#[derive(Clone, Debug, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct TrustCondition {
    /// The condition's key, for example `sts:ExternalId`; `other` for all that says neither who
    /// comes nor from where.
    pub key: String,
    /// Resources that demand it in every statement that lets the principal in.
    pub resources: i64,
}

/// A principal that may act in an account, and through what.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct TrustState {
    /// What kind of principal it is.
    pub kind: PrincipalKind,
    /// The principal's account, when it lies in one.
    pub principal_account: Option<String>,
    /// Whether it is known by anything: see `known_by`.
    pub known: bool,
    /// Keys of resources whose policies let it in, sorted: the first of `resources`.
    pub through: Vec<String>,
    /// By what it is known.
    #[serde(default)]
    #[avro(default = r#""nobody""#)]
    pub known_by: KnownBy,
    /// Whose account it is, in the words of the list of vendors.
    #[serde(default)]
    #[avro(default = "null")]
    pub vendor: Option<String>,
    /// Resources whose policies let it in.
    #[serde(default)]
    #[avro(default = "0")]
    pub resources: i64,
    /// What they demand of it, sorted by key.
    #[serde(default)]
    #[avro(default = "[]")]
    pub conditions: Vec<TrustCondition>,
    /// When a document first named it, in UTC milliseconds, whatever became of that trust since.
    #[serde(default)]
    #[avro(default = "0")]
    pub first_seen_ms: i64,
    /// The name of each resource in `through`, in the same order; empty where it has none.
    #[serde(default)]
    #[avro(default = "[]")]
    pub names: Vec<String>,
}
