//! What collectors saw: scopes that start, resources in them, and how each scope ended.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::Resource;

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

/// One unit of collection work.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ScanUnit {
    /// The scan's id.
    pub scan: String,
    /// The attempt, from 1.
    pub attempt: i32,
    /// The account to collect.
    pub account: String,
    /// The region, or `global`.
    pub region: String,
    /// Ids of the collectors to run.
    pub collectors: Vec<String>,
}
