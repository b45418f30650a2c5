//! The account stage's tables: published ones under their topics, private ones in its changelog.

use apache_avro::AvroSchema;
use compliance::{Counts, Weighted};
use inventory::{Member, MemberKey, ScopeKey, ScopeState};
use schemas::{
    AccountKey, AccountListing, AccountRegister, AccountState, ComplianceKey, ComplianceState,
    Exception, ExceptionKey, Finding, FindingStatus, Requirement, RequirementKey, ResourceKey,
    ResourceState, ScoreKey, ScoreState, Spend, TrustKey, TrustState, key, topic,
};
use serde::{Deserialize, Serialize};
use stream::{Table, TableSpec};
use trust::Grant;

use super::jobs::{Job, JobKey};

pub(super) const ACCOUNT: Table<AccountKey, AccountState> = Table::published(topic::ACCOUNT_STATE);
pub(super) const RESOURCE: Table<ResourceKey, ResourceState> =
    Table::published(topic::RESOURCE_STATE);
pub(super) const TRUST: Table<TrustKey, TrustState> = Table::published(topic::TRUST_STATE);
pub(super) const COMPLIANCE: Table<ComplianceKey, ComplianceState> =
    Table::published(topic::COMPLIANCE_STATE);
pub(super) const SCORE: Table<ScoreKey, ScoreState> = Table::published(topic::SCORE_STATE);

pub(super) const LISTING: Table<AccountKey, AccountListing> = private("listing");
pub(super) const LEFT: Table<AccountKey, AccountListing> = private("left");
pub(super) const REGISTER: Table<AccountKey, AccountRegister> = private("register");
pub(super) const SPEND: Table<AccountKey, Spend> = private("spend");
pub(super) const REQUIREMENT: Table<RequirementKey, Requirement> = private("requirement");
pub(super) const EXCEPTION: Table<ExceptionKey, Exception> = private("exception");
pub(super) const SCOPE: Table<ScopeKey, ScopeState> = private("scope");
pub(super) const MEMBER: Table<MemberKey, Member> = private("member");
pub(super) const FINDING: Table<FindingKey, FindingRow> = private("finding");
pub(super) const SUBJECT: Table<SubjectKey, SubjectRow> = private("subject");
pub(super) const FOUND: Table<RelationKey, FoundRow> = private("found");
pub(super) const LOOKING: Table<RelationKey, Looking> = private("looking");
pub(super) const COUNTS: Table<ScoreKey, CountsRow> = private("counts");
pub(super) const SUMS: Table<AccountKey, SumsRow> = private("sums");
pub(super) const GRANTS: Table<ResourceKey, GrantsRow> = private("grants");
pub(super) const THROUGH: Table<ThroughKey, Through> = private("through");
pub(super) const SIGHT: Table<TrustKey, Sight> = private("sight");
pub(super) const TIMER: Table<TimerKey, Timer> = private("timer");
pub(super) const JOB: Table<JobKey, Job> = private("job");
pub(super) const META: Table<MetaKey, Meta> = private("meta");

/// Every table.
pub(super) fn all() -> Vec<TableSpec> {
    vec![
        ACCOUNT.spec,
        RESOURCE.spec,
        TRUST.spec,
        COMPLIANCE.spec,
        SCORE.spec,
        LISTING.spec,
        LEFT.spec,
        REGISTER.spec,
        SPEND.spec,
        REQUIREMENT.spec,
        EXCEPTION.spec,
        SCOPE.spec,
        MEMBER.spec,
        FINDING.spec,
        SUBJECT.spec,
        FOUND.spec,
        LOOKING.spec,
        COUNTS.spec,
        SUMS.spec,
        GRANTS.spec,
        THROUGH.spec,
        SIGHT.spec,
        TIMER.spec,
        JOB.spec,
        META.spec,
    ]
}

const fn private<K: schemas::Key, V: schemas::Value>(name: &'static str) -> Table<K, V> {
    Table::private(name, topic::ACCOUNT_CHANGELOG)
}

key! {
    /// A finding of an outside scanner.
    FindingKey {
        /// The account.
        account,
        /// The scanner.
        source,
        /// Its check.
        check,
        /// The region.
        region,
        /// The resource as the scanner writes it.
        resource
    } by account
}

impl FindingKey {
    /// Gives the key of a source's finding.
    pub(super) fn of(account: &str, source: &str, finding: &Finding) -> Self {
        let Finding { check, region, resource, .. } = finding;
        Self::new(account, source, check, region, resource)
    }
}

/// A finding and the report that had it last.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct FindingRow {
    /// The finding.
    pub finding: Finding,
    /// The generation of the report that had it last; -1 when none had it.
    pub generation: i64,
    /// The generation of the report that was the newest when it changed outside of any: that report
    /// does not clear it.
    pub changed_in: Option<i64>,
    /// Why a later report could not look for it again, in the scanner's words; none when it could.
    pub held: Option<String>,
    /// When its source last told of it, in UTC milliseconds; none for one that makes no reports.
    pub told_ms: Option<i64>,
    /// Whether that is so long ago that it counts only where no fresh source judges the same.
    pub stale: bool,
}

