//! What all handles of a Kafka log share: configuration, names, and a client for questions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    metadata::MetadataTopic,
};
use schemas::TopicSpec;

use super::{
    KafkaConfig,
    classify::{is_lasting, is_refusal},
    describe,
    events::{Event, EventConsumer},
    topics::Names,
    transaction,
};
use crate::{LogError, Noted, Outgoing, Position, RECORD_BYTES_MAX, log::size_of_record};

/// How long a question to the brokers may take; librdkafka tries again meanwhile.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// How long the first question waits before it looks whether a broker has refused us. All brokers
/// get that long to answer, since one may be about to restart.
const GREET_EVERY: Duration = Duration::from_secs(2);

/// How long a question is asked again while brokers restart or leaders move, and how often.
const ASK_LIMIT: Duration = Duration::from_secs(60);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What all handles of a Kafka log share.
pub(super) struct Cluster {
    pub(super) config: KafkaConfig,
    pub(super) prefix: String,
    consumer: EventConsumer,
    /// Topics that were found as they must be.
    seen: Mutex<BTreeSet<&'static str>>,
    /// A client for each group whose positions were asked for.
    groups: Mutex<BTreeMap<String, BaseConsumer>>,
}

impl Cluster {
    /// Connects; a refusal (a wrong password, an unknown authority) is told in seconds, and why.
    pub(super) fn connect(config: KafkaConfig, prefix: &str) -> Result<Self, LogError> {
        let id = format!("{prefix}.questions");
        let mut client = config.consumer(&id, &format!("{prefix}.reader"))?;
        // Ends count open transactions, too.
        client.set("isolation.level", "read_uncommitted");
        let consumer = EventConsumer::new(&client, Names::default());
        let consumer = consumer.map_err(|error| failed(&config, "starting a client", error))?;
        let cluster = Self {
            config,
            prefix: prefix.to_owned(),
            consumer,
            seen: Mutex::default(),
            groups: Mutex::default(),
        };
        cluster.greet()?;
        Ok(cluster)
    }

    /// Asks the first question. librdkafka tries for ever what no broker will ever accept, so what
    /// it says meanwhile is heard.
    fn greet(&self) -> Result<(), LogError> {
        let start = Instant::now();
        let mut heard = None;
        loop {
            let metadata = self.consumer.consumer().fetch_metadata(None, GREET_EVERY);
            let Err(mut error) = metadata else { return Ok(()) };
            while let Some(event) = self.consumer.poll(Duration::ZERO) {
                match event {
                    Event::Failed { code: RDKafkaErrorCode::AllBrokersDown, .. } => {}
                    Event::Failed { code, reason, .. } => heard = Some((code, reason)),
                    _ => {}
                }
            }
            let refused = heard.as_ref().filter(|(code, _)| is_refusal(*code));
            if let Some((code, _)) = refused {
                error = KafkaError::Global(*code);
            } else if start.elapsed() < TIMEOUT {
                continue;
            }
            let attempted = heard.map_or_else(
                || "connecting".to_owned(),
                |(_, reason)| format!("connecting ({})", reason.trim()),
            );
            return Err(self.failed(attempted, error));
        }
    }

    /// Gives the client for questions.
    pub(super) fn consumer(&self) -> &BaseConsumer {
        // Nobody else takes its log lines and errors.
        while self.consumer.poll(Duration::ZERO).is_some() {}
        self.consumer.consumer()
    }

