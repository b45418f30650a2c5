//! The store: rows that are loaded and rows that are written, through restarts.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    Position,
    store::{Identity, Marks, OwnedRow, Stores, TaskStore},
};

fn identity() -> Identity {
    Identity {
        stage: "stage",
        partition: 0,
        partitions: 1,
        prefix: "p".to_owned(),
        log: String::new(),
        tables: Vec::new(),
    }
}

fn opened(folder: &Path) -> TaskStore {
    let stores = Stores::open(folder).expect("stores");
    stores.lease(&identity()).expect("a lease").expect("nobody else has it")
}

/// Loads and batches follow each other, some rows are written by both, and the process ends
/// between any two of them: what was written last is there.
#[test]
fn loaded_rows_and_written_ones_follow_each_other_through_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut expected: BTreeMap<String, u32> = BTreeMap::new();
    let key = |n: u32| format!("k{n:03}");
    for round in 0..12_u32 {
        let store = opened(folder.path());
        let changes: Vec<(u32, Option<u32>)> = (0..150)
            .map(|n| ((n * 7 + round * 31) % 100, (n % 5 != round % 5).then_some(n + round)))
            .collect();
        for (n, value) in &changes {
            match value {
                Some(value) => drop(expected.insert(key(*n), *value)),
                None => drop(expected.remove(&key(*n))),
            }
        }
        let bytes = |value: u32| value.to_be_bytes().to_vec();
        let rows: Vec<OwnedRow> =
            changes.iter().map(|(n, value)| ("t", key(*n), value.map(bytes))).collect();
        let at = Position { topic: schemas::topic::TICK.spec, partition: 0, offset: 0 };
        let positions = [Position { offset: i64::from(round), ..at }];
        let marks = Marks { changelogs: &positions, ..Marks::default() };
        if round % 2 == 0 {
            store.load(rows, &marks).expect("a load");
        } else {
            let rows = rows.iter().map(|(t, key, value)| (*t, &**key, value.as_deref()));
            store.apply(rows, &marks).expect("a batch");
        }
        check(&store, &expected, round);
        drop(store);
        check(&opened(folder.path()), &expected, round);
    }
}

#[track_caller]
fn check(store: &TaskStore, expected: &BTreeMap<String, u32>, round: u32) {
    let found = store.rows("t").expect("rows");
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("a number"));
    let found: BTreeMap<_, _> =
        found.into_iter().map(|(key, bytes)| (key, number(&bytes))).collect();
    assert_eq!(found, *expected, "round {round}");
    assert_eq!(store.changelog("tick").expect("a position"), Some(i64::from(round)));
}

#[test]
fn stores_whose_making_was_cut_short_are_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = folder.path().join("tables");
    fs::create_dir_all(&tables).expect("a folder");
    fs::write(tables.join("0.jnl"), "").expect("a file");
    Stores::open(folder.path()).expect("stores");
}

/// Who has tables of another process in his way is told so, and what to do.
#[test]
fn stores_that_another_has_open_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = Stores::open(folder.path()).expect("stores");
    let told = Stores::open(folder.path()).map(drop).expect_err("they are in use").to_string();
    assert!(told.contains("in use by another process") && told.contains("`state`"), "{told}");
    drop(held);
    Stores::open(folder.path()).expect("nobody has them");
}
