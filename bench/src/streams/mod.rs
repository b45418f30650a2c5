//! Our account stage against Kafka Streams and bare rdkafka: one run, one broker, one report.

mod contender;
mod feed;
mod fold;
mod ours;
mod peer;
mod process;
mod race;
mod random;
mod watch;
mod workload;

use std::path::PathBuf;

use anyhow::{Context, Result};
use kit::kafka::Kafka;
use serde_json::{Value, json};

use contender::{Contender, Kind, Setting};
pub(crate) use contender::{WorkerArgs, work};
use race::{Race, Stretch};
use workload::{MINUTE_MS, Shape};

/// The first instant of the workload: 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

/// Minutes of the workload that all rounds share: less than an hour, since our stage cuts a history
/// at each full hour, which is no part of this work.
const MINUTES: i64 = 50;

/// What the broker does otherwise than in tests: it compacts as usual, not all the time.
const BROKER: &str = "log.cleaner.backoff.ms=15000
log.cleaner.min.cleanable.ratio=0.5
log.cleaner.dedupe.buffer.size=67108864
log.retention.check.interval.ms=300000
log.index.size.max.bytes=1048576
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000";

/// Our account stage against Kafka Streams and bare rdkafka
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Keys: accounts x 20 checks x 50 resources
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Flips of a round
    #[arg(long, default_value_t = 1_000_000)]
    flips: u64,
    /// Rounds that are measured, after one that warms up
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// What the workload follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Partitions of every topic
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// One contender alone
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// One part alone
    #[arg(long, value_enum)]
    part: Option<Part>,
}

/// A contender by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    /// Our account stage.
    Ours,
    /// Kafka Streams in its plain form.
    Dsl,
    /// Kafka Streams in its tuned form.
    Papi,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Records a second, CPU and memory.
    Throughput,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    eprintln!("only {:?}, part {:?}", args.only, args.part);
    let kafka = Kafka::start_with(BROKER)?;
    let broker = kafka.pid().context("Kafka runs")?;
    crate::site::pin(broker, "0");
    crate::site::pin(std::process::id(), "0");
    let folder = tempfile::tempdir().context("making a folder")?;
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let wanted = match args.only {
            Some(Only::Ours) => kind == Kind::Ours,
            Some(Only::Dsl) => matches!(kind, Kind::Dsl(_)),
            Some(Only::Papi) => matches!(kind, Kind::Papi(_)),
            None => true,
        };
        if wanted {
            eprintln!("{}", kind.name());
            let folder = folder.path().join(kind.name());
            all.push(throughput(args, kind, &kafka.bootstrap(), broker, folder)?);
        }
    }
    Ok(json!(all))
}

fn throughput(
    args: &Args,
    kind: Kind,
    bootstrap: &str,
    broker: u32,
    folder: PathBuf,
) -> Result<Value> {
    let accounts = u32::try_from(args.keys / 1_000).context("--keys")?.max(1);
    let setting = Setting {
        bootstrap: bootstrap.to_owned(),
        partitions: args.partitions,
        shape: Shape { accounts, checks: 20, resources: 50 },
        prefix: kind.name(),
        folder,
    };
    let mut race = Race::new(Contender::new(kind, setting)?, args.seed, broker)?;
    let load = race.load(START_MS)?;
    say("load", &load);
    let rounds = i64::from(args.runs) + 1;
    let span = (MINUTES / rounds).max(1) * MINUTE_MS;
    let mut seen = Vec::new();
    for round in 0..rounds {
        let from = START_MS + MINUTE_MS + round * span;
        let stretch = race.flips(args.flips, (from, from + span))?;
        say(if round == 0 { "warm-up" } else { "flips" }, &stretch);
        seen.push(stretch);
    }
    let memory = process::memory(race.contender.pid()?)?;
    race.end()?;
    let last = seen.last().context("there is a round")?;
    Ok(json!({
        "contender": kind.name(),
        "records_per_second": (last.records as f64 / last.seconds).round(),
        "cpu_seconds_per_million": last.cpu_seconds / last.records as f64 * 1e6,
        "rss_mib": memory.now >> 20,
        "peak_mib": memory.peak >> 20,
    }))
}

fn say(what: &str, stretch: &Stretch) {
    let Stretch { records, inputs, seconds, cpu_seconds, broker_cpu_seconds, .. } = *stretch;
    let million = 1e6 / records as f64;
    eprintln!(
        "{what}: {records} records ({inputs} read) in {seconds:.1} s = {:.0}/s, {:.1} CPU s a \
         million (broker {:.1}), {} counts written, {} wrong",
        records as f64 / seconds,
        cpu_seconds * million,
        broker_cpu_seconds * million,
        stretch.counts,
        stretch.differing
    );
}
