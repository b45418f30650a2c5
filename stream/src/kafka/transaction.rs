//! Transactions of one member: the attempt, and what to do when it does not simply succeed.

use std::{
    process,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer as _,
};

use super::{
    classify::{End, is_lasting, of_delivery, of_transaction},
    cluster::Cluster,
    config::DELIVERY_TIMEOUT,
    produce::Sender,
};
use crate::{AbortReason, LogError, Noted, Outcome, Outgoing, watchdog};

/// Timeout of one blocking call: longer than Kafka keeps a transaction open, below the watchdog's
/// limit, which is for calls that ignore their timeout.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a new producer tries to get ready, broker restarts included. Below the five minutes
/// after which Kafka gives the partitions of a member that does not poll to others.
const READY_LIMIT: Duration = Duration::from_secs(180);

/// Transactions under one transactional id.
pub(super) struct Transactions {
    cluster: Arc<Cluster>,
    config: ClientConfig,
    sender: Option<Sender>,
    /// Unlike any other run's: goes with each commit, so that its outcome can be learned later.
    run: String,
    count: u64,
    /// Producers that were started, and why the last aborted transaction was: for metrics.
    pub(super) producers: u64,
    pub(super) aborted_by: AbortReason,
}

/// What a transaction is to commit.
pub(super) struct Work<'a> {
    pub(super) consumer: &'a BaseConsumer,
    pub(super) metadata: Option<&'a ConsumerGroupMetadata>,
    pub(super) outputs: &'a [Outgoing],
    pub(super) positions: &'a [Noted],
}

