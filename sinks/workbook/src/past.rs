//! What the log still knows of earlier times: weekly scores of accounts, and verdicts that turned.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use schemas::{
    AccountKey, Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState, Key, ScoreKey,
    ScoreState, Standing, Topic, Value, topic,
};
use stream::{Log, LogError, Position, Record, snapshot};

use crate::Tables;
use crate::config::DAY_MS;

/// What is known of earlier times. Default: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Cuts of account scores, a week apart, the oldest first: 13 of them end one week before the
    /// tables; fewer where the log keeps fewer.
    pub weeks: Vec<Cut>,
    /// The cut at the time since which "what changed" is told; none where the log keeps none.
    pub since: Option<Cut>,
    /// Verdicts that turned after that time and up to the tables': how each stood then and how it
    /// stands at the end. Where both are the same nothing turned.
    pub turns: BTreeMap<ComplianceKey, Turn>,
}

/// Scores of accounts at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cut {
    /// The moment, in UTC milliseconds. The scores are those of the last hourly cut at or before
    /// it, which is at most a day older.
    pub at_ms: i64,
    /// The accounts' own scores (`*`).
    pub accounts: BTreeMap<AccountKey, ScoreState>,
}

/// How a verdict turned over a time, whatever it was in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// At its beginning; none when there was no row.
    pub before: Option<Standing>,
    /// At its end; none when the row is gone.
    pub after: Option<Standing>,
    /// When it last changed, in UTC milliseconds.
    pub at_ms: i64,
    /// What caused that change.
    pub cause: Cause,
    /// The resource's type, which a row that is gone tells no more; empty where it is not known.
    pub resource_type: String,
    /// Its name, or empty.
    pub name: String,
    /// Its ARN, or empty.
    pub arn: String,
}

/// How many weeks are looked back.
pub(crate) const WEEKS: i64 = 13;

/// Milliseconds of a week.
pub(crate) const WEEK_MS: i64 = 7 * DAY_MS;

/// The last moment there is, short of what can't be added to.
pub(crate) const FOR_EVER_MS: i64 = i64::MAX - 1;

/// How far back a cut is looked for: an hour, with a minute for ticks that come late; then a day,
/// where nothing ran for an hour.
const WINDOWS_MS: [i64; 2] = [61 * 60_000, DAY_MS];

impl Past {
    /// Reads what the log keeps of the weeks before some tables, and what turned between `since_ms`
    /// and them.
    ///
    /// Of each week only the hour before its end is read, so that memory holds no more than the
    /// accounts' scores and the verdicts that turned.
    ///
    /// # Errors
    /// When the log can't be reached or holds what can't be decoded.
    pub fn read(
        log: &dyn Log,
        codec: &Codec,
        prefix: &str,
        tables: &Tables,
        since_ms: i64,
    ) -> Result<Self, LogError> {
        let (source, at_ms) = (Source { log, codec, prefix }, tables.at_ms);
        let mut weeks = Vec::new();
        for back in (1..=WEEKS).rev() {
            weeks.extend(source.cut(at_ms - back * WEEK_MS)?);
        }
        let known = weeks.iter().find(|week| week.at_ms == since_ms).cloned();
        let since = match known {
            Some(week) => Some(week),
            None => source.cut(since_ms)?,
        };
        Ok(Self { weeks, since, turns: source.turns(since_ms, tables)? })
    }
}

/// Where the past is read from.
pub(crate) struct Source<'l> {
    pub(crate) log: &'l dyn Log,
    pub(crate) codec: &'l Codec,
    pub(crate) prefix: &'l str,
}

