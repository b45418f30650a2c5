//! Appends records in transactions: what a contender is to take shows itself to it at one moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};

use schemas::headers::Headers;

use super::workload::Event;

/// Longest wait for Kafka.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);

/// Between two looks at what was delivered.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// A record to append.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) at_ms: i64,
    pub(crate) key: Vec<u8>,
    /// None is a tombstone.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Headers,
}

/// Writes events as the records that one side reads.
pub(crate) trait Translate: Send {
    /// Gives what must be there before the first event.
    fn first(&mut self, at_ms: i64) -> Result<Vec<Outgoing>>;
    /// Adds the records of an event.
    fn add(&mut self, event: &Event, to: &mut Vec<Outgoing>) -> Result<()>;
}

#[derive(Default)]
struct Deliveries {
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A producer: of transactions, whose records are seen when it commits, or of single records.
pub(crate) struct Feed {
    producer: BaseProducer<Deliveries>,
}

impl Feed {
    /// Opens one of transactions.
    pub(crate) fn open(bootstrap: &str, id: &str) -> Result<Self> {
        let mut config = settings(bootstrap);
        config
            .set("transactional.id", id)
            // Kafka's longest.
            .set("transaction.timeout.ms", "900000")
            .set("linger.ms", "20")
            .set("retry.backoff.ms", "10");
        let producer: BaseProducer<Deliveries> = config
            .create_with_context(Deliveries::default())
            .context("making the generator's producer")?;
        producer.init_transactions(WAIT_MAX).context("starting the generator's transactions")?;
        Ok(Self { producer })
    }

    /// Opens one of single records, each seen at once.
    pub(crate) fn live(bootstrap: &str) -> Result<Self> {
        let mut config = settings(bootstrap);
        config.set("enable.idempotence", "true").set("linger.ms", "0");
        let producer = config.create_with_context(Deliveries::default());
        Ok(Self { producer: producer.context("making the generator's producer")? })
    }

    pub(crate) fn begin(&self) -> Result<()> {
        self.producer.begin_transaction().context("beginning a transaction of the generator")
    }

    pub(crate) fn send(&self, record: &Outgoing) -> Result<()> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(&**value) });
        }
        let mut message = BaseRecord::<[u8], [u8]>::to(&record.topic)
            .partition(record.partition)
            .timestamp(record.at_ms)
            .key(&record.key);
        message.payload = record.value.as_deref();
        if !record.headers.is_empty() {
            message = message.headers(headers);
        }
        send(&self.producer, message)
    }

    /// Waits until every record is in the log.
    pub(crate) fn drain(&self) -> Result<()> {
        drain(&self.producer);
        self.producer.poll(Duration::ZERO);
        match self.producer.context().failed.load(Ordering::Relaxed) {
            0 => Ok(()),
            failed => bail!("{failed} records of the generator were not taken"),
        }
    }

    /// Shows the records.
    pub(crate) fn commit(&self) -> Result<()> {
        self.drain()?;
        self.producer.commit_transaction(WAIT_MAX).context("committing the generator's records")
    }

    /// Hears what was delivered.
    pub(crate) fn poll(&self) {
        self.producer.poll(Duration::ZERO);
    }
}

/// Hands a record to a producer, waiting while its queue is full.
pub(crate) fn send<C: ProducerContext<DeliveryOpaque = ()>>(
    producer: &BaseProducer<C>,
    mut record: BaseRecord<'_, [u8], [u8]>,
) -> Result<()> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                look(producer);
            }
            Err((error, _)) => return Err(error).context("appending a record"),
        }
    }
}

/// Waits until a producer has nothing under way.
pub(crate) fn drain<C: ProducerContext>(producer: &BaseProducer<C>) {
    while producer.in_flight_count() > 0 {
        look(producer);
    }
}

fn look<C: ProducerContext>(producer: &BaseProducer<C>) {
    producer.poll(Duration::ZERO);
    std::thread::sleep(LOOK_EVERY);
}

fn settings(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("message.timeout.ms", "120000")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "50000");
    config
}
