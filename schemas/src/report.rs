//! Reports of outside scanners.

use std::collections::BTreeSet;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::symbols;

/// One record of one report about one account.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Report {
    /// The scanner: `cloudsploit`.
    pub source: String,
    /// The report's id: text that sorts by time within its source and account.
    pub report: String,
    /// The account it is about.
    pub account: String,
    /// What happened.
    pub event: ReportEvent,
}

/// What happened in a report.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub enum ReportEvent {
    /// The report begins.
    Started {},
    /// A finding of the report.
    Found {
        /// The finding.
        finding: Finding,
    },
    /// The report ends.
    Completed {
        /// Findings in it; those of one check about one resource count once.
        count: i64,
        /// Whether it holds everything the scanner judges: only then does absence clear a finding.
        complete: bool,
    },
    /// The report could not be read to its end.
    Failed {
        /// The reason.
        error: String,
    },
    /// A finding as it is now, outside of any report: what a scanner tells the moment it changes.
    /// It replaces what was known, and the record's `report` says nothing.
    Changed {
        /// The finding.
        finding: Finding,
    },
}

impl ReportEvent {
    /// Makes the end of a report that holds these findings.
    pub fn completed(findings: &[Finding], complete: bool) -> Self {
        let subjects = findings.iter().map(|one| (&one.check, &one.region, &one.resource));
        let count = subjects.collect::<BTreeSet<_>>().len();
        Self::Completed { count: i64::try_from(count).unwrap_or(i64::MAX), complete }
    }
}

/// One row of an outside scanner.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Finding {
    /// The scanner's check, for example CloudSploit's plugin `openSSH`.
    pub check: String,
    /// What the row is about.
    pub subject: FindingSubject,
    /// Region, or `global`.
    pub region: String,
    /// The resource's id or ARN as the scanner writes it; the account's id for account-level rows.
    pub resource: String,
    /// The scanner's judgement.
    pub status: FindingStatus,
    /// The scanner's words.
    pub message: String,
    /// The source's own counts of what the check looked at, on the row that sums it up.
    #[serde(default)]
    #[avro(default = "null")]
    pub totals: Option<Totals>,
}

/// How many resources a check looked at, and how many of them are not in order: what requirements
/// count that are scored by summary.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AvroSchema, Serialize, Deserialize,
)]
#[avro(namespace = "scorecard")]
pub struct Totals {
    /// Resources that are not in order.
    pub failing: i64,
    /// All resources that it looked at.
    pub total: i64,
}

symbols! {
    /// What a row of a scanner is about.
    FindingSubject default "query" {
        /// A resource.
        Resource = "resource",
        /// The account as a whole.
        Account = "account",
        /// Nothing: there was no such resource ("No buckets found"); never counted.
        Empty = "empty",
        /// A query that failed: coverage, no resource.
        Query = "query",
        /// A check as a whole, beside rows about its resources: counted by requirements alone that
        /// are scored by summary.
        Summary = "summary",
    }
}

symbols! {
    /// A scanner's judgement.
    FindingStatus default "unknown" {
        /// In order.
        Pass = "pass",
        /// Worth a look; a mapping decides whether it fails.
        Warn = "warn",
        /// Not in order.
        Fail = "fail",
        /// Not judged.
        Unknown = "unknown",
    }
}
