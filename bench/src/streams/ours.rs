//! Our side: events as the records that the account stage reads in production, and its scores.
//!
//! The first findings come in a report for each account; a flip is a finding that changed outside
//! of any report.

use std::sync::Arc;

use anyhow::{Context, Result};
use schemas::{
    AccountKey, CheckMapping, Codec, Exception, ExceptionKey, Finding, FindingStatus,
    FindingSubject, Key, Placement, Report, ReportEvent, Requirement, RequirementKey, ScoreKey,
    ScoreState, Scoring, Severity, Tick, TickKey, Topic, Value, headers, partition_of, topic,
};

use super::{
    feed::{Outgoing, Translate},
    fold::Counts,
    workload::{Event, Shape, Subject, What},
};

/// The scanner.
const SOURCE: &str = "cloudsploit";

/// Writes events as source records.
pub(crate) struct Ours {
    codec: Codec,
    prefix: String,
    partitions: i32,
    shape: Shape,
    /// Accounts whose report has begun, and subjects that it has told of.
    begun: Vec<bool>,
    told: Vec<bool>,
    count: u64,
}

impl Ours {
    pub(crate) fn new(prefix: &str, partitions: i32, shape: Shape) -> Self {
        Self {
            codec: Codec::default(),
            prefix: prefix.to_owned(),
            partitions,
            shape,
            begun: vec![false; shape.accounts as usize],
            told: vec![false; usize::try_from(shape.keys()).expect("keys fit in memory")],
            count: 0,
        }
    }

    fn found(
        &mut self,
        subject: Subject,
        fails: bool,
        at_ms: i64,
        to: &mut Vec<Outgoing>,
    ) -> Result<()> {
        let account = subject.account;
        if !std::mem::replace(&mut self.begun[account as usize], true) {
            self.report(account, ReportEvent::Started {}, at_ms, to)?;
        }
        let was_told = std::mem::replace(&mut self.told[self.shape.index(subject)], true);
        let finding = Finding {
            check: check(subject.check),
            subject: FindingSubject::Resource,
            region: "eu-west-1".to_owned(),
            resource: resource(subject.resource),
            status: if fails { FindingStatus::Fail } else { FindingStatus::Pass },
            message: if fails { "is not encrypted" } else { "is encrypted" }.to_owned(),
            totals: None,
        };
        let event = if was_told {
            ReportEvent::Changed { finding }
        } else {
            ReportEvent::Found { finding }
        };
        self.report(account, event, at_ms, to)
    }

    fn report(
        &mut self,
        account: u32,
        event: ReportEvent,
        at_ms: i64,
        to: &mut Vec<Outgoing>,
    ) -> Result<()> {
        let account = account_id(account);
        let report = Report {
            source: SOURCE.to_owned(),
            report: "0000000001".to_owned(),
            account: account.clone(),
            event,
        };
        self.put(&topic::REPORT, &AccountKey::new(account), Some(&report), at_ms, to)
    }

    /// Adds a record as producers of ours write it: with its headers, and to every partition where
    /// it concerns all accounts.
    fn put<K: Key, V: Value>(
        &mut self,
        topic: &Topic<K, V>,
        key: &K,
        value: Option<&V>,
        at_ms: i64,
        to: &mut Vec<Outgoing>,
    ) -> Result<()> {
        let name: Arc<str> = topic.spec.full_name(&self.prefix).into();
        let value = value.map(|value| self.codec.encode(&name, value)).transpose()?;
        self.count += 1;
        let (text, number) = (key.encode(), self.count);
        let headers = headers::cloud_event(&headers::Event {
            id: &format!("{text}/{at_ms}/{number}"),
            kind: topic.spec.name,
            source: "/scorecard/bench",
            time_ms: at_ms,
        });
        let partitions = match topic.spec.placement {
            Placement::Broadcast => 0..self.partitions,
            Placement::Keyed | Placement::Local => {
                let partition = partition_of(&key.partition_key(), self.partitions);
                partition..partition + 1
            }
        };
        to.extend(partitions.map(|partition| Outgoing {
            topic: name.clone(),
            partition,
            at_ms,
            key: text.clone().into_bytes(),
            value: value.clone(),
            headers: headers.clone(),
        }));
        Ok(())
    }
}

