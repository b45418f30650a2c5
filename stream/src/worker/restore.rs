//! Brings a task's tables to what is committed, by reading their topics from where the store
//! stands.
//!
//! Whatever a store missed is in its changelogs, so it is rolled forward and never wiped, but for
//! four cases: it belongs to something else, it can't be read, it knows offsets that the log does
//! not have, or it is so old that tombstones may be gone.

use std::time::{Duration, Instant};

use super::{
    Failpoint, WorkerError,
    progress::Restoring,
    role::{Horizon, Role, of},
};
use crate::{
    LogError, Position, Reader, Record,
    snapshot::end_of,
    store::{Checked, Marks, TaskStore},
};

/// How often a store that is ahead of the group asks again before it is rebuilt: right after a
/// change of coordinators a group can seem to have no positions.
const AHEAD_TRIES: u32 = 20;

/// How often a restore that stands still says so: a transaction of a dead writer ends before that.
const STILL_TOLD_EVERY: Duration = Duration::from_secs(30);

/// A restore under way.
pub(super) struct Restore {
    reader: Option<Box<dyn Reader>>,
    partition: i32,
    /// The inputs' positions that the tables are brought to.
    pub(super) committed: Vec<Position>,
    from: Vec<Position>,
    ends: Vec<Position>,
    positions: Vec<Position>,
    batch: Vec<(&'static str, String, Option<Vec<u8>>)>,
    bytes: usize,
    rows: u64,
    /// When the store's own positions held; none when it began empty.
    checked: Option<Checked>,
    newest_ms: Option<i64>,
    /// When it last got on, or said that it does not.
    moved: Instant,
}

/// What beginning a restore led to.
pub(super) enum Begun {
    /// It is under way.
    Restore(Box<Restore>),
    /// The store is ahead of the group, which may be a passing view: try again in a while.
    Ahead,
}

impl Restore {
    /// Begins a restore; wipes the store when the log can't bring it forward.
    pub(super) fn begin(
        role: &Role,
        partition: i32,
        store: &mut TaskStore,
        tries: u32,
        horizon: &Horizon,
    ) -> Result<Begun, WorkerError> {
        let failed = |error| role.failed(error);
        let committed = of(partition, horizon.committed.clone());
        let ends = of(partition, horizon.ends.clone());
        if let Some(topic) = ahead(store, &committed).map_err(failed)? {
            if tries < AHEAD_TRIES {
                return Ok(Begun::Ahead);
            }
            tracing::warn!(
                stage = role.stage,
                partition,
                topic,
                "tables are ahead of the group's position: rebuilding them from the log"
            );
            store.wipe().map_err(failed)?;
        }
        if let Some(reason) = unusable(role, store, &ends).map_err(failed)? {
            tracing::warn!(
                stage = role.stage,
                partition,
                reason,
                "tables can't be rolled forward: rebuilding them from the log"
            );
            store.wipe().map_err(failed)?;
        }
        let from = stands(store, &ends).map_err(failed)?;
        let reader = (!from.is_empty()).then(|| role.log.row_reader(&from));
        Ok(Begun::Restore(Box::new(Self {
            reader: reader.transpose().map_err(failed)?,
            partition,
            committed,
            positions: from.clone(),
            from,
            ends,
            batch: Vec::new(),
            bytes: 0,
            rows: 0,
            checked: store.checked().map_err(failed)?,
            newest_ms: None,
            moved: role.config.clock.now(),
        })))
    }

    /// Reads on for up to the timeout; true when the tables are complete.
    pub(super) fn advance(
        &mut self,
        role: &Role,
        store: &mut TaskStore,
        timeout: Duration,
    ) -> Result<bool, WorkerError> {
        let failed = |error| role.failed(error);
        if !self.is_complete() {
            self.read(role, timeout).map_err(failed)?;
        }
        let complete = self.is_complete();
        if complete && self.is_too_old(role) {
            tracing::warn!(
                stage = role.stage,
                partition = self.partition,
                "tombstones may be gone since the tables were written: rebuilding them"
            );
            store.wipe().map_err(failed)?;
            self.restart(role).map_err(failed)?;
            return Ok(false);
        }
        if complete || self.bytes >= role.config.restore_bytes_max {
            self.write(store, complete).map_err(failed)?;
            if !complete && role.config.dies_at(Failpoint::WhileRestoring) {
                return Err(WorkerError::Died(Failpoint::WhileRestoring));
            }
        }
        Ok(complete)
    }

    /// Records that the tables stand at the inputs' positions, and gives the newest record's time.
    pub(super) fn finish(&self, role: &Role, store: &TaskStore) -> Result<i64, WorkerError> {
        let failed = |error| role.failed(error);
        let unread = self.committed.iter().all(|position| position.offset == 0);
        if unread && !store.is_empty(&role.tables).map_err(failed)? {
            return Err(WorkerError::PositionsLost {
                group: role.group(),
                partition: self.partition,
            });
        }
        let known = self.checked.map_or(i64::MIN, |checked| checked.record_ms);
        let record_ms = known.max(self.newest_ms.unwrap_or(i64::MIN));
        let marks = Marks {
            inputs: &self.committed,
            changelogs: &self.positions,
            checked: Some(Checked { clock_ms: role.config.clock.unix_ms(), record_ms }),
        };
        store.apply([], &marks).map_err(failed)?;
        Ok(record_ms)
    }

