//! What a task's transaction gathers: changed rows, and records to append.
//!
//! Of a compacted topic only the last record of each key is appended, however many steps wrote it:
//! whoever reads the topic may see no more than that. Records of other topics are all appended, in
//! the order in which steps made them.

use std::{any::Any, collections::HashMap, fmt, sync::Arc};

use foldhash::fast::RandomState;
use schemas::{
    AvroError, TopicSpec, Value,
    headers::{Event, cloud_event},
};

use crate::{
    Outgoing, StepError, TableSpec,
    by_table::ByTable,
    view::{Store, TaskContext},
};

/// A row as steps see it; its type is the table's.
pub(crate) type Row = Arc<dyn Any + Send + Sync>;

/// Changes by table (or topic) and key. They are sorted when they are read in order: nearly all of
/// a step's reads ask for one key.
pub(crate) type Changes = ByTable<HashMap<String, Change, RandomState>>;

/// What a change takes in the log besides its key, about: rows are encoded at the commit.
const ROW_BYTES: usize = 128;

/// What a task's transaction gathers.
#[derive(Debug, Default)]
pub struct Pending {
    /// Changed rows of the stage's tables.
    pub(crate) rows: Changes,
    /// Records of compacted topics that are no tables of the stage.
    latest: Changes,
    /// Records of all other topics, in the order in which steps made them.
    events: Vec<Outgoing>,
    /// Bytes to append, about.
    bytes: usize,
}

/// The newest value of a key, and where it comes from.
#[derive(Clone)]
pub(crate) struct Change {
    /// The table; a compacted topic that is none of the stage's is one for what is appended.
    pub(crate) table: TableSpec,
    pub(crate) partition: i32,
    /// None is a deletion.
    pub(crate) value: Option<Written>,
    pub(crate) origin: Origin,
}

/// A value that was written: as steps read it, and how it becomes bytes, once, at the commit.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) row: Row,
    encode: fn(&Row, &TaskContext, &TopicSpec) -> Result<Vec<u8>, AvroError>,
    bytes: Option<Arc<[u8]>>,
}

impl Written {
    pub(crate) fn new<V: Value>(row: Arc<V>) -> Self {
        Self { row, encode: encode::<V>, bytes: None }
    }

    /// Gives the encoded length; 0 before the commit.
    pub(crate) fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }
}

fn encode<V: Value>(
    row: &Row,
    context: &TaskContext,
    topic: &TopicSpec,
) -> Result<Vec<u8>, AvroError> {
    let row = row.downcast_ref::<V>().expect("it was made of this type");
    context.codec.encode_for(topic, &context.prefix, row)
}

/// The record behind an output, and which of that record's outputs it is.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// `topic/partition/offset`, for pending work with the piece's name.
    pub(crate) cause: Arc<str>,
    pub(crate) number: usize,
    pub(crate) at_ms: i64,
}

/// What a change replaced, so that a step which fails leaves nothing.
pub(crate) struct Undo {
    in_table: bool,
    name: &'static str,
    key: String,
    before: Option<Change>,
}

