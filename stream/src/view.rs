//! A step's view: committed tables under the changes of the running transaction.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use schemas::{
    Cause, Codec, Key, Placement, Topic, TopicSpec, Value,
    headers::{Event, cloud_event},
    partition_of,
};

use crate::{Outgoing, Record, StepError, Table, TableSpec};

/// A task's committed tables: sorted bytes by table.
pub trait Store: Send {
    /// Gives the value of a key.
    ///
    /// # Errors
    /// When the disk fails.
    fn get(&self, table: &'static str, key: &str) -> Result<Option<Arc<[u8]>>, StepError>;

    /// Gives up to `limit` entries whose keys start with `prefix` and are greater than `after`,
    /// sorted.
    ///
    /// # Errors
    /// When the disk fails.
    fn scan(
        &self,
        table: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StepError>;
}

/// A key with its value's bytes.
pub type Entry = (String, Arc<[u8]>);

/// Changes by table and key that are not committed yet; none is a deletion.
pub type Overlay = BTreeMap<&'static str, BTreeMap<String, Option<Arc<[u8]>>>>;

/// What a task's transaction gathers.
#[derive(Debug, Default)]
pub struct Pending {
    /// Changes of tables since the last commit.
    pub overlay: Overlay,
    /// Records to append, in the order in which steps made them.
    pub outputs: Vec<Outgoing>,
    /// Bytes of keys and values in `outputs`.
    pub bytes: usize,
}

/// What is fixed for a task.
#[derive(Clone, Debug)]
pub struct TaskContext {
    /// How values become bytes.
    pub codec: Codec,
    /// The topics' prefix.
    pub prefix: String,
    /// The stage's name, for headers.
    pub stage: &'static str,
    /// The task's partition.
    pub partition: i32,
    /// The number of partitions of every topic.
    pub partitions: i32,
}

/// What a step sees and changes: reads go through the changes to the store, writes go to the
/// changes.
pub struct View<'a> {
    store: &'a dyn Store,
    context: &'a TaskContext,
    pending: &'a mut Pending,
    step: Pending,
    cause: Cause,
    at_ms: i64,
    piece: String,
    made: usize,
}

impl<'a> View<'a> {
    /// Opens a view for one step; `cause` and `at_ms` are those of the record.
    pub fn new(
        store: &'a dyn Store,
        context: &'a TaskContext,
        pending: &'a mut Pending,
        cause: Cause,
        at_ms: i64,
    ) -> Self {
        Self {
            store,
            context,
            pending,
            step: Pending::default(),
            cause,
            at_ms,
            piece: String::new(),
            made: 0,
        }
    }

    /// Opens a view for a record's step.
    pub fn for_record(
        store: &'a dyn Store,
        context: &'a TaskContext,
        pending: &'a mut Pending,
        record: &Record,
    ) -> Self {
        let cause = Cause {
            topic: record.topic.name.to_owned(),
            partition: record.partition,
            offset: record.offset,
        };
        Self::new(store, context, pending, cause, record.timestamp_ms)
    }

    /// Gives the record behind what the step does.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Gives the time of that record, in UTC milliseconds: the only "now" a step has.
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }

    /// Continues for another cause: pending work goes on in the name of the record that asked for
    /// it. `piece` tells this piece of work from the others of that record: ids of what it appends
    /// are made of both.
    pub fn act_for(&mut self, cause: Cause, at_ms: i64, piece: &str) {
        piece.clone_into(&mut self.piece);
        self.cause = cause;
        self.at_ms = at_ms;
    }

    /// Decodes a record's key and value.
    ///
    /// # Errors
    /// Poison when either does not fit its type; wait when the schema registry is down.
    pub fn read<K: Key, V: Value>(
        &self,
        topic: &Topic<K, V>,
        record: &Record,
    ) -> Result<(K, Option<V>), StepError> {
        let key = std::str::from_utf8(&record.key)
            .ok()
            .and_then(K::decode)
            .ok_or_else(|| StepError::Poison { reason: bad_key(topic.spec, &record.key) })?;
        let value = record.value.as_deref().map(|bytes| self.decode(bytes)).transpose()?;
        Ok((key, value))
    }

    /// Gives a row.
    ///
    /// # Errors
    /// When the store fails or holds what can't be decoded.
    pub fn get<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, StepError> {
        let key = key.encode();
        let bytes = match self.changed(table.spec.name, &key) {
            Some(change) => change.clone(),
            None => self.store.get(table.spec.name, &key)?,
        };
        bytes.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// Gives up to `limit` rows whose keys start with `prefix`, sorted, after the key `after`.
    ///
    /// # Errors
    /// When the store fails or holds what can't be decoded.
    pub fn scan<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, StepError> {
        let mut rows = Vec::new();
        for (key, bytes) in self.entries(table.spec.name, prefix, after, limit)? {
            let key = K::decode(&key).ok_or_else(|| StepError::Poison {
                reason: bad_key(table.spec.topic, key.as_bytes()),
            })?;
            rows.push((key, self.decode(&bytes)?));
        }
        Ok(rows)
    }

    /// Writes a row; nothing happens when it is there already with the same bytes.
    ///
    /// # Errors
    /// When the value can't be encoded or the store fails.
    pub fn put<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StepError> {
        let bytes: Arc<[u8]> = self.encode(table.spec.topic, value)?.into();
        let text = key.encode();
        if self.bytes_of(table.spec.name, &text)?.as_deref() == Some(&*bytes) {
            return Ok(());
        }
        self.change(table.spec, key, text, Some(bytes));
        Ok(())
    }

    /// Deletes a row; nothing happens when it is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<(), StepError> {
        let text = key.encode();
        if self.bytes_of(table.spec.name, &text)?.is_some() {
            self.change(table.spec, key, text, None);
        }
        Ok(())
    }

