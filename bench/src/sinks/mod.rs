//! Rows and documents a second through our sinks, against the same requests sent ready-made.

mod bare;
mod click;
mod contest;
mod elastic;
mod history;
mod ours;
mod report;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{LogKind, site::Site};
use report::Figures;

/// Rows a second through our sinks, against the same requests sent ready-made by a bare client
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The log in front of the sinks
    #[arg(long, value_enum, default_value = "kafka")]
    log: LogKind,
    /// About how many records of its topics each sink carries
    #[arg(long, default_value_t = 200_000)]
    rows: usize,
    /// One server alone
    #[arg(long, value_enum)]
    server: Option<Which>,
    /// Pairs of laps, ours and the bare client's, after one that does not count
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/sinks.md")]
    out: PathBuf,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Elasticsearch,
    Clickhouse,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(args.rounds > 0, "at least one round is needed");
    let site = Site::open(args.log)?;
    history::fill(&site, args.rows)?;
    site.leave_core_0();
    let is_wanted = |which| args.server.is_none_or(|only| only == which);
    let mut contests = Vec::new();
    if is_wanted(Which::Clickhouse) {
        contests.push(contest::run(&site, &click::Server::start()?, args.rounds)?);
    }
    if is_wanted(Which::Elasticsearch) {
        contests.push(contest::run(&site, &elastic::Server::start()?, args.rounds)?);
    }
    let figures = Figures { args, contests };
    let (summary, json) = (figures.summary(), figures.json());
    crate::report::write(&args.out, &figures.markdown(), &json)?;
    Ok(summary)
}
