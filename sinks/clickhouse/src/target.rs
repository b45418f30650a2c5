//! The tables as a target of the frame: a part of a batch is one insert with a token of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use schemas::topic::{
    ACCOUNT_STATE, COMPLIANCE_CHANGE, COMPLIANCE_STATE, EXCEPTION, REQUIREMENT, ROLLUP_STATE,
    SCORE_HISTORY,
};
use schemas::{Codec, TopicSpec};
use sink_frame::{Courier, Delivery, Encoded, Entry, Failure, Limits, Part, Pin, Role, Target};
use stream::{Log, Position, Record};

use crate::encode::{Made, encode};
use crate::lives::{Life, LifeError, Lives, lives};
use crate::rows::TableRow;
use crate::{ClickHouseError, Database};

/// What the sink follows.
const INPUTS: [&TopicSpec; 7] = [
    REQUIREMENT.spec,
    EXCEPTION.spec,
    ACCOUNT_STATE.spec,
    COMPLIANCE_STATE.spec,
    COMPLIANCE_CHANGE.spec,
    SCORE_HISTORY.spec,
    ROLLUP_STATE.spec,
];

/// The sink among the processes that share the log. It is pinned: an insert that a crash left in
/// doubt is repeated exactly, and so has the same token.
pub const ROLE: Role =
    Role { name: "sink-clickhouse", inputs: &INPUTS, outputs: &[], pinned: true };

/// How large inserts are: ClickHouse likes few large ones, and merges each later.
pub const LIMITS: Limits =
    Limits { records: 50_000, bytes: 16 * 1024 * 1024, linger: Duration::from_secs(1) };

/// Inserts under way at a time: the rows of one are written while the server works on another's.
const AT_ONCE: usize = 2;

/// No insert is begun after this long: whoever waits has a group to answer.
const ROUND_LIMIT: Duration = Duration::from_secs(5);

/// The tables of a database.
pub struct Tables<'a> {
    log: &'a dyn Log,
    codec: &'a Codec,
    /// What topics' names begin with: logs that share a database have tokens of their own.
    prefix: &'a str,
    database: Arc<Database>,
    now_ms: &'a (dyn Fn() -> i64 + Sync),
    lives: Lives,
}

/// What makes the inserts.
pub struct Inserts<'a> {
    prefix: &'a str,
    database: Arc<Database>,
    /// What tells a topic from others of its name, by topic.
    incarnations: BTreeMap<&'static str, String>,
}

impl std::fmt::Debug for Tables<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").field("database", &self.database).finish_non_exhaustive()
    }
}

impl<'a> Tables<'a> {
    /// Makes a target of a database; `now_ms` gives the time in UTC milliseconds. No call is made
    /// before partitions are assigned; tables that are older than this release needs end the sink
    /// then ([`Database::check`]).
    pub fn new(
        log: &'a dyn Log,
        codec: &'a Codec,
        prefix: &'a str,
        database: Database,
        now_ms: &'a (dyn Fn() -> i64 + Sync),
    ) -> Self {
        let database = Arc::new(database);
        Self { log, codec, prefix, database, now_ms, lives: Lives::new() }
    }
}

impl Inserts<'_> {
    /// Inserts rows of one topic into its table.
    async fn insert(&self, pin: &Pin, rows: &[Entry<TableRow>]) -> Result<(), ClickHouseError> {
        let incarnation = self.incarnations.get(pin.topic.name).map_or("", |one| one);
        let token = token(self.prefix, incarnation, pin);
        let rows = || rows.iter().map(|entry| &entry.item);
        macro_rules! into {
            ($table:literal, $kind:ident) => {
                self.database
                    .insert(
                        $table,
                        &token,
                        rows().filter_map(|row| match row {
                            TableRow::$kind(row) => Some(&**row),
                            _ => None,
                        }),
                    )
                    .await
            };
        }
        match rows().next() {
            None => Ok(()),
            Some(TableRow::Score(_)) => into!("score_history", Score),
            Some(TableRow::Rollup(_)) => into!("rollup_history", Rollup),
            Some(TableRow::Change(_)) => into!("compliance_change", Change),
            Some(TableRow::Compliance(_)) => into!("compliance", Compliance),
            Some(TableRow::Account(_)) => into!("account_history", Account),
            Some(TableRow::Requirement(_)) => into!("requirement_history", Requirement),
            Some(TableRow::Exception(_)) => into!("exception_history", Exception),
        }
    }
}

impl<'a> Target for Tables<'a> {
    type Item = TableRow;
    type Courier = Inserts<'a>;

