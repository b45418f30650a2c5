//! Why a worker ends.

use super::Failpoint;
use crate::LogError;

/// A failure that ends a worker; a supervisor starts it again.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The log or the tables on disk failed.
    #[error("running the {stage} stage")]
    Log {
        /// The stage.
        stage: &'static str,
        /// Why.
        #[source]
        source: LogError,
    },
    /// A step panicked: a bug, which would come again with the record.
    #[error(
        "the {stage} stage panicked at record {offset} of topic {topic}, partition {partition}: \
         {message}"
    )]
    StepPanicked {
        /// The stage.
        stage: &'static str,
        /// The record's topic.
        topic: &'static str,
        /// The record's partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// What the panic said.
        message: String,
    },
    /// Pending work panicked or met what it can't use: a bug, since there is no record to blame.
    #[error("pending work of the {stage} stage failed in partition {partition}: {message}")]
    Work {
        /// The stage.
        stage: &'static str,
        /// The task's partition.
        partition: i32,
        /// What was wrong.
        message: String,
    },
    /// A step wrote a row that another task would restore: a bug.
    #[error(
        "the {stage} stage in partition {partition} wrote a row of table topic {topic} for \
         partition {other}"
    )]
    ForeignRow {
        /// The stage.
        stage: &'static str,
        /// The task's partition.
        partition: i32,
        /// The table's topic.
        topic: &'static str,
        /// Where the row went.
        other: i32,
    },
    /// Tables hold rows, but the group says that it never read anything: going on from offset 0
    /// would count everything twice.
    #[error(
        "the tables of partition {partition} hold rows, but group {group} has no positions; \
         give it its old name, or remove the tables' topics to begin anew"
    )]
    PositionsLost {
        /// The group.
        group: String,
        /// The task's partition.
        partition: i32,
    },
    /// Others keep taking over: another worker has the same slot.
    #[error("group {group} fenced worker {slot} {times} times without a commit in between")]
    Fenced {
        /// The group.
        group: String,
        /// The worker's slot.
        slot: String,
        /// How often.
        times: u32,
    },
    /// A test's hook said so.
    #[error("died at {0:?}")]
    Died(Failpoint),
}
