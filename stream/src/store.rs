//! A task's tables on disk: rows, positions and identity, always changed in one atomic batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, LsmError};

use crate::{
    LogError, Position, StepError, TableSpec,
    view::{Entry, Store},
};

/// Version of the store's layout; another one is rebuilt from the log.
const FORMAT: u32 = 1;

/// The database's folder within the state folder: what may be wiped is never the caller's own.
const FOLDER: &str = "tables";

/// Memory for blocks of all tasks' tables that were read lately.
const CACHE_BYTES: u64 = 16 << 20;

/// What one task's tables gather in memory before it goes to disk.
const MEMTABLE_BYTES: u64 = 8 << 20;

/// Notes begin with a zero byte, which no table's name does.
const IDENTITY: &[u8] = b"\0identity";
const CHECKED_CLOCK: &[u8] = b"\0checked/clock";
const CHECKED_RECORD: &[u8] = b"\0checked/record";
const INPUT: &[u8] = b"\0input/";
const CHANGELOG: &[u8] = b"\0changelog/";

/// All task stores of a process: one database, one keyspace a task.
#[derive(Clone)]
pub struct Stores {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    database: Database,
    /// Stores that a task has open: a partition that moves between workers waits for its old owner.
    leased: Mutex<BTreeSet<String>>,
}

/// Whose tables a store holds; a store of anything else is rebuilt.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The stage.
    pub stage: &'static str,
    /// The task's partition.
    pub partition: i32,
    /// The number of partitions of every topic.
    pub partitions: i32,
    /// The topics' prefix.
    pub prefix: String,
    /// The log's own name ([`crate::Log::identity`]).
    pub log: String,
    /// The stage's tables.
    pub tables: Vec<TableSpec>,
}

/// What is recorded beside the rows.
#[derive(Clone, Debug, Default)]
pub struct Marks<'a> {
    /// The next offsets of inputs.
    pub inputs: &'a [Position],
    /// The next offsets of table topics; every record before them is in the rows.
    pub changelogs: &'a [Position],
    /// When those positions of table topics held.
    pub checked: Option<Checked>,
}

/// When positions of table topics held: tombstones older than the log's retention may be gone
/// since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// By this machine's clock, in UTC milliseconds: Kafka measures ages so.
    pub clock_ms: i64,
    /// By the newest record that the task had taken, in UTC milliseconds: `local` measures ages so.
    pub record_ms: i64,
}

/// One task's tables.
pub struct TaskStore {
    stores: Stores,
    name: String,
    identity: String,
    keyspace: Keyspace,
    damaged: AtomicBool,
}

/// A row to write: table, key, and the value or its deletion.
pub type Row<'r> = (&'static str, &'r str, Option<&'r [u8]>);

