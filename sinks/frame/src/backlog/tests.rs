//! Batches in a row are what was pushed: in order, once, and none larger than it may be.

use proptest::prelude::*;
use schemas::topic::{RESOURCE_CHANGE, SCORE_HISTORY};

use super::*;

fn record(topic: &'static TopicSpec, partition: i32, offset: i64, size: usize) -> Record {
    Record {
        topic,
        partition,
        offset,
        timestamp_ms: 0,
        key: Vec::new(),
        value: (size > 0).then(|| vec![0; size]),
        headers: Vec::new(),
    }
}

/// Records of two topics and three partitions, with the offsets that their places give them.
fn records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((any::<bool>(), 0..3, 0_usize..50), 0..60).prop_map(|rows| {
        let mut next: BTreeMap<Place, i64> = BTreeMap::new();
        let one = |(change, partition, size)| {
            let topic = if change { RESOURCE_CHANGE.spec } else { SCORE_HISTORY.spec };
            let next = next.entry((topic.name, partition)).or_default();
            *next += 1;
            record(topic, partition, *next - 1, size)
        };
        rows.into_iter().map(one).collect()
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let linger = Duration::ZERO;
    (1_usize..10, 1_usize..200).prop_map(move |(records, bytes)| Limits { records, bytes, linger })
}

fn names(records: &[Record]) -> Vec<(Place, i64)> {
    records.iter().map(|record| (place(record), record.offset)).collect()
}

fn is_bounded(batch: &[Record], limits: &Limits) -> bool {
    let bytes: usize = batch.iter().map(|one| one.value.as_ref().map_or(0, Vec::len)).sum();
    batch.len() == 1 || batch.len() <= limits.records && bytes <= limits.bytes
}

proptest! {
    #[test]
    fn batches_in_a_row_are_what_came(records in records(), limits in limits()) {
        let mut backlog = Backlog::new(limits, false);
        backlog.push(records.clone());
        let mut taken = Vec::new();
        while !backlog.is_empty() {
            let batch = backlog.cut();
            prop_assert!(is_bounded(&batch, &limits), "{:?}", names(&batch));
            taken.extend(batch);
            // What is left says how far each place is taken.
            for (place, first) in backlog.firsts() {
                let before = names(&taken).into_iter().filter(|(of, _)| *of == place).count();
                prop_assert_eq!(first, before as i64);
            }
        }
        prop_assert_eq!(names(&taken), names(&records));
        prop_assert!(backlog.has_room());
    }

    #[test]
    fn batches_of_a_place_keep_its_order_and_leave_no_place_behind(
        records in records(),
        limits in limits(),
    ) {
        let mut backlog = Backlog::new(limits, true);
        backlog.push(records.clone());
        let mut taken = Vec::new();
        while !backlog.is_empty() {
            let oldest = backlog.oldest(|_| true);
            let batch = backlog.cut_place(|_| false, &BTreeMap::new(), |_, _| 0).unwrap();
            prop_assert!(is_bounded(&batch, &limits), "{:?}", names(&batch));
            prop_assert!(batch.iter().all(|record| Some(place(record)) == oldest));
            taken.extend(names(&batch));
        }
        let mut expected = names(&records);
        // Both sorts are stable: within a place the order is as it was.
        expected.sort_by_key(|(place, _)| *place);
        taken.sort_by_key(|(place, _)| *place);
        prop_assert_eq!(taken, expected);
    }
}

#[test]
fn a_batch_that_is_repeated_ends_where_it_did_whatever_the_limits_are() {
    let limits = Limits { records: 2, bytes: 10, linger: Duration::ZERO };
    let mut backlog = Backlog::new(limits, true);
    let topic = RESOURCE_CHANGE.spec;
    backlog.push((4..9).map(|offset| record(topic, 0, offset, 9)).collect());
    backlog.push(vec![record(topic, 1, 0, 9)]);
    let pins = BTreeMap::from([((topic.name, 0), 10)]);
    // It is not read up to offset 10 yet: others come first.
    let first = backlog.cut_place(|_| false, &pins, |_, _| 9).unwrap();
    assert_eq!(names(&first), [((topic.name, 1), 0)]);
    assert!(backlog.cut_place(|_| false, &pins, |_, _| 9).is_none());
    backlog.push(vec![record(topic, 0, 9, 9), record(topic, 0, 10, 9)]);
    let again = backlog.cut_place(|_| false, &pins, |_, _| 11).unwrap();
    let offsets: Vec<i64> = again.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [4, 5, 6, 7, 8, 9]);
    assert_eq!(backlog.firsts(), BTreeMap::from([((topic.name, 0), 10)]));
}

#[test]
fn what_is_taken_away_is_forgotten() {
    let limits = Limits { records: 10, bytes: 25, linger: Duration::ZERO };
    let mut backlog = Backlog::new(limits, false);
    let topic = RESOURCE_CHANGE.spec;
    backlog.push((0..3).map(|partition| record(topic, partition, 7, 10)).collect());
    assert!(!backlog.has_room());
    backlog.forget(&[0, 2]);
    assert!(backlog.has_room());
    assert_eq!(names(&backlog.cut()), [((topic.name, 1), 7)]);
}