impl Translate for Ours {
    fn first(&mut self, at_ms: i64) -> Result<Vec<Outgoing>> {
        let mut to = Vec::new();
        for number in 0..self.shape.checks {
            let requirement = requirement(number);
            let key = RequirementKey::new(&*requirement.id);
            self.put(&topic::REQUIREMENT, &key, Some(&requirement), at_ms, &mut to)?;
        }
        Ok(to)
    }

    fn add(&mut self, event: &Event, to: &mut Vec<Outgoing>) -> Result<()> {
        let at_ms = event.at_ms;
        match event.what {
            What::Found { subject, fails } => self.found(subject, fails, at_ms, to),
            What::Loaded { account } => {
                let count = i64::try_from(self.shape.keys()).context("counting keys")?
                    / i64::from(self.shape.accounts);
                self.report(account, ReportEvent::Completed { count, complete: true }, at_ms, to)
            }
            What::Excepted { id, subject, expires_ms } => {
                let exception = exception(id, subject, expires_ms);
                let key = ExceptionKey::new(&*exception.id);
                self.put(&topic::EXCEPTION, &key, Some(&exception), at_ms, to)
            }
            What::Withdrawn { id, .. } => {
                let key = ExceptionKey::new(exception_id(id));
                self.put(&topic::EXCEPTION, &key, None, at_ms, to)
            }
            What::Tick { minute_ms } => {
                let tick = Tick { minute_ms };
                self.put(&topic::TICK, &TickKey { minute_ms }, Some(&tick), at_ms, to)
            }
            // The tick does it.
            What::Expired { .. } => Ok(()),
        }
    }
}

/// Reads a score as counts; none for those of an account as a whole.
pub(crate) fn read_score(key: &[u8], value: &[u8]) -> Result<Option<(u32, u16, Counts)>> {
    let text = std::str::from_utf8(key).context("reading a score's key")?;
    let key = ScoreKey::decode(text).with_context(|| format!("{text} is no score's key"))?;
    let Some(check) = key.requirement.strip_prefix("requirement-") else { return Ok(None) };
    let account: u64 = key.account.parse().context("reading an account's id")?;
    let score: ScoreState = Codec::default().decode(value)?;
    let ScoreState { total, noncompliant, excepted, .. } = score;
    let account = u32::try_from(account - ACCOUNT_BASE).context("reading an account's id")?;
    Ok(Some((account, check.parse()?, Counts { total, noncompliant, excepted })))
}

const ACCOUNT_BASE: u64 = 100_000_000_000;

/// Gives an account's id in twelve digits.
pub(crate) fn account_id(account: u32) -> String {
    format!("{}", ACCOUNT_BASE + u64::from(account))
}

fn check(number: u16) -> String {
    format!("check-{number:02}")
}

fn resource(number: u32) -> String {
    format!("vol-{number:012x}")
}

fn requirement_id(number: u16) -> String {
    format!("requirement-{number:02}")
}

fn exception_id(number: u32) -> String {
    format!("RISK-{number:06}")
}

fn requirement(number: u16) -> Requirement {
    Requirement {
        id: requirement_id(number),
        title: "Volumes are encrypted".to_owned(),
        why: "A lost disk tells nothing.".to_owned(),
        severity: Severity::High,
        weight: 1 + i64::from(number % 5),
        resource_type: "AWS::EC2::Volume".to_owned(),
        scoring: Scoring::Resources,
        rule: None,
        checks: vec![CheckMapping {
            source: SOURCE.to_owned(),
            check: check(number),
            warn_passes: false,
        }],
        remediation: "Encrypt the volume.".to_owned(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

fn exception(id: u32, subject: Subject, expires_ms: Option<i64>) -> Exception {
    Exception {
        id: exception_id(id),
        accounts: vec![account_id(subject.account)],
        requirements: vec![requirement_id(subject.check)],
        resource: resource(subject.resource),
        approved: true,
        reason: "moves to the new platform".to_owned(),
        owner: "owner@example.com".to_owned(),
        expires_ms,
        ..Exception::default()
    }
}
