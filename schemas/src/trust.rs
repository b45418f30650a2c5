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
        /// Something this release can't name.
        Other = "other",
    }
}

/// A principal that may act in an account, and through what.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct TrustState {
    /// What kind of principal it is.
    pub kind: PrincipalKind,
    /// The principal's account, when it lies in one.
    pub principal_account: Option<String>,
    /// Whether that account is listed by a payer or approved in the register; true for services and
    /// identity providers.
    pub known: bool,
    /// Keys of the resources whose policies trust it, sorted.
    pub through: Vec<String>,
}
