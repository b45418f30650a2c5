//! The inventory: what makes, changes and deletes resources, and what coverage says of scopes.

use schemas::{AccountKey, ResourceKey, topic};

use crate::{
    build::{Scan, Source, T0, resource},
    world::{BUCKET, ME, World, bucket},
};

#[test]
fn a_resource_is_created_updated_with_its_differences_and_deleted() {
    let mut w = World::new();
    w.scan(&[bucket("b1", false), bucket("b2", false)]);
    w.scan(&[bucket("b1", true), bucket("b2", false)]);
    w.scan(&[bucket("b1", true)]);
    assert_eq!(w.changes(), ["created b1", "created b2", "updated b1", "deleted b2"]);
    let changes = w.site.events_of(topic::RESOURCE_CHANGE);
    let update = &changes[2].1;
    let [one] = &update.differences[..] else { panic!("one difference: {update:?}") };
    assert_eq!(one.path, "/configuration/Public");
    assert_eq!((one.before.as_deref(), one.after.as_deref()), (Some("false"), Some("true")));
    assert_eq!(w.ids(), ["b1"]);
}

#[test]
fn an_unchanged_document_keeps_the_time_of_its_last_change() {
    let mut w = World::new();
    let mut seen = bucket("b1", false);
    w.scan(std::slice::from_ref(&seen));
    seen.captured_ms = T0 + 5;
    w.scan(std::slice::from_ref(&seen));
    let key = ResourceKey::new(ME, "r1", BUCKET, "b1");
    assert_eq!(w.tables().resources[&key].resource.captured_ms, T0);
    seen.configuration = r#"{"Public":true}"#.into();
    w.scan(&[seen]);
    let row = &w.tables().resources[&key];
    assert_eq!((row.resource.captured_ms, row.first_seen_ms), (T0 + 5, T0));
    assert_eq!(w.changes(), ["created b1", "updated b1"]);
}

#[test]
fn a_failed_scope_keeps_all_and_shows_its_error() {
    let mut w = World::new();
    w.scan(&[bucket("b1", false), bucket("b2", false)]);
    let completed_ms = w.now_ms;
    let scan = w.next_scan(BUCKET, "r1");
    w.take(scan.start());
    w.take(scan.see(&bucket("b3", false)));
    w.take(scan.fail("AccessDenied: no"));
    assert_eq!(w.ids(), ["b1", "b2", "b3"]);
    let [cover] = &w.account().coverage[..] else { panic!("one type") };
    assert_eq!((cover.scopes, cover.collected, cover.failed), (1, 1, 1));
    assert_eq!(cover.error.as_deref(), Some("r1: AccessDenied: no"));
    assert_eq!(cover.oldest_ms, Some(completed_ms), "its data is as old as it was");
    w.scan(&[bucket("b3", false)]);
    assert_eq!(w.ids(), ["b3"]);
    assert_eq!((w.account().coverage[0].failed, &w.account().coverage[0].error), (0, &None));
}

#[test]
fn a_short_completion_deletes_nothing_and_is_a_failure() {
    let mut w = World::new();
    w.scan(&[bucket("b1", false), bucket("b2", false)]);
    let scan = w.next_scan(BUCKET, "r1");
    w.take(scan.start());
    w.take(scan.see(&bucket("b1", false)));
    w.take(scan.complete(2));
    assert_eq!(w.ids(), ["b1", "b2"]);
    let error = w.account().coverage[0].error.clone().expect("an error");
    assert!(error.contains("1 of 2"), "{error}");
    // Its end was the scan's last word: what comes after it says nothing.
    w.take(scan.see(&bucket("b2", true)));
    w.take(scan.complete(1));
    assert_eq!((w.ids().len(), w.account().coverage[0].failed), (2, 1));
}

#[test]
fn a_poisoned_item_makes_its_scope_short() {
    let mut w = World::new();
    w.scan(&[bucket("b1", false), bucket("b2", false)]);
    let scan = w.next_scan(BUCKET, "r1");
    w.take(scan.start());
    w.take(scan.see(&bucket("b1", false)));
    w.take(Source::Poison(ME.into()));
    w.take(scan.see(&resource("222222222222", "r1", BUCKET, "b2", "{}")));
    w.take(scan.complete(2));
    assert_eq!(w.site.accounts[0].dead.len(), 2);
    assert_eq!((w.ids().len(), w.account().coverage[0].failed), (2, 1));
}

#[test]
fn a_newer_attempt_voids_an_older_one() {
    let mut w = World::new();
    w.scan(&[bucket("old", false)]);
    let first = w.next_scan(BUCKET, "r1");
    let retry = Scan { attempt: 2, ..first.clone() };
    w.take(first.start());
    w.take(first.see(&bucket("b1", false)));
    w.take(retry.start());
    // Late records of the first attempt: neither its items nor its end count.
    w.take(first.see(&bucket("late", false)));
    w.take(first.complete(2));
    assert_eq!(w.ids(), ["b1", "old"], "a void end deletes nothing");
    w.take(first.fail("Throttling: late"));
    assert_eq!(w.account().coverage[0].failed, 0);
    w.take(first.start());
    w.take(retry.see(&bucket("b2", false)));
    w.take(retry.complete(1));
    assert_eq!(w.ids(), ["b2"], "what only the void attempt saw is gone");
}