impl Transactions {
    /// Starts a producer; this fences an older one of the same id, and ends its open transaction.
    pub(super) fn start(cluster: Arc<Cluster>, id: &str) -> Result<Self, LogError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let run = since.unwrap_or_default().as_nanos();
        let mut transactions = Self {
            config: cluster.config.transactional(id)?,
            cluster,
            sender: None,
            run: format!("{}.{run}", process::id()),
            count: 0,
            producers: 0,
            aborted_by: AbortReason::default(),
        };
        transactions.renew()?;
        Ok(transactions)
    }

    pub(super) fn commit(&mut self, work: &Work<'_>) -> Result<Outcome, LogError> {
        self.count += 1;
        let mark = format!("{}.{}", self.run, self.count);
        if self.sender.is_none() {
            self.renew()?;
        }
        self.aborted_by = AbortReason::Asked;
        match self.attempt(work, &mark)? {
            End::Committed => Ok(Outcome::Committed),
            End::Fenced => {
                // A transaction of a member that lost its partitions is still open: it would hold
                // up readers until its timeout. One of a fenced producer can't be aborted, nor need
                // it.
                let _ = self.abort();
                Ok(Outcome::Fenced)
            }
            End::Abort => self.give_up(work),
            End::Refused(error) => match self.give_up(work)? {
                Outcome::Aborted => Err(self.cluster.failed("writing records", error)),
                outcome => Ok(outcome),
            },
            End::Uncertain { committing, error } => self.settle(work, &mark, committing, error),
        }
    }

    pub(super) fn attempt(&self, work: &Work<'_>, mark: &str) -> Result<End, LogError> {
        let sender = self.sender.as_ref().expect("commit made one");
        sender.take_failure();
        if let Err(error) = sender.producer.begin_transaction() {
            return Ok(of_transaction(error, false));
        }
        for record in work.outputs {
            if let Err(error) = sender.send(&self.cluster.prefix, record) {
                return Ok(of_delivery(error));
            }
        }
        // Committing with records in flight would wait in steps of 100 ms.
        if !sender.drain(DELIVERY_TIMEOUT + Duration::from_secs(2)) {
            let error = KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut);
            let committing = false;
            return Ok(End::Uncertain { committing, error });
        }
        if let Some(error) = sender.take_failure() {
            return Ok(self.cause().unwrap_or_else(|| of_delivery(error)));
        }
        if let Some(metadata) = work.metadata.filter(|_| !work.positions.is_empty()) {
            let offsets = self.offsets(work.positions, mark)?;
            let _watched = watchdog::global().watch("send_offsets_to_transaction");
            let producer = &sender.producer;
            let sent = producer.send_offsets_to_transaction(&offsets, metadata, CALL_TIMEOUT);
            if let Err(error) = sent {
                return Ok(of_transaction(error, false));
            }
        }
        let _watched = watchdog::global().watch("commit_transaction");
        Ok(match sender.producer.commit_transaction(CALL_TIMEOUT) {
            Ok(()) => End::Committed,
            Err(error) => of_transaction(error, true),
        })
    }

    /// Asks why the transaction has failed; none when its state does not tell. A record that could
    /// not be sent for lack of a right only says that its time was over.
    fn cause(&self) -> Option<End> {
        // Refused inside a transaction; of one that has failed the refusal gives the reason.
        let error = self.sender.as_ref()?.producer.begin_transaction().err()?;
        match of_transaction(error, false) {
            End::Refused(error) => Some(End::Refused(error)),
            _ => None,
        }
    }

    /// Makes the list of offsets to commit, each with the mark of this attempt and its note.
    fn offsets(&self, positions: &[Noted], mark: &str) -> Result<TopicPartitionList, LogError> {
        let failed = |error| self.cluster.failed("listing positions", error);
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for Noted { position, note } in positions {
            let name = position.topic.full_name(&self.cluster.prefix);
            let mut element = list.add_partition(&name, position.partition);
            element.set_offset(Offset::Offset(position.offset)).map_err(failed)?;
            element.set_metadata(metadata(mark, note));
        }
        Ok(list)
    }

    /// Aborts; a producer that can't is replaced, which aborts too.
    fn give_up(&mut self, work: &Work<'_>) -> Result<Outcome, LogError> {
        match self.abort() {
            Ok(()) => Ok(Outcome::Aborted),
            Err(error) => match of_transaction(error, false) {
                End::Fenced => Ok(Outcome::Fenced),
                _ if is_fenced(work.consumer) => Ok(Outcome::Fenced),
                _ => {
                    self.renew()?;
                    Ok(Outcome::Aborted)
                }
            },
        }
    }

    fn abort(&self) -> Result<(), KafkaError> {
        let Some(sender) = &self.sender else {
            return Ok(());
        };
        // An abort with records in flight fails after its whole timeout.
        sender.drain(DELIVERY_TIMEOUT + Duration::from_secs(2));
        let _watched = watchdog::global().watch("abort_transaction");
        sender.producer.abort_transaction(CALL_TIMEOUT)
    }

    /// Learns how a transaction ended: a new producer ends it for good, then the group knows.
    ///
    /// The same producer must not go on: an answer that is late may hit its next transaction.
    pub(super) fn settle(
        &mut self,
        work: &Work<'_>,
        mark: &str,
        committing: bool,
        error: KafkaError,
    ) -> Result<Outcome, LogError> {
        tracing::warn!(error = %error, committing, "the end of a transaction is uncertain");
        if is_fenced(work.consumer) {
            return Ok(Outcome::Fenced);
        }
        self.aborted_by = AbortReason::Uncertain;
        self.renew()?;
        if !committing {
            return Ok(Outcome::Aborted);
        }
        let positions = work.positions.iter();
        let partitions: Vec<_> =
            positions.map(|noted| (noted.position.topic, noted.position.partition)).collect();
        if partitions.is_empty() {
            let attempted = "learning how a transaction without positions ended";
            return Err(self.cluster.failed(attempted, error));
        }
        let list = self.cluster.committed_list(work.consumer, &partitions)?;
        let marked = partitions.iter().all(|(topic, partition)| {
            let name = topic.full_name(&self.cluster.prefix);
            let element = list.find_partition(&name, *partition);
            element.is_some_and(|element| parts(element.metadata()).0 == mark)
        });
        Ok(if marked { Outcome::Committed } else { Outcome::Aborted })
    }

    /// Replaces the producer by a new one with the same id, which ends what the old one left open.
    fn renew(&mut self) -> Result<(), LogError> {
        self.sender = None;
        let start = Instant::now();
        loop {
            let sender = Sender::new(&self.config)
                .map_err(|error| self.cluster.failed("starting a producer", error))?;
            let ready = {
                let _watched = watchdog::global().watch("init_transactions");
                sender.producer.init_transactions(CALL_TIMEOUT)
            };
            match ready {
                Ok(()) => {
                    self.producers += 1;
                    self.sender = Some(sender);
                    return Ok(());
                }
                Err(KafkaError::Transaction(error))
                    if !error.is_fatal()
                        && !is_lasting(error.code())
                        && start.elapsed() < READY_LIMIT =>
                {
                    tracing::warn!(%error, "a producer is not ready yet");
                }
                Err(error) => return Err(self.cluster.failed("starting a producer", error)),
            }
        }
    }
}

/// Joins what is kept beside a position: the mark, which has no space, then the note.
fn metadata(mark: &str, note: &str) -> String {
    if note.is_empty() { mark.to_owned() } else { format!("{mark} {note}") }
}

/// Splits what is kept beside a position into mark and note, either of which may be empty.
pub(super) fn parts(metadata: &str) -> (&str, &str) {
    metadata.split_once(' ').unwrap_or((metadata, ""))
}

/// Whether the group has given the member's name to another.
fn is_fenced(consumer: &BaseConsumer) -> bool {
    consumer.client().fatal_error().is_some()
}
