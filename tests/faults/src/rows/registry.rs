//! A schema registry that is down, and schemas that it does not know.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kit::{kafka::Kafka, registry::Registry};
use schemas::{
    AccountKey, Codec, Key as _,
    headers::text,
    partition_of,
    topic::{DEADLETTER, SPEND},
};
use stream::{Outgoing, worker::DLQ_REASON};

use crate::{
    build::{Event, Source, T0, spend},
    judge::records,
    line::{BROKER, Line, PARTITIONS, Round},
    random::ACCOUNTS,
    verdict::judge_tables,
    work::codec,
};

/// How long a process must wait for a registry without giving a record up.
const DOWN: Duration = Duration::from_secs(8);

/// Limit for a process to ask for what is down.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// Row 10: values in the registry's format, of which a process has no schema when the registry is
/// down, and others whose schema no registry knows.
pub(crate) fn down(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let registry = Registry::start()?;
    let url = registry.url();
    let codec = codec(Some(&url))?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 200)?;
    let mut settings = line.settings("a", 1);
    settings.registry = Some(url);
    line.start(settings)?;
    line.feed_for(Duration::from_secs(5))?;
    line.feed_all()?;
    line.quiet()?;
    let letters = records(&*line.log, DEADLETTER).len();
    let asked = registry.refused();
    let wire = wire(&mut line, &codec)?;
    // Another process has no schema yet.
    registry.set_down(true);
    line.round.tally.fault("the registry is down");
    line.kill("a")?;
    line.append(wire)?;
    let start = Instant::now();
    while registry.refused() < asked + 3 {
        ensure!(start.elapsed() < ASK_LIMIT, "nobody asks the registry that is down");
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(DOWN);
    let now = records(&*line.log, DEADLETTER).len();
    ensure!(now == letters, "{} records were given up for want of a registry", now - letters);
    registry.set_down(false);
    line.quiet()?;
    ensure!(records(&*line.log, DEADLETTER).len() == letters, "what waited was given up");
    append_unknown(&mut line)?;
    line.settle()?;
    let found = records(&*line.log, DEADLETTER);
    let unknown = found.iter().filter(|letter| {
        text(&letter.headers, DLQ_REASON).is_some_and(|reason| reason.contains("schema"))
            && letter.value.as_ref().is_some_and(|value| value.starts_with(&[0, 0, 1]))
    });
    ensure!(unknown.count() == ACCOUNTS.len(), "letters: {found:?}");
    judge_tables(&mut line, &codec)
}

/// Makes new figures in the registry's wire format; they are part of the scenario.
fn wire(line: &mut Line<'_>, codec: &Codec) -> Result<Vec<Outgoing>> {
    let at_ms = line.events.last().context("a scenario")?.at_ms;
    let mut records = Vec::new();
    for (at, account) in ACCOUNTS.iter().enumerate() {
        let value = spend(account, 77_000 + at as i64);
        let bytes = codec.encode(&SPEND.spec.full_name(&line.prefix), &value)?;
        ensure!(bytes.starts_with(&[0, 0]), "this is not the wire format");
        records.push(record(account, at_ms.max(T0), bytes));
        let source = Source::Spend((*account).to_owned(), Some(value));
        line.events.push(Event { at_ms, source });
        line.round.tally.fault("value whose schema is out of reach");
    }
    Ok(records)
}

/// Appends values of schemas that nobody knows.
fn append_unknown(line: &mut Line<'_>) -> Result<()> {
    let records = ACCOUNTS.iter().map(|account| record(account, T0, vec![0, 0, 1, 0, 0, 2]));
    line.round.tally.faults("value whose schema nobody knows", ACCOUNTS.len() as u64);
    line.append(records.collect())
}

fn record(account: &str, timestamp_ms: i64, value: Vec<u8>) -> Outgoing {
    let key = AccountKey::new(account);
    Outgoing {
        topic: SPEND.spec,
        partition: partition_of(&key.partition_key(), PARTITIONS),
        timestamp_ms,
        key: key.encode().into_bytes(),
        value: Some(value),
        headers: Vec::new(),
    }
}
