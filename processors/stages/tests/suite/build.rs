//! Builds source records: plain values, and their encoding with offsets by topic and partition.

use std::collections::BTreeMap;

use schemas::{
    AccountKey, AccountListing, AccountRegister, AccountStatus, CheckMapping, Codec, Exception,
    ExceptionKey, Finding, FindingStatus, FindingSubject, Key, Observation, ObservationEvent,
    Placement, Report, ReportEvent, Requirement, RequirementKey, Resource, RuleText, Scoring,
    Severity, Spend, Tick, TickKey, Topic, Value, partition_of, topic,
};
use stream::Record;

/// 2026-01-01T00:00:00Z in UTC milliseconds (`date -u -d 2026-01-01 +%s`).
pub(crate) const T0: i64 = 1_767_225_600_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const DAY: i64 = 86_400_000;

/// A source record before it is bytes; the text is its key where the value may be gone.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Tick(i64),
    Listing(String, Option<AccountListing>),
    Register(String, Option<AccountRegister>),
    Requirement(String, Option<Requirement>),
    Exception(String, Option<Exception>),
    Spend(String, Option<Spend>),
    Observation(Observation),
    Report(Report),
    /// A record whose bytes are no value of its topic; the key is an account's.
    Poison(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at_ms: i64,
    pub(crate) source: Source,
}

impl Event {
    pub(crate) fn topic(&self) -> &'static str {
        match &self.source {
            Source::Tick(_) => "tick",
            Source::Listing(..) => "account.listing",
            Source::Register(..) => "account.register",
            Source::Requirement(..) => "requirement",
            Source::Exception(..) => "exception",
            Source::Spend(..) => "spend",
            Source::Observation(_) | Source::Poison(_) => "observation",
            Source::Report(_) => "report",
        }
    }
}

/// Gives records their partitions and offsets.
pub(crate) struct Tape {
    partitions: i32,
    next: BTreeMap<(&'static str, i32), i64>,
}

impl Tape {
    pub(crate) fn new(partitions: i32) -> Self {
        Self { partitions, next: BTreeMap::new() }
    }

    /// Encodes an event: one record, or one for each partition where it concerns all accounts.
    pub(crate) fn records(&mut self, event: &Event) -> Vec<Record> {
        let at = event.at_ms;
        match &event.source {
            Source::Tick(minute_ms) => {
                let minute_ms = *minute_ms;
                let value = Some(Tick { minute_ms });
                self.make(&topic::TICK, &TickKey { minute_ms }, value.as_ref(), at)
            }
            Source::Listing(id, value) => {
                let key = AccountKey::new(id);
                self.make(&topic::ACCOUNT_LISTING, &key, value.as_ref(), at)
            }
            Source::Register(id, value) => {
                let key = AccountKey::new(id);
                self.make(&topic::ACCOUNT_REGISTER, &key, value.as_ref(), at)
            }
            Source::Requirement(id, value) => {
                let key = RequirementKey::new(id);
                self.make(&topic::REQUIREMENT, &key, value.as_ref(), at)
            }
            Source::Exception(id, value) => {
                let key = ExceptionKey::new(id);
                self.make(&topic::EXCEPTION, &key, value.as_ref(), at)
            }
            Source::Spend(id, value) => {
                self.make(&topic::SPEND, &AccountKey::new(id), value.as_ref(), at)
            }
            Source::Observation(value) => {
                let key = AccountKey::new(&*value.account);
                self.make(&topic::OBSERVATION, &key, Some(value), at)
            }
            Source::Report(value) => {
                let key = AccountKey::new(&*value.account);
                self.make(&topic::REPORT, &key, Some(value), at)
            }
            Source::Poison(account) => {
                let key = AccountKey::new(account);
                let mut records = self.make(&topic::OBSERVATION, &key, None, at);
                records[0].value = Some(b"\xc3\x01nonsense".to_vec());
                records
            }
        }
    }