impl FindingRow {
    /// Gives the finding as the later report left it, when that one could not look.
    pub(super) fn unknown(&self) -> Option<Finding> {
        let message = self.held.clone()?;
        Some(Finding { status: FindingStatus::Unknown, message, ..self.finding.clone() })
    }
}

key! {
    /// What a requirement judges in an account, whoever judges it and however they write it.
    SubjectKey {
        /// The requirement.
        requirement,
        /// The account.
        account,
        /// The region; empty where the resource is an ARN, which says it.
        region,
        /// The resource's ARN, else its id.
        resource
    } by account
}

/// The verdict rows of a subject: found by their keys, since a search in an LSM tree costs several
/// times a look.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct SubjectRow {
    /// The rest of their keys, sorted.
    pub rows: Vec<RowName>,
}

/// What tells a verdict row from others of its requirement and account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct RowName {
    /// The region.
    pub region: String,
    /// The resource.
    pub resource: String,
    /// The part.
    pub part: String,
}

key! {
    /// One side of a relation: a resource that is found by a text, or looks for it.
    RelationKey {
        /// The requirement.
        requirement,
        /// The account.
        account,
        /// The relation's name.
        relation,
        /// What it is found by or looks for, behind a `=`; `?` when that could not be told.
        text,
        /// The resource's region.
        region,
        /// The resource's id.
        id
    } by account
}

/// A resource that is found by the text of its key.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct FoundRow {
    /// What it tells those that look for it: a JSON object.
    pub item: String,
}

/// A resource that looks for the text of its key; all it says is there.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct Looking {}

/// Whom a resource lets in, as far as could be read.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct GrantsRow {
    /// One entry for each place and principal, sorted.
    pub grants: Vec<Grant>,
}

key! {
    /// A resource that lets a principal in: sorts as the row's `through`.
    ThroughKey {
        /// The trusting account.
        account,
        /// The principal.
        principal,
        /// The resource's region.
        region,
        /// The resource's type.
        resource_type,
        /// The resource's id.
        id
    } by account
}

/// A way in: the resource of its key.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct Through {
    /// What people call it.
    #[serde(default)]
    #[avro(default = "\"\"")]
    pub name: String,
}

/// When an account first trusted a principal; it stays when nothing trusts it any more.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct Sight {
    /// When the first document that named it was seen, in UTC milliseconds.
    pub first_seen_ms: i64,
}

key! {
    /// Something that is due at a time: sorts by time.
    TimerKey {
        /// UTC milliseconds in twenty digits.
        at,
        /// What is due: `exception` or `verdict`.
        kind,
        /// The exception's id, or the verdict's key.
        subject
    } by subject
}

impl TimerKey {
    /// Makes the key of a time in UTC milliseconds.
    pub(super) fn at(at_ms: i64, kind: &str, subject: &str) -> Self {
        Self::new(format!("{:020}", at_ms.max(0)), kind, subject)
    }

    /// Gives a key that comes after those of all timers up to a time.
    pub(super) fn end_of(at_ms: i64) -> String {
        format!("{:020}/\u{10ffff}", at_ms.max(0))
    }

    /// Gives the time in UTC milliseconds.
    pub(super) fn at_ms(&self) -> i64 {
        self.at.parse().unwrap_or(i64::MAX)
    }
}

/// A timer; all it says is in its key.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct Timer {}

key! {
    /// One of the task's own numbers.
    MetaKey {
        /// Its name.
        name
    } by name
}

/// A number that a task keeps for itself.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct Meta {
    /// The number.
    pub number: i64,
}

/// Votes of a requirement in an account, before they are turned into a score.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct CountsRow {
    total: i64,
    noncompliant: i64,
    excepted: i64,
    expired: i64,
    unknown: i64,
}

impl From<Counts> for CountsRow {
    fn from(c: Counts) -> Self {
        let Counts { total, noncompliant, excepted, expired, unknown } = c;
        Self { total, noncompliant, excepted, expired, unknown }
    }
}

impl From<&CountsRow> for Counts {
    fn from(row: &CountsRow) -> Self {
        let CountsRow { total, noncompliant, excepted, expired, unknown } = *row;
        Self { total, noncompliant, excepted, expired, unknown }
    }
}

/// The running sums of an account's requirements.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct SumsRow {
    counts: CountsRow,
    weight: i64,
    weighted_score: i64,
    scored: i64,
    not_applicable: i64,
    requirements: i64,
}

impl From<Weighted> for SumsRow {
    fn from(w: Weighted) -> Self {
        Self {
            counts: w.counts.into(),
            weight: w.weight,
            weighted_score: w.weighted_score,
            scored: w.scored,
            not_applicable: w.not_applicable,
            requirements: w.requirements,
        }
    }
}

impl From<&SumsRow> for Weighted {
    fn from(row: &SumsRow) -> Self {
        Self {
            counts: (&row.counts).into(),
            weight: row.weight,
            weighted_score: row.weighted_score,
            scored: row.scored,
            not_applicable: row.not_applicable,
            requirements: row.requirements,
        }
    }
}
