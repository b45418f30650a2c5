//! Exceptions: entries of the risk register that give credit until they expire.

use std::collections::BTreeMap;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountState, key, symbols};

key! {
    /// An exception, by its id in the risk register.
    ExceptionKey {
        /// The exception's id.
        exception
    } by exception
}

symbols! {
    /// What was decided of an exception.
    ExceptionState default "asked" {
        /// It was asked for; nobody decided yet.
        Asked = "asked",
        /// The risk was accepted.
        Approved = "approved",
        /// The risk was not accepted.
        Rejected = "rejected",
        /// It was taken back, or is no longer needed.
        Withdrawn = "withdrawn",
    }
}

symbols! {
    /// Where an exception stands at a moment; of several that concern a row the first in this order
    /// speaks.
    ExceptionPhase default "asked" {
        /// It gives credit.
        Live = "live",
        /// It is approved and begins later.
        Waiting = "waiting",
        /// Nobody decided yet.
        Asked = "asked",
        /// It is approved and has ended.
        Expired = "expired",
        /// It was taken back.
        Withdrawn = "withdrawn",
        /// The risk was not accepted.
        Rejected = "rejected",
    }
}

/// An entry of the risk register: a failing row that every named part covers has credit as long as
/// the exception is live.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Exception {
    /// Its id in the risk register.
    pub id: String,
    /// The accounts it covers: ids, `*` for all, `unit:prod/shop` for all below an organisational
    /// unit (whole names from below the root down, `%` and `/` in a name written `%25` and `%2F`),
    /// `tag:KEY` or `tag:KEY=VALUE` for all with that tag in the organisation.
    pub accounts: Vec<String>,
    /// The requirements it covers; a single `*` covers all.
    pub requirements: Vec<String>,
    /// The resource it covers: an id, name or ARN, with `*` and `?` as in a shell; never a regular
    /// expression.
    pub resource: String,
    /// Whether the risk was accepted, as releases without `state` wrote it.
    pub approved: bool,
    /// Why the risk is accepted.
    pub reason: String,
    /// Who asked for it.
    pub owner: String,
    /// The first UTC millisecond at which it gives no credit any more; none: it does not expire.
    pub expires_ms: Option<i64>,
    /// The regions it covers, with `*` and `?` as in a shell; empty covers all.
    #[serde(default)]
    #[avro(default = "[]")]
    pub regions: Vec<String>,
    /// Tags that the resource must have, all of them: `KEY`, or `KEY=VALUE` in full; empty asks for
    /// none.
    #[serde(default)]
    #[avro(default = "[]")]
    pub tags: Vec<String>,
    /// What was decided; none in old records, where `approved` tells.
    #[serde(default)]
    #[avro(default = "null")]
    pub state: Option<ExceptionState>,
    /// Who decided.
    #[serde(default)]
    #[avro(default = "null")]
    pub approver: Option<String>,
    /// What protects the resource instead.
    #[serde(default)]
    #[avro(default = "null")]
    pub control: Option<String>,
    /// Where it was discussed.
    #[serde(default)]
    #[avro(default = "null")]
    pub ticket: Option<String>,
    /// When it was asked for, in UTC milliseconds.
    #[serde(default)]
    #[avro(default = "null")]
    pub asked_ms: Option<i64>,
    /// When it was approved, in UTC milliseconds.
    #[serde(default)]
    #[avro(default = "null")]
    pub approved_ms: Option<i64>,
    /// The first UTC millisecond at which it gives credit; none: at once.
    #[serde(default)]
    #[avro(default = "null")]
    pub starts_ms: Option<i64>,
    /// The later end that was asked for and not decided yet; credit runs until `expires_ms`.
    #[serde(default)]
    #[avro(default = "null")]
    pub renewal_ms: Option<i64>,
}

/// What an exception's account begins with when it is no id.
const UNIT: &str = "unit:";
const TAG: &str = "tag:";

/// Tells whether an exception's account is no id but stands for those of a unit or with a tag.
pub fn selects_by_place(account: &str) -> bool {
    account.starts_with(UNIT) || account.starts_with(TAG)
}

/// Tells whether a tag is there: `KEY`, or `KEY=VALUE` in full; both may hold `=`.
pub fn has_tag(tags: &BTreeMap<String, String>, wanted: &str) -> bool {
    let full = |(name, value): (&String, &String)| {
        wanted.strip_prefix(&**name).and_then(|rest| rest.strip_prefix('=')) == Some(&**value)
    };
    tags.contains_key(wanted) || tags.iter().any(full)
}

impl Exception {
    /// Tells whether it covers an account; one of which nothing is known is in no unit and has no
    /// tag.
    pub fn covers_account(&self, id: &str, account: Option<&AccountState>) -> bool {
        self.accounts.iter().any(|one| {
            if let Some(path) = one.strip_prefix(UNIT) {
                let names = key::split(path);
                return account
                    .zip(names)
                    .is_some_and(|(row, names)| row.units.starts_with(&names));
            }
            if let Some(tag) = one.strip_prefix(TAG) {
                return account.is_some_and(|row| has_tag(&row.tags, tag));
            }
            one == "*" || one == id
        })
    }

    /// Gives what was decided, of old records too.
    pub fn decided(&self) -> ExceptionState {
        let old = if self.approved { ExceptionState::Approved } else { ExceptionState::Asked };
        self.state.unwrap_or(old)
    }

    /// Gives where it stands at a time in UTC milliseconds.
    pub fn phase(&self, now_ms: i64) -> ExceptionPhase {
        match self.decided() {
            ExceptionState::Asked => ExceptionPhase::Asked,
            ExceptionState::Rejected => ExceptionPhase::Rejected,
            ExceptionState::Withdrawn => ExceptionPhase::Withdrawn,
            ExceptionState::Approved if self.expires_ms.is_some_and(|end| end <= now_ms) => {
                ExceptionPhase::Expired
            }
            ExceptionState::Approved if self.starts_ms.is_some_and(|start| now_ms < start) => {
                ExceptionPhase::Waiting
            }
            ExceptionState::Approved => ExceptionPhase::Live,
        }
    }
}