    fn make<K: Key, V: Value>(
        &mut self,
        of: &Topic<K, V>,
        key: &K,
        value: Option<&V>,
        timestamp_ms: i64,
    ) -> Vec<Record> {
        let name = of.spec.full_name("scorecard");
        let value = value.map(|v| Codec::default().encode(&name, v).expect("a value encodes"));
        let own = partition_of(&key.partition_key(), self.partitions);
        let to = match of.spec.placement {
            Placement::Broadcast => 0..self.partitions,
            Placement::Keyed | Placement::Local => own..own + 1,
        };
        to.map(|partition| {
            let next = self.next.entry((of.spec.name, partition)).or_default();
            let offset = *next;
            *next += 1;
            Record {
                topic: of.spec,
                partition,
                offset,
                timestamp_ms,
                key: key.encode().into_bytes(),
                value: value.clone(),
                headers: Vec::new(),
            }
        })
        .collect()
    }
}

/// The organisation of a payer, in the form of AWS's.
pub(crate) fn organisation(payer: &str) -> String {
    format!("o-0000{}", payer.replace('-', "000"))
}

pub(crate) fn listing(account: &str, payer: &str) -> AccountListing {
    AccountListing {
        provider: "aws".into(),
        account: account.into(),
        payer: payer.into(),
        name: format!("{account}-listed"),
        email: "root@example.com".into(),
        status: AccountStatus::Active,
        units: vec!["all".into(), payer.into()],
        tags: BTreeMap::from([("of".into(), payer.into())]),
        organisation: organisation(payer),
    }
}

pub(crate) fn register(account: &str, owner: Option<&str>) -> AccountRegister {
    AccountRegister {
        account: account.into(),
        name: None,
        owner: owner.map(str::to_owned),
        executive: None,
        third_party: false,
        approved: false,
    }
}

pub(crate) fn spend(account: &str, cents: i64) -> Spend {
    Spend { account: account.into(), cents, currency: "USD".into(), captured_ms: T0 }
}

/// A resource: name `<id>-name`, ARN `arn:test:<id>`.
pub(crate) fn resource(
    account: &str,
    region: &str,
    of_type: &str,
    id: &str,
    config: &str,
) -> Resource {
    Resource {
        provider: "aws".into(),
        account: account.into(),
        region: region.into(),
        resource_type: of_type.into(),
        id: id.into(),
        name: format!("{id}-name"),
        arn: format!("arn:test:{id}"),
        tags: BTreeMap::new(),
        configuration: config.into(),
        supplementary: "{}".into(),
        errors: BTreeMap::new(),
        truncated: vec![],
        captured_ms: T0,
    }
}

/// A requirement with a rule, of weight 10, one vote a resource.
pub(crate) fn requirement(id: &str, of_type: &str, pass: &str) -> Requirement {
    Requirement {
        id: id.into(),
        title: id.into(),
        why: String::new(),
        severity: Severity::High,
        weight: 10,
        resource_type: of_type.into(),
        scoring: Scoring::Resources,
        rule: Some(RuleText {
            each: None,
            part: None,
            applies: None,
            pass: pass.into(),
            message: Some("bad".into()),
            related: vec![],
        }),
        checks: vec![],
        remediation: String::new(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

/// A requirement that only outside checks feed.
pub(crate) fn checked(id: &str, of_type: &str, checks: &[(&str, bool)]) -> Requirement {
    let mapping = |(check, warn_passes): &(&str, bool)| CheckMapping {
        source: "cloudsploit".into(),
        check: (*check).into(),
        warn_passes: *warn_passes,
    };
    Requirement {
        rule: None,
        checks: checks.iter().map(mapping).collect(),
        ..requirement(id, of_type, "true")
    }
}

/// An approved exception for every account.
pub(crate) fn exception(
    id: &str,
    requirement: &str,
    resource: &str,
    expires: Option<i64>,
) -> Exception {
    Exception {
        id: id.into(),
        accounts: vec!["*".into()],
        requirements: vec![requirement.into()],
        resource: resource.into(),
        approved: true,
        reason: format!("why {id}"),
        owner: "o".into(),
        expires_ms: expires,
        ..Exception::default()
    }
}

pub(crate) fn finding(check: &str, resource: &str, status: FindingStatus) -> Finding {
    Finding {
        check: check.into(),
        subject: FindingSubject::Resource,
        region: "r1".into(),
        resource: resource.into(),
        status,
        message: format!("{check}: {status}"),
        totals: None,
    }
}

pub(crate) fn report(account: &str, id: &str, event: ReportEvent) -> Source {
    Source::Report(Report {
        source: "cloudsploit".into(),
        report: id.into(),
        account: account.into(),
        event,
    })
}

/// The same record of another scanner.
pub(crate) fn of_source(source: &str, record: Source) -> Source {
    match record {
        Source::Report(report) => Source::Report(Report { source: source.into(), ..report }),
        other => other,
    }
}

/// A scope's records.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) account: String,
    pub(crate) of_type: String,
    pub(crate) region: String,
    pub(crate) scan: String,
    pub(crate) attempt: i32,
}

impl Scan {
    pub(crate) fn new(account: &str, of_type: &str, region: &str, scan: &str) -> Self {
        Self {
            account: account.into(),
            of_type: of_type.into(),
            region: region.into(),
            scan: scan.into(),
            attempt: 1,
        }
    }

    pub(crate) fn start(&self) -> Source {
        self.event(ObservationEvent::Started {})
    }

    pub(crate) fn see(&self, resource: &Resource) -> Source {
        let resource = resource.clone();
        self.event(ObservationEvent::Observed { resource })
    }

    pub(crate) fn complete(&self, count: i64) -> Source {
        self.event(ObservationEvent::Completed { count })
    }

    pub(crate) fn fail(&self, error: &str) -> Source {
        let error = error.to_owned();
        self.event(ObservationEvent::Failed { error })
    }

    fn event(&self, event: ObservationEvent) -> Source {
        Source::Observation(Observation {
            scan: self.scan.clone(),
            attempt: self.attempt,
            provider: "aws".into(),
            account: self.account.clone(),
            region: self.region.clone(),
            resource_type: self.of_type.clone(),
            event,
        })
    }
}
