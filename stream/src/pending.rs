//! What a task's transaction gathers: changed rows, and records to append.
//!
//! Of a compacted topic only the last record of each key is appended, however many steps wrote it:
//! whoever reads the topic may see no more than that. Records of other topics are all appended, in
//! the order in which steps made them.

use std::{any::Any, collections::BTreeMap, fmt, ops::Bound, sync::Arc};

use schemas::{
    TopicSpec,
    headers::{Event, cloud_event},
};

use crate::{
    Outgoing, StepError, TableSpec,
    view::{Store, TaskContext},
};

/// A row as steps see it; its type is the table's.
pub(crate) type Row = Arc<dyn Any + Send + Sync>;

/// Changes by table (or topic) and key.
pub(crate) type Changes = BTreeMap<&'static str, BTreeMap<String, Change>>;

/// What a task's transaction gathers.
#[derive(Debug, Default)]
pub struct Pending {
    /// Changed rows of the stage's tables.
    pub(crate) rows: Changes,
    /// Records of compacted topics that are no tables of the stage.
    latest: Changes,
    /// Records of all other topics, in the order in which steps made them.
    events: Vec<Outgoing>,
    /// Bytes of keys and values in all of them.
    bytes: usize,
}

/// The newest value of a key, and where it comes from.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) topic: &'static TopicSpec,
    /// What the record's key begins with: a private table's name.
    pub(crate) head: Option<&'static str>,
    pub(crate) partition: i32,
    /// None is a deletion.
    pub(crate) value: Option<Written>,
    pub(crate) origin: Origin,
}

/// A value that was written: as it goes to the log, and as the next step reads it.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) row: Row,
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
    /// Tells whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.latest.is_empty() && self.events.is_empty()
    }

    /// Gives the bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the records to append: events in order, then the newest record of each key.
    ///
    /// A row that came and went since the last commit leaves no tombstone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_records(
        &mut self,
        store: &dyn Store,
        context: &TaskContext,
    ) -> Result<Vec<Outgoing>, StepError> {
        let mut records = std::mem::take(&mut self.events);
        for (name, key, change) in each(&self.rows) {
            if change.value.is_some() || store.get(name, key)?.is_some() {
                records.push(change.record(key, context));
            }
        }
        records.extend(each(&self.latest).map(|(_, key, change)| change.record(key, context)));
        Ok(records)
    }

    /// Gives changed rows: table, key, and the value's bytes or none for a deletion.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &str, Option<&[u8]>)> {
        each(&self.rows).map(|(table, key, change)| (table, key, change.bytes()))
    }

    /// Gives the change of a row, if there is one.
    pub(crate) fn change_of(&self, table: &str, key: &str) -> Option<&Change> {
        self.rows.get(table)?.get(key)
    }

    /// Gives a table's changes with the prefix, after one key and up to another.
    pub(crate) fn between<'o>(
        &'o self,
        table: &str,
        prefix: &'o str,
        after: Option<&str>,
        upto: Option<&'o str>,
    ) -> impl Iterator<Item = (&'o String, &'o Change)> {
        let from = match after {
            Some(key) if key >= prefix => Bound::Excluded(key.to_owned()),
            _ => Bound::Included(prefix.to_owned()),
        };
        self.rows
            .get(table)
            .into_iter()
            .flat_map(move |rows| rows.range((from.clone(), Bound::Unbounded)))
            .take_while(move |(key, _)| {
                key.starts_with(prefix) && upto.is_none_or(|upto| key.as_str() <= upto)
            })
    }

    /// Gives the first row that belongs to another partition's tables.
    pub(crate) fn foreign(&self, partition: i32) -> Option<(&'static str, i32)> {
        let mut changes = each(&self.rows);
        let (_, _, change) = changes.find(|(_, _, change)| change.partition != partition)?;
        Some((change.topic.name, change.partition))
    }

    /// Changes a row.
    pub(crate) fn set_row(&mut self, table: TableSpec, key: String, change: Change) -> Undo {
        self.set(true, table.name, key, change)
    }

    /// Sets the newest record of a key in a compacted topic.
    pub(crate) fn set_latest(&mut self, key: String, change: Change) -> Undo {
        self.set(false, change.topic.name, key, change)
    }

    fn set(&mut self, in_table: bool, name: &'static str, key: String, change: Change) -> Undo {
        self.bytes += change.size(&key);
        let changes = if in_table { &mut self.rows } else { &mut self.latest };
        let before = changes.entry(name).or_default().insert(key.clone(), change);
        self.bytes -= before.as_ref().map_or(0, |before| before.size(&key));
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
            let back = before.as_ref().map_or(0, |before| before.size(&key));
            let size = key.len();
            let gone = match before {
                Some(before) => of.insert(key, before),
                None => of.remove(&key),
            };
            let gone = gone.map_or(0, |gone| size + gone.bytes().map_or(0, <[u8]>::len));
            self.bytes = self.bytes + back - gone;
            if of.is_empty() {
                changes.remove(name);
            }
        }
    }
}

impl Change {
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.value.as_ref().map(|value| &*value.bytes)
    }

    fn size(&self, key: &str) -> usize {
        key.len() + self.bytes().map_or(0, <[u8]>::len)
    }

    fn record(&self, key: &str, context: &TaskContext) -> Outgoing {
        let key = match self.head {
            Some(head) => format!("{head}/{key}"),
            None => key.to_owned(),
        };
        let Origin { cause, number, at_ms } = &self.origin;
        let id = format!("{cause}/row/{number}");
        let value = self.bytes().map(<[u8]>::to_vec);
        outgoing(self.topic, self.partition, key, value, (&id, *at_ms, context))
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

fn each(changes: &Changes) -> impl Iterator<Item = (&'static str, &str, &Change)> {
    let tables = changes.iter();
    tables.flat_map(|(name, of)| of.iter().map(|(key, change)| (*name, key.as_str(), change)))
}

fn record_size(record: &Outgoing) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Vec::len)
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, head, partition, value, origin } = self;
        f.debug_struct("Change")
            .field("topic", &topic.name)
            .field("head", head)
            .field("partition", partition)
            .field("bytes", &value.as_ref().map(|value| value.bytes.len()))
            .field("origin", origin)
            .finish()
    }
}