    fn courier(&self) -> Inserts<'a> {
        let incarnation =
            |(topic, life): (&&'static str, &Life)| (*topic, life.incarnation.clone());
        let incarnations = self.lives.iter().map(incarnation).collect();
        Inserts { prefix: self.prefix, database: Arc::clone(&self.database), incarnations }
    }

    fn assigned(&mut self, _positions: &[Position]) -> Result<(), Failure> {
        self.database.check().map_err(failure)?;
        // The frame joins again when a topic is made anew, so this holds for what is read now.
        let lives = lives(self.log, &self.database, &INPUTS, (self.now_ms)());
        self.lives = lives.map_err(|error| match error {
            LifeError::Log(error) => Failure::Log(error),
            LifeError::ClickHouse(error) => failure(error),
        })?;
        Ok(())
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<TableRow>, Failure> {
        let mut encoded = Encoded::default();
        for (index, record) in records.iter().enumerate() {
            let epoch = self.lives.get(record.topic.name).map_or(0, |life: &Life| life.epoch);
            match encode(self.codec, epoch, record).map_err(Failure::again)? {
                Made::Row(row) => encoded.item(index, row),
                Made::Skipped => encoded.skipped(index),
                Made::Dead(reason) => encoded.dead(index, reason),
            }
        }
        Ok(encoded)
    }
}

impl Courier for Inserts<'_> {
    type Item = TableRow;

    fn deliver(&mut self, entries: Vec<Entry<TableRow>>, parts: &[Part]) -> Delivery<TableRow> {
        let began = Instant::now();
        let (lots, others) = by_part(entries, parts);
        if !others.is_empty() {
            let error = "rows without a place in the log have no token";
            return Delivery::all_left(others, Failure::stop(error));
        }
        let inserts = &*self;
        let calls = lots.into_iter().map(|(pin, rows)| async move {
            let is_late = began.elapsed() >= ROUND_LIMIT;
            let result = if is_late { None } else { Some(inserts.insert(&pin, &rows).await) };
            (rows, result)
        });
        let calls = futures::stream::iter(calls).buffer_unordered(AT_ONCE);
        let results: Vec<_> = self.database.wait(calls.collect());
        let mut delivery = Delivery::default();
        for (rows, result) in results {
            match result {
                Some(Ok(())) => {
                    delivery.effect("inserts", 1);
                    rows.iter().for_each(|row| delivery.written(row.record));
                }
                Some(Err(error)) => delivery.all_again(rows, failure(error)),
                None => delivery.left.extend(rows),
            }
        }
        delivery
    }
}

/// What one insert holds.
type Lot = (Pin, Vec<Entry<TableRow>>);

/// Sorts entries by the parts that they are of; what is of none comes besides.
fn by_part(entries: Vec<Entry<TableRow>>, parts: &[Part]) -> (Vec<Lot>, Vec<Entry<TableRow>>) {
    let mut lots: Vec<Lot> = parts.iter().map(|part| (part.pin, Vec::new())).collect();
    let mut others = Vec::new();
    for entry in entries {
        let is_its = |part: &Part| entry.record.is_some_and(|one| part.records.contains(&one));
        match parts.iter().position(is_its) {
            Some(part) => lots[part].1.push(entry),
            None => others.push(entry),
        }
    }
    lots.retain(|(_, rows)| !rows.is_empty());
    (lots, others)
}

/// Names an insert: the same part has the same name, and no other part has.
fn token(prefix: &str, incarnation: &str, pin: &Pin) -> String {
    let topic = pin.topic.full_name(prefix);
    format!("{topic}@{incarnation}/{}/{}-{}", pin.partition, pin.from, pin.to)
}

fn failure(error: ClickHouseError) -> Failure {
    if error.passes() { Failure::again(error) } else { Failure::stop(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_tell_logs_lives_and_batches_apart() {
        let pin = Pin { topic: SCORE_HISTORY.spec, partition: 3, from: 10, to: 20 };
        let one = token("scorecard", "abc", &pin);
        assert_eq!(one, "scorecard.score.history.v1@abc/3/10-20");
        for other in [
            token("other", "abc", &pin),
            token("scorecard", "abd", &pin),
            token("scorecard", "abc", &Pin { partition: 4, ..pin }),
            token("scorecard", "abc", &Pin { to: 21, ..pin }),
            token("scorecard", "abc", &Pin { topic: ROLLUP_STATE.spec, ..pin }),
        ] {
            assert_ne!(one, other);
        }
    }
}
