//! What collectors saw: scopes that start, resources in them, and how each scope ended.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{Resource, symbols};

/// One record of a scan of one scope (account, region, resource type).
///
/// A later started record voids what an unfinished earlier attempt of the scope saw; only a
/// completed one may delete what was not seen.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Observation {
    /// The scan's id: text that sorts by time.
    pub scan: String,
    /// The attempt within the scan, from 1.
    pub attempt: i32,
    /// The cloud.
    pub provider: String,
    /// The scope's account.
    pub account: String,
    /// The scope's region; `global` for services that are asked once.
    pub region: String,
    /// The scope's resource type.
    pub resource_type: String,
    /// What happened.
    pub event: ObservationEvent,
}

/// What happened in a scope.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every record is an observation: boxing it would cost an allocation each"
)]
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub enum ObservationEvent {
    /// The scope's listing begins.
    Started {},
    /// A resource was seen.
    Observed {
        /// Its document.
        resource: Resource,
    },
    /// Everything in the scope was seen.
    Completed {
        /// Resources that were observed in this attempt.
        count: i64,
    },
    /// The listing failed: nothing may be concluded from absence.
    Failed {
        /// `Code: message` of the failure.
        error: String,
    },
}

symbols! {
    /// Where a unit of work stands.
    UnitStatus default "planned" {
        /// It waits for a collector, or one is at it.
        Planned = "planned",
        /// Every scope of it has ended; some of them may have failed.
        Completed = "completed",
        /// The account could not be entered: no scope of it was asked.
        Failed = "failed",
        /// It was stopped at its time limit; scopes that were open then have failed.
        TimedOut = "timed_out",
    }
}

/// One unit of collection work, as it is planned and again as it ends.
///
/// Its planned record is read by the collectors' consumer group; whoever takes it writes the record
/// of its end. A unit without an end was lost with its process, and is taken over by the next.
#[derive(Clone, Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ScanUnit {
    /// The scan's id.
    pub scan: String,
    /// The attempt, from 1; a later one voids what an unfinished earlier one saw.
    pub attempt: i32,
    /// The account to collect.
    pub account: String,
    /// The region, or `*` for all that are asked.
    pub region: String,
    /// Ids of the collectors to run.
    pub collectors: Vec<String>,
    /// The payer whose role opens the account; empty in records of release 0.1.0.
    #[serde(default)]
    #[avro(default = r#""""#)]
    pub payer: String,
    /// Where it stands.
    #[serde(default)]
    #[avro(default = r#""planned""#)]
    pub status: UnitStatus,
    /// Whether the schedule began the scan, and not a person.
    #[serde(default)]
    #[avro(default = "false")]
    pub scheduled: bool,
    /// When it may begin, in UTC milliseconds: scheduled scans spread their accounts.
    #[serde(default)]
    #[avro(default = "0")]
    pub due_ms: i64,
    /// Scopes that were asked.
    #[serde(default)]
    #[avro(default = "0")]
    pub scopes: i64,
    /// Resources that were seen.
    #[serde(default)]
    #[avro(default = "0")]
    pub resources: i64,
    /// Calls to the provider that were made.
    #[serde(default)]
    #[avro(default = "0")]
    pub calls: i64,
    /// Scopes that failed.
    #[serde(default)]
    #[avro(default = "0")]
    pub failed: i64,
    /// Why it failed, or the error of the first failed scope: `Code: message`.
    #[serde(default)]
    #[avro(default = "null")]
    pub error: Option<String>,
    /// The process that ended it; empty while it is planned.
    #[serde(default)]
    #[avro(default = r#""""#)]
    pub worker: String,
}
