//! Tables: a task's keyed state, each with the compacted topic that restores it.

use std::{fmt, marker::PhantomData};

use schemas::{Key, Topic, TopicSpec, Value};

/// The facts of a table, without its types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name, unique within the stage.
    pub name: &'static str,
    /// The topic that holds its changes: its own, or the stage's changelog for private tables.
    pub topic: &'static TopicSpec,
    /// Whether it is published: other processes read the topic, whose keys are the table's own. A
    /// private table's keys are written to the changelog as `name/key`.
    pub published: bool,
}

/// A table with the types of its key and value.
pub struct Table<K, V> {
    /// The table's facts.
    pub spec: TableSpec,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Table<K, V> {
    /// A table that is published as its own compacted topic.
    pub const fn published(topic: Topic<K, V>) -> Self {
        let spec = TableSpec { name: topic.spec.name, topic: topic.spec, published: true };
        Self { spec, types: PhantomData }
    }

    /// A table that only its stage reads, kept in the stage's changelog.
    pub const fn private(name: &'static str, changelog: &'static TopicSpec) -> Self {
        let spec = TableSpec { name, topic: changelog, published: false };
        Self { spec, types: PhantomData }
    }
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.spec.name)
    }
}

impl TableSpec {
    /// Gives the record's key in the table's topic.
    pub fn record_key(&self, key: &str) -> String {
        if self.published { key.to_owned() } else { format!("{}/{key}", self.name) }
    }

    /// Gives the table's key for a record of its topic; none when the record is another table's.
    pub fn own_key<'a>(&self, record_key: &'a str) -> Option<&'a str> {
        if self.published {
            return Some(record_key);
        }
        record_key.strip_prefix(self.name)?.strip_prefix('/')
    }
}
