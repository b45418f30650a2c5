//! Turns a record of any topic that the page reads into a row.

use schemas::{AvroError, Codec, Key, Tick, Topic, TopicSpec, Value, topic};
use stream::Record;

use crate::tables::Row;

/// The tables that are read from their start; broadcast ones from one partition.
pub(crate) const TABLES: [&TopicSpec; 8] = [
    topic::REQUIREMENT.spec,
    topic::EXCEPTION.spec,
    topic::ACCOUNT_STATE.spec,
    topic::SCORE_STATE.spec,
    topic::ROLLUP_STATE.spec,
    topic::TRUST_STATE.spec,
    topic::COMPLIANCE_STATE.spec,
    topic::RESOURCE_STATE.spec,
];

/// The topics of events: their past is read in part.
pub(crate) const EVENTS: [&TopicSpec; 3] =
    [topic::SCORE_HISTORY.spec, topic::COMPLIANCE_CHANGE.spec, topic::TICK.spec];

/// Gives every topic that the page reads or counts.
pub fn reads() -> Vec<&'static TopicSpec> {
    [&TABLES[..], &EVENTS, &[topic::DEADLETTER]].concat()
}

/// Why a record is no row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// Its key is not one of the topic.
    #[error("not a key of this topic")]
    Key,
    /// An event has no value.
    #[error("an event without a value")]
    NoValue,
    /// Its value can't be decoded.
    #[error("decoding the value")]
    Value(#[source] AvroError),
}

/// Decodes a record; none of a topic that is not read here.
pub(crate) fn row(codec: &Codec, record: &Record) -> Result<Option<Row>, Unfit> {
    let name = record.topic.name;
    let is = |spec: &TopicSpec| spec.name == name;
    Ok(Some(if is(topic::ACCOUNT_STATE.spec) {
        let (key, value) = typed(codec, record, &topic::ACCOUNT_STATE)?;
        Row::Account(key, value)
    } else if is(topic::SCORE_STATE.spec) {
        let (key, value) = typed(codec, record, &topic::SCORE_STATE)?;
        Row::Score(key, value)
    } else if is(topic::COMPLIANCE_STATE.spec) {
        let (key, value) = typed(codec, record, &topic::COMPLIANCE_STATE)?;
        Row::Verdict(key, value)
    } else if is(topic::ROLLUP_STATE.spec) {
        let (key, value) = typed(codec, record, &topic::ROLLUP_STATE)?;
        Row::Sum(key, value)
    } else if is(topic::TRUST_STATE.spec) {
        let (key, value) = typed(codec, record, &topic::TRUST_STATE)?;
        Row::Trust(key, value)
    } else if is(topic::REQUIREMENT.spec) {
        let (key, value) = typed(codec, record, &topic::REQUIREMENT)?;
        Row::Requirement(key, value)
    } else if is(topic::EXCEPTION.spec) {
        let (key, value) = typed(codec, record, &topic::EXCEPTION)?;
        Row::Exception(key, value)
    } else if is(topic::RESOURCE_STATE.spec) {
        let (key, value) = typed(codec, record, &topic::RESOURCE_STATE)?;
        Row::Resource(key, value.map(Box::new), (record.partition, record.offset))
    } else {
        return event(codec, record);
    }))
}

fn event(codec: &Codec, record: &Record) -> Result<Option<Row>, Unfit> {
    let is = |spec: &TopicSpec| spec.name == record.topic.name;
    Ok(Some(if is(topic::SCORE_HISTORY.spec) {
        // Of the cuts only the accounts' own are shown: the others are not worth decoding.
        if !record.key.ends_with(b"/*") {
            return Ok(None);
        }
        let (key, value) = typed(codec, record, &topic::SCORE_HISTORY)?;
        Row::Cut(key, value.ok_or(Unfit::NoValue)?, record.timestamp_ms)
    } else if is(topic::COMPLIANCE_CHANGE.spec) {
        let (key, value) = typed(codec, record, &topic::COMPLIANCE_CHANGE)?;
        Row::Turned(key, value.ok_or(Unfit::NoValue)?)
    } else if is(topic::TICK.spec) {
        let (_, value): (_, Option<Tick>) = typed(codec, record, &topic::TICK)?;
        Row::Tick(value.ok_or(Unfit::NoValue)?.minute_ms)
    } else {
        return Ok(None);
    }))
}

fn typed<K: Key, V: Value>(
    codec: &Codec,
    record: &Record,
    _types: &Topic<K, V>,
) -> Result<(K, Option<V>), Unfit> {
    let key = std::str::from_utf8(&record.key).ok().and_then(K::decode).ok_or(Unfit::Key)?;
    let value = record.value.as_deref().map(|bytes| codec.decode(bytes)).transpose();
    Ok((key, value.map_err(Unfit::Value)?))
}
