//! Compliance: verdict and credit of each resource under each requirement, and their changes.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{Cause, ExceptionPhase, Totals, key, symbols};

key! {
    /// One verdict.
    ComplianceKey {
        /// The requirement's id.
        requirement,
        /// The account's id.
        account,
        /// The resource's region.
        region,
        /// The resource's id.
        resource,
        /// The part of the resource (an access key, a rule, a finding); empty for the whole.
        part
    } by account
}

symbols! {
    /// What was found.
    Verdict default "unknown" {
        /// The requirement holds.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// It could not be told: data was missing or the rule is at fault. Never a pass.
        Unknown = "unknown",
        /// The requirement does not concern this resource.
        NotApplicable = "not_applicable",
    }
}

symbols! {
    /// Whether an exception counts for a failing row.
    Credit default "none" {
        /// No exception concerns it.
        None = "none",
        /// A live exception gives credit.
        Live = "live",
        /// An exception concerns it but gives no credit: it begins later, has ended or is not
        /// approved.
        Lapsed = "lapsed",
    }
}

/// The current verdict.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ComplianceState {
    /// The resource's type.
    pub resource_type: String,
    /// The resource's name.
    pub name: String,
    /// The resource's ARN, or empty.
    pub arn: String,
    /// What was found.
    pub verdict: Verdict,
    /// Whether the verdict was kept although newer data could not tell.
    pub held: bool,
    /// Why.
    pub evidence: String,
    /// Who judged: `rule` or an outside scanner.
    pub source: String,
    /// Whether an exception counts.
    pub credit: Credit,
    /// The exception's id, when one concerns it.
    pub exception: Option<String>,
    /// The exception's reason.
    pub exception_reason: Option<String>,
    /// The first UTC millisecond without that exception's credit.
    pub exception_expires_ms: Option<i64>,
    /// Since when verdict has been what it is, in UTC milliseconds.
    pub since_ms: i64,
    /// When the verdict may change by nothing but time, in UTC milliseconds.
    pub flips_ms: Option<i64>,
    /// Where that exception stood when the credit was given.
    #[serde(default)]
    #[avro(default = "null")]
    pub exception_phase: Option<ExceptionPhase>,
    /// Whether its source has told nothing for so long that it counts only where no fresh source
    /// judges the same resource.
    #[serde(default)]
    #[avro(default = "false")]
    pub stale: bool,
    /// The source's own counts, where the requirement is scored by them.
    #[serde(default)]
    #[avro(default = "null")]
    pub totals: Option<Totals>,
}

/// Verdict and credit at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Standing {
    /// The verdict.
    pub verdict: Verdict,
    /// The credit.
    pub credit: Credit,
}

/// One transition of a verdict or its credit, with the row that it is about.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ComplianceChange {
    /// Before; none when the row is new.
    pub before: Option<Standing>,
    /// After; none when the row is gone.
    pub after: Option<Standing>,
    /// When the record that caused it was made, in UTC milliseconds.
    pub at_ms: i64,
    /// The record that caused it.
    pub cause: Cause,
    /// The whole row: as it stands after the change, or as it last was when it is gone. None where
    /// an older release wrote the change.
    #[serde(default)]
    #[avro(default = "null")]
    pub row: Option<ComplianceState>,
}
