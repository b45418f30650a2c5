//! The reader without a group.

use std::{sync::Arc, time::Duration};

use super::{
    cluster::Cluster,
    events::{Event, EventConsumer},
    flows::Flows,
    topics::Names,
};
use crate::{LogError, Position, Reader, Record};

/// Reads committed records without a group.
pub(super) struct KafkaReader {
    cluster: Arc<Cluster>,
    consumer: EventConsumer,
    flows: Flows,
    /// The order in which the caller listed the partitions.
    order: Vec<(&'static str, i32)>,
}

impl KafkaReader {
    /// Opens a reader; one without headers is faster.
    pub(super) fn new(
        cluster: Arc<Cluster>,
        from: &[Position],
        headers: bool,
    ) -> Result<Self, LogError> {
        let mut flows = Flows::default();
        for position in from {
            cluster.require_partition(position.topic, position.partition)?;
            flows.start(position);
        }
        let names = Names::of(&cluster.prefix, from.iter().map(|p| p.topic));
        let id = format!("{}.reader", cluster.prefix);
        // The group is a name only: nobody joins it, and nothing is committed to it.
        let config = cluster.config.consumer(&id, &id)?;
        let consumer = EventConsumer::new(&config, names);
        let mut consumer = consumer.map_err(|error| cluster.failed("starting a reader", error))?;
        consumer.with_headers(headers);
        flows.assign(&cluster, &consumer)?;
        let order = from.iter().map(|p| (p.topic.name, p.partition)).collect();
        Ok(Self { cluster, consumer, flows, order })
    }
}

impl Reader for KafkaReader {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError> {
        let gathered = self.flows.gather(&self.cluster, &self.consumer, timeout)?;
        if let Some(Event::Failed { code, reason, .. }) = gathered.stopped_by {
            let error = rdkafka::error::KafkaError::MessageConsumptionFatal(code);
            return Err(self.cluster.failed(format!("reading ({reason})"), error));
        }
        Ok(gathered.records)
    }

    fn positions(&mut self) -> Result<Vec<Position>, LogError> {
        let order = self.order.iter();
        let flows = order.filter_map(|place| self.flows.0.get(place));
        let positions = flows.map(|flow| Position {
            topic: flow.topic,
            partition: flow.partition,
            offset: flow.position,
        });
        Ok(positions.collect())
    }
}
