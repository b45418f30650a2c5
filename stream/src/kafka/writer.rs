//! The idempotent writer of producers.

use std::{sync::Arc, time::Duration};

use super::{cluster::Cluster, produce::Sender};
use crate::{LogError, Outgoing, Writer};

/// Longer than a record may wait for its acknowledgement (`message.timeout.ms`).
const FLUSH_LIMIT: Duration = Duration::from_secs(150);

/// Appends source records.
pub(super) struct KafkaWriter {
    cluster: Arc<Cluster>,
    sender: Sender,
}

impl KafkaWriter {
    pub(super) fn new(cluster: Arc<Cluster>, role: &str) -> Result<Self, LogError> {
        let id = format!("{}.{}", cluster.prefix, role.replace(' ', "."));
        let sender = Sender::new(&cluster.config.writer(&id)?);
        let sender = sender.map_err(|error| cluster.failed("starting a writer", error))?;
        Ok(Self { cluster, sender })
    }

    fn check(&self) -> Result<(), LogError> {
        match self.sender.take_failure() {
            Some(error) => Err(self.cluster.failed("writing records", error)),
            None => Ok(()),
        }
    }
}

impl Writer for KafkaWriter {
    fn append(&mut self, records: Vec<Outgoing>) -> Result<(), LogError> {
        self.cluster.require_writable(&records)?;
        for record in &records {
            self.sender
                .send(&self.cluster.prefix, record)
                .map_err(|error| self.cluster.failed("writing records", error))?;
        }
        self.sender.look();
        self.check()
    }

    fn flush(&mut self) -> Result<(), LogError> {
        if !self.sender.drain(FLUSH_LIMIT) {
            let timeout = rdkafka::error::RDKafkaErrorCode::OperationTimedOut;
            let error = rdkafka::error::KafkaError::Flush(timeout);
            return Err(self.cluster.failed("waiting for acknowledgements", error));
        }
        self.check()
    }
}