/// The same as values of its own.
pub type OwnedRow = (&'static str, String, Option<Vec<u8>>);

impl Stores {
    /// Opens the process's stores in a folder; what is damaged beyond reading is begun anew.
    ///
    /// # Errors
    /// When another process has them open, or the disk fails.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        let path = folder.join(FOLDER);
        let open = || Database::builder(&path).cache_size(CACHE_BYTES).worker_threads(2).open();
        let database = match open() {
            Err(error) if is_damage(&error) => {
                tracing::warn!(path = %path.display(), error = %error,
                    "the task stores are damaged: rebuilding them from the log");
                fs::remove_dir_all(&path).map_err(failed("wiping damaged task stores"))?;
                open()
            }
            opened => opened,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                database: database.map_err(|error| not_opened(error, &path))?,
                path,
                leased: Mutex::default(),
            }),
        })
    }

    /// Gives the folder of the database.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Opens a task's store for one owner; none while another owner in this process has it.
    ///
    /// A store of another identity, or one that can't be read, is wiped.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn lease(&self, identity: &Identity) -> Result<Option<TaskStore>, LogError> {
        let name = format!("{}-{}", identity.stage, identity.partition);
        if !self.leased().insert(name.clone()) {
            return Ok(None);
        }
        let keyspace = match self.keyspace(&name) {
            Ok(keyspace) => keyspace,
            Err(error) => {
                self.leased().remove(&name);
                return Err(error);
            }
        };
        let mut store = TaskStore {
            stores: self.clone(),
            name,
            identity: identity.to_string(),
            keyspace,
            damaged: AtomicBool::new(false),
        };
        store.check_identity()?;
        Ok(Some(store))
    }

    fn keyspace(&self, name: &str) -> Result<Keyspace, LogError> {
        let opened = self
            .shared
            .database
            .keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES));
        opened.map_err(failed("opening a task store"))
    }

    fn leased(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A set of names stays sound whatever a holder of the lock was doing.
        let lock = self.shared.leased.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskStore {
    /// Takes over changes of rows and positions, all or nothing.
    ///
    /// # Errors
    /// When the disk fails; then nothing was changed.
    pub fn apply<'r>(
        &self,
        rows: impl IntoIterator<Item = Row<'r>>,
        marks: &Marks<'_>,
    ) -> Result<(), LogError> {
        let mut batch = self.stores.shared.database.batch();
        for (table, key, value) in rows {
            let key = row_key(table, key);
            match value {
                Some(bytes) => batch.insert(&self.keyspace, key, bytes),
                None => batch.remove(&self.keyspace, key),
            }
        }
        for (key, number) in noted_in(marks) {
            batch.insert(&self.keyspace, key, number);
        }
        batch.commit().map_err(failed("writing rows to a task store"))
    }

    /// Takes over many changes of rows, oldest first, and positions, all or nothing: sorted they
    /// become a file of their own, past journal and memtable.
    ///
    /// # Errors
    /// When the disk fails; then nothing was changed.
    pub fn load(&self, rows: Vec<OwnedRow>, marks: &Marks<'_>) -> Result<(), LogError> {
        let mut changes: Vec<(Vec<u8>, Option<Vec<u8>>)> =
            noted_in(marks).map(|(key, number)| (key, Some(number.to_vec()))).collect();
        changes.extend(rows.into_iter().map(|(table, key, value)| (row_key(table, &key), value)));
        // Stable: of a key's changes the newest stays last.
        changes.sort_by(|one, other| one.0.cmp(&other.0));
        let write = || {
            let mut run = self.keyspace.start_ingestion()?;
            let mut changes = changes.into_iter().peekable();
            while let Some((key, value)) = changes.next() {
                if changes.peek().is_some_and(|next| next.0 == key) {
                    continue;
                }
                match value {
                    Some(bytes) => run.write(key, bytes)?,
                    None => run.write_tombstone(key)?,
                }
            }
            run.finish()
        };
        write().map_err(failed("loading rows into a task store"))
    }

    /// Gives the recorded next offset of an input topic, if any.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn input(&self, topic: &str) -> Result<Option<i64>, LogError> {
        self.number(&[INPUT, topic.as_bytes()].concat())
    }

    /// Gives the recorded next offset of a table topic, if any.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn changelog(&self, topic: &str) -> Result<Option<i64>, LogError> {
        self.number(&[CHANGELOG, topic.as_bytes()].concat())
    }

    /// Tells when the recorded positions of table topics held, if any are recorded.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn checked(&self) -> Result<Option<Checked>, LogError> {
        let found = (self.number(CHECKED_CLOCK)?, self.number(CHECKED_RECORD)?);
        Ok(match found {
            (Some(clock_ms), Some(record_ms)) => Some(Checked { clock_ms, record_ms }),
            _ => None,
        })
    }

    /// Gives a table's rows, sorted by key: tests and debugging read them.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn rows(&self, table: &'static str) -> Result<BTreeMap<String, Arc<[u8]>>, StepError> {
        Ok(self.scan(table, "", None, usize::MAX)?.into_iter().collect())
    }

    /// Tells whether none of these tables has a row.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn is_empty(&self, tables: &[TableSpec]) -> Result<bool, LogError> {
        for table in tables {
            let mut rows = self.keyspace.prefix(row_key(table.name, ""));
            if let Some(row) = rows.next() {
                let key = row.key().map_err(|error| self.noted(error));
                key.map_err(failed("looking for rows"))?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells whether a read met bytes that can't be right: the store must be wiped and rebuilt.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Removes everything but the identity.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn wipe(&mut self) -> Result<(), LogError> {
        let database = &self.stores.shared.database;
        let wiped = database.delete_keyspace(self.keyspace.clone());
        wiped.map_err(failed("wiping a task store"))?;
        self.keyspace = self.stores.keyspace(&self.name)?;
        self.damaged.store(false, Ordering::Relaxed);
        let noted = self.keyspace.insert(IDENTITY, self.identity.as_bytes());
        noted.map_err(failed("naming a task store"))
    }

    fn check_identity(&mut self) -> Result<(), LogError> {
        let found = match self.keyspace.get(IDENTITY) {
            Ok(found) => found,
            Err(error) if is_damage(&error) => {
                tracing::warn!(store = self.name, error = %error,
                    "a task store is damaged: rebuilding it from the log");
                return self.wipe();
            }
            Err(error) => return Err(failed("reading a task store's identity")(error)),
        };
        match found {
            Some(found) if *found == *self.identity.as_bytes() => Ok(()),
            None => self.wipe(),
            Some(found) => {
                tracing::warn!(store = self.name, found = %String::from_utf8_lossy(&found),
                    wanted = self.identity,
                    "a task store belongs to something else: rebuilding it from the log");
                self.wipe()
            }
        }
    }

    fn number(&self, key: &[u8]) -> Result<Option<i64>, LogError> {
        let found = self.keyspace.get(key).map_err(|error| self.noted(error));
        let found = found.map_err(failed("reading a task store's positions"))?;
        // A number of another length is no number: the position counts as unknown.
        Ok(found.and_then(|bytes| Some(i64::from_be_bytes((*bytes).try_into().ok()?))))
    }

    fn noted(&self, error: fjall::Error) -> fjall::Error {
        if is_damage(&error) {
            self.damaged.store(true, Ordering::Relaxed);
        }
        error
    }

    fn wait(&self, error: fjall::Error) -> StepError {
        StepError::Wait(Box::new(self.noted(error)))
    }
}

