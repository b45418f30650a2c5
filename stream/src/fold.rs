//! The fold: a stage run over records in memory, without a log. Tests and oracles use it.

use std::{cell::RefCell, collections::BTreeMap, ops::Bound, sync::Arc};

use schemas::{Cause, Codec, Key, Value};

use crate::{
    Outgoing, Record, Stage, StepError, Table,
    cache::RowCache,
    pending::Pending,
    view::{Committed, Entry, Store, TaskContext, View},
};

/// Tables in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryStore {
    tables: BTreeMap<&'static str, BTreeMap<String, Arc<[u8]>>>,
}

impl MemoryStore {
    /// Takes over a transaction's changes.
    pub fn apply(&mut self, pending: &Pending) {
        for (table, key, bytes) in pending.rows() {
            let table = self.tables.entry(table).or_default();
            match bytes {
                Some(bytes) => table.insert(key.to_owned(), bytes.into()),
                None => table.remove(key),
            };
        }
    }

    /// Gives a table's rows as bytes, sorted by key.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (&String, &Arc<[u8]>)> {
        self.tables.get(table).into_iter().flatten()
    }
}

impl Store for MemoryStore {
    fn get(&self, table: &'static str, key: &str) -> Result<Option<Arc<[u8]>>, StepError> {
        Ok(self.tables.get(table).and_then(|rows| rows.get(key)).cloned())
    }

    fn scan(
        &self,
        table: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StepError> {
        let from = match after {
            Some(key) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix),
        };
        let rows = self.tables.get(table).into_iter();
        let found = rows.flat_map(|rows| rows.range::<str, _>((from, Bound::Unbounded)));
        let wanted = found.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(wanted.map(|(key, bytes)| (key.clone(), bytes.clone())).collect())
    }
}

/// One task of a stage in memory.
pub struct Fold<S> {
    /// The stage.
    pub stage: S,
    /// Its tables.
    pub store: MemoryStore,
    /// Everything that it appended, in order.
    pub outputs: Vec<Outgoing>,
    /// Records that it could not use, with the reason.
    pub dead: Vec<(Record, String)>,
    context: TaskContext,
    /// Keeps nothing: a fold is the plain meaning of a stage.
    cache: RefCell<RowCache>,
}

impl<S: Stage> Fold<S> {
    /// Makes a task of one partition out of `partitions`.
    pub fn new(stage: S, partition: i32, partitions: i32) -> Self {
        let codec = Codec::default();
        let context = TaskContext::new(codec, "scorecard", stage.name(), partition, partitions);
        Self {
            stage,
            store: MemoryStore::default(),
            outputs: Vec::new(),
            dead: Vec::new(),
            context,
            cache: RefCell::new(RowCache::new(0)),
        }
    }

    /// Takes one record, then works off everything that is pending.
    ///
    /// # Errors
    /// When a step would wait, which nothing in memory can mend.
    pub fn take(&mut self, record: &Record) -> Result<(), StepError> {
        self.step(record)?;
        while self.work()? {}
        Ok(())
    }

    /// Takes one record and leaves pending work pending.
    ///
    /// # Errors
    /// As [`Fold::take`].
    pub fn step(&mut self, record: &Record) -> Result<(), StepError> {
        let mut pending = Pending::default();
        let committed = Committed { store: &self.store, cache: &self.cache };
        let mut view = View::for_record(committed, &self.context, &mut pending, record);
        match self.stage.step(&mut view, record) {
            Ok(()) => view.accept(),
            Err(StepError::Poison { reason }) => {
                drop(view);
                self.dead.push((record.clone(), reason));
            }
            Err(wait) => return Err(wait),
        }
        self.commit(pending)
    }

    /// Does one piece of pending work; false when none was left.
    ///
    /// # Errors
    /// As [`Fold::take`], and poison of the work itself.
    pub fn work(&mut self) -> Result<bool, StepError> {
        let mut pending = Pending::default();
        let cause =
            Cause { topic: "work".to_owned(), partition: self.context.partition, offset: 0 };
        let committed = Committed { store: &self.store, cache: &self.cache };
        let mut view = View::new(committed, &self.context, &mut pending, cause, 0);
        let more = self.stage.work(&mut view)?;
        view.accept();
        self.commit(pending)?;
        Ok(more)
    }

    /// Gives a table's rows, sorted by key.
    ///
    /// # Panics
    /// When a row can't be decoded, which a test wants to see.
    pub fn table<K: Key, V: Value>(&self, table: &Table<K, V>) -> BTreeMap<K, V> {
        let rows = self.store.rows(table.spec.name).map(|(key, bytes)| {
            let key = K::decode(key).expect("a key of the table");
            (key, self.context.codec.decode(bytes).expect("a row of the table"))
        });
        rows.collect()
    }

    fn commit(&mut self, mut pending: Pending) -> Result<(), StepError> {
        self.outputs.extend(pending.take_records(&self.store, &self.context)?);
        self.store.apply(&pending);
        Ok(())
    }
}
