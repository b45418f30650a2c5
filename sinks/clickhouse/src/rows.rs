//! Rows as the tables of `migrations/` hold them.
//!
//! Times are UTC milliseconds, as `DateTime64(3)` holds them. Each row ends with where its record
//! lies, and with its version: the epoch of the topic's life times 2^48 plus the offset.

use clickhouse::Row;
use serde::Serialize;

/// A row of `score_history`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct ScoreRow {
    pub account: String,
    pub requirement: String,
    pub at: i64,
    pub status: String,
    pub score: Option<f64>,
    pub weight: i64,
    pub total: i64,
    pub noncompliant: i64,
    pub excepted: i64,
    pub expired: i64,
    pub unknown: i64,
    pub scopes: i64,
    pub scopes_collected: i64,
    pub oldest: Option<i64>,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of `rollup_history`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct RollupRow {
    pub kind: String,
    pub id: String,
    pub at: i64,
    pub deleted: u8,
    pub score: Option<f64>,
    pub weight: i64,
    pub accounts: i64,
    pub scored: i64,
    pub total: i64,
    pub noncompliant: i64,
    pub excepted: i64,
    pub estimated: i64,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of `compliance_change`; verdict and credit are empty where there was no row. What the row
/// says is as it stood after the change, or as it last was when it went.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct ChangeRow {
    pub requirement: String,
    pub account: String,
    pub region: String,
    pub resource: String,
    pub part: String,
    pub resource_type: String,
    pub name: String,
    pub arn: String,
    pub at: i64,
    pub verdict_before: String,
    pub credit_before: String,
    pub verdict: String,
    pub credit: String,
    pub evidence: String,
    pub exception: String,
    pub exception_expires: Option<i64>,
    pub cause_topic: String,
    pub cause_partition: i32,
    pub cause_offset: i64,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of `compliance`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct ComplianceRow {
    pub requirement: String,
    pub account: String,
    pub region: String,
    pub resource: String,
    pub part: String,
    pub at: i64,
    pub deleted: u8,
    pub resource_type: String,
    pub name: String,
    pub arn: String,
    pub verdict: String,
    pub held: u8,
    pub stale: u8,
    pub evidence: String,
    pub source: String,
    pub credit: String,
    pub exception: String,
    pub exception_phase: String,
    pub exception_expires: Option<i64>,
    pub since: i64,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of `account_history`; coverage by resource type stands in lists of the same length.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct AccountRow {
    pub account: String,
    pub at: i64,
    pub deleted: u8,
    pub provider: String,
    pub name: String,
    pub payer: String,
    pub owner: String,
    pub executive: String,
    pub status: String,
    pub listed: u8,
    pub spend_cents: Option<i64>,
    pub scopes: i64,
    pub scopes_collected: i64,
    pub scopes_failed: i64,
    pub oldest: Option<i64>,
    #[serde(rename = "coverage.resource_type")]
    pub coverage_type: Vec<String>,
    #[serde(rename = "coverage.scopes")]
    pub coverage_scopes: Vec<i64>,
    #[serde(rename = "coverage.collected")]
    pub coverage_collected: Vec<i64>,
    #[serde(rename = "coverage.failed")]
    pub coverage_failed: Vec<i64>,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of `requirement_history`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct RequirementRow {
    pub requirement: String,
    pub at: i64,
    pub deleted: u8,
    pub title: String,
    pub severity: String,
    pub weight: i64,
    pub resource_type: String,
    pub scoring: String,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of `exception_history`.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
#[allow(missing_docs, reason = "the columns are those of the topic's value")]
pub struct ExceptionRow {
    pub exception: String,
    pub at: i64,
    pub deleted: u8,
    pub state: String,
    pub accounts: Vec<String>,
    pub requirements: Vec<String>,
    pub resource: String,
    pub regions: Vec<String>,
    pub tags: Vec<String>,
    pub reason: String,
    pub owner: String,
    pub approver: String,
    pub control: String,
    pub ticket: String,
    pub starts: Option<i64>,
    pub expires: Option<i64>,
    pub renewal: Option<i64>,
    pub log_topic: &'static str,
    pub log_partition: i32,
    pub log_offset: i64,
    pub version: u64,
}

/// A row of one of the tables.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "one for each table")]
pub enum TableRow {
    Score(Box<ScoreRow>),
    Rollup(Box<RollupRow>),
    Change(Box<ChangeRow>),
    Compliance(Box<ComplianceRow>),
    Account(Box<AccountRow>),
    Requirement(Box<RequirementRow>),
    Exception(Box<ExceptionRow>),
}
