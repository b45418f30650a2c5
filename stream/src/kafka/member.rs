//! A group's member: one consumer and one transactional producer on the caller's thread.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{Consumer as _, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
};
use schemas::TopicSpec;

use super::{
    cluster::Cluster,
    events::{Event, EventConsumer},
    flows::Flows,
    topics::Names,
    transaction::{Transactions, Work},
};
use crate::{
    AbortReason, LogError, Member, Membership, Noted, Outcome, Outgoing, Polled, Position,
    log::check_notes,
};

/// A member of a group on Kafka.
pub(super) struct KafkaMember {
    cluster: Arc<Cluster>,
    membership: Membership,
    transactions: Transactions,
    consumer: EventConsumer,
    flows: Flows,
    owned: BTreeSet<i32>,
    /// Positions that are known to be committed, with their notes: one carries the mark of a
    /// transaction that commits no position of its own, so that its outcome can be learned.
    committed: BTreeMap<(&'static str, i32), Noted>,
    /// Taken when partitions were assigned: a commit with it fails once the group has moved on.
    metadata: Option<ConsumerGroupMetadata>,
    /// Partitions were revoked, and the next poll gives them up.
    releasing: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    /// Another member took the slot; the caller has not heard of it.
    Fenced,
    /// The caller was told that its partitions are lost.
    Gone,
}

impl KafkaMember {
    pub(super) fn new(cluster: Arc<Cluster>, membership: &Membership) -> Result<Self, LogError> {
        for topic in &membership.inputs {
            cluster.require(topic)?;
        }
        let group = cluster.group(&membership.group);
        let id = format!("{group}.{}", membership.slot);
        // First the producer: it ends an open transaction of the slot's last holder, whose
        // positions would not be stable before.
        let transactions = Transactions::start(cluster.clone(), &id)?;
        let config = cluster.config.member(&id, &group, &membership.slot)?;
        let names = Names::of(&cluster.prefix, membership.inputs.iter().copied());
        let failed = |error| cluster.failed(format!("joining group {group}"), error);
        let consumer = EventConsumer::new(&config, names.clone()).map_err(failed)?;
        consumer.consumer().subscribe(&names.full_names()).map_err(failed)?;
        Ok(Self {
            cluster,
            membership: membership.clone(),
            transactions,
            consumer,
            flows: Flows::default(),
            owned: BTreeSet::new(),
            committed: BTreeMap::new(),
            metadata: None,
            releasing: false,
            state: State::Live,
        })
    }

    /// Takes an assignment; none when it is empty.
    fn assigned(&mut self, partitions: &[(String, i32)]) -> Result<Option<Polled>, LogError> {
        let failed = |error| self.cluster.failed("taking partitions", error);
        let numbers: BTreeSet<i32> = partitions.iter().map(|(_, number)| *number).collect();
        for topic in &self.membership.inputs {
            let name = topic.full_name(&self.cluster.prefix);
            let own = partitions.iter().filter(|(topic, _)| *topic == name);
            if !own.map(|(_, number)| *number).eq(numbers.iter().copied()) {
                let problem = "does not go together with the other inputs".to_owned();
                return Err(self.cluster.topic_error(topic, problem));
            }
        }
        // Nothing is read before `resume` says from where; the group is answered all the same.
        let consumer = self.consumer.consumer();
        consumer.assign(&TopicPartitionList::new()).map_err(failed)?;
        self.metadata = consumer.group_metadata();
        self.owned = numbers;
        let partitions: Vec<_> = self.owned.iter().copied().collect();
        Ok((!partitions.is_empty()).then_some(Polled::Assigned(partitions)))
    }

    /// Hears that everything is taken away; none when that was nothing.
    fn revoked(&mut self) -> Result<Option<Polled>, LogError> {
        let lost = self.consumer.consumer().assignment_lost();
        let partitions: Vec<_> = self.owned.iter().copied().collect();
        self.flows = Flows::default();
        self.committed.clear();
        self.releasing = true;
        if lost || partitions.is_empty() {
            self.release()?;
        }
        Ok((!partitions.is_empty()).then_some(Polled::Revoked { partitions, lost }))
    }

    /// Gives up what was revoked: from here on another member may own it.
    fn release(&mut self) -> Result<(), LogError> {
        if self.releasing {
            self.releasing = false;
            self.owned.clear();
            self.metadata = None;
            let released = self.consumer.consumer().unassign();
            released.map_err(|error| self.cluster.failed("giving up partitions", error))?;
        }
        Ok(())
    }

