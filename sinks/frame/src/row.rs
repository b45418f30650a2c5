//! Rows of a table that a sink keeps in the log itself.

use schemas::headers::{Event, cloud_event};
use schemas::{AvroError, Codec, Key, Topic, Value, partition_of};
use stream::Outgoing;

use crate::target::{Courier, Delivery, Entry, Failure, Part};

/// A table of the log with what its rows are written by: the courier of a target that brings its
/// items nowhere else.
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

/// A row that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<K, V> {
    /// Its key.
    pub key: K,
    /// Its value; none removes it.
    pub value: Option<V>,
    /// The same for a record that is made again: CloudEvents' `id`.
    pub id: String,
    /// When it came to be, in UTC milliseconds.
    pub at_ms: i64,
}

/// A value can't be encoded.
#[derive(Debug, thiserror::Error)]
#[error("writing a row of {topic}")]
struct RowError {
    topic: &'static str,
    source: AvroError,
}

impl<K: Key, V: Value> Table<'_, K, V> {
    /// Makes the record of a row, or its tombstone.
    fn record(&self, row: &Row<K, V>) -> Result<Outgoing, RowError> {
        let Row { key, value, id, at_ms } = row;
        let topic = self.topic.spec;
        let name = topic.full_name(self.prefix);
        let value = value.as_ref().map(|value| self.codec.encode(&name, value)).transpose();
        let event = Event { id, kind: topic.name, source: self.source, time_ms: *at_ms };
        Ok(Outgoing {
            topic,
            partition: partition_of(&key.partition_key(), self.partitions),
            timestamp_ms: *at_ms,
            key: key.encode().into_bytes(),
            value: value.map_err(|source| RowError { topic: topic.name, source })?,
            headers: cloud_event(&event),
        })
    }
}

impl<K: Key + Send, V: Value + Send> Courier for Table<'_, K, V> {
    type Item = Row<K, V>;

    fn deliver(&mut self, entries: Vec<Entry<Row<K, V>>>, _: &[Part]) -> Delivery<Row<K, V>> {
        let mut delivery = Delivery::default();
        for entry in entries {
            match self.record(&entry.item) {
                Ok(record) => {
                    delivery.output(record);
                    delivery.written(entry.record);
                }
                Err(error) => delivery.again(entry, Failure::again(error)),
            }
        }
        delivery
    }
}
