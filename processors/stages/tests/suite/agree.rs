//! Holds tables against the oracle, and says what of them depends on when something was noticed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    build::{Event, MINUTE, Source, T0},
    oracle::Oracle,
    site::Tables,
};

/// What one billionth, rounded, may differ by.
const HALF: f64 = 0.51e-9;

/// Asserts that the published tables are the oracle's.
pub(crate) fn agree(t: &Tables, oracle: &Oracle) {
    same_rows(&t.accounts, &oracle.accounts());
    same_rows(&t.resources, &oracle.resources);
    same_rows(&t.trust, &oracle.trust());
    same_rows(&t.verdicts, &oracle.credited());
    let expected = oracle.scores();
    assert_eq!(t.scores.len(), expected.len());
    for (key, got) in &t.scores {
        let want = &expected[&(key.account.clone(), key.requirement.clone())];
        assert_eq!(Some(got.status), want.status, "{key:?}");
        let counts = [got.total, got.noncompliant, got.excepted, got.expired, got.unknown];
        let wanted = [want.total, want.noncompliant, want.excepted, want.expired, want.unknown];
        assert_eq!(counts, wanted, "{key:?}");
        assert_eq!((got.scopes, got.scopes_collected), (want.scopes, want.collected), "{key:?}");
        assert_eq!((got.oldest_ms, got.weight), (want.oldest_ms, want.weight), "{key:?}");
        // An account's number is rounded once more than its requirements'.
        near(got.score, want.score, if key.requirement == "*" { 2.0 * HALF } else { HALF });
        if key.requirement != "*" {
            assert_eq!(got.weighted_score, got.score.unwrap_or(0) * got.weight);
        }
    }
    shares_are_scores(t);
    let expected = oracle.sums();
    let keys: Vec<_> = t.sums.keys().collect();
    assert_eq!(keys, expected.keys().collect::<Vec<_>>());
    for (key, got) in &t.sums {
        let want = &expected[key];
        assert_eq!(
            [got.weight, got.accounts, got.scored, got.total, got.noncompliant, got.excepted],
            [want.weight, want.accounts, want.scored, want.total, want.noncompliant, want.excepted],
            "{key:?}"
        );
        let named: Vec<_> = want.trusted_by.iter().cloned().collect();
        assert_eq!(got.trusted_by, named, "{key:?}");
        let mean = (want.weight > 0).then(|| want.weighted / want.weight as f64);
        // Executives' sums are of millionths.
        let error = if key.kind == "executive" { 1.1e-6 } else { 2.0 * HALF };
        near(got.score, mean, error);
        assert_eq!(got.estimated, want.estimated, "{key:?}");
    }
}

/// Asserts equality row by row, so that a difference can be read.
#[track_caller]
fn same_rows<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    got: &BTreeMap<K, V>,
    want: &BTreeMap<K, V>,
) {
    for key in got.keys().chain(want.keys()) {
        assert_eq!(got.get(key), want.get(key), "{key:?}");
    }
}

#[track_caller]
fn near(got: Option<i64>, want: Option<f64>, error: f64) {
    match (got, want) {
        (None, None) => {}
        (Some(got), Some(want)) => assert!((got as f64 / 1e9 - want).abs() < error, "{got} {want}"),
        other => panic!("{other:?}"),
    }
}

/// Every score of a requirement is a share of each of its account's sums, and no share is more.
fn shares_are_scores(t: &Tables) {
    let mut expected = BTreeSet::new();
    for (key, row) in t.scores.iter().filter(|(key, _)| key.requirement != "*") {
        let account = &t.accounts[&schemas::AccountKey::new(&*key.account)];
        let mut sums = vec![("enterprise", "all")];
        sums.extend(account.owner.as_deref().map(|owner| ("owner", owner)));
        sums.extend(
            t.accounts[&schemas::AccountKey::new(&*key.account)]
                .listed
                .then_some(("payer", &*account.payer)),
        );
        for (kind, id) in sums {
            let share = schemas::ContributionKey::new(kind, id, &*key.account, &*key.requirement);
            let got = &t.shares[&share];
            assert_eq!((got.score, got.weight), (row.score, Some(row.weight)));
            assert_eq!(
                [got.total, got.noncompliant, got.excepted],
                [row.total, row.noncompliant, row.excepted]
            );
            expected.insert(share);
        }
    }
    for (key, row) in t.scores.iter().filter(|(key, _)| key.requirement == "*") {
        let account = &t.accounts[&schemas::AccountKey::new(&*key.account)];
        let Some(executive) = &account.executive else { continue };
        let share = schemas::ContributionKey::new("executive", executive, &*key.account, "*");
        let got = &t.shares[&share];
        assert_eq!((got.score, got.weight), (row.score, account.spend_cents));
        expected.insert(share);
    }
    let of_scores = t.shares.keys().filter(|key| key.kind != "foreign");
    assert_eq!(of_scores.cloned().collect::<BTreeSet<_>>(), expected);
}

/// Tables as far as they do not tell when something was first noticed.
pub(crate) fn timeless(mut t: Tables) -> Tables {
    t.verdicts.values_mut().for_each(|row| row.since_ms = 0);
    t
}

/// Late enough that every record and every end of an exception lies before it.
pub(crate) fn last_tick() -> Event {
    let minute_ms = T0 + 1_000_000 * MINUTE;
    Event { at_ms: minute_ms, source: Source::Tick(minute_ms) }
}
