//! One day: ticks, the registers' changes, two scans, one outside report and the spend.

use schemas::{
    Finding, FindingStatus, FindingSubject, Observation, ObservationEvent, Report, ReportEvent,
    Spend, Tick, headers::rfc3339,
};

use crate::{
    Config, Event,
    event::Source,
    organisation::{Organisation, THIRD_PARTIES, about},
    resources::{SCOPES, Snapshot},
    risks,
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const HOURS: i64 = 24;

/// Hours at which the sources speak.
const REGISTERS_AT: i64 = 1;
const SCANS_AT: [i64; 2] = [2, 14];
const REPORTS_AT: i64 = 6;
const SPEND_AT: i64 = 7;

/// Gives a day's events in the order of their times.
pub(crate) fn events(config: Config, day: usize) -> impl Iterator<Item = Event> + use<> {
    let organisation = Organisation::new(&config);
    (0..HOURS).flat_map(move |hour| {
        let from_ms = config.start_ms + (day as i64 * HOURS + hour) * HOUR_MS;
        let accounts = (0..config.accounts).flat_map(move |account| {
            // Accounts follow one another within the hour.
            let at_ms = from_ms + 1 + account as i64 * (HOUR_MS - 2) / config.accounts as i64;
            of_account(config, organisation, day, hour, account, at_ms)
        });
        let registers =
            if hour == REGISTERS_AT { registers(config, organisation, day) } else { vec![] };
        let spoken = registers.into_iter().map(move |source| Event { at_ms: from_ms + 1, source });
        // Ticks come between the accounts as the clock goes.
        merge(ticks(config, from_ms), spoken.chain(accounts))
    })
}

fn ticks(config: Config, from_ms: i64) -> impl Iterator<Item = Event> + use<> {
    let step = config.tick_minutes.max(1) as i64;
    let first = from_ms.div_euclid(MINUTE_MS);
    (first..first + 60).filter(move |minute| minute % step == 0).map(|minute| {
        let minute_ms = minute * MINUTE_MS;
        Event { at_ms: minute_ms, source: Source::Ticked(Tick { minute_ms }) }
    })
}

/// Merges two orders into one; at the same time the first goes first.
fn merge(
    first: impl Iterator<Item = Event>,
    second: impl Iterator<Item = Event>,
) -> impl Iterator<Item = Event> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some(a), Some(b)) if a.at_ms > b.at_ms => second.next(),
        (Some(_), _) => first.next(),
        (None, _) => second.next(),
    })
}

fn registers(config: Config, organisation: Organisation, day: usize) -> Vec<Source> {
    let mut sources = Vec::new();
    for account in 0..config.accounts {
        if day == 0 {
            sources.push(Source::Listing(organisation.listing(account)));
        }
        if day == 0 || organisation.moves_on(account) == Some(day) {
            sources.push(Source::Register(organisation.register(account, day)));
        }
    }
    if day == 0 {
        sources.extend(THIRD_PARTIES.iter().map(|(account, name, approved)| {
            Source::Register(schemas::AccountRegister {
                account: (*account).to_owned(),
                name: Some((*name).to_owned()),
                owner: None,
                executive: None,
                third_party: true,
                approved: *approved,
            })
        }));
    }
    sources.extend(risks::changes(organisation, day, config.start_ms));
    sources
}

fn of_account(
    config: Config,
    organisation: Organisation,
    day: usize,
    hour: i64,
    account: usize,
    at_ms: i64,
) -> Vec<Event> {
    let second = hour == SCANS_AT[1];
    let snapshot = Snapshot {
        organisation,
        account,
        size: config.size,
        day,
        second,
        start_ms: config.start_ms,
        at_ms,
    };
    let sources = match hour {
        _ if SCANS_AT.contains(&hour) => scan(snapshot),
        REPORTS_AT => report(snapshot),
        SPEND_AT => vec![spend(snapshot)],
        _ => Vec::new(),
    };
    sources.into_iter().map(|source| Event { at_ms, source }).collect()
}

/// A scan of all scopes of an account.
fn scan(snapshot: Snapshot) -> Vec<Source> {
    let organisation = snapshot.organisation;
    let mut sources = Vec::new();
    for scope in 0..SCOPES.len() {
        if organisation.is_denied(snapshot.account) {
            let error = "AccessDenied: not authorized to perform sts:AssumeRole".to_owned();
            sources.extend(attempt(snapshot, scope, 1, vec![], Err(error)));
            continue;
        }
        let seen = snapshot.scope(scope);
        let half_day = snapshot.day as u64 * 2 + u64::from(snapshot.second);
        let parts = [about::OUTAGE, snapshot.account as u64, scope as u64, half_day];
        if organisation.chance.happens(2, &parts) {
            // The listing breaks off: what was seen until then counts, what was not is not gone.
            let some = seen[..seen.len() / 2].to_vec();
            let error = "ThrottlingException: Rate exceeded".to_owned();
            sources.extend(attempt(snapshot, scope, 1, some, Err(error)));
            if organisation.chance.happens(70, &[parts[0], parts[1], parts[2], parts[3], 1]) {
                sources.extend(attempt(snapshot, scope, 2, seen, Ok(())));
            }
        } else {
            sources.extend(attempt(snapshot, scope, 1, seen, Ok(())));
        }
    }
    sources
}

