//! Reads the log: tables from their start, the past in the background, and then what comes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use schemas::{Codec, Placement, ResourceState, TopicSpec, topic};
use stream::{Log, LogError, Position, Record, snapshot, worker::Stop};

use crate::decode::{self, EVENTS, TABLES};
use crate::tables::{DAY_MS, DAYS_MAX, Pipeline, Reading, Tables};

/// Wait of one poll, which is how old a number on the page may be.
const POLL: Duration = Duration::from_millis(500);

/// Pause after the log could not be read.
const PAUSE: Duration = Duration::from_secs(5);

/// How often the pipeline is asked how far it is behind.
const PIPELINE_EVERY: Duration = Duration::from_secs(10);

/// How many ticks before the end are read, to know the time: markers lie between them.
const TICKS_BACK: i64 = 16;

/// How far back changes of verdicts are read.
const CHANGES_MS: i64 = 30 * DAY_MS;

/// How much of a day's end is read for its last hourly cut, then all of it where nothing ran in the
/// last hour.
const CUT_MS: [i64; 2] = [61 * 60_000, DAY_MS];

/// How long a document may take to come.
const DOCUMENT_WAIT: Duration = Duration::from_secs(10);

/// Asks how far the pipeline is behind.
pub type AskPipeline = Box<dyn Fn() -> Result<Pipeline, LogError> + Send + Sync>;

/// The tables, kept up with the log by threads of their own.
pub struct Live {
    log: Arc<dyn Log>,
    codec: Codec,
    tables: RwLock<Tables>,
}

