//! The typed way to append source records: producers use it, and only producers.

use schemas::{
    Codec, Key, Placement, Topic, Value,
    headers::{Event, cloud_event},
    partition_of,
};

use crate::{Log, LogError, Outgoing, Writer};

/// Records are handed on in batches of this size, so that a long scan stays in bounded memory.
const BATCH_RECORDS_MAX: usize = 1_000;

/// Appends typed records with their CloudEvents headers, broadcast ones to every partition.
pub struct Publisher {
    writer: Box<dyn Writer>,
    codec: Codec,
    prefix: String,
    source: String,
    partitions: i32,
    pending: Vec<Outgoing>,
    count: u64,
}

impl Publisher {
    /// Opens a publisher for a producer's role, for example `producer aws`.
    ///
    /// # Errors
    /// When the log can't be reached.
    pub fn open(log: &dyn Log, codec: &Codec, prefix: &str, role: &str) -> Result<Self, LogError> {
        Ok(Self {
            writer: log.writer(role)?,
            codec: codec.clone(),
            prefix: prefix.to_owned(),
            source: format!("/scorecard/{}", role.replace(' ', "/")),
            partitions: log.partitions(),
            pending: Vec::new(),
            count: 0,
        })
    }

    /// Appends a value.
    ///
    /// # Errors
    /// When it can't be encoded, or the log does not take it.
    pub fn put<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: &V,
        at_ms: i64,
    ) -> Result<(), LogError> {
        let records = self.records(topic, key, value, at_ms)?;
        self.append(records)
    }

    /// Appends a tombstone: the entity is gone.
    ///
    /// # Errors
    /// When the log does not take it.
    pub fn tombstone<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        at_ms: i64,
    ) -> Result<(), LogError> {
        let records = self.outgoing(topic, key, None, at_ms);
        self.append(records)
    }

    /// Waits until everything appended is durable.
    ///
    /// # Errors
    /// When some record was not taken.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.writer.append(std::mem::take(&mut self.pending))?;
        self.writer.flush()
    }

    /// Makes the records of a value without appending them: for a transaction that holds more.
    ///
    /// # Errors
    /// When the value can't be encoded.
    pub fn records<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: &V,
        at_ms: i64,
    ) -> Result<Vec<Outgoing>, LogError> {
        let bytes = self
            .codec
            .encode(&topic.spec.full_name(&self.prefix), value)
            .map_err(|source| LogError::Encode { topic: topic.spec.name, source })?;
        Ok(self.outgoing(topic, key, Some(bytes), at_ms))
    }

    fn append(&mut self, records: Vec<Outgoing>) -> Result<(), LogError> {
        self.pending.extend(records);
        if self.pending.len() >= BATCH_RECORDS_MAX {
            self.writer.append(std::mem::take(&mut self.pending))?;
        }
        Ok(())
    }

    fn outgoing<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: Option<Vec<u8>>,
        at_ms: i64,
    ) -> Vec<Outgoing> {
        self.count += 1;
        let id = format!("{}/{at_ms}/{}", key.encode(), self.count);
        let event = Event { id: &id, kind: topic.spec.name, source: &self.source, time_ms: at_ms };
        let targets = match topic.spec.placement {
            Placement::Broadcast => 0..self.partitions,
            Placement::Keyed | Placement::Local => {
                let partition = partition_of(&key.partition_key(), self.partitions);
                partition..partition + 1
            }
        };
        let to = |partition| Outgoing {
            topic: topic.spec,
            partition,
            timestamp_ms: at_ms,
            key: key.encode().into_bytes(),
            value: value.clone(),
            headers: cloud_event(&event),
        };
        targets.map(to).collect()
    }
}
