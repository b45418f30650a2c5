//! Turns records into documents. Pure.

mod events;
mod figures;
mod rows;

use schemas::headers::rfc3339;
use schemas::{AvroError, Codec, Key, TopicSpec, Value as Row, topic};
use serde_json::{Value, json};
use stream::Record;

use crate::facts::{About, Known, set};
use crate::names::{self, Kind};

/// The version of ECS whose words are used.
const ECS: &str = "8.11.0";

/// Where a record's rows go; none for topics whose rows are facts in other documents.
pub(crate) fn kind_of(topic: &TopicSpec) -> Option<Kind> {
    let kinds = [
        (topic::RESOURCE_STATE.spec, Kind::Resources),
        (topic::ACCOUNT_STATE.spec, Kind::Accounts),
        (topic::COMPLIANCE_STATE.spec, Kind::Compliance),
        (topic::SCORE_STATE.spec, Kind::Scores),
        (topic::TRUST_STATE.spec, Kind::Trust),
        (topic::ROLLUP_STATE.spec, Kind::Rollups),
        (topic::RESOURCE_CHANGE.spec, Kind::Changes),
        (topic::COMPLIANCE_CHANGE.spec, Kind::Changes),
        (topic::SCORE_HISTORY.spec, Kind::ScoreHistory),
    ];
    kinds.into_iter().find(|(spec, _)| spec.name == topic.name).map(|(_, kind)| kind)
}

/// Why a record can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("not a key of this topic")]
    Key,
    #[error("an event without a value")]
    Empty,
    #[error("decoding the value")]
    Value(#[source] AvroError),
}

impl Unfit {
    /// Tells whether it may be fit later: the schema registry does not answer.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Unfit::Value(error) if error.is_transient())
    }
}

/// Gives the document of a record, with the facts that are known in its partition, and its time in
/// UTC milliseconds; of a tombstone the document of what is deleted.
pub(crate) fn document(
    record: &Record,
    known: &Known,
    codec: &Codec,
) -> Result<(Value, i64), Unfit> {
    let (mut document, at_ms) = of_row(record, codec)?;
    let text = std::str::from_utf8(&record.key).map_err(|_| Unfit::Key)?;
    frame(&mut document, record.topic, record.partition, text, at_ms);
    set(&mut document, "event.created", json!(rfc3339(record.timestamp_ms)));
    set(&mut document, "kafka.offset", json!(record.offset));
    // An account's own document says the same by itself.
    let others = [About::Account, About::Rule];
    let others = others.into_iter().filter(|_| kind_of(record.topic) != Some(Kind::Accounts));
    for about in others {
        if let Some(id) = about_of(&document, about) {
            about.put(&mut document, known.get(&(about, id)));
        }
    }
    Ok((document, at_ms))
}

/// Gives what a record's own row comes to, and its time.
fn of_row(record: &Record, codec: &Codec) -> Result<(Value, i64), Unfit> {
    let of = |topic: &TopicSpec| record.topic.name == topic.name;
    let document = if of(topic::RESOURCE_STATE.spec) {
        rows::resource(&key(record)?, value(record, codec)?.as_ref())
    } else if of(topic::ACCOUNT_STATE.spec) {
        rows::account(&key(record)?, value(record, codec)?.as_ref())
    } else if of(topic::COMPLIANCE_STATE.spec) {
        rows::compliance(&key(record)?, value(record, codec)?.as_ref())
    } else if of(topic::TRUST_STATE.spec) {
        rows::trust(&key(record)?, value(record, codec)?.as_ref())
    } else if of(topic::SCORE_STATE.spec) {
        figures::score(&key(record)?, value(record, codec)?.as_ref())
    } else if of(topic::SCORE_HISTORY.spec) {
        figures::score(&key(record)?, Some(&event(record, codec)?))
    } else if of(topic::ROLLUP_STATE.spec) {
        figures::rollup(&key(record)?, value(record, codec)?.as_ref())
    } else if of(topic::RESOURCE_CHANGE.spec) {
        return Ok(events::resource(&key(record)?, &event(record, codec)?));
    } else if of(topic::COMPLIANCE_CHANGE.spec) {
        return Ok(events::compliance(&key(record)?, &event(record, codec)?));
    } else {
        return Err(Unfit::Key);
    };
    Ok((document, record.timestamp_ms))
}

