//! Ticks: time as records.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::key::Key;

/// A UTC minute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TickKey {
    /// The minute's first millisecond since 1970 in UTC.
    pub minute_ms: i64,
}

impl Key for TickKey {
    fn encode(&self) -> String {
        self.minute_ms.to_string()
    }
    fn decode(text: &str) -> Option<Self> {
        let key = Self { minute_ms: text.parse().ok()? };
        (key.encode() == text).then_some(key)
    }
    fn partition_key(&self) -> String {
        self.encode()
    }
}

/// One tick of the clock.
#[derive(Clone, Debug, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Tick {
    /// The minute's first millisecond since 1970 in UTC.
    pub minute_ms: i64,
}
