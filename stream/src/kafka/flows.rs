//! Reading positions, and gathering events into records; readers and members share it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{Offset, TopicPartitionList, consumer::Consumer as _, error::RDKafkaErrorCode};
use schemas::TopicSpec;

use super::{
    classify::is_lasting,
    cluster::Cluster,
    events::{Event, EventConsumer},
};
use crate::{LogError, Position, Record};

/// Limits of one poll, so that memory stays bounded.
const POLL_RECORDS_MAX: usize = 2_000;
const POLL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How reading of one partition stands.
pub(super) struct Flow {
    pub(super) topic: &'static TopicSpec,
    pub(super) partition: i32,
    /// The next offset.
    pub(super) position: i64,
    /// Whether nothing came since Kafka told that this is the end.
    pub(super) ended: bool,
    pub(super) paused: bool,
}

/// All partitions that are read, by topic and number.
#[derive(Default)]
pub(super) struct Flows(pub(super) BTreeMap<(&'static str, i32), Flow>);

/// What gathering brought: records, and what stopped it, if that is not the caller's limit.
pub(super) struct Gathered {
    pub(super) records: Vec<Record>,
    pub(super) stopped_by: Option<Event>,
}

impl Flows {
    pub(super) fn start(&mut self, position: &Position) {
        let flow = Flow {
            topic: position.topic,
            partition: position.partition,
            position: position.offset.max(0),
            ended: false,
            paused: false,
        };
        self.0.insert((position.topic.name, position.partition), flow);
    }

    /// Has librdkafka read exactly these partitions from exactly these positions.
    pub(super) fn assign(
        &mut self,
        cluster: &Cluster,
        consumer: &EventConsumer,
    ) -> Result<(), LogError> {
        let failed = |error| cluster.failed("assigning partitions", error);
        let mut all = TopicPartitionList::with_capacity(self.0.len());
        let mut paused = TopicPartitionList::new();
        for flow in self.0.values_mut() {
            flow.ended = false;
            let name = flow.topic.full_name(&cluster.prefix);
            all.add_partition_offset(&name, flow.partition, Offset::Offset(flow.position))
                .map_err(failed)?;
            if flow.paused {
                paused.add_partition(&name, flow.partition);
            }
        }
        consumer.consumer().assign(&all).map_err(failed)?;
        if paused.count() > 0 {
            consumer.consumer().pause(&paused).map_err(failed)?;
        }
        Ok(())
    }

    /// Polls until something came, then takes what is there already.
    pub(super) fn gather(
        &mut self,
        cluster: &Cluster,
        consumer: &EventConsumer,
        timeout: Duration,
    ) -> Result<Gathered, LogError> {
        let deadline = Instant::now() + timeout;
        let mut gathered = Gathered { records: Vec::new(), stopped_by: None };
        let mut bytes = 0;
        let mut wait = timeout;
        while gathered.records.len() < POLL_RECORDS_MAX && bytes < POLL_BYTES_MAX {
            match consumer.poll(wait) {
                None => break,
                Some(Event::Record(record)) => {
                    bytes += record.key.len() + record.value.as_ref().map_or(0, Vec::len);
                    if self.pass(&record) {
                        gathered.records.push(record);
                    }
                    wait = Duration::ZERO;
                }
                Some(Event::End { topic, partition, offset }) => {
                    self.end(topic, partition, offset);
                    wait = Duration::ZERO;
                }
                Some(Event::Failed { code, fatal: false, reason }) => {
                    tolerate(cluster, consumer, code, &reason)?
                }
                Some(Event::Other) => {
                    wait = wait.min(deadline.saturating_duration_since(Instant::now()));
                }
                stop => {
                    gathered.stopped_by = stop;
                    break;
                }
            }
        }
        Ok(gathered)
    }

    /// Moves past a record; false when it is not one that we wait for.
    fn pass(&mut self, record: &Record) -> bool {
        let flow = self.0.get_mut(&(record.topic.name, record.partition));
        let Some(flow) = flow.filter(|flow| record.offset >= flow.position) else {
            return false;
        };
        flow.position = record.offset + 1;
        flow.ended = false;
        true
    }

    fn end(&mut self, topic: &'static str, partition: i32, offset: i64) {
        if let Some(flow) = self.0.get_mut(&(topic, partition)) {
            flow.position = flow.position.max(offset);
            flow.ended = true;
        }
    }
}

/// Lets errors pass that librdkafka mends, and stops at those that only people can.
fn tolerate(
    cluster: &Cluster,
    consumer: &EventConsumer,
    code: RDKafkaErrorCode,
    reason: &str,
) -> Result<(), LogError> {
    use RDKafkaErrorCode as Code;
    let gone =
        matches!(code, Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition);
    if gone || is_lasting(code) {
        let error = rdkafka::error::KafkaError::MessageConsumption(code);
        return Err(cluster.failed(format!("reading as {} ({reason})", consumer.group()), error));
    }
    consumer.disturbances().tell(code, reason);
    Ok(())
}