    /// Tells the caller of its end: first that its partitions are lost, then an error.
    fn end(&mut self) -> Result<Polled, LogError> {
        if self.state == State::Gone {
            return Err(LogError::Fenced {
                group: self.membership.group.clone(),
                slot: self.membership.slot.clone(),
            });
        }
        self.state = State::Gone;
        self.flows = Flows::default();
        let partitions = std::mem::take(&mut self.owned);
        Ok(Polled::Revoked { partitions: partitions.into_iter().collect(), lost: true })
    }

    fn fatal(&mut self, code: RDKafkaErrorCode, reason: &str) -> Result<Polled, LogError> {
        let fatal = self.consumer.consumer().client().fatal_error();
        let code = fatal.map_or(code, |(code, _)| code);
        if code == RDKafkaErrorCode::FencedInstanceId {
            self.state = State::Fenced;
            return self.end();
        }
        let error = KafkaError::MessageConsumptionFatal(code);
        Err(self.cluster.failed(format!("reading ({reason})"), error))
    }

    /// Refuses to read from behind an end: such a topic lost records, or is another one.
    fn check_ends(&self, positions: &[Position]) -> Result<(), LogError> {
        let partitions: Vec<_> = positions.iter().map(|p| (p.topic, p.partition)).collect();
        for (position, end) in positions.iter().zip(self.cluster.ends(&partitions)?) {
            if position.offset > end.offset {
                let problem = format!(
                    "partition {} ends at {}, before the committed position {}",
                    end.partition, end.offset, position.offset
                );
                return Err(self.cluster.topic_error(position.topic, problem));
            }
        }
        Ok(())
    }

    fn not_assigned(topic: &'static TopicSpec, partition: i32) -> LogError {
        LogError::NotAssigned { topic: topic.name, partition }
    }
}

impl Member for KafkaMember {
    fn spare_headers(&mut self) {
        self.consumer.with_headers(false);
    }

    fn poll(&mut self, timeout: Duration) -> Result<Polled, LogError> {
        if self.state != State::Live {
            return self.end();
        }
        self.release()?;
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let gathered = self.flows.gather(&self.cluster, &self.consumer, left)?;
            let polled = match gathered.stopped_by {
                None => return Ok(Polled::Records(gathered.records)),
                Some(Event::Assign(partitions)) => self.assigned(&partitions)?,
                Some(Event::Revoke) => self.revoked()?,
                Some(Event::Failed { code, reason, .. }) => return self.fatal(code, &reason),
                Some(_) => None,
            };
            if let Some(polled) = polled {
                return Ok(polled);
            }
        }
    }

    fn committed(&self, partitions: &[i32]) -> Result<Vec<Noted>, LogError> {
        let mut wanted = Vec::new();
        for &partition in partitions {
            for &topic in &self.membership.inputs {
                if self.releasing || !self.owned.contains(&partition) {
                    return Err(Self::not_assigned(topic, partition));
                }
                wanted.push((topic, partition));
            }
        }
        self.cluster.committed_noted(self.consumer.consumer(), &wanted)
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<Vec<Position>, LogError> {
        let committed = self.committed(partitions)?;
        let positions: Vec<_> = committed.iter().map(|noted| noted.position).collect();
        self.check_ends(&positions)?;
        for noted in committed {
            self.flows.start(&noted.position);
            self.committed.insert(place(&noted), noted);
        }
        self.flows.assign(&self.cluster, &self.consumer)?;
        Ok(positions)
    }

    fn pause(
        &mut self,
        topic: &'static TopicSpec,
        partition: i32,
        on: bool,
    ) -> Result<(), LogError> {
        let flow = self.flows.0.get_mut(&(topic.name, partition));
        let flow = flow.ok_or_else(|| Self::not_assigned(topic, partition))?;
        if flow.paused == on {
            return Ok(());
        }
        flow.paused = on;
        // Whether the end was reached is told again after the pause.
        flow.ended = false;
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic.full_name(&self.cluster.prefix), partition);
        let consumer = self.consumer.consumer();
        let done = if on { consumer.pause(&list) } else { consumer.resume(&list) };
        done.map_err(|error| self.cluster.failed("pausing a partition", error))
    }

    fn at_end(&self, topic: &'static TopicSpec, partition: i32) -> bool {
        let flow = self.flows.0.get(&(topic.name, partition));
        flow.is_some_and(|flow| {
            let name = || topic.full_name(&self.cluster.prefix);
            let known_end = || self.consumer.known_end(&name(), partition);
            // The end is told in a moment at the latest; without markers it is known at once.
            flow.ended || !flow.paused && known_end().is_some_and(|end| flow.position >= end)
        })
    }

