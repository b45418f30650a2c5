//! Brings documents to the cluster in requests of bounded size, and classifies each one's outcome.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use elasticsearch::BulkOperation;
use elasticsearch::http::request::Body;
use elasticsearch::params::VersionType;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use sink_frame::{Delivery, Entry, Failure};

use crate::ElasticError;
use crate::client::{Cluster, Outcome, reason};
use crate::error::may_pass;

/// No request is begun after this long: whoever waits has a group to answer.
const ROUND_LIMIT: Duration = Duration::from_secs(12);

/// One action of a bulk request with its source.
#[derive(Clone, Debug)]
pub struct Item {
    /// The alias that it is written to.
    pub(crate) alias: String,
    pub(crate) lines: Bytes,
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// When nothing as new is there.
    Newer(i64),
    /// When nothing newer is there: the same version in other words.
    Same(i64),
    /// When nothing is there at all.
    Once,
}

impl Item {
    /// Makes the action that writes a document.
    pub(crate) fn put(alias: &str, id: &str, how: How, document: &Value) -> Self {
        let operation: BulkOperation<&Value> = match how {
            How::Once => BulkOperation::create(document).index(alias).id(id).into(),
            How::Newer(version) => BulkOperation::index(document)
                .index(alias)
                .id(id)
                .version(version)
                .version_type(VersionType::External)
                .into(),
            How::Same(version) => BulkOperation::index(document)
                .index(alias)
                .id(id)
                .version(version)
                .version_type(VersionType::ExternalGte)
                .into(),
        };
        Self::of(alias, &operation)
    }

    /// Makes the action that removes a document, unless something newer took its place.
    pub(crate) fn remove(alias: &str, id: &str, version: i64) -> Self {
        let operation: BulkOperation<()> = BulkOperation::delete(id)
            .index(alias)
            .version(version)
            .version_type(VersionType::ExternalGte)
            .into();
        Self::of(alias, &operation)
    }

    fn of(alias: &str, operation: &impl Body) -> Self {
        let mut lines = BytesMut::new();
        operation.write(&mut lines).expect("memory takes everything, and a document is JSON");
        Self { alias: alias.to_owned(), lines: lines.freeze() }
    }
}

/// Bounds of requests. What the cluster calls too large is halved, and stays so.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) concurrency: usize,
}

/// Delivers entries until all are done, one fails, or it has taken long enough. A request begins
/// when an earlier one ends, so that the cluster always has the next.
pub(crate) fn deliver(
    cluster: &Cluster,
    bounds: &mut Bounds,
    entries: Vec<Entry<Item>>,
) -> Delivery<Item> {
    let began = Instant::now();
    let mut delivery = Delivery::default();
    let mut waiting = VecDeque::from(entries);
    cluster.wait(async {
        let mut under_way = FuturesUnordered::new();
        loop {
            let goes_on = delivery.failure.is_none() && began.elapsed() < ROUND_LIMIT;
            while goes_on && under_way.len() < bounds.concurrency && !waiting.is_empty() {
                let entries = cut(&mut waiting, bounds.bytes);
                under_way.push(async { (cluster.bulk(lines(&entries)).await, entries) });
            }
            let Some((answer, entries)) = under_way.next().await else { break };
            match answer {
                Ok(outcomes) => settle(&mut delivery, entries, outcomes),
                Err(ElasticError::Refused { status: 413, reason, .. }) => {
                    shrink(&mut delivery, &mut waiting, bounds, entries, reason);
                }
                Err(error) => fail(&mut delivery, entries, error),
            }
        }
    });
    delivery.left.extend(waiting);
    delivery
}

fn lines(entries: &[Entry<Item>]) -> Vec<Bytes> {
    entries.iter().map(|entry| entry.item.lines.clone()).collect()
}

/// Takes as many entries as fit in a request, at least one.
fn cut(waiting: &mut VecDeque<Entry<Item>>, bytes_max: usize) -> Vec<Entry<Item>> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some(next) = waiting.front() {
        bytes += next.item.lines.len();
        if !entries.is_empty() && bytes > bytes_max {
            break;
        }
        entries.extend(waiting.pop_front());
    }
    entries
}

/// What is too large for the cluster comes again in halves; one document that is, is refused.
fn shrink(
    delivery: &mut Delivery<Item>,
    waiting: &mut VecDeque<Entry<Item>>,
    bounds: &mut Bounds,
    entries: Vec<Entry<Item>>,
    reason: String,
) {
    if let [entry] = &entries[..] {
        delivery.refused(entry.record, format!("too large for the cluster: {reason}"));
        return;
    }
    let bytes: usize = entries.iter().map(|entry| entry.item.lines.len()).sum();
    bounds.bytes = bounds.bytes.min(bytes / 2);
    tracing::info!(bytes = bounds.bytes, "the cluster takes only smaller requests");
    for entry in entries.into_iter().rev() {
        waiting.push_front(entry);
    }
}