impl Live {
    /// Begins to read the log; the tables grow from now on, until the switch is thrown.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        log: Arc<dyn Log>,
        codec: Codec,
        pipeline: AskPipeline,
        stop: Stop,
    ) -> std::io::Result<Arc<Self>> {
        let live = Arc::new(Self { log, codec, tables: RwLock::default() });
        let (follower, past, stopped) = (live.clone(), live.clone(), stop.clone());
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        thread("page").spawn(move || follower.keep_up(&pipeline, &stop))?;
        thread("page-past").spawn(move || past.look_back(&stopped))?;
        Ok(live)
    }

    /// Gives the tables to read; who holds them keeps changes waiting.
    pub fn tables(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a number that is another one after each change.
    pub fn version(&self) -> u64 {
        self.tables().version
    }

    /// Reads one document from the log, where the index says that it lies.
    pub(crate) fn document(&self, place: (i32, i64)) -> Result<Option<ResourceState>, LogError> {
        let (partition, offset) = place;
        let at = Position { topic: topic::RESOURCE_STATE.spec, partition, offset };
        let mut reader = self.log.reader(&[at])?;
        let began = Instant::now();
        while began.elapsed() < DOCUMENT_WAIT {
            let records = reader.poll(Duration::from_millis(50))?;
            let Some(record) = records.into_iter().next() else { continue };
            // Compaction took it: a newer one is on its way through the index.
            let value = record.value.filter(|_| record.offset == offset);
            return Ok(value.and_then(|bytes| self.codec.decode(&bytes).ok()));
        }
        Ok(None)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the log for good; what fails is tried again, and shown until then.
    fn keep_up(&self, pipeline: &AskPipeline, stop: &Stop) {
        while !stop.is_stopped() {
            let Err(error) = self.follow(pipeline, stop) else { return };
            let words = error.to_string();
            tracing::warn!(error = &error as &dyn std::error::Error, "the page stands still");
            let mut tables = self.write();
            tables.reading.problem = Some(words);
            tables.version += 1;
            drop(tables);
            sleep(PAUSE, stop);
        }
    }

    fn follow(&self, pipeline: &AskPipeline, stop: &Stop) -> Result<(), LogError> {
        let mut from = self.ends(&EVENTS)?;
        for position in &mut from {
            if position.topic.name == topic::TICK.spec.name {
                position.offset = (position.offset - TICKS_BACK).max(0);
            }
        }
        from.extend(self.load()?);
        let mut reader = self.log.reader(&from)?;
        let mut asked: Option<Instant> = None;
        // The first records bring the time; only then is there anything to look at.
        self.take(reader.poll(POLL)?);
        self.write().reading.is_loaded = true;
        while !stop.is_stopped() {
            let records = reader.poll(POLL)?;
            if self.tables().reading.problem.is_some() {
                self.write().reading.problem = None;
            }
            self.take(records);
            if asked.is_none_or(|asked| asked.elapsed() > PIPELINE_EVERY) {
                asked = Some(Instant::now());
                self.ask(pipeline);
            }
        }
        Ok(())
    }

    /// Reads the tables from their start into new ones; gives where they end.
    fn load(&self) -> Result<Vec<Position>, LogError> {
        let ends = self.ends(&TABLES)?;
        {
            // After a failure keys may be gone of which nothing is told any more.
            let mut tables = self.write();
            let (days, changes) =
                (std::mem::take(&mut tables.days), std::mem::take(&mut tables.changes));
            let (at_ms, version) = (tables.at_ms, tables.version);
            let reading = Reading { is_loaded: false, ..tables.reading.clone() };
            *tables = Tables { days, changes, at_ms, version, reading, ..Tables::default() };
        }
        let from: Vec<Position> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
        snapshot::between(&*self.log, &from, &ends, |records| {
            self.take(records);
            Ok::<(), LogError>(())
        })?;
        Ok(ends)
    }

    /// Gives the ends of topics; of a broadcast one that of one partition, since all are the same.
    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        let mut ends = self.log.ends(of)?;
        ends.retain(|end| end.topic.placement != Placement::Broadcast || end.partition == 0);
        Ok(ends)
    }

    fn take(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let rows: Vec<_> =
            records.iter().map(|record| (record, decode::row(&self.codec, record))).collect();
        let mut tables = self.write();
        for (record, row) in rows {
            match row {
                Ok(Some(row)) => tables.take(row),
                Ok(None) => {}
                Err(error) => {
                    tables.reading.unreadable += 1;
                    let Record { topic, partition, offset, .. } = record;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        topic = topic.name,
                        partition,
                        offset,
                        "the page skips a record"
                    );
                }
            }
        }
    }

    fn ask(&self, pipeline: &AskPipeline) {
        match pipeline() {
            Ok(known) => {
                let mut tables = self.write();
                if tables.pipeline.as_ref() != Some(&known) {
                    tables.pipeline = Some(known);
                    tables.version += 1;
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the pipeline's lag is not known");
            }
        }
    }

    /// Reads the past once the time is known: the newest days first.
    fn look_back(&self, stop: &Stop) {
        while !self.tables().reading.is_loaded {
            if stop.is_stopped() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        while !stop.is_stopped() {
            match self.past(stop) {
                Ok(()) => {
                    let mut tables = self.write();
                    tables.reading.knows_past = true;
                    tables.version += 1;
                    return;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the past is not known; it is asked for again");
                    sleep(PAUSE, stop);
                }
            }
        }
    }

    fn past(&self, stop: &Stop) -> Result<(), LogError> {
        let at_ms = self.tables().at_ms;
        let window = |topic, from_ms, to_ms| self.window(topic, from_ms, to_ms);
        window(topic::COMPLIANCE_CHANGE.spec, at_ms - CHANGES_MS, at_ms + DAY_MS)?;
        let today = at_ms.div_euclid(DAY_MS);
        for day in (today - DAYS_MAX + 1..=today).rev() {
            let end_ms = ((day + 1) * DAY_MS).min(at_ms + 1);
            for back_ms in CUT_MS {
                let from_ms = (end_ms - back_ms).max(day * DAY_MS);
                if stop.is_stopped() || window(topic::SCORE_HISTORY.spec, from_ms, end_ms)? > 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes the records of a topic from one time on and before another; tells how many there are.
    fn window(
        &self,
        topic: &'static TopicSpec,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<usize, LogError> {
        let (from, to) = (self.log.begins(&[topic], from_ms)?, self.log.begins(&[topic], to_ms)?);
        let mut taken = 0;
        snapshot::between(&*self.log, &from, &to, |mut records| {
            records.retain(|one| (from_ms..to_ms).contains(&one.timestamp_ms));
            taken += records.len();
            self.take(records);
            Ok::<(), LogError>(())
        })?;
        Ok(taken)
    }
}

/// Sleeps, and wakes early when the switch is thrown.
fn sleep(pause: Duration, stop: &Stop) {
    let began = Instant::now();
    while began.elapsed() < pause && !stop.is_stopped() {
        std::thread::sleep(Duration::from_millis(100));
    }
}