    fn commit_noted(
        &mut self,
        outputs: Vec<Outgoing>,
        positions: &[Noted],
    ) -> Result<Outcome, LogError> {
        check_notes(positions)?;
        self.cluster.require_writable(&outputs)?;
        let owns = positions.iter().all(|noted| self.owned.contains(&noted.position.partition));
        if self.state != State::Live || !owns {
            return Ok(Outcome::Fenced);
        }
        let carrier = self.committed.first_key_value().map(|(_, noted)| noted);
        let carried = carrier.map_or(&[][..], std::slice::from_ref);
        let work = Work {
            consumer: self.consumer.consumer(),
            metadata: self.metadata.as_ref(),
            outputs: &outputs,
            positions: if positions.is_empty() { carried } else { positions },
        };
        let outcome = self.transactions.commit(&work)?;
        match outcome {
            Outcome::Committed => {
                for noted in positions {
                    self.committed.insert(place(noted), noted.clone());
                }
            }
            Outcome::Fenced => self.state = State::Fenced,
            Outcome::Aborted => {}
        }
        Ok(outcome)
    }

    fn position(&self, topic: &'static TopicSpec, partition: i32) -> Option<i64> {
        Some(self.flows.0.get(&(topic.name, partition))?.position)
    }

    fn aborted_by(&self) -> AbortReason {
        self.transactions.aborted_by
    }

    fn producers(&self) -> u64 {
        self.transactions.producers
    }
}

fn place(Noted { position, .. }: &Noted) -> (&'static str, i32) {
    (position.topic.name, position.partition)
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        // A consumer that owes the group an answer can't be closed.
        if let Err(error) = self.release() {
            tracing::warn!(%error, "a member of a group ends without giving up its partitions");
        }
    }
}

#[cfg(test)]
mod tests {
    use kit::kafka::Kafka;
    use schemas::topic::{OBSERVATION, RESOURCE_STATE};

    use super::*;
    use crate::{
        kafka::{KafkaConfig, classify::End},
        log::Log,
    };

    /// The commit's answer is lost: what the group holds tells how it ended, also where the
    /// positions are the same as those of the commit before.
    #[test]
    fn an_uncertain_end_is_settled_by_the_mark_of_the_commit() {
        let node = Kafka::shared().unwrap();
        let config = KafkaConfig {
            partitions: 1,
            replication_factor: 1,
            ..KafkaConfig::new(node.bootstrap())
        };
        let prefix = node.prefix("uncertain");
        let log = crate::kafka::KafkaLog::connect(config, &prefix).unwrap();
        log.apply().unwrap();
        let membership = Membership {
            group: "g".to_owned(),
            slot: "s".to_owned(),
            inputs: vec![OBSERVATION.spec],
        };
        let mut member = KafkaMember::new(log.cluster.clone(), &membership).unwrap();
        while !matches!(member.poll(Duration::from_secs(30)).unwrap(), Polled::Assigned(_)) {}
        let position = Position { topic: OBSERVATION.spec, partition: 0, offset: 0 };
        let noted = Noted { position, note: "a note stands behind the mark".to_owned() };
        let output = |value: &str| Outgoing {
            topic: RESOURCE_STATE.spec,
            partition: 0,
            timestamp_ms: 0,
            key: b"k".to_vec(),
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
        };
        let KafkaMember { transactions, consumer, metadata, .. } = &mut member;
        let lost = || KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut);
        let work = |outputs| Work {
            consumer: consumer.consumer(),
            metadata: metadata.as_ref(),
            outputs,
            positions: std::slice::from_ref(&noted),
        };

        let first = [output("first")];
        let end = transactions.attempt(&work(&first), "mark.1").unwrap();
        assert!(matches!(end, End::Committed), "{end:?}");
        let settled = transactions.settle(&work(&first), "mark.1", true, lost());
        assert_eq!(settled.unwrap(), Outcome::Committed);

        // The second one, with the same position, never got as far as its commit.
        let second = [output("second")];
        let settled = transactions.settle(&work(&second), "mark.2", true, lost());
        assert_eq!(settled.unwrap(), Outcome::Aborted);
        assert_eq!(transactions.aborted_by, AbortReason::Uncertain);
        assert_eq!(transactions.producers, 3, "each settling needs a producer of its own");
        // The new producer works, and only what was committed is there.
        assert_eq!(transactions.commit(&work(&second)).unwrap(), Outcome::Committed);
        let mut reader =
            log.reader(&[Position { topic: RESOURCE_STATE.spec, ..position }]).unwrap();
        let mut values = Vec::new();
        let start = Instant::now();
        while values.len() < 2 && start.elapsed() < Duration::from_secs(30) {
            let records = reader.poll(Duration::from_millis(100)).unwrap();
            values.extend(records.into_iter().filter_map(|record| record.value));
        }
        assert_eq!(values, [b"first".to_vec(), b"second".to_vec()]);

        // Without a position nothing can be learned, and that is said.
        let work = Work { positions: &[], ..work(&second) };
        assert!(transactions.settle(&work, "mark.3", true, lost()).is_err());
    }
}