/// A request failed as a whole: all of its entries are tried again.
fn fail(delivery: &mut Delivery<Item>, entries: Vec<Entry<Item>>, error: ElasticError) {
    let mut entries = entries.into_iter();
    if let Some(first) = entries.next() {
        delivery.again(first, error.into());
    }
    delivery.left.extend(entries);
}

fn settle(delivery: &mut Delivery<Item>, entries: Vec<Entry<Item>>, outcomes: Vec<Outcome>) {
    for (entry, outcome) in entries.into_iter().zip(outcomes) {
        match fate(&outcome) {
            Fate::Written => delivery.written(entry.record),
            Fate::Unchanged => delivery.unchanged(entry.record),
            Fate::Refused(reason) => delivery.refused(entry.record, reason),
            Fate::Again(error) => delivery.again(entry, Failure::again(error)),
            Fate::Stop(error) => {
                let alias = entry.item.alias.clone();
                delivery.again(entry, Failure::stop(format!("writing to {alias}: {error}")));
            }
        }
    }
}

/// What an outcome means.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Written,
    Unchanged,
    Refused(String),
    Again(String),
    Stop(String),
}

/// Classifies an outcome: a conflict of versions means that the document is there, as new or newer.
fn fate(outcome: &Outcome) -> Fate {
    let said = || match &outcome.error {
        Some(error) => format!("{} {}", outcome.status, reason(error)),
        None => outcome.status.to_string(),
    };
    match outcome.status {
        200..300 if outcome.failure_store.as_deref() == Some("used") => {
            Fate::Refused("it does not fit its mapping: the failure store has it".to_owned())
        }
        200..300 => Fate::Written,
        409 => Fate::Unchanged,
        // What is to be removed is not there; where the index is missing there is an error.
        404 if outcome.error.is_none() => Fate::Unchanged,
        status if may_pass(status) => Fate::Again(said()),
        // An index that was closed or made read-only by a person, or is not there.
        401 | 403 | 404 => Fate::Stop(said()),
        _ if is_closed(outcome) => Fate::Stop(said()),
        _ => Fate::Refused(said()),
    }
}

fn is_closed(outcome: &Outcome) -> bool {
    outcome.error.as_ref().is_some_and(|error| error["type"] == "index_closed_exception")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outcomes_are_told_apart() {
        let of = |outcome: Value| fate(&serde_json::from_value(outcome).unwrap());
        assert_eq!(of(json!({"status": 201})), Fate::Written);
        assert_eq!(of(json!({"status": 409, "error": {"type": "v"}})), Fate::Unchanged);
        assert_eq!(of(json!({"status": 404})), Fate::Unchanged);
        for (status, error) in [(429, "rejected"), (503, "unavailable"), (500, "x")] {
            let fate = of(json!({"status": status, "error": {"type": error, "reason": "r"}}));
            assert_eq!(fate, Fate::Again(format!("{status} {error}: r")));
        }
        for (status, error) in
            [(404, "index_not_found_exception"), (403, "s"), (400, "index_closed_exception")]
        {
            let fate = of(json!({"status": status, "error": {"type": error, "reason": ""}}));
            assert!(matches!(fate, Fate::Stop(_)), "{fate:?}");
        }
        let cause = json!({"type": "a", "reason": "b", "caused_by": {"type": "c", "reason": "d"}});
        let refused = Fate::Refused("400 a: b: c: d".to_owned());
        assert_eq!(of(json!({"status": 400, "error": cause})), refused);
        let used = of(json!({"status": 201, "failure_store": "used"}));
        assert!(matches!(used, Fate::Refused(_)));
    }

    #[test]
    fn requests_are_cut_by_bytes_and_never_empty() {
        let entry = |bytes: usize| Entry {
            record: None,
            item: Item { alias: String::new(), lines: vec![b'x'; bytes].into() },
        };
        let mut waiting = VecDeque::from([3, 3, 3, 20, 1].map(entry));
        let mut cuts = Vec::new();
        while !waiting.is_empty() {
            cuts.push(cut(&mut waiting, 7).len());
        }
        assert_eq!(cuts, [2, 1, 1, 1]);
    }

    #[test]
    fn actions_are_lines() {
        let text = |item: Item| String::from_utf8(item.lines.to_vec()).unwrap();
        assert_eq!(
            text(Item::put("a", "i", How::Newer(7), &json!({"x": 1}))),
            "{\"index\":{\"_index\":\"a\",\"_id\":\"i\",\"version\":7,\
             \"version_type\":\"external\"}}\n{\"x\":1}\n"
        );
        assert!(text(Item::put("a", "i", How::Once, &json!({}))).starts_with("{\"create\":"));
        assert_eq!(text(Item::remove("a", "i", 7)).lines().count(), 1);
    }
}