/// Gives the document of a row that is gone without a tombstone that we have seen; none when the
/// key is not one of this kind.
pub(crate) fn gone(
    kind: Kind,
    topic: &TopicSpec,
    partition: i32,
    key: &str,
    at_ms: i64,
) -> Option<Value> {
    let mut document = match kind {
        Kind::Resources => rows::resource(&Key::decode(key)?, None),
        Kind::Accounts => rows::account(&Key::decode(key)?, None),
        Kind::Compliance => rows::compliance(&Key::decode(key)?, None),
        Kind::Trust => rows::trust(&Key::decode(key)?, None),
        Kind::Scores => figures::score(&Key::decode(key)?, None),
        Kind::Rollups => figures::rollup(&Key::decode(key)?, None),
        Kind::Changes | Kind::ScoreHistory => return None,
    };
    frame(&mut document, topic, partition, key, at_ms);
    Some(document)
}

/// Dates a document and says where it comes from.
fn frame(document: &mut Value, topic: &TopicSpec, partition: i32, key: &str, at_ms: i64) {
    let at = rfc3339(at_ms);
    for (field, value) in [
        ("@timestamp", json!(at)),
        ("ecs.version", json!(ECS)),
        ("event.created", json!(at)),
        ("event.module", json!("scorecard")),
        ("event.dataset", json!(format!("scorecard.{}", topic.name))),
        ("observer.vendor", json!("Scorecard")),
        ("observer.product", json!("scorecard")),
        ("kafka.topic", json!(topic.name)),
        ("kafka.partition", json!(partition)),
        ("scorecard.key", json!(key)),
    ] {
        set(document, field, value);
    }
}

/// Gives what a document's facts are about: deleted documents have none.
fn about_of(document: &Value, about: About) -> Option<String> {
    if document["scorecard"]["deleted"] == json!(true) {
        return None;
    }
    let id = about.id_field().split('.').try_fold(document, |value, name| value.get(name))?;
    id.as_str().map(str::to_owned)
}

fn key<K: Key>(record: &Record) -> Result<K, Unfit> {
    std::str::from_utf8(&record.key).ok().and_then(K::decode).ok_or(Unfit::Key)
}

fn value<V: Row>(record: &Record, codec: &Codec) -> Result<Option<V>, Unfit> {
    let value = record.value.as_deref().map(|bytes| codec.decode(bytes));
    value.transpose().map_err(Unfit::Value)
}

/// Reads an event's value: events have no tombstones.
fn event<V: Row>(record: &Record, codec: &Codec) -> Result<V, Unfit> {
    value(record, codec)?.ok_or(Unfit::Empty)
}

/// Begins a document of current state; without a value it is that of something deleted.
fn state(kind: &str, category: &str, is_deleted: bool) -> Value {
    let kind_of_change = if is_deleted { "deletion" } else { "info" };
    json!({
        "event": {"kind": kind, "category": [category], "type": [kind_of_change]},
        "scorecard": {"deleted": is_deleted},
    })
}

/// Writes a time, or nothing.
fn moment(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, |ms| json!(rfc3339(ms)))
}

/// Gives the id of a record's document.
pub(crate) fn hash(record: &Record, life: &str) -> names::Hash {
    match kind_of(record.topic) {
        Some(kind) if kind.is_history() => {
            names::hash_of_place(record.topic.name, life, record.partition, record.offset)
        }
        _ => names::hash_of_key(&record.key),
    }
}

/// Merges objects into a document, member by member; null takes a field away.
fn fill(document: &mut Value, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    for (field, value) in fields {
        if !value.is_null() {
            set(document, field, value);
        }
    }
}

#[cfg(test)]
mod tests;