    /// Appends an event to a topic that is no table.
    ///
    /// # Errors
    /// When the value can't be encoded.
    pub fn emit<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StepError> {
        let bytes = self.encode(topic.spec, value)?;
        self.output(topic.spec, key, key.encode(), Some(bytes));
        Ok(())
    }

    /// Appends a tombstone to a topic that is no table of this stage: the entity is gone.
    pub fn retract<K: Key, V: Value>(&mut self, topic: &Topic<K, V>, key: &K) {
        self.output(topic.spec, key, key.encode(), None);
    }

    /// Tells whether records of this key go to the task's own partition.
    pub fn owns<K: Key>(&self, key: &K) -> bool {
        partition_of(&key.partition_key(), self.context.partitions) == self.context.partition
    }

    /// Hands the step's changes over to the transaction; without this call they are dropped.
    pub fn accept(self) {
        for (table, rows) in self.step.overlay {
            self.pending.overlay.entry(table).or_default().extend(rows);
        }
        self.pending.outputs.extend(self.step.outputs);
        self.pending.bytes += self.step.bytes;
    }

    fn change<K: Key>(
        &mut self,
        table: TableSpec,
        key: &K,
        text: String,
        value: Option<Arc<[u8]>>,
    ) {
        self.output(
            table.topic,
            key,
            table.record_key(&text),
            value.as_deref().map(<[u8]>::to_vec),
        );
        self.step.overlay.entry(table.name).or_default().insert(text, value);
    }

    fn output<K: Key>(
        &mut self,
        topic: &'static TopicSpec,
        key: &K,
        record_key: String,
        value: Option<Vec<u8>>,
    ) {
        let partition = match topic.placement {
            Placement::Keyed => partition_of(&key.partition_key(), self.context.partitions),
            Placement::Local | Placement::Broadcast => self.context.partition,
        };
        let id = match self.piece.as_str() {
            "" => format!("{}/{}", self.cause, self.made),
            piece => format!("{}/{piece}/{}", self.cause, self.made),
        };
        self.made += 1;
        let source = format!("/scorecard/{}/{}", self.context.stage, self.context.partition);
        let event = Event { id: &id, kind: topic.name, source: &source, time_ms: self.at_ms };
        self.step.bytes += record_key.len() + value.as_ref().map_or(0, Vec::len);
        self.step.outputs.push(Outgoing {
            topic,
            partition,
            timestamp_ms: self.at_ms,
            key: record_key.into_bytes(),
            value,
            headers: cloud_event(&event),
        });
    }

    fn changed(&self, table: &'static str, key: &str) -> Option<&Option<Arc<[u8]>>> {
        self.step
            .overlay
            .get(table)
            .and_then(|rows| rows.get(key))
            .or_else(|| self.pending.overlay.get(table).and_then(|rows| rows.get(key)))
    }

    fn bytes_of(&self, table: &'static str, key: &str) -> Result<Option<Arc<[u8]>>, StepError> {
        match self.changed(table, key) {
            Some(change) => Ok(change.clone()),
            None => self.store.get(table, key),
        }
    }

    /// Merges the store's entries with the changes above them, in pages until `limit` are found.
    fn entries(
        &self,
        table: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StepError> {
        let mut found = Vec::new();
        let mut after = after.map(str::to_owned);
        while found.len() < limit {
            let wanted = limit - found.len();
            let stored = self.store.scan(table, prefix, after.as_deref(), wanted)?;
            let last = (stored.len() == wanted).then(|| stored.last().map(|(k, _)| k.clone()));
            let upto = last.clone().flatten();
            let mut page: BTreeMap<String, Arc<[u8]>> = stored.into_iter().collect();
            for overlay in [&self.pending.overlay, &self.step.overlay] {
                for (key, change) in
                    between(overlay, table, prefix, after.as_deref(), upto.as_deref())
                {
                    match change {
                        Some(bytes) => page.insert(key.clone(), bytes.clone()),
                        None => page.remove(key),
                    };
                }
            }
            found.extend(page);
            match upto {
                Some(key) => after = Some(key),
                None => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn encode<V: Value>(&self, topic: &TopicSpec, value: &V) -> Result<Vec<u8>, StepError> {
        let name = topic.full_name(&self.context.prefix);
        self.context.codec.encode(&name, value).map_err(refuse)
    }

    fn decode<V: Value>(&self, bytes: &[u8]) -> Result<V, StepError> {
        self.context.codec.decode(bytes).map_err(refuse)
    }
}

/// Gives a table's changes with the prefix, after one key and up to another.
fn between<'o>(
    overlay: &'o Overlay,
    table: &str,
    prefix: &'o str,
    after: Option<&str>,
    upto: Option<&'o str>,
) -> impl Iterator<Item = (&'o String, &'o Option<Arc<[u8]>>)> {
    let from = match after {
        Some(key) if key >= prefix => Bound::Excluded(key.to_owned()),
        _ => Bound::Included(prefix.to_owned()),
    };
    overlay
        .get(table)
        .into_iter()
        .flat_map(move |rows| rows.range((from.clone(), Bound::Unbounded)))
        .take_while(move |(key, _)| {
            key.starts_with(prefix) && upto.is_none_or(|upto| key.as_str() <= upto)
        })
}

fn refuse(error: schemas::AvroError) -> StepError {
    if error.is_transient() { StepError::Wait(Box::new(error)) } else { StepError::poison(&error) }
}

fn bad_key(topic: &TopicSpec, key: &[u8]) -> String {
    format!("not a key of {} ({}): {:?}", topic.name, topic.key, String::from_utf8_lossy(key))
}
