//! The simulated history is repeatable, in order, and has something of everything.

use std::collections::{BTreeMap, BTreeSet};

use schemas::ObservationEvent;

use super::*;

fn config(seed: u64) -> Config {
    Config { seed, start_ms: 1_767_571_200_000, ..Config::default() }
}

#[test]
fn the_same_seed_gives_the_same_records() {
    let days = |seed| simulate(&Config { days: 3, ..config(seed) }).collect::<Vec<_>>();
    assert_eq!(days(1), days(1));
    assert_ne!(days(1), days(2));
}

#[test]
fn time_never_goes_back() {
    let mut last = i64::MIN;
    for event in simulate(&Config { tick_minutes: 1, days: 2, ..config(1) }) {
        assert!(event.at_ms >= last, "{event:?} after {last}");
        last = event.at_ms;
    }
}

#[test]
fn every_scope_that_starts_ends_as_announced() {
    let mut open: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for event in simulate(&config(1)) {
        let Source::Observed(observation) = event.source else { continue };
        let scope = (observation.account, observation.region, observation.resource_type);
        match observation.event {
            ObservationEvent::Started {} => {
                assert_eq!(open.insert(scope, 0), None, "a scope is open once");
            }
            ObservationEvent::Observed { resource } => {
                assert_eq!(resource.account, scope.0);
                *open.get_mut(&scope).expect("a started scope") += 1;
            }
            ObservationEvent::Completed { count } => {
                assert_eq!(open.remove(&scope), Some(count));
                ended.insert("completed");
            }
            ObservationEvent::Failed { .. } => {
                assert!(open.remove(&scope).is_some());
                ended.insert("failed");
            }
        }
    }
    assert_eq!(open.len(), 0, "every scope ends");
    assert_eq!(ended.len(), 2, "some fail, some complete");
}

#[test]
fn documents_are_json_and_resources_unique_in_their_scope() {
    let mut seen = BTreeSet::new();
    for event in simulate(&Config { days: 1, ..config(3) }) {
        let Source::Observed(observation) = event.source else { continue };
        if let ObservationEvent::Observed { resource } = observation.event {
            for text in [&resource.configuration, &resource.supplementary] {
                let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
                assert!(document.is_object());
            }
            let once = (observation.scan, observation.attempt, resource.key());
            assert!(seen.insert(once.clone()), "{once:?} is seen twice");
        }
    }
    assert!(seen.len() > 300);
}

#[test]
fn a_large_organisation_is_made_piece_by_piece() {
    let config = Config { accounts: 5_000, days: 365, ..config(1) };
    // Some 100,000 events of the first scan: a list of everything would not end in this test's
    // time.
    let accounts: BTreeSet<String> = simulate(&config)
        .take(100_000)
        .filter_map(|event| match event.source {
            Source::Observed(observation) => Some(observation.account),
            _ => None,
        })
        .collect();
    assert!(accounts.len() > 1_000, "{}", accounts.len());
}
