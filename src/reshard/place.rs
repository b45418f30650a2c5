//! Where a record belongs among another number of partitions. Pure.

use schemas::{
    ComplianceKey, Key, Placement, ResourceKey, ScoreKey, TopicSpec, murmur2, partition_of, topic,
};
use stream::Record;

/// Whether every partition gets a copy.
pub(super) fn is_broadcast(topic: &TopicSpec) -> bool {
    topic.placement == Placement::Broadcast
}

/// Gives the partitions that a record goes to.
pub(super) fn targets(record: &Record, partitions: i32) -> std::ops::Range<i32> {
    if is_broadcast(record.topic) {
        return 0..partitions;
    }
    let partition = partition(record.topic, &record.key, partitions);
    partition..partition + 1
}

/// Gives the partition of a key; one that is none of the topic's goes by its bytes, as Kafka's own
/// partitioner would have it.
fn partition(topic: &TopicSpec, key: &[u8], partitions: i32) -> i32 {
    let text = std::str::from_utf8(key).ok();
    let part = text.and_then(|text| match topic.name {
        name if name == topic::RESOURCE_CHANGE.spec.name => by::<ResourceKey>(text),
        name if name == topic::COMPLIANCE_CHANGE.spec.name => by::<ComplianceKey>(text),
        name if name == topic::SCORE_HISTORY.spec.name => by::<ScoreKey>(text),
        // The key of all others is the account, and nothing else.
        _ => Some(text.to_owned()),
    });
    match part {
        Some(part) => partition_of(&part, partitions),
        None => (murmur2(key) & 0x7fff_ffff) % partitions.max(1),
    }
}

fn by<K: Key>(text: &str) -> Option<String> {
    Some(K::decode(text)?.partition_key())
}

/// Whether a record is carried: of a history only what is older than the sources reach back
/// (`horizon`), because the stages tell the rest anew.
pub(super) fn carried(record: &Record, horizon: Option<i64>) -> bool {
    if !super::is_history(record.topic) {
        return true;
    }
    horizon.is_some_and(|horizon| record.timestamp_ms < horizon)
}

#[cfg(test)]
mod tests {
    use schemas::AccountKey;

    use super::*;

    const ACCOUNT: &str = "123456789012";

    fn record(topic: &'static TopicSpec, key: &str) -> Record {
        Record {
            topic,
            partition: 0,
            offset: 0,
            timestamp_ms: 50,
            key: key.as_bytes().to_vec(),
            value: None,
            headers: Vec::new(),
        }
    }

    #[test]
    fn everything_of_an_account_comes_together() {
        let resource = ResourceKey::new(ACCOUNT, "eu-west-1", "AWS::S3::Bucket", "a/b").encode();
        let compliance =
            ComplianceKey::new("s3-encryption", ACCOUNT, "eu-west-1", "b", "").encode();
        let score = ScoreKey::new(ACCOUNT, "*").encode();
        let expected = partition_of(&AccountKey::new(ACCOUNT).partition_key(), 7);
        for (topic, key) in [
            (topic::OBSERVATION.spec, ACCOUNT),
            (topic::REPORT.spec, ACCOUNT),
            (topic::SCAN_UNIT.spec, ACCOUNT),
            (topic::SPEND.spec, ACCOUNT),
            (topic::RESOURCE_CHANGE.spec, &*resource),
            (topic::COMPLIANCE_CHANGE.spec, &*compliance),
            (topic::SCORE_HISTORY.spec, &*score),
        ] {
            let targets = targets(&record(topic, key), 7);
            assert_eq!(targets, expected..expected + 1, "{}", topic.name);
        }
        assert_eq!(targets(&record(topic::TICK.spec, "60000"), 7), 0..7);
    }

    #[test]
    fn every_keyed_topic_that_is_carried_has_its_key_read() {
        let known = [
            "observation",
            "report",
            "scan.unit",
            "spend",
            "resource.change",
            "compliance.change",
            "score.history",
        ];
        for topic in super::super::sources() {
            let keyed = topic.placement == Placement::Keyed;
            assert_eq!(keyed, known.contains(&topic.name), "{}: say how it is keyed", topic.name);
        }
    }

    #[test]
    fn a_key_that_is_none_goes_by_its_bytes() {
        let mut broken = record(topic::RESOURCE_CHANGE.spec, "no key of a resource");
        let expected = (murmur2(&broken.key) & 0x7fff_ffff) % 7;
        assert_eq!(targets(&broken, 7).start, expected);
        broken.key = vec![0xff, 0xfe];
        let expected = (murmur2(&broken.key) & 0x7fff_ffff) % 7;
        assert_eq!(targets(&broken, 7).start, expected);
    }

    #[test]
    fn of_histories_only_what_the_sources_no_longer_tell_is_carried() {
        let history = record(topic::SCORE_HISTORY.spec, "1/*");
        let cases = [(None, false), (Some(50), false), (Some(51), true)];
        for (horizon, expected) in cases {
            assert_eq!(carried(&history, horizon), expected, "{horizon:?}");
            assert!(carried(&record(topic::SPEND.spec, "1"), horizon));
        }
    }
}
