//! What a stage is: pure steps over a view of its tables.

use schemas::TopicSpec;

use crate::{Record, TableSpec, View, chain};

/// A stage of the pipeline, as one task runs it: one instance for each partition.
///
/// A stage decides by its tables and the record alone: no I/O, clock, randomness or hash order.
/// Fields may cache what tables say (compiled rules), never hold state of their own: after an abort
/// the same instance goes on with older tables.
pub trait Stage: Send {
    /// Gives the stage's name: part of group, transactional ids and metrics.
    fn name(&self) -> &'static str;

    /// Gives the topics that it reads; all have the same number of partitions.
    fn inputs(&self) -> Vec<&'static TopicSpec>;

    /// Gives its tables.
    fn tables(&self) -> Vec<TableSpec>;

    /// Gives the topics that it writes besides its tables.
    fn outputs(&self) -> Vec<&'static TopicSpec>;

    /// Takes one record.
    ///
    /// # Errors
    /// [`StepError::Poison`] sends the record to the dead letters; the view's changes of this step
    /// are dropped. [`StepError::Wait`] pauses: the same record comes again.
    fn step(&mut self, view: &mut View<'_>, record: &Record) -> Result<(), StepError>;

    /// Does one bounded piece of pending work (a new requirement's rows, a sweep); false when none
    /// is left. The runtime calls it after each record until it says false, in as many transactions
    /// as that takes, and before the first record of a task: no record is taken while work is
    /// pending.
    ///
    /// # Errors
    /// As for `step`, without a record to blame: poison here is a bug and ends the worker.
    fn work(&mut self, view: &mut View<'_>) -> Result<bool, StepError>;
}

/// Why a step did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The record can't be used, now or ever.
    #[error("{reason}")]
    Poison {
        /// The whole reason, causes included.
        reason: String,
    },
    /// Something that a step needs is down (the schema registry, the store).
    #[error("waiting")]
    Wait(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StepError {
    /// Makes poison of an error, with its whole chain.
    pub fn poison(error: &dyn std::error::Error) -> Self {
        StepError::Poison { reason: chain(error) }
    }
}
