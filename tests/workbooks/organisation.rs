//! Three months of a simulated organisation, with what the simulator alone would never bring about.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use producer_simulator::{Config, Event, Source, publish, simulate};
use schemas::{
    AccountKey, AccountListing, AccountRegister, AccountStatus, Codec, Exception, ExceptionState,
    Observation, ObservationEvent, Requirement, RequirementKey, Resource, Scoring, Tick, topic,
};
use serde_json::{Map, Value};
use stream::{Log, Publisher};

/// 2026-01-05, midnight, as the demo begins.
const START_MS: i64 = 1_767_571_200_000;
const DAY_MS: i64 = 86_400_000;

/// Thirteen weeks and some days; the last tick is amid the last scans, and hours after the last
/// one of the other days.
const DAYS: usize = 95;
const LAST_TICK_MINUTES: i64 = 15 * 60 + 30;
const END_MS: i64 = START_MS + (DAYS as i64 - 1) * DAY_MS + LAST_TICK_MINUTES * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;

/// Accounts from the first day on, and those that join in the last week.
const ACCOUNTS: usize = 14;
const JOINED: usize = 12;

/// Ticks are half a day apart, buckets few, and one day in three is scanned before the last ones:
/// all hours of all days would take minutes.
const TICK_MINUTES: usize = 12 * 60;
const SIZE: usize = 3;
const SCANNED_DAYS: i64 = 3;
const LAST_DAYS: i64 = 10;

/// Accounts that the register plans: more than a line names.
const PLANNED: usize = 9;

/// More executives than a summary lists.
const EXECUTIVES: usize = 10;

/// Accounts by their number. One region of this one is never seen, and this one is scanned no more.
const PARTLY: usize = 1;
const OLD: usize = 2;
/// Its access keys are made inactive, and for months its buckets' logging could not be read.
const INACTIVE: usize = 5;
const UNREAD: usize = 0;
/// These have an owner of their own and hold one type alone, so that there is every grade.
const HOLD: [(usize, &str); 3] =
    [(8, "AWS::IAM::CredentialReport"), (9, "AWS::S3::Bucket"), (12, "AWS::EC2::SecurityGroup")];
/// What nobody is told the spend of: all that one executive has, and a part of what another has.
const FREE: [usize; 3] = [3, 13, 12];
const UNASSIGNED: usize = 7;
const SUSPENDED: usize = 10;
const LEFT: usize = 11;

/// A principal that nobody knows, and a vendor who gets its place.
const STRANGER: &str = "990000000027";
const VENDOR: &str = "464622532012";

/// A third party that the simulator's register approves.
const APPROVED: &str = "900000000001";

/// Requirements that come in the last week, go in it, and weigh otherwise before.
const NEW: &str = "s3-versioning";
const GONE: &str = "s3-tls";
const REWEIGHED: &str = "s3-block-public";