fn attempt(
    snapshot: Snapshot,
    scope: usize,
    attempt: i32,
    seen: Vec<schemas::Resource>,
    end: Result<(), String>,
) -> Vec<Source> {
    let (resource_type, region) = SCOPES[scope];
    let scan_ms = snapshot.at_ms - snapshot.at_ms.rem_euclid(HOUR_MS);
    let count = i64::try_from(seen.len()).unwrap_or(i64::MAX);
    let end = match end {
        Ok(()) => ObservationEvent::Completed { count },
        Err(error) => ObservationEvent::Failed { error },
    };
    let observed = seen.into_iter().map(|resource| ObservationEvent::Observed { resource });
    let events = std::iter::once(ObservationEvent::Started {}).chain(observed).chain([end]);
    let record = |event| {
        Source::Observed(Observation {
            scan: rfc3339(scan_ms),
            attempt,
            provider: "aws".to_owned(),
            account: snapshot.organisation.id(snapshot.account),
            region: region.to_owned(),
            resource_type: resource_type.to_owned(),
            event,
        })
    };
    events.map(record).collect()
}

/// A CloudSploit report of an account.
fn report(snapshot: Snapshot) -> Vec<Source> {
    let organisation = snapshot.organisation;
    let account = organisation.id(snapshot.account);
    if organisation.is_denied(snapshot.account) {
        return Vec::new();
    }
    let row = |check: &str, subject, resource: &str, status, message: &str| Finding {
        check: check.to_owned(),
        subject,
        region: "eu-west-1".to_owned(),
        resource: resource.to_owned(),
        status,
        message: message.to_owned(),
    };
    use {FindingStatus as Status, FindingSubject as Subject};
    let parts = |aspect| [about::REPORT, snapshot.account as u64, aspect];
    let databases = organisation.chance.below(4, &[about::COUNT, snapshot.account as u64]);
    let mut rows: Vec<Finding> = (0..databases)
        .map(|n| {
            let arn = format!("arn:aws:rds:eu-west-1:{account}:db:orders-{n}");
            let bad = organisation.chance.happens(25, &parts(n))
                && snapshot.day as u64 <= organisation.chance.below(60, &parts(n + 10));
            let (status, message) = if bad {
                (Status::Fail, "Encryption at rest is not enabled")
            } else {
                (Status::Pass, "Encryption at rest is enabled")
            };
            row("rdsEncryptionEnabled", Subject::Resource, &arn, status, message)
        })
        .collect();
    if databases == 0 {
        let message = "No RDS instances found";
        rows.push(row("rdsEncryptionEnabled", Subject::Empty, "", Status::Pass, message));
    }
    let (status, message) = if organisation.chance.happens(12, &parts(99)) {
        (Status::Fail, "CloudTrail is not enabled")
    } else {
        (Status::Pass, "CloudTrail is enabled and monitoring regions")
    };
    rows.push(row("cloudtrailEnabled", Subject::Account, &account, status, message));
    let unable = "Unable to query for GuardDuty detectors";
    rows.push(row("guardDutyEnabled", Subject::Query, "", Status::Unknown, unable));
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let found = rows.into_iter().map(|finding| ReportEvent::Found { finding });
    let end = ReportEvent::Completed { count, complete: true };
    let events = std::iter::once(ReportEvent::Started {}).chain(found).chain([end]);
    let record = |event| {
        Source::Reported(Report {
            source: "cloudsploit".to_owned(),
            report: rfc3339(snapshot.at_ms),
            account: account.clone(),
            event,
        })
    };
    events.map(record).collect()
}

fn spend(snapshot: Snapshot) -> Source {
    let chance = snapshot.organisation.chance;
    let of_day = 2_000 + chance.below(90_000, &[about::SPEND, snapshot.account as u64]) as i64;
    Source::Spent(Spend {
        account: snapshot.organisation.id(snapshot.account),
        // Charges of a month run up from its first day.
        cents: of_day * (snapshot.day as i64 % 30 + 1),
        currency: "USD".to_owned(),
        captured_ms: snapshot.at_ms,
    })
}
