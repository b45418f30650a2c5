//! A step's view: committed tables under the changes of the running transaction.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    sync::Arc,
};

use schemas::{Cause, Cleanup, Codec, Key, Placement, Topic, TopicSpec, Value, partition_of};

use crate::{
    Record, StepError, Table, TableSpec,
    cache::RowCache,
    pending::{Change, Origin, Pending, Row, Undo, Written, outgoing},
};

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
    source: String,
}

impl TaskContext {
    /// Makes the context of a task.
    pub fn new(
        codec: Codec,
        prefix: &str,
        stage: &'static str,
        partition: i32,
        partitions: i32,
    ) -> Self {
        let source = format!("/scorecard/{stage}/{partition}");
        Self { codec, prefix: prefix.to_owned(), stage, partition, partitions, source }
    }

    /// Gives who the task's records are from, as their headers say.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// A task's committed tables, and the rows of them that are at hand.
#[derive(Clone, Copy)]
pub struct Committed<'a> {
    /// The tables.
    pub store: &'a dyn Store,
    /// Rows of theirs that were read or written lately.
    pub cache: &'a RefCell<RowCache>,
}

/// What a step sees and changes: reads go through the changes to the committed tables, writes go to
/// the changes. A view that is dropped before [`View::accept`] takes its changes back.
pub struct View<'a> {
    committed: Committed<'a>,
    context: &'a TaskContext,
    pending: &'a mut Pending,
    mark: usize,
    undo: Vec<Undo>,
    cause: Cause,
    /// The piece of work, when it is not the record itself that is taken.
    piece: Option<String>,
    /// Both as text: made when something is written.
    origin: OnceCell<Arc<str>>,
    at_ms: i64,
    /// Records of topics that keep all, and changes: counted apart, so that the former's ids have
    /// no gaps.
    events: usize,
    changes: usize,
}

impl<'a> View<'a> {
    /// Opens a view for one step; `cause` and `at_ms` are those of the record.
    pub fn new(
        committed: Committed<'a>,
        context: &'a TaskContext,
        pending: &'a mut Pending,
        cause: Cause,
        at_ms: i64,
    ) -> Self {
        Self {
            committed,
            context,
            mark: pending.mark(),
            pending,
            undo: Vec::new(),
            cause,
            piece: None,
            origin: OnceCell::new(),
            at_ms,
            events: 0,
            changes: 0,
        }
    }

    /// Opens a view for a record's step.
    pub fn for_record(
        committed: Committed<'a>,
        context: &'a TaskContext,
        pending: &'a mut Pending,
        record: &Record,
    ) -> Self {
        let cause = Cause {
            topic: record.topic.name.to_owned(),
            partition: record.partition,
            offset: record.offset,
        };
        Self::new(committed, context, pending, cause, record.timestamp_ms)
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
        self.piece = Some(piece.to_owned());
        self.origin = OnceCell::new();
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
    ) -> Result<Option<Arc<V>>, StepError> {
        self.row(table, &key.encode())
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
    ) -> Result<Vec<(K, Arc<V>)>, StepError> {
        let mut rows = Vec::new();
        for (key, found) in self.entries(table.spec.name, prefix, after, limit)? {
            let key = K::decode(&key).ok_or_else(|| StepError::Poison {
                reason: bad_key(table.spec.topic, key.as_bytes()),
            })?;
            let row = match found {
                Found::Stored(bytes) => Arc::new(self.decode(&bytes)?),
                Found::Changed(row) => typed(row),
            };
            rows.push((key, row));
        }
        Ok(rows)
    }

