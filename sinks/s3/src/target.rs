//! The bucket as a target of the frame: rows in, puts and deletes out, and names of accounts kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemas::topic::{ACCOUNT_STATE, RESOURCE_STATE};
use schemas::{AccountKey, Codec, Key, ResourceKey, TopicSpec, partition_of};
use sink_frame::{Courier, Delivery, Encoded, Entry, Failure, Part, Role, Target, read_until};
use stream::{Log, Position, Record, snapshot};

use crate::batch::{self, Batch};
use crate::chores::Chores;
use crate::encode::{self, AccountNames, Change, Rows, Unfit};
use crate::write::Round;
use crate::{Bucket, S3Error};

/// What the sink follows: the inventory, and the names of accounts that documents show.
const INPUTS: [&TopicSpec; 2] = [RESOURCE_STATE.spec, ACCOUNT_STATE.spec];

/// The sink among the processes that share the log.
pub const ROLE: Role = Role { name: "sink-s3", inputs: &INPUTS, outputs: &[], pinned: false };

/// What a run keeps in its bucket besides an object a resource, and how it reads the log.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// The log.
    pub log: &'a dyn Log,
    /// How values are read.
    pub codec: &'a Codec,
    /// Whether the days' files are written.
    pub lake: bool,
    /// Whether the running day's files are written anew when they are there and whole.
    pub anew: bool,
    /// The folder of the owners' workbooks; none when they stay where they are.
    pub workbooks: Option<&'a Path>,
    /// Gives the time in UTC milliseconds: whose day it is.
    pub now_ms: &'a (dyn Fn() -> i64 + Sync),
}

/// The inventory in a bucket.
pub struct Inventory<'a> {
    pub(crate) settings: Settings<'a>,
    pub(crate) bucket: &'a Bucket,
    pub(crate) accounts: AccountNames,
    pub(crate) chores: Chores,
    /// Accounts with another name, by partition, whose documents are still to be put anew.
    renamed: BTreeMap<i32, BTreeSet<String>>,
}

/// What puts and deletes objects.
pub struct Puts<'a> {
    bucket: &'a Bucket,
}

impl<'a> Inventory<'a> {
    /// Makes a target of a bucket; no call is made yet.
    pub fn new(bucket: &'a Bucket, settings: Settings<'a>) -> Self {
        Self {
            settings,
            bucket,
            accounts: AccountNames::new(),
            chores: Chores::default(),
            renamed: BTreeMap::new(),
        }
    }

    /// Gives a partition's rows as the log holds them now.
    pub(crate) fn rows(&self, partition: i32) -> Result<Rows, Failure> {
        let (log, topic) = (self.settings.log, RESOURCE_STATE.spec);
        let ends = log.ends(&[topic])?;
        let to: Vec<Position> = ends.into_iter().filter(|end| end.partition == partition).collect();
        let mut rows = Rows::new();
        let from = Position { topic, partition, offset: 0 };
        snapshot::between::<Failure>(log, &[from], &to, |records| {
            for Record { key, value, .. } in records {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// Gives the partition that an account's records lie in.
    pub(crate) fn partition(&self, account: &str) -> i32 {
        partition_of(&AccountKey::new(account).partition_key(), self.settings.log.partitions())
    }

    /// Reads the names that accounts have below these positions.
    fn names(&self, below: &[Position]) -> Result<AccountNames, Failure> {
        let start: Vec<Position> =
            below.iter().map(|position| Position { offset: 0, ..*position }).collect();
        let mut names = AccountNames::new();
        snapshot::between::<Failure>(self.settings.log, &start, below, |records| {
            for record in records {
                match batch::account_name(&record, self.settings.codec) {
                    Ok((account, name)) => {
                        batch::rename(&mut names, &BTreeMap::from([(account, name)]));
                    }
                    Err(error) if error.is_transient() => return Err(unreadable(error)),
                    // It is a dead letter already.
                    Err(_) => {}
                }
            }
            Ok(())
        })?;
        Ok(names)
    }

    /// Gives all documents of accounts of one partition.
    fn documents(
        &self,
        partition: i32,
        accounts: &BTreeSet<String>,
    ) -> Result<Vec<Change>, Failure> {
        let mut changes = Vec::new();
        for (key, value) in &self.rows(partition)? {
            let is_theirs = |key: ResourceKey| accounts.contains(&key.account);
            if !encode::key(key).is_ok_and(is_theirs) {
                continue;
            }
            match encode::change(key, Some(value), &self.accounts, self.settings.codec) {
                Ok(change) => changes.push(change),
                Err(error) if error.is_transient() => return Err(unreadable(error)),
                // It is a dead letter already, or will be when its turn comes.
                Err(_) => {}
            }
        }
        Ok(changes)
    }
}

impl<'a> Target for Inventory<'a> {
    type Item = Change;
    type Courier = Puts<'a>;

    fn courier(&self) -> Puts<'a> {
        Puts { bucket: self.bucket }
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        let read = read_until(self.settings.log, positions, &[ACCOUNT_STATE.spec])?;
        let names = self.names(&read)?;
        let read: BTreeSet<i32> = read.iter().map(|position| position.partition).collect();
        let kept = std::mem::take(&mut self.accounts).into_iter();
        let kept = kept.filter(|(account, _)| !read.contains(&self.partition(account)));
        let kept: AccountNames = kept.collect();
        self.accounts = names;
        self.accounts.extend(kept);
        self.renamed.clear();
        Ok(())
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.chores.revoked(partitions);
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<Change>, Failure> {
        let made = batch::batch(records, &self.accounts, self.settings.codec);
        let Batch { changes, renamed, settled } = made.map_err(unreadable)?;
        batch::rename(&mut self.accounts, &renamed);
        self.renamed.clear();
        for account in renamed.into_keys() {
            self.renamed.entry(self.partition(&account)).or_default().insert(account);
        }
        let mut encoded = settled;
        changes.into_iter().for_each(|(record, change)| encoded.item(record, change));
        if !self.renamed.is_empty() {
            encoded.more_follows();
        }
        Ok(encoded)
    }

    /// Puts all documents of accounts with new names anew, a partition's at a time.
    fn follow_up(&mut self) -> Result<Option<Vec<Change>>, Failure> {
        let Some((&partition, accounts)) = self.renamed.first_key_value() else { return Ok(None) };
        let changes = self.documents(partition, accounts)?;
        self.renamed.remove(&partition);
        Ok(Some(changes))
    }

    fn chores(&mut self, owned: &BTreeSet<i32>) -> Result<Option<Vec<Change>>, Failure> {
        self.chore(owned)
    }
}

impl Courier for Puts<'_> {
    type Item = Change;

    fn deliver(&mut self, entries: Vec<Entry<Change>>, _: &[Part]) -> Delivery<Change> {
        let Round { put, deleted, mut delivery } = self.bucket.apply(entries);
        delivery.effect("put", put);
        delivery.effect("deleted", deleted);
        delivery
    }
}

/// Wraps what makes rows unreadable for now.
pub(crate) fn unreadable(error: Unfit) -> Failure {
    Failure::again(S3Error::Row { topic: RESOURCE_STATE.spec.name, source: Box::new(error) })
}
