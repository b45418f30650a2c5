//! Sending records through a producer with back-pressure, and hearing what became of them.

use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};

use crate::Outgoing;

/// Between two looks at what was delivered. Shorter waits inside librdkafka spin (its wait is
/// counted in whole milliseconds), longer ones are most of a commit.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// Hears deliveries, and keeps the first that failed.
#[derive(Default)]
pub(super) struct Deliveries {
    failed: Mutex<Option<KafkaError>>,
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "a producer is disturbed");
    }

    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, line: &str) {
        use rdkafka::config::RDKafkaLogLevel as Level;
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::error!(facility, line, "librdkafka");
            }
            Level::Warning => tracing::warn!(facility, line, "librdkafka"),
            Level::Notice | Level::Info | Level::Debug => {
                tracing::debug!(facility, line, "librdkafka");
            }
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().expect("no holder of this lock panics");
            failed.get_or_insert_with(|| error.clone());
        }
    }
}

/// A producer that is polled by hand.
pub(super) struct Sender {
    pub(super) producer: BaseProducer<Deliveries>,
}

impl Sender {
    pub(super) fn new(config: &ClientConfig) -> KafkaResult<Self> {
        let producer = config.create_with_context(Deliveries::default())?;
        Ok(Self { producer })
    }

    /// Hands a record over, waiting while the queue is full.
    pub(super) fn send(&self, prefix: &str, record: &Outgoing) -> KafkaResult<()> {
        let topic = record.topic.full_name(prefix);
        let mut message = BaseRecord::<[u8], [u8]>::to(&topic)
            .partition(record.partition)
            .key(&record.key)
            .timestamp(record.timestamp_ms)
            .headers(headers(record));
        message.payload = record.value.as_deref();
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    message = back;
                    self.look();
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Waits until everything that was handed over is delivered or has failed; false when the time
    /// is over first.
    pub(super) fn drain(&self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.producer.in_flight_count() > 0 {
            if start.elapsed() > limit {
                return false;
            }
            self.look();
        }
        // Deliveries that were just counted out may still wait to be heard.
        self.producer.poll(Duration::ZERO);
        true
    }

    /// Takes the first delivery that failed since the last call.
    pub(super) fn take_failure(&self) -> Option<KafkaError> {
        let context = self.producer.context();
        let mut failed = context.failed.lock().expect("no holder of this lock panics");
        failed.take()
    }

    pub(super) fn look(&self) {
        self.producer.poll(Duration::ZERO);
        thread::sleep(LOOK_EVERY);
    }
}

fn headers(record: &Outgoing) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(headers, |headers, (key, value)| {
        let value = Some(&**value);
        headers.insert(Header { key, value })
    })
}
