//! Lives of topics: a topic that was deleted and made anew counts its offsets from 0 again.

use std::collections::BTreeMap;

use clickhouse::Row;
use schemas::TopicSpec;
use serde::{Deserialize, Serialize};
use stream::Log;

use crate::{ClickHouseError, Database};

/// A topic's present life: its name, and which of the topic's lives it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// The log's name for it.
    pub(crate) incarnation: String,
    /// Counted from 1 in the order in which the sink met them: newer lives have larger versions.
    pub(crate) epoch: u32,
}

/// The lives of topics, by noun and kind.
pub(crate) type Lives = BTreeMap<&'static str, Life>;

/// A row of `life`.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
struct LifeRow {
    topic: String,
    incarnation: String,
    epoch: u32,
    since: i64,
}

/// Why the lives can't be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LifeError {
    #[error(transparent)]
    Log(#[from] stream::LogError),
    #[error(transparent)]
    ClickHouse(#[from] ClickHouseError),
}

/// Reads which lives the topics are in now, and notes those that are new.
///
/// Members that meet a new life together note the same.
pub(crate) fn lives(
    log: &dyn Log,
    database: &Database,
    topics: &[&'static TopicSpec],
    now_ms: i64,
) -> Result<Lives, LifeError> {
    let statement = "SELECT topic, incarnation, epoch, since FROM life FINAL";
    let known: Vec<LifeRow> = database.rows("reading the lives of topics", statement, &[])?;
    let (mut lives, mut new) = (Lives::new(), Vec::new());
    for topic in topics {
        let incarnation = log.incarnation(topic)?;
        let epoch = match epoch(&known, topic.name, &incarnation) {
            Ok(epoch) => epoch,
            Err(epoch) => {
                let (topic, incarnation) = (topic.name.to_owned(), incarnation.clone());
                new.push(LifeRow { topic, incarnation, epoch, since: now_ms });
                epoch
            }
        };
        lives.insert(topic.name, Life { incarnation, epoch });
    }
    if !new.is_empty() {
        let names = new.iter().map(|row| format!("{}@{}", row.topic, row.incarnation));
        let token = format!("life {}", names.collect::<Vec<_>>().join(" "));
        database.wait(database.insert("life", &token, new.iter()))?;
    }
    Ok(lives)
}

/// Gives the epoch of a life; as an error that of a new one.
fn epoch(known: &[LifeRow], topic: &str, incarnation: &str) -> Result<u32, u32> {
    let of_topic = known.iter().filter(|row| row.topic == topic);
    match of_topic.clone().find(|row| row.incarnation == incarnation) {
        Some(row) => Ok(row.epoch),
        None => Err(of_topic.map(|row| row.epoch).max().unwrap_or(0) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_counted_by_topic() {
        let row = |topic: &str, incarnation: &str, epoch| LifeRow {
            topic: topic.to_owned(),
            incarnation: incarnation.to_owned(),
            epoch,
            since: 0,
        };
        let known = [row("a", "x", 1), row("a", "y", 2), row("b", "z", 1)];
        assert_eq!(epoch(&known, "a", "x"), Ok(1));
        assert_eq!(epoch(&known, "a", "z"), Err(3));
        assert_eq!(epoch(&known, "b", "z"), Ok(1));
        assert_eq!(epoch(&known, "c", "z"), Err(1));
    }
}