impl Store for TaskStore {
    fn get(&self, table: &'static str, key: &str) -> Result<Option<Arc<[u8]>>, StepError> {
        let found = self.keyspace.get(row_key(table, key));
        Ok(found.map_err(|error| self.wait(error))?.map(|bytes| Arc::from(&*bytes)))
    }

    fn scan(
        &self,
        table: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StepError> {
        let head = table.len() + 1;
        let wanted = row_key(table, prefix);
        let from = match after {
            Some(key) if key >= prefix => Bound::Excluded(row_key(table, key)),
            _ => Bound::Included(wanted.clone()),
        };
        let mut found = Vec::new();
        for entry in self.keyspace.range((from, Bound::Unbounded)) {
            if found.len() >= limit {
                break;
            }
            let (key, value) = entry.into_inner().map_err(|error| self.wait(error))?;
            if !key.starts_with(&wanted) {
                break;
            }
            let Ok(key) = String::from_utf8(key[head..].to_vec()) else {
                self.damaged.store(true, Ordering::Relaxed);
                return Err(StepError::Wait("a row's key is no text".into()));
            };
            found.push((key, Arc::from(&*value)));
        }
        Ok(found)
    }
}

impl Drop for TaskStore {
    fn drop(&mut self) {
        self.stores.leased().remove(&self.name);
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, partition, partitions, prefix, log, tables } = self;
        write!(
            f,
            "format {FORMAT}, stage {stage}, partition {partition} of {partitions}, \
             prefix {prefix}, log {log}, tables"
        )?;
        tables.iter().try_for_each(|table| {
            write!(f, " {}@{}", table.record_key(table.name), table.topic.name)
        })
    }
}

/// Gives the entries that record positions.
fn noted_in(marks: &Marks<'_>) -> impl Iterator<Item = (Vec<u8>, [u8; 8])> {
    let number = |key: Vec<u8>, number: i64| (key, number.to_be_bytes());
    let of = |prefix: &'static [u8], positions: &[Position]| {
        let entry = |at: &Position| number([prefix, at.topic.name.as_bytes()].concat(), at.offset);
        positions.iter().map(entry).collect::<Vec<_>>()
    };
    let checked = marks.checked.map(|checked| {
        let clock = number(CHECKED_CLOCK.to_vec(), checked.clock_ms);
        [clock, number(CHECKED_RECORD.to_vec(), checked.record_ms)]
    });
    let positions = of(INPUT, marks.inputs).into_iter().chain(of(CHANGELOG, marks.changelogs));
    positions.chain(checked.into_iter().flatten())
}

fn row_key(table: &str, key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(table.len() + 1 + key.len());
    bytes.extend_from_slice(table.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

/// Tells bytes that can't be right from a disk that fails or a store that is in use.
///
/// Files that are there already are those of a store whose making a full disk has ended.
fn is_damage(error: &fjall::Error) -> bool {
    use std::io::ErrorKind::{AlreadyExists, InvalidData, NotFound, UnexpectedEof};
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
            matches!(error.kind(), AlreadyExists | InvalidData | NotFound | UnexpectedEof)
        }
        fjall::Error::Locked | fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted => false,
        _ => true,
    }
}

fn not_opened(error: fjall::Error, path: &Path) -> LogError {
    match error {
        fjall::Error::Locked => LogError::StoresInUse { path: path.to_owned() },
        error => failed("opening the task stores")(error),
    }
}

fn failed<E>(attempted: &'static str) -> impl Fn(E) -> LogError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| LogError::Store { attempted, source: Box::new(source) }
}