impl Source<'_> {
    /// Reads the accounts' scores at a moment; none where the log has no cut of that time.
    fn cut(&self, at_ms: i64) -> Result<Option<Cut>, LogError> {
        let scores = self.scores_at(at_ms, |key| key.requirement == "*")?;
        let accounts = |scores: BTreeMap<ScoreKey, ScoreState>| {
            scores.into_iter().map(|(key, score)| (AccountKey::new(key.account), score)).collect()
        };
        Ok(scores.map(|scores| Cut { at_ms, accounts: accounts(scores) }))
    }

    /// Reads the scores that are wanted at a moment; none where the log has no cut of that time.
    pub(crate) fn scores_at(
        &self,
        at_ms: i64,
        wanted: impl Fn(&ScoreKey) -> bool,
    ) -> Result<Option<BTreeMap<ScoreKey, ScoreState>>, LogError> {
        for window_ms in WINDOWS_MS {
            let scores = self.scores(at_ms - window_ms, at_ms, &wanted)?;
            if !scores.is_empty() {
                return Ok(Some(scores));
            }
        }
        Ok(None)
    }

    /// Reads the newest of the wanted scores of the cuts after one moment and up to another. A cut
    /// is several batches; all its records have the time of the tick that asked for it.
    fn scores(
        &self,
        after_ms: i64,
        until_ms: i64,
        wanted: &impl Fn(&ScoreKey) -> bool,
    ) -> Result<BTreeMap<ScoreKey, ScoreState>, LogError> {
        let mut scores = BTreeMap::new();
        self.each(&topic::SCORE_HISTORY, after_ms, until_ms, |key: ScoreKey, record| {
            if wanted(&key) {
                scores.insert(key, self.value(&record)?);
            }
            Ok(())
        })?;
        Ok(scores)
    }

    /// Reads what turned after a moment and up to some tables.
    fn turns(
        &self,
        after_ms: i64,
        tables: &Tables,
    ) -> Result<BTreeMap<ComplianceKey, Turn>, LogError> {
        let changes = &topic::COMPLIANCE_CHANGE;
        let (until_ms, to) = match &tables.changes_end {
            Some(end) => (FOR_EVER_MS, end.clone()),
            None => (tables.at_ms, self.log.begins(&[changes.spec], tables.at_ms + 1)?),
        };
        let mut turns = BTreeMap::new();
        self.between(changes, (after_ms, until_ms), &to, |key, record| {
            let ComplianceChange { before, after, at_ms, cause, row } = self.value(&record)?;
            let ComplianceState { resource_type, name, arn, .. } = row.unwrap_or_default();
            let turn = Turn { before, after, at_ms, cause, resource_type, name, arn };
            match turns.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(turn);
                }
                Entry::Occupied(mut entry) => {
                    let before = entry.get().before;
                    entry.insert(Turn { before, ..turn });
                }
            }
            Ok(())
        })?;
        turns.retain(|_, turn| turn.before != turn.after);
        Ok(turns)
    }

    /// Hands over the events of a topic after one moment and up to another, each key's in order.
    pub(crate) fn each<K: Key, V: Value>(
        &self,
        topic: &Topic<K, V>,
        after_ms: i64,
        until_ms: i64,
        take: impl FnMut(K, Record) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let to = self.log.begins(&[topic.spec], until_ms + 1)?;
        self.between(topic, (after_ms, until_ms), &to, take)
    }

    /// As [`Source::each`], up to positions at most.
    fn between<K: Key, V: Value>(
        &self,
        topic: &Topic<K, V>,
        (after_ms, until_ms): (i64, i64),
        to: &[Position],
        mut take: impl FnMut(K, Record) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let from = self.log.begins(&[topic.spec], after_ms + 1)?;
        snapshot::between(self.log, &from, to, |records| {
            // Where a partition's times go back, records outside are among them.
            let inside =
                |record: &Record| record.timestamp_ms > after_ms && record.timestamp_ms <= until_ms;
            for record in records.into_iter().filter(inside) {
                let key = std::str::from_utf8(&record.key).ok().and_then(K::decode);
                let key = key.ok_or_else(|| self.unfit(&record, "not a key of this topic"))?;
                take(key, record)?;
            }
            Ok(())
        })
    }

    pub(crate) fn value<V: Value>(&self, record: &Record) -> Result<V, LogError> {
        let bytes = record.value.as_deref();
        let bytes = bytes.ok_or_else(|| self.unfit(record, "an event without a value"))?;
        self.codec.decode(bytes).map_err(|error| self.unfit(record, error))
    }

    fn unfit(
        &self,
        record: &Record,
        why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> LogError {
        LogError::Decode {
            topic: record.topic.full_name(self.prefix),
            partition: record.partition,
            offset: record.offset,
            source: why.into(),
        }
    }
}