    pub(super) fn progress(&self) -> Restoring {
        let sum = |positions: &[Position]| -> i64 { positions.iter().map(|p| p.offset).sum() };
        let from = sum(&self.from);
        Restoring { done: sum(&self.positions) - from, total: sum(&self.ends) - from }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    fn is_complete(&self) -> bool {
        let mut positions = self.positions.iter();
        positions.all(|position| position.offset >= end_of(&self.ends, position))
    }

    fn read(&mut self, role: &Role, timeout: Duration) -> Result<(), LogError> {
        let Some(reader) = self.reader.as_mut() else {
            return Ok(());
        };
        let records = reader.poll(timeout)?;
        let positions = reader.positions()?;
        for record in records {
            self.row(role, record)?;
        }
        self.notice(role, of(self.partition, positions));
        Ok(())
    }

    /// Takes new positions; says so when they have not moved for long.
    fn notice(&mut self, role: &Role, positions: Vec<Position>) {
        let now = role.config.clock.now();
        if positions != self.positions {
            self.moved = now;
        } else if now.saturating_duration_since(self.moved) >= STILL_TOLD_EVERY {
            self.moved = now;
            let mut behind = positions.iter().filter(|at| at.offset < end_of(&self.ends, at));
            let topic = behind.next().map_or("", |at| at.topic.name);
            tracing::warn!(
                stage = role.stage,
                partition = self.partition,
                topic,
                "a restore stands still: a transaction that nobody ends holds up its topic; \
                 find it with `kafka-transactions.sh find-hanging`"
            );
        }
        self.positions = positions;
    }

    fn row(&mut self, role: &Role, record: Record) -> Result<(), LogError> {
        let key = std::str::from_utf8(&record.key).map_err(|error| LogError::Decode {
            topic: record.topic.name.to_owned(),
            partition: record.partition,
            offset: record.offset,
            source: Box::new(error),
        })?;
        self.newest_ms = self.newest_ms.max(Some(record.timestamp_ms));
        let tables = role.tables.iter().filter(|t| t.topic.name == record.topic.name);
        let owner = tables.into_iter().find_map(|t| Some((t.name, t.own_key(key)?)));
        // A row of a table that the stage no longer has is nobody's.
        if let Some((table, key)) = owner {
            self.bytes += record.key.len() + record.value.as_ref().map_or(0, Vec::len);
            self.rows += 1;
            self.batch.push((table, key.to_owned(), record.value));
        }
        Ok(())
    }

    /// Hands rows to the store: many as a file of their own, the last few as any others.
    fn write(&mut self, store: &TaskStore, last: bool) -> Result<(), LogError> {
        self.bytes = 0;
        let marks = Marks { changelogs: &self.positions, ..Marks::default() };
        let batch = std::mem::take(&mut self.batch);
        if !last {
            return store.load(batch, &marks);
        }
        let rows = batch.iter().map(|(table, key, value)| (*table, &**key, value.as_deref()));
        store.apply(rows, &marks)
    }

    /// Tells whether records much newer than the store's positions were read: by then the log may
    /// have dropped tombstones that the store never saw. Where the log goes by the clock, the age
    /// was looked at before anything was read.
    fn is_too_old(&self, role: &Role) -> bool {
        if !role.log.ages_by_records() {
            return false;
        }
        match (self.checked, self.newest_ms) {
            (Some(checked), Some(newest_ms)) if checked.record_ms > i64::MIN => {
                newest_ms.saturating_sub(checked.record_ms) > age_max_ms(role)
            }
            _ => false,
        }
    }

    fn restart(&mut self, role: &Role) -> Result<(), LogError> {
        let start = self.ends.iter().map(|end| Position { offset: 0, ..*end });
        self.from = start.collect();
        self.positions = self.from.clone();
        self.reader = Some(role.log.row_reader(&self.from)?);
        self.checked = None;
        self.newest_ms = None;
        self.batch.clear();
        self.bytes = 0;
        self.rows = 0;
        Ok(())
    }
}

/// Finds an input of which the store has taken more than the group committed.
fn ahead(store: &TaskStore, committed: &[Position]) -> Result<Option<&'static str>, LogError> {
    for position in committed {
        let taken = store.input(position.topic.name)?;
        if taken.is_some_and(|taken| taken > position.offset) {
            return Ok(Some(position.topic.name));
        }
    }
    Ok(None)
}

/// Tells why a store can't be rolled forward, if so.
fn unusable(
    role: &Role,
    store: &TaskStore,
    ends: &[Position],
) -> Result<Option<&'static str>, LogError> {
    for end in ends {
        if store.changelog(end.topic.name)?.is_some_and(|at| at > end.offset) {
            return Ok(Some("its topics are shorter than what it has read"));
        }
    }
    let checked = store.checked()?;
    let now_ms = role.config.clock.unix_ms();
    let age_ms = checked.map_or(0, |checked| now_ms.saturating_sub(checked.clock_ms));
    Ok((age_ms > age_max_ms(role)).then_some("it is older than the log keeps tombstones"))
}

/// Gives where the store stands in each table topic.
fn stands(store: &TaskStore, ends: &[Position]) -> Result<Vec<Position>, LogError> {
    let positions = ends.iter().map(|end| {
        let offset = store.changelog(end.topic.name)?.unwrap_or(0);
        Ok(Position { offset, ..*end })
    });
    positions.collect()
}

fn age_max_ms(role: &Role) -> i64 {
    i64::try_from(role.config.store_age_max.as_millis()).unwrap_or(i64::MAX)
}
