//! The sink as a target of the frame: reads changes, gives events that the frame appends.

use std::collections::BTreeSet;
use std::convert::Infallible;

use schemas::topic::{ACCOUNT_STATE, COMPLIANCE_CHANGE, REQUIREMENT, RESOURCE_CHANGE, SIEM_EVENT};
use schemas::{AccountKey, Codec, Key, TopicSpec, partition_of};
use sink_frame::{Encoded, Failure, Nothing, Role, Target, chain};
use stream::{Log, Position, Record, snapshot};

use crate::event;
use crate::known::{Unfit, key};
use crate::{Config, Known};

/// What the sink is in the log.
pub const ROLE: Role = Role {
    name: "sink-siem",
    inputs: &[ACCOUNT_STATE.spec, REQUIREMENT.spec, COMPLIANCE_CHANGE.spec, RESOURCE_CHANGE.spec],
    outputs: &[SIEM_EVENT],
    pinned: false,
};

/// What events take their words from.
const WORDS: [&TopicSpec; 2] = [ACCOUNT_STATE.spec, REQUIREMENT.spec];

/// The sink with what it knows.
pub struct Siem<'a> {
    log: &'a dyn Log,
    codec: &'a Codec,
    config: &'a Config,
    known: Known,
    /// Requirements and accounts that were asked for in vain.
    missing: BTreeSet<String>,
}

impl<'a> Siem<'a> {
    /// Makes the sink; it reads what it must know when it gets partitions.
    pub fn new(log: &'a dyn Log, codec: &'a Codec, config: &'a Config) -> Self {
        Self { log, codec, config, known: Known::default(), missing: BTreeSet::new() }
    }

    /// Reads what one partition holds of requirements and accounts now.
    fn learn(&mut self, partition: i32) -> Result<(), Failure> {
        let mut ends = self.log.ends(&WORDS)?;
        ends.retain(|end| end.partition == partition);
        let starts: Vec<_> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
        snapshot::between::<Failure>(self.log, &starts, &ends, |records| {
            for record in &records {
                match self.known.take(record, self.codec) {
                    Err(error) if error.is_transient() => return Err(Failure::again(error)),
                    // It is a dead letter already, or will be when its turn comes.
                    Ok(_) | Err(_) => {}
                }
            }
            Ok(())
        })
    }

    /// Makes sure that what a change names is known, if it is known at all: topics are not read in
    /// one order, and a new requirement's first findings may come before it.
    fn look_up(&mut self, record: &Record) -> Result<(), Failure> {
        let unknown: Vec<String> = self.names(record).into_iter().flatten().collect();
        let unknown: Vec<_> =
            unknown.into_iter().filter(|name| !self.missing.contains(name)).collect();
        if !unknown.is_empty() {
            self.learn(record.partition)?;
            self.missing.extend(unknown);
        }
        Ok(())
    }

    /// What a change names and is not known.
    fn names(&self, record: &Record) -> [Option<String>; 2] {
        let (requirement, account) = match record.topic.name {
            name if name == COMPLIANCE_CHANGE.spec.name => {
                match key::<schemas::ComplianceKey>(&record.key) {
                    Ok(key) => (Some(key.requirement), Some(key.account)),
                    Err(_) => (None, None),
                }
            }
            name if name == RESOURCE_CHANGE.spec.name => {
                (None, key::<schemas::ResourceKey>(&record.key).ok().map(|key| key.account))
            }
            _ => (None, None),
        };
        let requirement = requirement.filter(|id| !self.known.requirements.contains_key(id));
        let account = account.filter(|id| !self.known.accounts.contains_key(id));
        [
            requirement.map(|id| format!("requirement {id}")),
            account.map(|id| format!("account {id}")),
        ]
    }
}

impl Target for Siem<'_> {
    /// Events are appended by the frame: nothing is delivered.
    type Item = Infallible;
    type Courier = Nothing;

    fn courier(&self) -> Nothing {
        Nothing
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        let partitions: BTreeSet<i32> = positions.iter().map(|at| at.partition).collect();
        partitions.into_iter().try_for_each(|partition| self.learn(partition))
    }

    fn revoked(&mut self, partitions: &[i32]) {
        let count = self.log.partitions();
        let of = |account: &str| partition_of(&AccountKey::new(account).partition_key(), count);
        self.known.accounts.retain(|account, _| !partitions.contains(&of(account)));
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<Infallible>, Failure> {
        let mut encoded = Encoded::default();
        let unfit = |encoded: &mut Encoded<_>, index, error: Unfit| {
            if error.is_transient() {
                return Err(Failure::again(error));
            }
            encoded.dead(index, chain(&error));
            Ok(())
        };
        let mut changes = Vec::new();
        for (index, record) in records.iter().enumerate() {
            match self.known.take(record, self.codec) {
                Ok(true) => encoded.skipped(index),
                Ok(false) => changes.push(index),
                Err(error) => unfit(&mut encoded, index, error)?,
            }
        }
        for index in changes {
            let record = &records[index];
            self.look_up(record)?;
            match event::event(record, &self.known, self.config, self.codec) {
                Ok(Some(event)) => encoded.output(index, event),
                Ok(None) => encoded.skipped(index),
                Err(error) => unfit(&mut encoded, index, error)?,
            }
        }
        Ok(encoded)
    }
}