    /// Gives the cluster's id, which it got when it was made.
    pub(super) fn identity(&self) -> Result<String, LogError> {
        let id = self.consumer().client().fetch_cluster_id(TIMEOUT);
        id.ok_or_else(|| {
            let timeout = KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut);
            self.failed("asking for the cluster's id", timeout)
        })
    }

    /// Gives the id that a topic got when it was made.
    pub(super) fn incarnation(&self, spec: &'static TopicSpec) -> Result<String, LogError> {
        self.require(spec)?;
        let name = spec.full_name(&self.prefix);
        let id = self.ask(&format!("asking for the id of topic {name}"), || {
            describe::topic_id(self.consumer(), &name, TIMEOUT)
        })?;
        id.ok_or_else(|| self.topic_error(spec, "is not there".to_owned()))
    }

    /// Gives the name of a group in Kafka: groups of two prefixes never meet.
    pub(super) fn group(&self, group: &str) -> String {
        format!("{}.{group}", self.prefix)
    }

    pub(super) fn failed(&self, attempted: impl Into<String>, error: KafkaError) -> LogError {
        failed(&self.config, attempted, error)
    }

    pub(super) fn topic_error(&self, spec: &TopicSpec, problem: String) -> LogError {
        let topic = spec.full_name(&self.prefix);
        LogError::Topic { topic, problem }
    }

    /// Makes sure that a topic is there with its partitions.
    pub(super) fn require(&self, spec: &'static TopicSpec) -> Result<(), LogError> {
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        if seen.contains(spec.name) {
            return Ok(());
        }
        let name = spec.full_name(&self.prefix);
        let metadata = self.consumer().fetch_metadata(Some(&name), TIMEOUT);
        let metadata =
            metadata.map_err(|error| self.failed(format!("finding topic {name}"), error))?;
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        if let Some(code) = found.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from)
            && is_lasting(code)
        {
            return Err(
                self.failed(format!("finding topic {name}"), KafkaError::MetadataFetch(code))
            );
        }
        let found = found.filter(|topic| topic.error().is_none());
        let count = found.map_or(0, |topic| topic.partitions().len() as i32);
        let wanted = self.config.partitions;
        if count == 0 {
            return Err(self.topic_error(spec, "is not there".to_owned()));
        }
        if count != wanted {
            let problem = format!("has {count} partitions, not {wanted}");
            return Err(self.topic_error(spec, problem));
        }
        seen.insert(spec.name);
        Ok(())
    }

    /// Makes sure that a topic is not only hidden: lists leave out what we may not see.
    pub(super) fn may_see(&self, spec: &'static TopicSpec) -> Result<(), LogError> {
        match self.require(spec) {
            Err(LogError::Topic { .. }) | Ok(()) => Ok(()),
            Err(hidden) => Err(hidden),
        }
    }

    /// Makes sure that a partition is there.
    pub(super) fn require_partition(
        &self,
        spec: &'static TopicSpec,
        partition: i32,
    ) -> Result<(), LogError> {
        self.require(spec)?;
        if (0..self.config.partitions).contains(&partition) {
            return Ok(());
        }
        Err(self.topic_error(spec, format!("has no partition {partition}")))
    }

    /// Makes sure that records can be written at all.
    pub(super) fn require_writable(&self, records: &[Outgoing]) -> Result<(), LogError> {
        for record in records {
            let bytes = size_of_record(record);
            if bytes > RECORD_BYTES_MAX {
                return Err(LogError::TooLarge {
                    topic: record.topic.name,
                    bytes,
                    bytes_max: RECORD_BYTES_MAX,
                });
            }
            self.require_partition(record.topic, record.partition)?;
        }
        Ok(())
    }

    /// Lists all partitions of topics.
    pub(super) fn partitions_of(
        &self,
        topics: &[&'static TopicSpec],
    ) -> Result<Vec<(&'static TopicSpec, i32)>, LogError> {
        let mut partitions = Vec::new();
        for &topic in topics {
            self.require(topic)?;
            partitions.extend((0..self.config.partitions).map(|partition| (topic, partition)));
        }
        Ok(partitions)
    }

    /// Makes librdkafka's list of partitions, all with one offset.
    pub(super) fn list(
        &self,
        partitions: &[(&'static TopicSpec, i32)],
        offset: Offset,
    ) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            let name = topic.full_name(&self.prefix);
            list.add_partition_offset(&name, *partition, offset)
                .map_err(|error| self.failed("listing partitions", error))?;
        }
        Ok(list)
    }

    /// Asks for the ends of partitions, open transactions included.
    pub(super) fn ends(
        &self,
        partitions: &[(&'static TopicSpec, i32)],
    ) -> Result<Vec<Position>, LogError> {
        let attempted = "asking for the ends of partitions";
        // "End" is a timestamp to the brokers here: the one that no record has yet.
        let list = self.list(partitions, Offset::End)?;
        let consumer = self.consumer();
        let answer =
            self.ask(attempted, || whole(consumer.offsets_for_times(list.clone(), TIMEOUT)?))?;
        self.positions(partitions, &answer)
    }

    /// Asks where a time begins in partitions; the end where nothing is as late.
    pub(super) fn begins(
        &self,
        partitions: &[(&'static TopicSpec, i32)],
        time_ms: i64,
    ) -> Result<Vec<Position>, LogError> {
        // Negative times have meanings of their own to the brokers.
        let list = self.list(partitions, Offset::Offset(time_ms.max(0)))?;
        let consumer = self.consumer();
        let answer = self.ask("asking where a time begins", || {
            whole(consumer.offsets_for_times(list.clone(), TIMEOUT)?)
        })?;
        let ends = self.ends(partitions)?.into_iter().map(|end| {
            let name = end.topic.full_name(&self.prefix);
            match answer.find_partition(&name, end.partition).map(|found| found.offset()) {
                Some(Offset::Offset(offset)) => Position { offset, ..end },
                _ => end,
            }
        });
        Ok(ends.collect())
    }

    /// Asks for a group's committed positions, those of a transaction that is ending included.
    pub(super) fn committed(
        &self,
        group: &str,
        partitions: &[(&'static TopicSpec, i32)],
    ) -> Result<Vec<Position>, LogError> {
        let group = self.group(group);
        let mut groups = self.groups.lock().expect("no holder of this lock panics");
        if !groups.contains_key(&group) {
            let id = format!("{}.questions", self.prefix);
            let consumer = self.config.consumer(&id, &group)?.create();
            let consumer = consumer.map_err(|error| self.failed("starting a client", error))?;
            groups.insert(group.clone(), consumer);
        }
        let consumer: &BaseConsumer = &groups[&group];
        while consumer.poll(Duration::ZERO).is_some() {}
        let list = self.committed_list(consumer, partitions)?;
        self.positions(partitions, &list)
    }

    /// As `committed`, with a client of the group, and with notes.
    pub(super) fn committed_noted(
        &self,
        consumer: &BaseConsumer,
        partitions: &[(&'static TopicSpec, i32)],
    ) -> Result<Vec<Noted>, LogError> {
        let list = self.committed_list(consumer, partitions)?;
        let noted = self.positions(partitions, &list)?.into_iter().map(|position| {
            let name = position.topic.full_name(&self.prefix);
            let element = list.find_partition(&name, position.partition);
            let note = element.map(|element| transaction::parts(element.metadata()).1.to_owned());
            Noted { position, note: note.unwrap_or_default() }
        });
        Ok(noted.collect())
    }

    /// As `committed`, with a client of the group, and with all that a commit holds.
    pub(super) fn committed_list(
        &self,
        consumer: &BaseConsumer,
        partitions: &[(&'static TopicSpec, i32)],
    ) -> Result<TopicPartitionList, LogError> {
        let list = self.list(partitions, Offset::Invalid)?;
        self.ask("asking for a group's positions", || {
            whole(consumer.committed_offsets(list.clone(), TIMEOUT)?)
        })
    }

    /// Asks until there is an answer: leaders and coordinators move, and come back.
    fn ask<T>(
        &self,
        attempted: &str,
        question: impl Fn() -> KafkaResult<T>,
    ) -> Result<T, LogError> {
        let start = Instant::now();
        loop {
            let error = match question() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let lasting = error.rdkafka_error_code().is_none_or(is_lasting);
            if lasting || start.elapsed() > ASK_LIMIT {
                return Err(self.failed(attempted, error));
            }
            tracing::debug!(%error, attempted, "Kafka is asked again");
            thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    fn positions(
        &self,
        partitions: &[(&'static TopicSpec, i32)],
        answer: &TopicPartitionList,
    ) -> Result<Vec<Position>, LogError> {
        let positions = partitions.iter().map(|&(topic, partition)| {
            let name = topic.full_name(&self.prefix);
            let found = answer.find_partition(&name, partition);
            let found = found
                .ok_or_else(|| self.topic_error(topic, format!("has no partition {partition}")))?;
            // A group that committed nothing gives no offset: it starts at 0.
            let offset = match found.offset() {
                Offset::Offset(offset) => offset,
                _ => 0,
            };
            Ok(Position { topic, partition, offset })
        });
        positions.collect()
    }
}

/// Takes an answer in which every partition has answered.
fn whole(list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    list.elements().into_iter().try_for_each(|element| element.error())?;
    Ok(list)
}

fn failed(config: &KafkaConfig, attempted: impl Into<String>, error: KafkaError) -> LogError {
    match error {
        // It quotes the setting's value, which may be a secret.
        KafkaError::ClientConfig(_, description, name, _) => {
            let problem = if config.secrets.contains_key(&name) {
                "is refused by librdkafka: its name or its value is wrong".to_owned()
            } else {
                format!("is refused by librdkafka: {description}")
            };
            LogError::Setting { name, problem }
        }
        error => LogError::Kafka {
            attempted: attempted.into(),
            bootstrap: config.bootstrap.clone(),
            source: Box::new(error),
        },
    }
}