    /// Writes a row; nothing happens when it is there already just so.
    ///
    /// # Errors
    /// When the value can't be encoded or the store fails.
    pub fn put<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        row: impl Into<Arc<V>>,
    ) -> Result<(), StepError> {
        let (row, text) = (row.into(), key.encode());
        if self.row(table, &text)?.is_some_and(|there| there == row) {
            return Ok(());
        }
        self.ready::<V>(table.spec.topic)?;
        self.change(table.spec, key, text, Some(Written::new(row)));
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
        let is_there = match self.pending.change_of(table.spec.name, &text) {
            Some(change) => change.value.is_some(),
            None => self.committed.store.get(table.spec.name, &text)?.is_some(),
        };
        if is_there {
            self.change(table.spec, key, text, None);
        }
        Ok(())
    }

    /// Appends a record to a topic that is no table of this stage. In a compacted topic it takes
    /// the place of what this transaction has for its key.
    ///
    /// # Errors
    /// When the value can't be encoded.
    pub fn emit<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StepError> {
        if topic.spec.cleanup == Cleanup::Compact {
            self.ready::<V>(topic.spec)?;
            self.latest(topic, key, Some(Written::new(Arc::new(value.clone()))));
            return Ok(());
        }
        let bytes = self.encode(topic.spec, value)?;
        let id = format!("{}/{}", self.origin(), self.events);
        self.events += 1;
        let about = (&*id, self.at_ms, self.context);
        let partition = self.partition(topic.spec, key);
        self.pending.append(outgoing(topic.spec, partition, key.encode(), Some(bytes), about));
        Ok(())
    }

    /// Appends a tombstone to a compacted topic that is no table of this stage: the entity is gone.
    pub fn retract<K: Key, V: Value>(&mut self, topic: &Topic<K, V>, key: &K) {
        self.latest(topic, key, None);
    }

    /// Tells whether records of this key go to the task's own partition.
    pub fn owns<K: Key>(&self, key: &K) -> bool {
        partition_of(&key.partition_key(), self.context.partitions) == self.context.partition
    }

    /// Hands the step's changes over to the transaction; without this call they are taken back.
    pub fn accept(mut self) {
        self.undo.clear();
        self.mark = self.pending.mark();
    }

    fn row<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        key: &str,
    ) -> Result<Option<Arc<V>>, StepError> {
        let name = table.spec.name;
        if let Some(change) = self.pending.change_of(name, key) {
            return Ok(change.value.as_ref().map(|value| typed(value.row.clone())));
        }
        let Committed { store, cache } = self.committed;
        if let Some(row) = cache.borrow_mut().get(name, key) {
            return Ok(row.map(typed));
        }
        let bytes = store.get(name, key)?;
        let row: Option<Arc<V>> =
            bytes.as_ref().map(|bytes| self.decode(bytes)).transpose()?.map(Arc::new);
        let kept = row.clone().map(|row| row as Row);
        cache.borrow_mut().insert(name, key.to_owned(), kept, bytes.map_or(0, |b| b.len()));
        Ok(row)
    }

    fn change<K: Key>(&mut self, table: TableSpec, key: &K, text: String, value: Option<Written>) {
        let change = self.made(table, key, value);
        self.undo.push(self.pending.set_row(text, change));
    }

    fn latest<K: Key, V: Value>(&mut self, topic: &Topic<K, V>, key: &K, value: Option<Written>) {
        let change = self.made(Table::published(*topic).spec, key, value);
        self.undo.push(self.pending.set_latest(key.encode(), change));
    }

    fn made<K: Key>(&mut self, table: TableSpec, key: &K, value: Option<Written>) -> Change {
        let origin =
            Origin { cause: self.origin().clone(), number: self.changes, at_ms: self.at_ms };
        self.changes += 1;
        Change { table, partition: self.partition(table.topic, key), value, origin }
    }

    fn origin(&self) -> &Arc<str> {
        self.origin.get_or_init(|| match &self.piece {
            None => self.cause.to_string().into(),
            Some(piece) => format!("{}/{piece}", self.cause).into(),
        })
    }

    fn partition<K: Key>(&self, topic: &TopicSpec, key: &K) -> i32 {
        match topic.placement {
            Placement::Keyed => partition_of(&key.partition_key(), self.context.partitions),
            Placement::Local | Placement::Broadcast => self.context.partition,
        }
    }

    /// Merges the store's entries with the changes above them, in pages until `limit` are found.
    fn entries(
        &self,
        table: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Found)>, StepError> {
        let mut found = Vec::new();
        let mut after = after.map(str::to_owned);
        while found.len() < limit {
            let wanted = limit - found.len();
            let stored = self.committed.store.scan(table, prefix, after.as_deref(), wanted)?;
            let last = (stored.len() == wanted).then(|| stored.last().map(|(k, _)| k.clone()));
            let upto = last.flatten();
            let stored = stored.into_iter().map(|(key, bytes)| (key, Found::Stored(bytes)));
            let mut page: BTreeMap<String, Found> = stored.collect();
            for (key, change) in
                self.pending.between(table, prefix, after.as_deref(), upto.as_deref())
            {
                match &change.value {
                    Some(value) => page.insert(key.clone(), Found::Changed(value.row.clone())),
                    None => page.remove(key),
                };
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

    /// Makes sure that values of a type can be encoded later, without waiting for anybody.
    fn ready<V: Value>(&self, topic: &TopicSpec) -> Result<(), StepError> {
        self.context.codec.ready::<V>(topic, &self.context.prefix).map_err(refuse)
    }

    fn encode<V: Value>(&self, topic: &TopicSpec, value: &V) -> Result<Vec<u8>, StepError> {
        self.context.codec.encode_for(topic, &self.context.prefix, value).map_err(refuse)
    }

    fn decode<V: Value>(&self, bytes: &[u8]) -> Result<V, StepError> {
        self.context.codec.decode(bytes).map_err(refuse)
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        self.pending.revert(self.mark, std::mem::take(&mut self.undo));
    }
}

/// A row that a scan has found.
enum Found {
    Stored(Arc<[u8]>),
    Changed(Row),
}

fn typed<V: Value>(row: Row) -> Arc<V> {
    row.downcast().expect("all rows of a table have its type")
}

fn refuse(error: schemas::AvroError) -> StepError {
    if error.is_transient() { StepError::Wait(Box::new(error)) } else { StepError::poison(&error) }
}

fn bad_key(topic: &TopicSpec, key: &[u8]) -> String {
    format!("not a key of {} ({}): {:?}", topic.name, topic.key, String::from_utf8_lossy(key))
}
