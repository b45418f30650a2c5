//! Whatever is told of records, in any order: the counts are those of a plain list of words.

use proptest::prelude::*;

use super::*;
use crate::target::Delivery;

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Superseded),
        Just(Fate::Skipped),
        Just(Fate::Unchanged),
        Just(Fate::Written),
        "[a-c]".prop_map(Fate::Refused),
        "[a-c]".prop_map(Fate::Dead),
    ]
}

/// How bad a fate is, and its word, as the documentation lists them.
fn rank(fate: &Fate) -> (u8, &'static str) {
    match fate {
        Fate::Superseded => (0, "superseded"),
        Fate::Skipped => (1, "skipped"),
        Fate::Unchanged => (2, "unchanged"),
        Fate::Written => (3, "written"),
        Fate::Refused(_) => (4, "refused"),
        Fate::Dead(_) => (5, "dead"),
    }
}

proptest! {
    #[test]
    fn counts_are_the_worst_fates_and_add_up(
        batch in prop::collection::vec((prop::collection::vec(fate(), 1..4), any::<bool>()), 0..40),
    ) {
        // A record's fates are told by `encode`, or by deliveries of its entries, last one first.
        let mut encoded = Encoded::default();
        let mut delivered = Vec::new();
        for (record, (fates, by_entries)) in batch.iter().enumerate() {
            for fate in fates {
                if *by_entries {
                    encoded.item(record, ());
                    delivered.push((record, fate.clone()));
                } else {
                    encoded.fates.push((record, fate.clone()));
                }
            }
        }
        let mut ledger = Ledger::open(batch.len(), &encoded).unwrap();
        for (record, fate) in delivered.into_iter().rev() {
            ledger.settle(Some(record), fate).unwrap();
        }
        let closed = ledger.close().unwrap();
        prop_assert_eq!(closed.counts.records(), batch.len() as u64);
        let worst = batch.iter().map(|(fates, _)| fates.iter().map(rank).max().unwrap().1);
        let worst: Vec<&str> = worst.collect();
        for (word, count) in closed.counts.by_outcome() {
            let expected = worst.iter().filter(|one| **one == word).count();
            prop_assert_eq!(count, expected as u64, "{}", word);
        }
        let letters: Vec<usize> = closed.letters.iter().map(|(record, _)| *record).collect();
        let expected = worst.iter().enumerate();
        let expected = expected.filter(|(_, word)| ["refused", "dead"].contains(word));
        prop_assert_eq!(letters, expected.map(|(record, _)| record).collect::<Vec<_>>());
    }
}

fn book(records: usize, entries: &[usize]) -> Ledger {
    let mut encoded = Encoded::default();
    entries.iter().for_each(|record| encoded.item(*record, ()));
    Ledger::open(records, &encoded).unwrap()
}

#[test]
fn a_record_of_which_not_all_is_known_is_named() {
    assert_eq!(book(2, &[0]).close().unwrap_err(), (0, "an entry of it was lost"));
    let mut one = book(2, &[0]);
    one.settle(Some(0), Fate::Written).unwrap();
    assert_eq!(one.close().unwrap_err(), (1, "nothing"));
    let mut twice = book(1, &[0]);
    twice.settle(Some(0), Fate::Written).unwrap();
    twice.settle(Some(0), Fate::Written).unwrap();
    assert_eq!(twice.close().unwrap_err(), (0, "an entry was delivered twice"));
    let stranger = book(1, &[0]).settle(Some(7), Fate::Written);
    assert_eq!(stranger.unwrap_err(), (7, "the batch has no such record"));
}

#[test]
fn what_no_record_asked_for_counts_for_none() {
    let mut delivery: Delivery<()> = Delivery::default();
    delivery.written(None);
    delivery.refused(None, "too large");
    let mut ledger = Ledger::besides();
    for (record, fate) in delivery.done {
        ledger.settle(record, fate).unwrap();
    }
    let closed = ledger.close().unwrap();
    assert_eq!(closed.counts, Counts::default());
    assert_eq!(closed.refused_besides, ["too large"]);
}
