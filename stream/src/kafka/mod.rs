//! The log on Apache Kafka, through librdkafka.
//!
//! A writer is an idempotent producer. A reader assigns partitions to itself and reads committed
//! records. A member is one consumer with static membership and one transactional producer, both on
//! the caller's thread; a rebalance is told to the caller before the group is answered, so that it
//! may commit. A member that ends keeps its partitions for the session's timeout, so that one that
//! restarts within it gets them back without a rebalance. Groups and transactional ids are
//! `<prefix>.<group>` and `<prefix>.<group>.<slot>`; readers show up as `<prefix>.reader`.
//!
//! Where librdkafka 2.12 does not keep what it promises, the log defends itself: it never commits
//! with records in flight, uses no producer after an uncertain outcome but asks the group how it
//! ended, and has a watchdog end the process when a call ignores its timeout.

mod classify;
mod cluster;
mod config;
mod describe;
mod disturbed;
mod events;
mod flows;
mod member;
mod produce;
mod reader;
mod topics;
mod transaction;
mod writer;

use std::sync::Arc;

use schemas::TopicSpec;

pub use config::KafkaConfig;

use self::{cluster::Cluster, member::KafkaMember, reader::KafkaReader, writer::KafkaWriter};
use crate::{Log, LogError, Member, Membership, Position, Reader, TopicPlan, Writer};

/// A log on Kafka. Clones share its connections.
#[derive(Clone)]
pub struct KafkaLog {
    cluster: Arc<Cluster>,
}

impl KafkaLog {
    /// Connects to the brokers; topics, groups and transactional ids begin with the prefix.
    ///
    /// # Errors
    /// When no broker answers, or a setting is wrong.
    pub fn connect(config: KafkaConfig, prefix: &str) -> Result<Self, LogError> {
        let cluster = Cluster::connect(config, prefix)?;
        Ok(Self { cluster: Arc::new(cluster) })
    }
}

impl Log for KafkaLog {
    fn partitions(&self) -> i32 {
        self.cluster.config.partitions
    }

    /// The cluster's id: topics of the same names in another cluster are another log.
    fn identity(&self) -> Result<String, LogError> {
        self.cluster.identity()
    }

    /// The topic's id, which it got when it was made.
    fn incarnation(&self, topic: &'static TopicSpec) -> Result<String, LogError> {
        self.cluster.incarnation(topic)
    }

    fn plan(&self) -> Result<Vec<TopicPlan>, LogError> {
        topics::plan(&self.cluster)
    }

    fn apply(&self) -> Result<Vec<TopicPlan>, LogError> {
        topics::apply(&self.cluster)
    }

    fn writer(&self, role: &str) -> Result<Box<dyn Writer>, LogError> {
        Ok(Box::new(KafkaWriter::new(self.cluster.clone(), role)?))
    }

    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(KafkaReader::new(self.cluster.clone(), from, true)?))
    }

    fn row_reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(KafkaReader::new(self.cluster.clone(), from, false)?))
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        let member = KafkaMember::new(self.cluster.clone(), membership)?;
        Ok(Box::new(member))
    }

    fn committed(&self, group: &str, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        let partitions = self.cluster.partitions_of(of)?;
        self.cluster.committed(group, &partitions)
    }

    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        let partitions = self.cluster.partitions_of(of)?;
        self.cluster.ends(&partitions)
    }

    fn begins(&self, of: &[&'static TopicSpec], time_ms: i64) -> Result<Vec<Position>, LogError> {
        let partitions = self.cluster.partitions_of(of)?;
        self.cluster.begins(&partitions, time_ms)
    }
}