impl Pending {
    /// Counts bytes of a record that was taken: what steps make of it is about as large.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Tells whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && is_empty(&self.rows) && is_empty(&self.latest)
    }

    /// Gives the bytes to append, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the records to append: events in order, then the newest record of each key.
    ///
    /// A row that came and went since the last commit leaves no tombstone.
    ///
    /// # Errors
    /// When the store fails, or a row can't be encoded.
    pub fn take_records(
        &mut self,
        store: &dyn Store,
        context: &TaskContext,
    ) -> Result<Vec<Outgoing>, StepError> {
        let mut records = std::mem::take(&mut self.events);
        for (name, key, change) in sorted(&mut self.rows) {
            if change.value.is_some() || store.get(name, key)?.is_some() {
                records.push(change.seal(key, context)?);
            }
        }
        for (_, key, change) in sorted(&mut self.latest) {
            records.push(change.seal(key, context)?);
        }
        Ok(records)
    }

    /// Gives changed rows after [`Pending::take_records`]: table, key, and the value's bytes or
    /// none for a deletion.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &str, Option<&[u8]>)> {
        each(&self.rows).map(|(table, key, change)| (table, key, change.bytes()))
    }

    /// Gives the change of a row, if there is one.
    pub(crate) fn change_of(&self, table: &str, key: &str) -> Option<&Change> {
        self.rows.get(table)?.get(key)
    }

    /// Gives a table's changes with the prefix, after one key and up to another, in no order.
    pub(crate) fn between<'o>(
        &'o self,
        table: &str,
        prefix: &'o str,
        after: Option<&'o str>,
        upto: Option<&'o str>,
    ) -> impl Iterator<Item = (&'o String, &'o Change)> {
        let changes = self.rows.get(table).into_iter().flatten();
        changes.filter(move |(key, _)| {
            key.starts_with(prefix)
                && after.is_none_or(|after| key.as_str() > after)
                && upto.is_none_or(|upto| key.as_str() <= upto)
        })
    }

    /// Gives the first row that belongs to another partition's tables.
    pub(crate) fn foreign(&self, partition: i32) -> Option<(&'static str, i32)> {
        let mut changes = each(&self.rows);
        let (_, _, change) = changes.find(|(_, _, change)| change.partition != partition)?;
        Some((change.table.topic.name, change.partition))
    }

    /// Changes a row.
    pub(crate) fn set_row(&mut self, key: String, change: Change) -> Undo {
        self.set(true, key, change)
    }

    /// Sets the newest record of a key in a compacted topic.
    pub(crate) fn set_latest(&mut self, key: String, change: Change) -> Undo {
        self.set(false, key, change)
    }

    fn set(&mut self, in_table: bool, key: String, change: Change) -> Undo {
        let name = change.table.name;
        self.bytes += key.len() + ROW_BYTES;
        let changes = if in_table { &mut self.rows } else { &mut self.latest };
        let before = changes.of(name).insert(key.clone(), change);
        self.bytes -= before.as_ref().map_or(0, |_| key.len() + ROW_BYTES);
        Undo { in_table, name, key, before }
    }

    /// Appends a record of a topic that keeps them all.
    pub(crate) fn append(&mut self, record: Outgoing) {
        self.bytes += record_size(&record);
        self.events.push(record);
    }

    /// Gives how many events there are: what [`Pending::revert`] goes back to.
    pub(crate) fn mark(&self) -> usize {
        self.events.len()
    }

    /// Takes back what a step did.
    pub(crate) fn revert(&mut self, mark: usize, undo: Vec<Undo>) {
        for event in self.events.drain(mark..) {
            self.bytes -= record_size(&event);
        }
        for Undo { in_table, name, key, before } in undo.into_iter().rev() {
            let changes = if in_table { &mut self.rows } else { &mut self.latest };
            let Some(of) = changes.get_mut(name) else { continue };
            match before {
                Some(before) => drop(of.insert(key, before)),
                None => {
                    of.remove(&key);
                    self.bytes -= key.len() + ROW_BYTES;
                }
            }
        }
    }
}

impl Change {
    fn bytes(&self) -> Option<&[u8]> {
        self.value.as_ref()?.bytes.as_deref()
    }

    /// Encodes the value, and makes the record that tells it.
    fn seal(&mut self, key: &str, context: &TaskContext) -> Result<Outgoing, StepError> {
        let topic = self.table.topic;
        if let Some(value) = &mut self.value {
            let bytes = (value.encode)(&value.row, context, topic);
            value.bytes = Some(bytes.map_err(|error| StepError::poison(&error))?.into());
        }
        let Origin { cause, number, at_ms } = &self.origin;
        let id = format!("{cause}/row/{number}");
        let value = self.bytes().map(<[u8]>::to_vec);
        let key = self.table.record_key(key);
        Ok(outgoing(topic, self.partition, key, value, (&id, *at_ms, context)))
    }
}

/// Makes a record to append; `about` is its id, its time and who makes it.
pub(crate) fn outgoing(
    topic: &'static TopicSpec,
    partition: i32,
    key: String,
    value: Option<Vec<u8>>,
    about: (&str, i64, &TaskContext),
) -> Outgoing {
    let (id, time_ms, context) = about;
    let event = Event { id, kind: topic.name, source: context.source(), time_ms };
    let headers = cloud_event(&event);
    Outgoing { topic, partition, timestamp_ms: time_ms, key: key.into_bytes(), value, headers }
}

fn is_empty(changes: &Changes) -> bool {
    changes.iter().all(|(_, of)| of.is_empty())
}

fn each(changes: &Changes) -> impl Iterator<Item = (&'static str, &str, &Change)> {
    let tables = changes.iter();
    tables.flat_map(|(name, of)| of.iter().map(move |(key, change)| (name, key.as_str(), change)))
}

/// Gives changes by table and key, sorted: what a commit appends depends on nothing but steps.
fn sorted(changes: &mut Changes) -> Vec<(&'static str, &str, &mut Change)> {
    let mut all = Vec::new();
    for (name, of) in changes.sorted() {
        let from = all.len();
        all.extend(of.iter_mut().map(|(key, change)| (name, key.as_str(), change)));
        all[from..].sort_unstable_by(|one, other| one.1.cmp(other.1));
    }
    all
}

fn record_size(record: &Outgoing) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Vec::len)
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, partition, value, origin } = self;
        f.debug_struct("Change")
            .field("table", &table.name)
            .field("partition", partition)
            .field("deletes", &value.is_none())
            .field("origin", origin)
            .finish()
    }
}