#[test]
fn items_of_a_void_attempt_do_not_fill_up_the_next_one() {
    let mut w = World::new();
    let first = w.next_scan(BUCKET, "r1");
    let second = w.next_scan(BUCKET, "r1");
    w.take(first.start());
    w.take(first.see(&bucket("b1", false)));
    w.take(second.start());
    w.take(second.see(&bucket("b2", false)));
    w.take(second.complete(2));
    assert_eq!(w.ids(), ["b1", "b2"], "one of two arrived");
    assert_eq!(w.account().coverage[0].failed, 1);
}

#[test]
fn records_delivered_twice_count_once() {
    let mut w = World::new();
    let scan = w.next_scan(BUCKET, "r1");
    for _ in 0..2 {
        w.take(scan.start());
    }
    for _ in 0..2 {
        w.take(scan.see(&bucket("b1", false)));
    }
    w.take(scan.complete(2));
    assert_eq!(w.account().coverage[0].failed, 1, "one item twice is not two items");
    let scan = w.next_scan(BUCKET, "r1");
    for source in [scan.start(), scan.see(&bucket("b1", false)), scan.complete(1)] {
        w.take(source.clone());
        w.take(source);
    }
    // After the end nothing of the scan counts any more, its start neither.
    let before = w.tables();
    for source in [scan.start(), scan.see(&bucket("b9", true)), scan.fail("x"), scan.complete(0)] {
        w.take(source);
    }
    assert_eq!(w.tables(), before);
    assert_eq!(w.changes(), ["created b1"]);
}

#[test]
fn items_without_a_start_are_poison() {
    let mut w = World::new();
    let scan = w.next_scan(BUCKET, "r1");
    w.take(scan.see(&bucket("b1", false)));
    w.take(scan.complete(0));
    assert_eq!(w.site.accounts[0].dead.len(), 2);
    assert!(w.site.accounts[0].dead[0].1.contains("never started"));
    assert!(w.site.accounts[0].outputs.is_empty());
}

#[test]
fn poison_leaves_no_trace() {
    let mut w = World::new();
    w.scan(&[bucket("b1", false)]);
    let (store, outputs) = {
        let fold = &w.site.accounts[0];
        (fold.store.clone(), fold.outputs.len())
    };
    let scan = w.next_scan(BUCKET, "r1");
    w.take(Source::Poison(ME.into()));
    w.take(scan.see(&bucket("b2", false)));
    // The key names one entity, the value another: whose rows would it write?
    let row = crate::build::requirement("R2", BUCKET, "true");
    w.take(Source::Requirement("R1".into(), Some(row)));
    let row = crate::build::exception("e2", "R1", "*", None);
    w.take(Source::Exception("e1".into(), Some(row)));
    let fold = &w.site.accounts[0];
    assert_eq!((fold.dead.len(), fold.outputs.len()), (4, outputs));
    assert!(fold.store == store, "the tables are as they were");
}

#[test]
fn a_sweep_of_more_than_a_piece_deletes_all_that_is_gone() {
    let mut w = World::new();
    let count = 2 * stages::account::PIECE + 7;
    let many: Vec<_> = (0..count).map(|i| bucket(&format!("b{i:04}"), i % 2 == 0)).collect();
    w.scan(&many);
    assert_eq!(w.ids().len(), count);
    let left: Vec<_> = many.into_iter().filter(|b| b.id.ends_with('3')).collect();
    w.scan(&left);
    let ids: Vec<_> = left.iter().map(|b| b.id.clone()).collect();
    assert_eq!(w.ids(), ids);
    w.scan(&[]);
    assert_eq!(w.ids(), Vec::<String>::new());
}

#[test]
fn a_scope_deletes_only_its_own() {
    let mut w = World::new();
    w.scan(&[bucket("b1", false)]);
    for (of_type, region) in [(BUCKET, "r2"), ("Test::User", "r1"), ("Test", "r1")] {
        let scan = w.next_scan(of_type, region);
        w.take(scan.start());
        w.take(scan.complete(0));
    }
    assert_eq!(w.ids(), ["b1"]);
    assert_eq!(w.account().coverage.len(), 3);
}

#[test]
fn what_another_scope_still_has_is_not_gone() {
    let mut w = World::new();
    let global = resource(ME, "global", BUCKET, "g", r#"{"Public":false}"#);
    for region in ["r1", "r2"] {
        let scan = w.next_scan(BUCKET, region);
        w.take(scan.start());
        w.take(scan.see(&global));
        w.take(scan.complete(1));
    }
    for (region, left) in [("r2", 1), ("r1", 0)] {
        let scan = w.next_scan(BUCKET, region);
        w.take(scan.start());
        w.take(scan.complete(0));
        assert_eq!(w.ids().len(), left, "after {region} has it no more");
    }
}

#[test]
fn ids_with_slashes_are_swept_too() {
    let mut w = World::new();
    w.scan(&[bucket("a/b", false), bucket("a", false), bucket("a/b/c%2F", true)]);
    w.scan(&[bucket("a", false)]);
    assert_eq!(w.ids(), ["a"]);
    assert!(w.tables().accounts.contains_key(&AccountKey::new(ME)));
}