/// A record of a source.
enum Record {
    Event(Box<Event>),
    Requirement(Box<Requirement>),
    NoRequirement(&'static str),
    NoListing(String),
}

/// Writes all of it into an empty log, in the order of its times.
pub(crate) fn write(log: &dyn Log, prefix: &str) -> Result<()> {
    let base = Config {
        accounts: ACCOUNTS,
        days: DAYS,
        size: SIZE,
        start_ms: START_MS,
        tick_minutes: TICK_MINUTES,
        ..Config::default()
    };
    let all: Vec<Event> = simulate(&base).collect();
    let ids: Vec<String> = listed(&all);
    let number: BTreeMap<&str, usize> =
        ids.iter().zip(0..).map(|(id, number)| (id.as_str(), number)).collect();
    let mut events = late(&ids, &all);
    events.extend(all.into_iter().filter(is_taken).filter_map(|event| changed(event, &number)));
    events.extend(joined(&base));
    let mut records = standard();
    records.extend(events.into_iter().map(|event| (event.at_ms, Record::Event(event.into()))));
    records.push((END_MS - DAY_MS, Record::NoListing(ids[LEFT].clone())));
    // The sort is stable: at one time the standard is there first.
    records.sort_by_key(|(at_ms, _)| *at_ms);
    let mut publisher = Publisher::open(log, &Codec::default(), prefix, "producer simulator")?;
    for (at_ms, record) in &records {
        append(&mut publisher, *at_ms, record)?;
    }
    publisher.flush().context("writing the simulated organisation")
}

fn append(publisher: &mut Publisher, at_ms: i64, record: &Record) -> Result<()> {
    let key = |id: &str| RequirementKey::new(id);
    match record {
        Record::Event(event) => publish(event, publisher)?,
        Record::Requirement(one) => {
            publisher.put(&topic::REQUIREMENT, &key(&one.id), &**one, at_ms)?;
        }
        Record::NoRequirement(id) => publisher.tombstone(&topic::REQUIREMENT, &key(id), at_ms)?,
        Record::NoListing(id) => {
            publisher.tombstone(&topic::ACCOUNT_LISTING, &AccountKey::new(&**id), at_ms)?;
        }
    }
    Ok(())
}

/// The standard as it ships, with a penalty, and what comes, goes and is changed over time.
fn standard() -> Vec<(i64, Record)> {
    let mut records = Vec::new();
    let mut add = |at_ms, one: Requirement| records.push((at_ms, Record::Requirement(one.into())));
    for one in producer_standard::shipped().requirements {
        match &*one.id {
            NEW => add(END_MS - 3 * DAY_MS, one),
            REWEIGHED => {
                add(START_MS, Requirement { weight: one.weight + 5, ..one.clone() });
                add(END_MS - 20 * DAY_MS, one);
            }
            "s3-encryption" => {
                let penalty = Requirement {
                    id: "penalty-encryption".to_owned(),
                    title: "Buckets without encryption add up".to_owned(),
                    scoring: Scoring::Penalty,
                    checks: Vec::new(),
                    ..one.clone()
                };
                add(START_MS, one);
                add(START_MS, penalty);
            }
            _ => add(START_MS, one),
        }
    }
    records.push((END_MS - 2 * DAY_MS, Record::NoRequirement(GONE)));
    records
}

fn listed(events: &[Event]) -> Vec<String> {
    let accounts = events.iter().filter_map(|event| match &event.source {
        Source::Listing(row) => Some(row.account.clone()),
        _ => None,
    });
    accounts.collect()
}

fn is_taken(event: &Event) -> bool {
    let day = (event.at_ms - START_MS) / DAY_MS;
    let is_scan = matches!(event.source, Source::Observed(_) | Source::Reported(_));
    !is_scan || day % SCANNED_DAYS == 0 || event.at_ms > END_MS - LAST_DAYS * DAY_MS
}

/// Gives an event as it is here; none where its source is silent.
fn changed(mut event: Event, number: &BTreeMap<&str, usize>) -> Option<Event> {
    let at_ms = event.at_ms;
    match &mut event.source {
        Source::Listing(row) => {
            let n = number[&*row.account];
            let units: &[&str] = if n.is_multiple_of(2) { &["prod", "shop"] } else { &["test"] };
            row.units = units.iter().map(|unit| (*unit).to_owned()).collect();
            let stage = if n < 5 { "prod" } else { "test" };
            row.tags = BTreeMap::from([("stage".to_owned(), stage.to_owned())]);
        }
        Source::Register(row) => {
            let Some(&n) = number.get(&*row.account) else { return Some(event) };
            row.executive = Some(format!("executive-{}@example.com", n % EXECUTIVES));
            if n == UNASSIGNED {
                (row.owner, row.executive) = (None, None);
            } else if HOLD.iter().any(|(holder, _)| *holder == n) {
                row.owner = Some(format!("owner-{n}@example.com"));
            }
        }
        Source::Spent(row) if FREE.contains(&number[&*row.account]) => return None,
        Source::Observed(row) => {
            let n = number[&*row.account];
            if n == OLD && at_ms > END_MS - 3 * DAY_MS {
                return None;
            }
            if n == PARTLY && row.region == "us-east-1" {
                let error = "AccessDenied: not authorized in this region".to_owned();
                return seen(row, false, Err(error)).then_some(event);
            }
            let hold = HOLD.iter().find(|(holder, _)| *holder == n);
            if !seen(row, hold.is_none_or(|(_, kind)| row.resource_type == *kind), Ok(())) {
                return None;
            }
            if let ObservationEvent::Observed { resource } = &mut row.event {
                changed_resource(n, at_ms, resource);
            }
        }
        _ => {}
    }
    Some(event)
}

/// Makes a record that of a scope without resources, or of one that fails; tells whether it stays.
fn seen(row: &mut Observation, holds: bool, end: Result<(), String>) -> bool {
    match &mut row.event {
        ObservationEvent::Observed { .. } => return holds,
        ObservationEvent::Completed { count } if !holds => *count = 0,
        _ => {}
    }
    if let (ObservationEvent::Completed { .. }, Err(error)) = (&row.event, end) {
        row.event = ObservationEvent::Failed { error };
    }
    true
}

fn changed_resource(n: usize, at_ms: i64, resource: &mut Resource) {
    resource.configuration = resource.configuration.replace(STRANGER, VENDOR);
    if n == INACTIVE && at_ms > END_MS - 2 * DAY_MS {
        resource.supplementary = resource.supplementary.replace("\"Active\"", "\"Inactive\"");
    }
    let has_logging = resource.resource_type == "AWS::S3::Bucket";
    if n == UNREAD && has_logging && at_ms < END_MS - 4 * DAY_MS {
        resource.errors.insert("Logging".to_owned(), "AccessDenied: Access Denied".to_owned());
        let mut further: Map<String, Value> =
            serde_json::from_str(&resource.supplementary).expect("the simulator writes objects");
        further.remove("Logging");
        resource.supplementary = Value::Object(further).to_string();
    }
}

/// What is said of the accounts that join: another organisation's, with one owner.
fn joined(base: &Config) -> Vec<Event> {
    let days = 4;
    let start_ms = START_MS + (DAYS - days) as i64 * DAY_MS;
    let all = simulate(&Config { seed: 2, accounts: JOINED, days, start_ms, ..*base });
    let all: Vec<Event> = all.collect();
    let ids = listed(&all);
    let own = all.into_iter().filter_map(|mut event| {
        match &mut event.source {
            Source::Register(row) if row.third_party => return None,
            Source::Register(row) => {
                (row.owner, row.executive) = (Some("joined@example.com".to_owned()), None);
            }
            Source::Granted(_) | Source::Withdrawn(_) | Source::Ticked(_) => return None,
            // Those of the second payer hold nothing that trusts anybody, some nothing at all.
            Source::Observed(row) if ids[JOINED / 2..].contains(&row.account) => {
                let trusts = ["AWS::IAM::Role", "AWS::S3::Bucket"].contains(&&*row.resource_type);
                let is_empty = ids.iter().position(|id| *id == row.account) > Some(JOINED - 4);
                return seen(row, !trusts && !is_empty, Ok(())).then_some(event);
            }
            _ => {}
        }
        Some(event)
    });
    own.collect()
}

/// What happens in the last days, what the register has besides, and exceptions of every kind.
fn late(ids: &[String], all: &[Event]) -> Vec<Event> {
    let event = |days_before: i64, source| {
        let at_ms = END_MS - days_before * DAY_MS;
        Event { at_ms, source }
    };
    let first = |source| Event { at_ms: START_MS, source };
    let suspended = all.iter().find_map(|event| match &event.source {
        Source::Listing(row) if row.account == ids[SUSPENDED] => Some(row.clone()),
        _ => None,
    });
    let suspended = suspended.map(|row| {
        event(1, Source::Listing(AccountListing { status: AccountStatus::Suspended, ..row }))
    });
    let third_party = AccountRegister {
        account: APPROVED.to_owned(),
        name: Some("Backup Ltd".to_owned()),
        owner: None,
        executive: None,
        third_party: true,
        approved: false,
    };
    let mut events = vec![
        event(2, Source::Register(third_party)),
        event(1, Source::Withdrawn("taken-back".to_owned())),
        event(0, Source::Ticked(Tick { minute_ms: END_MS })),
    ];
    events.extend(suspended);
    events.extend((0..PLANNED).map(|n| first(Source::Register(planned(n)))));
    events.extend(exceptions(ids).into_iter().map(|one| first(Source::Granted(one))));
    events
}

/// An account that no payer lists and no collector knows.
fn planned(n: usize) -> AccountRegister {
    AccountRegister {
        account: format!("{:012}", 7_000 + n),
        name: Some(format!("planned {n}")),
        owner: Some("planner@example.com".to_owned()),
        executive: Some("executive-0@example.com".to_owned()),
        third_party: false,
        approved: false,
    }
}

fn exceptions(ids: &[String]) -> Vec<Exception> {
    let one = |id: &str, requirement: &str| Exception {
        id: id.to_owned(),
        accounts: vec!["*".to_owned()],
        requirements: vec![requirement.to_owned()],
        resource: "*".to_owned(),
        approved: true,
        reason: format!("reason of {id}"),
        owner: "risk-committee@example.com".to_owned(),
        ..Exception::default()
    };
    let decided = |state, exception| Exception { state: Some(state), ..exception };
    let on = |accounts: &[&str], exception| Exception {
        accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
        ..exception
    };
    let starts =
        |days: i64, exception| Exception { starts_ms: Some(END_MS + days * DAY_MS), ..exception };
    let ends =
        |days: i64, exception| Exception { expires_ms: Some(END_MS + days * DAY_MS), ..exception };
    let mut all = vec![
        starts(-3, ends(200, one("began", "s3-logging"))),
        ends(-2, one("ended", "s3-block-public")),
        one("taken-back", "iam-role-unused"),
        starts(5, on(&["tag:stage=prod"], one("waits", "s3-encryption"))),
        decided(ExceptionState::Rejected, on(&["unit:prod"], one("refused", "iam-console-mfa"))),
        decided(
            ExceptionState::Withdrawn,
            on(&[&ids[0], &ids[1], "999999999999"], one("no-longer", "*")),
        ),
        ends(-20, on(&["unit:prod/shop"], one("over", "ec2-unused-group"))),
    ];
    // More than one line names, and more than a summary lists.
    let over = ["ec2-default-group", "iam-access-key-unused", "iam-password-unused", "s3-grants"];
    all.extend(over.map(|requirement| ends(-30, one(&format!("over-{requirement}"), requirement))));
    all.extend((0..11).map(|n| {
        let waits = ends(n + 1, one(&format!("soon-{n:02}"), "s3-encryption"));
        Exception { resource: format!("nothing-{n}"), ..waits }
    }));
    all
}
