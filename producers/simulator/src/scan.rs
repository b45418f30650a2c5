//! Scans: scopes that start, the resources in them, and how they end.

use schemas::{Observation, ObservationEvent, Resource, headers::rfc3339};

use crate::{
    Source,
    organisation::about,
    resources::{SCOPES, Snapshot},
};

const HOUR_MS: i64 = 3_600_000;

/// How a scope's listing goes wrong.
#[derive(Clone, Copy, PartialEq)]
enum Outage {
    /// The first attempt breaks off halfway; the second one succeeds.
    BreaksOff,
    /// The first attempt is refused; the second one succeeds.
    Refused,
    /// Both attempts break off.
    BreaksOffTwice,
}

/// Scans all scopes of an account.
pub(crate) fn first(snapshot: Snapshot) -> Vec<Source> {
    let mut sources = Vec::new();
    for scope in 0..SCOPES.len() {
        if snapshot.organisation.is_denied(snapshot.account) {
            let end = Err("AccessDenied: not authorized to perform sts:AssumeRole");
            sources.extend(attempt(snapshot, scope, 1, Vec::new(), end));
            continue;
        }
        let seen = snapshot.scope(scope);
        sources.extend(match outage(snapshot, scope) {
            None => attempt(snapshot, scope, 1, seen, Ok(())),
            Some(Outage::Refused) => {
                attempt(snapshot, scope, 1, Vec::new(), Err("ServiceUnavailable: try again later"))
            }
            Some(Outage::BreaksOff | Outage::BreaksOffTwice) => broken_off(snapshot, scope, 1),
        });
    }
    sources
}

/// Tries again what failed an hour ago.
pub(crate) fn again(snapshot: Snapshot) -> Vec<Source> {
    if snapshot.organisation.is_denied(snapshot.account) {
        return Vec::new();
    }
    let mut sources = Vec::new();
    for scope in 0..SCOPES.len() {
        sources.extend(match outage(snapshot, scope) {
            None => Vec::new(),
            Some(Outage::BreaksOffTwice) => broken_off(snapshot, scope, 2),
            Some(_) => attempt(snapshot, scope, 2, snapshot.scope(scope), Ok(())),
        });
    }
    sources
}

fn outage(snapshot: Snapshot, scope: usize) -> Option<Outage> {
    let parts =
        |extra| [about::OUTAGE, snapshot.account as u64, scope as u64, snapshot.half_day, extra];
    let chance = snapshot.organisation.chance;
    chance.happens(2, &parts(0)).then(|| match chance.below(10, &parts(1)) {
        0..=3 => Outage::BreaksOff,
        4..=6 => Outage::Refused,
        _ => Outage::BreaksOffTwice,
    })
}

/// The listing breaks off: what was seen until then counts, what was not is not gone.
fn broken_off(snapshot: Snapshot, scope: usize, number: i32) -> Vec<Source> {
    let mut seen = snapshot.scope(scope);
    seen.truncate(seen.len() / 2);
    attempt(snapshot, scope, number, seen, Err("Throttling: Rate exceeded"))
}

/// Gives the records of one attempt at one scope.
pub(crate) fn attempt(
    snapshot: Snapshot,
    scope: usize,
    attempt: i32,
    seen: Vec<Resource>,
    end: Result<(), &str>,
) -> Vec<Source> {
    let (resource_type, region) = SCOPES[scope];
    // A second attempt carries the scan's id, which is the hour of the first one.
    let hours = i64::from(attempt - 1) * HOUR_MS;
    let scan_ms = match snapshot.turn {
        None => snapshot.at_ms - snapshot.at_ms.rem_euclid(HOUR_MS) - hours,
        Some(_) => snapshot.at_ms,
    };
    let count = i64::try_from(seen.len()).unwrap_or(i64::MAX);
    let end = match end {
        Ok(()) => ObservationEvent::Completed { count },
        Err(error) => ObservationEvent::Failed { error: error.to_owned() },
    };
    let observed = seen.into_iter().map(|resource| ObservationEvent::Observed { resource });
    let events = std::iter::once(ObservationEvent::Started {}).chain(observed).chain([end]);
    let account = snapshot.organisation.id(snapshot.account);
    let record = |event| {
        Source::Observed(Box::new(Observation {
            scan: rfc3339(scan_ms),
            attempt,
            provider: "aws".to_owned(),
            account: account.clone(),
            region: region.to_owned(),
            resource_type: resource_type.to_owned(),
            event,
        }))
    };
    events.map(record).collect()
}
