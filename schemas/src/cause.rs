//! Causes: the record behind a change.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

/// The place of a record in the log: what caused a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Cause {
    /// The topic's noun and kind, for example `observation`.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}
