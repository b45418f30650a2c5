//! Rows of a table that a sink keeps in the log itself.

use schemas::headers::{Event, cloud_event};
use schemas::{AvroError, Codec, Key, Topic, Value, partition_of};
use stream::Outgoing;

/// A table of the log with what its rows are written by.
#[derive(Clone, Copy)]
pub struct Table<'a, K, V> {
    /// The topic.
    pub topic: &'a Topic<K, V>,
    /// How values are written.
    pub codec: &'a Codec,
    /// What topics' names begin with.
    pub prefix: &'a str,
    /// Partitions of the log.
    pub partitions: i32,
    /// Who writes it, as CloudEvents' `source`.
    pub source: &'a str,
}

impl<K: Key, V: Value> Table<'_, K, V> {
    /// Makes the record of a row, or its tombstone; `id` is the same for a record that is made
    /// again.
    ///
    /// # Errors
    /// When the value can't be encoded.
    pub fn row(
        &self,
        key: &K,
        value: Option<&V>,
        id: &str,
        at_ms: i64,
    ) -> Result<Outgoing, AvroError> {
        let topic = self.topic.spec;
        let name = topic.full_name(self.prefix);
        let event = Event { id, kind: topic.name, source: self.source, time_ms: at_ms };
        Ok(Outgoing {
            topic,
            partition: partition_of(&key.partition_key(), self.partitions),
            timestamp_ms: at_ms,
            key: key.encode().into_bytes(),
            value: value.map(|value| self.codec.encode(&name, value)).transpose()?,
            headers: cloud_event(&event),
        })
    }
}
