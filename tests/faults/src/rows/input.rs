//! Input that comes twice, late, or as nobody can read it.

use std::{sync::Mutex, time::Duration};

use anyhow::{Context, Result, ensure};
use kit::kafka::Kafka;
use rdkafka::{
    ClientConfig, ClientContext,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};
use schemas::{
    headers::text,
    topic::{DEADLETTER, OBSERVATION},
};
use stream::worker::{DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, DLQ_TOPIC};

use crate::{
    build::{Event, MINUTE, Source},
    judge::records,
    line::{BROKER, Line, PARTITIONS, Round},
    verdict::judge,
};

/// Row 7: two of three records come twice, and others are said again.
pub(crate) fn twice(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    line.feed().repeats = 66;
    line.start(line.settings("a", 2))?;
    line.feed_for(Duration::from_secs(5))?;
    line.settle()?;
    judge(&mut line)
}

/// Row 8: records of scans and reports come again long after, among those of newer ones.
pub(crate) fn late(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    line.start(line.settings("a", 2))?;
    let mut events = line.events.clone();
    for at in 0..events.len() {
        let source = events[at].source.clone();
        let told = matches!(source, Source::Observation(_) | Source::Report(_));
        if told && line.round.random.chance(40) {
            let to = at + 1 + line.round.random.below(events.len() - at);
            let at_ms = events[to - 1].at_ms;
            events.insert(to, Event { at_ms, source });
            line.round.tally.fault("late record");
        }
    }
    line.instead(events);
    line.feed_for(Duration::from_secs(5))?;
    line.settle()?;
    judge(&mut line)
}

/// Row 15: the clock jumps an hour ahead and back again, as a clock of a machine may.
pub(crate) fn clock_jumps(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    line.start(line.settings("a", 2))?;
    let mut events = line.events.clone();
    let mut at = 0;
    while at < events.len() {
        if let Source::Tick(minute_ms) = events[at].source
            && line.round.random.chance(50)
        {
            for jump in [60, -60, 0] {
                at += 1;
                let minute_ms = minute_ms + jump * MINUTE;
                events.insert(at, Event { at_ms: minute_ms, source: Source::Tick(minute_ms) });
                line.round.tally.fault("jump of the clock");
            }
        }
        at += 1;
    }
    line.instead(events);
    line.feed_for(Duration::from_secs(5))?;
    line.settle()?;
    judge(&mut line)
}

/// Row 9: bytes that are no value, records far too large, and such without a key.
pub(crate) fn poison(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    line.start(line.settings("a", 1))?;
    line.feed_for(Duration::from_secs(6))?;
    let of_scenario =
        line.events.iter().filter(|event| matches!(event.source, Source::Poison(_))).count();
    let thrown = throw_in(&mut line)?;
    line.feed_all()?;
    // Records that were appended twice are so many letters more.
    let injected = of_scenario + thrown;
    line.round.tally.faults("poison", injected as u64);
    line.settle()?;
    judge(&mut line)?;
    let letters = records(&*line.log, DEADLETTER);
    let in_topic = records(&*line.log, OBSERVATION.spec).into_iter();
    let nonsense = in_topic.filter(|r| r.value.as_deref() == Some(b"\xc3\x01nonsense")).count();
    ensure!(nonsense >= of_scenario && of_scenario > 0, "{nonsense} and {of_scenario}");
    let wanted = nonsense + thrown;
    ensure!(letters.len() == wanted, "{} letters of {wanted} poisons", letters.len());
    for letter in &letters {
        let header = |name| text(&letter.headers, name).with_context(|| format!("no {name}"));
        let offset: i64 = header(DLQ_OFFSET)?.parse()?;
        let partition: i32 = header(DLQ_PARTITION)?.parse()?;
        ensure!(header(DLQ_TOPIC)? == OBSERVATION.spec.name);
        ensure!(header(DLQ_STAGE)? == "account" && !header(DLQ_REASON)?.is_empty());
        let source = records(&*line.log, OBSERVATION.spec).into_iter();
        let mut source = source.filter(|r| (r.partition, r.offset) == (partition, offset));
        let source = source.next().context("its source is there")?;
        ensure!(source.key == letter.key, "the letter of another record");
    }
    Ok(())
}

/// Appends what no writer of ours would: without a key, and larger than any record of ours.
fn throw_in(line: &mut Line<'_>) -> Result<usize> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &line.bootstrap).set("message.max.bytes", "5000000");
    config.set("compression.type", "zstd");
    let producer: BaseProducer<Heard> = config.create_with_context(Heard::default())?;
    let mut thrown = 0;
    for round in 0..4 {
        for partition in 0..PARTITIONS {
            // It compresses well, so that a broker takes it.
            let huge = vec![b'x'; 1_500_000 + 500_000 * round];
            let topic = OBSERVATION.spec.full_name(&line.prefix);
            let keyed = BaseRecord::to(&topic).partition(partition).payload(&huge).key("huge");
            let payload = format!("bytes {round}");
            let bare = BaseRecord::<str, str>::to(&topic).partition(partition).payload(&payload);
            producer.send(keyed).map_err(|(error, _)| error)?;
            producer.send(bare).map_err(|(error, _)| error)?;
            thrown += 2;
        }
        producer.flush(Duration::from_secs(60))?;
        std::thread::sleep(Duration::from_millis(1_000));
    }
    let refused = producer.context().0.lock().unwrap();
    ensure!(refused.is_empty(), "the broker refused {refused:?}");
    Ok(thrown)
}

/// Hears what became of records: which were refused, and why.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl ClientContext for Heard {}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap().push(error.to_string());
        }
    }
}
