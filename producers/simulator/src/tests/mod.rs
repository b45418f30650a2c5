//! The simulated history is repeatable, in order, bounded, and has something of everything.

mod judge;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Codec, ObservationEvent, ReportEvent, Resource};

use super::*;

const START_MS: i64 = 1_767_571_200_000;

fn config(seed: u64) -> Config {
    Config { seed, start_ms: START_MS, ..Config::default() }
}

/// Gives the resource that an event is the observation of.
fn observed(event: &Event) -> Option<&Resource> {
    let Source::Observed(row) = &event.source else { return None };
    match &row.event {
        ObservationEvent::Observed { resource } => Some(resource),
        _ => None,
    }
}

/// Sums up events as they would be written: FNV-1a over times and encoded values.
///
/// Source: Fowler, Noll and Vo, the 64-bit variant.
fn digest(events: impl Iterator<Item = Event>) -> u64 {
    let codec = Codec::default();
    events.fold(0xcbf2_9ce4_8422_2325, |sum, event| {
        let bytes = match &event.source {
            Source::Listing(row) => codec.encode("t", row),
            Source::Register(row) => codec.encode("t", row),
            Source::Granted(row) => codec.encode("t", row),
            Source::Withdrawn(id) => Ok(id.clone().into_bytes()),
            Source::Observed(row) => codec.encode("t", &**row),
            Source::Reported(row) => codec.encode("t", row),
            Source::Spent(row) => codec.encode("t", row),
            Source::Ticked(row) => codec.encode("t", row),
        };
        let bytes = bytes.expect("every value fits its schema");
        let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        event.at_ms.to_le_bytes().iter().chain(&bytes).fold(sum, step)
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let days = |seed| digest(simulate(&Config { days: 3, ..config(seed) }));
    assert_eq!(days(1), days(1));
    assert_ne!(days(1), days(2));
    let some = |seed| digest(load(&config(seed)).take(3_000));
    assert_eq!(some(1), some(1));
    assert_ne!(some(1), some(2));
}

#[test]
fn time_never_goes_back() {
    let every_minute = Config { tick_minutes: 1, days: 2, ..config(1) };
    let loaded = load(&Config { load_step_ms: 7_000, ..every_minute }).take(20_000);
    for events in [simulate(&every_minute).collect::<Vec<_>>(), loaded.collect()] {
        assert!(events.is_sorted_by_key(Event::at_ms));
        let minutes: Vec<i64> = events
            .iter()
            .filter_map(|event| match &event.source {
                Source::Ticked(tick) => Some(tick.minute_ms),
                _ => None,
            })
            .collect();
        assert_eq!(minutes[0], START_MS);
        assert!(minutes.len() > 300, "{}", minutes.len());
        assert!(
            minutes.windows(2).all(|pair| pair[1] - pair[0] == 60_000),
            "no minute is left out"
        );
    }
}

#[test]
fn every_scope_that_starts_ends_as_announced() {
    for events in [simulate(&config(1)).collect::<Vec<_>>(), load(&config(1)).take(9_000).collect()]
    {
        let mut open: BTreeMap<(String, String, String), i64> = BTreeMap::new();
        let mut attempts = BTreeSet::new();
        for event in &events {
            let Source::Observed(row) = &event.source else { continue };
            let scope = (row.account.clone(), row.region.clone(), row.resource_type.clone());
            match &row.event {
                ObservationEvent::Started {} => {
                    assert_eq!(open.insert(scope.clone(), 0), None, "a scope is open once");
                    assert!(attempts.insert((scope, row.scan.clone(), row.attempt)));
                }
                ObservationEvent::Observed { resource } => {
                    assert_eq!(resource.account, scope.0);
                    *open.get_mut(&scope).expect("a started scope") += 1;
                }
                ObservationEvent::Completed { count } => {
                    assert_eq!(open.remove(&scope), Some(*count));
                }
                ObservationEvent::Failed { .. } => assert!(open.remove(&scope).is_some()),
            }
        }
        assert!(open.len() <= 1, "at most the last scope of a cut-off list is open: {open:?}");
        // A second attempt is one of the same scan.
        let second = attempts.iter().filter(|(_, _, attempt)| *attempt == 2);
        for (scope, scan, _) in second {
            assert!(attempts.contains(&(scope.clone(), scan.clone(), 1)), "{scope:?} {scan}");
        }
    }
}

#[test]
fn scans_fail_are_tried_again_and_of_one_account_never_succeed() {
    let mut ends: BTreeMap<(bool, i32), usize> = BTreeMap::new();
    let mut collected: BTreeMap<String, bool> = BTreeMap::new();
    for event in simulate(&Config { size: 1, ..config(1) }) {
        let Source::Observed(row) = event.source else { continue };
        let complete = match row.event {
            ObservationEvent::Completed { .. } => true,
            ObservationEvent::Failed { .. } => false,
            _ => continue,
        };
        *ends.entry((complete, row.attempt)).or_default() += 1;
        *collected.entry(row.account).or_default() |= complete;
    }
    assert_eq!(ends.len(), 4, "both attempts both ways: {ends:?}");
    // 25 accounts, 30 days, two scans, six scopes.
    assert_eq!(ends[&(true, 1)] + ends[&(false, 1)], 25 * 30 * 2 * 6);
    assert_eq!(collected.values().filter(|collected| !**collected).count(), 1);
    assert_eq!(collected.len(), 25);
}

#[test]
fn reports_end_as_announced_and_have_rows_of_every_kind() {
    let mut rows = 0;
    let (mut subjects, mut ends) = (BTreeSet::new(), BTreeSet::new());
    for event in simulate(&Config { size: 1, ..config(1) }) {
        let Source::Reported(report) = event.source else { continue };
        match report.event {
            ReportEvent::Started {} => rows = 0,
            ReportEvent::Found { finding } => {
                rows += 1;
                subjects.insert((finding.check, finding.subject, finding.status));
            }
            ReportEvent::Completed { count, complete } => {
                assert_eq!(count, rows);
                assert!(complete && ends.len() <= 2);
                ends.insert("completed");
            }
            ReportEvent::Failed { .. } => {
                ends.insert("failed");
            }
            ReportEvent::Changed { .. } => panic!("the simulated scanner writes reports"),
        }
    }
    // Databases: pass, fail, unknown, none, a query that failed; the trail: pass, fail.
    assert_eq!(subjects.len(), 7, "{subjects:?}");
    assert_eq!(ends.len(), 2);
}

#[test]
fn the_registers_know_who_answers_and_whom_to_trust() {
    for (accounts, payers) in [(1, 1), (3, 1), (4, 2), (25, 2), (45, 3)] {
        let mut listed = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut registered: BTreeMap<String, Vec<schemas::AccountRegister>> = BTreeMap::new();
        for event in simulate(&Config { accounts, size: 1, ..config(9) }) {
            match event.source {
                Source::Listing(row) => {
                    names.insert(row.name);
                    listed.insert(row.account, row.payer);
                }
                Source::Register(row) => {
                    registered.entry(row.account.clone()).or_default().push(row);
                }
                _ => (),
            }
        }
        assert_eq!((listed.len(), names.len()), (accounts, accounts));
        let found: BTreeSet<_> = listed.values().collect();
        assert_eq!(found.len(), payers);
        assert!(found.iter().all(|payer| listed[*payer] == **payer), "a payer lists itself");
        let third: Vec<bool> = registered
            .values()
            .flatten()
            .filter(|row| row.third_party)
            .map(|row| row.approved)
            .collect();
        assert_eq!(third, [true, false, false, true], "one of three is approved later");
        let moved = registered.values().filter(|rows| !rows[0].third_party && rows.len() > 1);
        let moved: Vec<_> = moved.collect();
        assert!(accounts < 25 || (2..=4).contains(&moved.len()), "{}", moved.len());
        assert!(moved.iter().all(|rows| rows[0].owner != rows[1].owner || rows[0].owner.is_none()));
    }
}

#[test]
fn exceptions_are_of_every_kind_and_some_end_within_the_days() {
    let end_ms = START_MS + 30 * 86_400_000;
    let mut withdrawn = Vec::new();
    let mut granted = BTreeMap::new();
    for event in simulate(&config(1)) {
        match event.source {
            Source::Granted(row) => {
                assert!(row.expires_ms.is_none_or(|expires| expires > event.at_ms));
                assert!(granted.insert(row.id.clone(), row).is_none());
            }
            Source::Withdrawn(id) => {
                assert!(granted.contains_key(&id), "what is withdrawn was granted");
                withdrawn.push(id);
            }
            _ => (),
        }
    }
    let count = |is: fn(&schemas::Exception, i64) -> bool| {
        granted.values().filter(|row| is(row, end_ms)).count()
    };
    assert_eq!(withdrawn, ["RA-007"]);
    assert_eq!(count(|row, _| !row.approved), 1);
    assert!(count(|row, _| row.accounts == ["*"]) >= 3);
    assert!(count(|row, _| row.accounts.len() == 2) >= 1);
    assert!(count(|row, _| row.accounts.len() == 1 && row.accounts[0] != "*") >= 4);
    assert!(count(|row, _| row.resource.contains('*') && row.resource != "*") >= 3);
    assert!(count(|row, _| row.expires_ms.is_none()) >= 2);
    assert!(count(|row, end_ms| row.expires_ms.is_some_and(|expires| expires < end_ms)) >= 4);
    assert!(count(|row, end_ms| row.expires_ms.is_some_and(|expires| expires > end_ms)) >= 1);
}

#[test]
fn a_load_changes_one_resource_at_a_time() {
    let config = Config { accounts: 3, ..config(5) };
    let mut seen: BTreeMap<_, Resource> = BTreeMap::new();
    let (mut scopes, mut changes) = (0, 0);
    for event in load(&config).take(5_000) {
        let Source::Observed(row) = &event.source else { continue };
        if row.event == (ObservationEvent::Started {}) {
            // The changes of the scope before are complete: one, or none in the first inventory.
            assert_eq!(changes, usize::from(scopes > 18), "scope {scopes}");
            (scopes, changes) = (scopes + 1, 0);
        }
        let Some(resource) = observed(&event) else { continue };
        let new = Resource { captured_ms: 0, ..resource.clone() };
        if let Some(old) = seen.insert(resource.key(), new.clone()) {
            changes += usize::from(old != new);
        } else {
            assert!(scopes <= 18, "all is there from the start");
        }
    }
    assert!(scopes > 500, "{scopes}");
}

#[test]
fn a_large_organisation_is_made_piece_by_piece() {
    let config = Config { accounts: 5_000, days: 365, ..config(1) };
    // A list of all days would not end in this test's time, nor fit in its memory.
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut accounts = BTreeSet::new();
    for event in simulate(&config).take(150_000) {
        let kind = match event.source {
            Source::Listing(_) => "listing",
            Source::Register(_) => "register",
            Source::Observed(row) => {
                accounts.insert(row.account);
                "observation"
            }
            Source::Ticked(_) => "tick",
            _ => "other",
        };
        *counts.entry(kind).or_default() += 1;
    }
    assert_eq!((counts["listing"], counts["register"]), (5_000, 5_003));
    assert_eq!(counts["tick"], 3, "midnight, one and two o'clock");
    assert!((2_000..5_000).contains(&accounts.len()), "{}", accounts.len());
}

#[test]
fn the_smallest_organisations_are_made_too() {
    for (accounts, days, size) in [(0, 2, 8), (1, 1, 0), (2, 3, 1), (5, 0, 4)] {
        let config = Config { accounts, days, size, ..config(7) };
        let account_of = |event: Event| match event.source {
            Source::Observed(row) => Some(row.account),
            _ => None,
        };
        let seen: BTreeSet<String> = simulate(&config).filter_map(account_of).collect();
        assert_eq!(seen.len(), if days == 0 { 0 } else { accounts });
        let loaded: BTreeSet<String> = load(&config).take(500).filter_map(account_of).collect();
        assert_eq!(loaded.len(), accounts);
    }
}
