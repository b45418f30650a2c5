//! Replays, restarts and aborts: the same records give the same bytes, whatever a process
//! remembers.

use stages::AccountStage;
use stream::{Record, fold::Fold};

use crate::{
    random::{Random, for_seeds, scenario},
    site::Site,
};

/// One partition's task and what it reads.
fn task(random: &mut Random) -> (Fold<AccountStage>, Vec<Record>) {
    let mut site = Site::new(1);
    let events = scenario(random, 120, false);
    let records = events.iter().flat_map(|event| site.records(event)).collect();
    (Fold::new(AccountStage::default(), 0, 1), records)
}

fn run(mut fold: Fold<AccountStage>, records: &[Record]) -> Fold<AccountStage> {
    for record in records {
        fold.take(record).unwrap();
    }
    fold
}

fn same(one: &Fold<AccountStage>, other: &Fold<AccountStage>) {
    assert!(one.store == other.store, "tables differ");
    assert_eq!(one.outputs.len(), other.outputs.len());
    for (a, b) in one.outputs.iter().zip(&other.outputs) {
        assert_eq!(a, b);
    }
    assert_eq!(one.dead.len(), other.dead.len());
}

#[test]
fn a_replay_gives_the_same_bytes() {
    for_seeds("a_replay_gives_the_same_bytes", 30, |random| {
        let (fold, records) = task(random);
        let one = run(fold, &records);
        let two = run(Fold::new(AccountStage::default(), 0, 1), &records);
        same(&one, &two);
    });
}

#[test]
fn a_stage_made_anew_between_any_two_pieces_gives_the_same_bytes() {
    let name = "a_stage_made_anew_between_any_two_pieces_gives_the_same_bytes";
    for_seeds(name, 30, |random| {
        let (mut fold, records) = task(random);
        let expected = run(Fold::new(AccountStage::default(), 0, 1), &records);
        for record in &records {
            fold.stage = AccountStage::default();
            fold.step(record).unwrap();
            loop {
                fold.stage = AccountStage::default();
                if !fold.work().unwrap() {
                    break;
                }
            }
        }
        same(&fold, &expected);
    });
}

#[test]
fn an_abort_leaves_nothing_behind_in_the_stage() {
    for_seeds("an_abort_leaves_nothing_behind_in_the_stage", 30, |random| {
        let (mut fold, records) = task(random);
        let expected = run(Fold::new(AccountStage::default(), 0, 1), &records);
        let mut at = 0;
        while at < records.len() {
            // Some records of a transaction are taken, then it aborts, perhaps in the middle of a
            // record's work: tables go back, memory stays.
            let lost = if random.chance(40) { random.below(16) } else { 0 };
            let (store, outputs, dead) = (fold.store.clone(), fold.outputs.len(), fold.dead.len());
            for (i, record) in records[at..].iter().take(lost).enumerate() {
                fold.step(record).unwrap();
                let is_last = i + 1 == lost;
                while !(is_last && random.chance(30)) && fold.work().unwrap() {}
            }
            fold.store = store;
            fold.outputs.truncate(outputs);
            fold.dead.truncate(dead);
            fold.take(&records[at]).unwrap();
            at += 1;
        }
        same(&fold, &expected);
    });
}

#[test]
fn pieces_stay_small_whatever_the_table() {
    let piece = stages::account::PIECE;
    let mut world = crate::world::World::new();
    let many: Vec<_> =
        (0..5 * piece).map(|i| crate::world::bucket(&format!("b{i:05}"), true)).collect();
    world.scan(&many);
    let row = crate::build::requirement("R1", crate::world::BUCKET, "!r.Public");
    let event = crate::build::Event {
        at_ms: world.now_ms,
        source: crate::build::Source::Requirement("R1".into(), Some(row)),
    };
    let records = world.site.records(&event);
    let fold = &mut world.site.accounts[0];
    fold.step(&records[0]).unwrap();
    let mut before = fold.outputs.len();
    let mut pieces = 0;
    while fold.work().unwrap() {
        let made = fold.outputs.len() - before;
        // A row writes itself, its change, the votes, scores and shares: a handful, never a table.
        assert!(made <= 12 * piece, "{made} records in one piece");
        before = fold.outputs.len();
        pieces += 1;
    }
    assert!(pieces >= 5, "{pieces} pieces");
    let rows = fold.table(&stream::Table::published(schemas::topic::COMPLIANCE_STATE)).len();
    assert_eq!(rows, 5 * piece);
}
