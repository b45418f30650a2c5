//! What is fixed for a worker: its log, its stage and the names that follow from them.

use std::sync::Arc;

use schemas::{Codec, TopicSpec};

use super::{StageFactory, WorkerConfig, WorkerError};
use crate::{Log, LogError, Membership, Position, TableSpec, store::Identity, view::TaskContext};

/// A worker's part: everything that its tasks share.
pub(super) struct Role {
    pub(super) log: Arc<dyn Log>,
    pub(super) config: WorkerConfig,
    pub(super) factory: StageFactory,
    pub(super) stage: &'static str,
    pub(super) inputs: Vec<&'static TopicSpec>,
    pub(super) tables: Vec<TableSpec>,
    /// The tables' topics, each once.
    pub(super) changelogs: Vec<&'static TopicSpec>,
    codec: Codec,
    prefix: String,
}

impl Role {
    pub(super) fn new(
        log: Arc<dyn Log>,
        codec: Codec,
        prefix: &str,
        factory: StageFactory,
        config: WorkerConfig,
    ) -> Self {
        let stage = factory();
        let tables = stage.tables();
        let mut changelogs: Vec<&'static TopicSpec> = Vec::new();
        for table in &tables {
            if changelogs.iter().all(|topic| topic.name != table.topic.name) {
                changelogs.push(table.topic);
            }
        }
        Self {
            stage: stage.name(),
            inputs: stage.inputs(),
            tables,
            changelogs,
            log,
            config,
            factory,
            codec,
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn group(&self) -> String {
        self.config.group(self.stage)
    }

    pub(super) fn membership(&self) -> Membership {
        Membership {
            group: self.group(),
            slot: self.config.slot.clone(),
            inputs: self.inputs.clone(),
        }
    }

    pub(super) fn context(&self, partition: i32) -> TaskContext {
        let codec = self.codec.clone();
        TaskContext::new(codec, &self.prefix, self.stage, partition, self.log.partitions())
    }

    pub(super) fn identity(&self, partition: i32) -> Result<Identity, WorkerError> {
        Ok(Identity {
            stage: self.stage,
            partition,
            partitions: self.log.partitions(),
            prefix: self.prefix.clone(),
            log: self.log.identity().map_err(|error| self.failed(error))?,
            tables: self.tables.clone(),
        })
    }

    /// Looks at all partitions: first what the inputs' committed positions are, then how far the
    /// tables' topics go, so that what belongs to those positions is below these ends.
    pub(super) fn horizon(&self) -> Result<Horizon, WorkerError> {
        let committed = self.log.committed(&self.group(), &self.inputs);
        let committed = committed.map_err(|error| self.failed(error))?;
        Ok(Horizon { committed, ends: self.changelog_ends()? })
    }

    /// Gives the ends of all partitions of the tables' topics.
    pub(super) fn changelog_ends(&self) -> Result<Vec<Position>, WorkerError> {
        if self.changelogs.is_empty() {
            return Ok(Vec::new());
        }
        let ends = self.log.ends(&self.changelogs);
        ends.map_err(|error| self.failed(error))
    }

    pub(super) fn failed(&self, source: LogError) -> WorkerError {
        WorkerError::Log { stage: self.stage, source }
    }
}

/// How far a stage's inputs are taken and its tables' topics go, in all partitions.
pub(super) struct Horizon {
    pub(super) committed: Vec<Position>,
    pub(super) ends: Vec<Position>,
}

/// Keeps the positions of one partition.
pub(super) fn of(partition: i32, mut positions: Vec<Position>) -> Vec<Position> {
    positions.retain(|position| position.partition == partition);
    positions
}
