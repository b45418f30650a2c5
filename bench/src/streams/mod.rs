//! Our account stage against Kafka Streams and bare rdkafka: one run, one broker, one report.

mod admin;
mod bare;
mod contender;
mod feed;
mod figures;
mod fold;
mod limit;
mod live;
mod ours;
mod peer;
mod race;
mod random;
mod report;
mod run;
mod watch;
mod whole;
mod workload;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use crate::process;
pub(crate) use bare::{BareArgs, copy};
pub(crate) use contender::{WorkerArgs, work};
pub(crate) use random::Random;

/// The first instant of the workload: 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

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
    /// Seconds at each rate of changes
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// What the workload follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Partitions of every topic
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// MiB that our worker may take, blocks of files included: a control group ends it beyond
    /// that (needs root)
    #[arg(long)]
    memory: Option<u64>,
    /// Small numbers: shows that all of it works, in minutes
    #[arg(long)]
    quick: bool,
    /// One contender alone
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// One part alone
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/streams.md")]
    out: PathBuf,
}

/// A contender by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    /// Our account stage on findings.
    Ours,
    /// Kafka Streams in its plain form.
    Dsl,
    /// Kafka Streams in its tuned form.
    Papi,
    /// Bare rdkafka (after one round of ours, whose records it copies).
    Bare,
    /// Our account stage on what simulated collectors saw.
    Whole,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Records a second, CPU and memory.
    Throughput,
    /// From change to count, at steady rates.
    Latency,
    /// From `kill -9` to the first new count.
    Ready,
    /// Throughput at 1, 10 and 100 times the accounts, resources and partitions.
    Scale,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    let plan = run::Plan::of(args);
    let figures = run::run(&plan)?;
    let ratios = report::ratios(&figures);
    let settings = plan.settings();
    let json = serde_json::json!({"settings": settings, "ratios": ratios, "figures": figures});
    crate::report::write(&args.out, &report::markdown(&figures, &ratios, &settings), &json)?;
    Ok(ratios)
}
