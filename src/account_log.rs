//! The part of the log that concerns one account: all of its tables and histories lie in one
//! partition.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemas::{Key, Topic, Value, partition_of};
use stream::{Position, Record, snapshot};

use crate::site::Site;

/// Reads what topics say of one account.
pub(crate) struct AccountLog<'a> {
    site: &'a Site,
    account: &'a str,
}

impl<'a> AccountLog<'a> {
    pub(crate) fn new(site: &'a Site, account: &'a str) -> Self {
        Self { site, account }
    }

    /// Gives the account's rows of a table.
    pub(crate) fn rows<K: Key, V: Value>(&self, topic: &Topic<K, V>) -> Result<BTreeMap<K, V>> {
        let mut rows: BTreeMap<K, Record> = BTreeMap::new();
        self.records(topic, |key: K, record| {
            match &record.value {
                Some(_) => rows.insert(key, record),
                None => rows.remove(&key),
            };
            Ok(())
        })?;
        let decoded = rows.into_iter().map(|(key, record)| Ok((key, self.value(&record)?)));
        decoded.collect()
    }

    /// Hands the account's events on in their order, each with its record.
    pub(crate) fn events<K: Key, V: Value>(
        &self,
        topic: &Topic<K, V>,
        mut take: impl FnMut(K, V, &Record),
    ) -> Result<()> {
        self.records(topic, |key: K, record| {
            if record.value.is_some() {
                take(key, self.value(&record)?, &record);
            }
            Ok(())
        })
    }

    fn records<K: Key, V: Value>(
        &self,
        topic: &Topic<K, V>,
        mut take: impl FnMut(K, Record) -> Result<()>,
    ) -> Result<()> {
        let log = &*self.site.log;
        let partition = partition_of(self.account, log.partitions());
        let asked = || format!("reading {} of account {}", topic.spec.name, self.account);
        let mut ends = log.ends(&[topic.spec]).with_context(asked)?;
        ends.retain(|end| end.partition == partition);
        let from: Vec<_> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
        let read = snapshot::between(log, &from, &ends, |records| -> Result<()> {
            for record in records {
                let key = str::from_utf8(&record.key).ok().and_then(K::decode);
                if let Some(key) = key.filter(|key| key.partition_key() == self.account) {
                    take(key, record)?;
                }
            }
            Ok(())
        });
        read.with_context(asked)
    }

    fn value<V: Value>(&self, record: &Record) -> Result<V> {
        let bytes = record.value.as_ref().context("the record has no value")?;
        self.site.codec.decode(bytes).with_context(|| {
            let Record { topic, partition, offset, .. } = record;
            format!("decoding offset {offset} of partition {partition} of {}", topic.name)
        })
    }
}
