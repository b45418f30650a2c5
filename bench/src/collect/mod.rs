//! Our scan against a crawler of boto3 and threads: one server, the same calls, one report.

mod crowd;
mod report;
mod scan;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use kit::moto::Moto;
use serde_json::{Value, json};

use crowd::Crowd;
use scan::Contender;

/// Times by which the large organisation is larger than the small one, which by default has as many
/// accounts as are scanned at the same time.
const TIMES: usize = 10;

/// Our scan against a crawler of boto3 and threads
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Accounts of the large organisation; the small one has a tenth of them
    #[arg(long, default_value_t = 160)]
    accounts: usize,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/collect.md")]
    out: PathBuf,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(args.accounts >= TIMES, "at least {TIMES} accounts are needed");
    let moto = Moto::start()?;
    let small = Crowd::fill(&moto, "100000000001", args.accounts / TIMES)?;
    let large = Crowd::fill(&moto, "200000000001", args.accounts)?;
    let collectors = scan::compared()?;
    let mixes = [Contender::Boto3, Contender::Ours]
        .map(|contender| scan::mix(contender, &moto, &small, &collectors));
    let [theirs, ours] = mixes;
    let mixes = [theirs?, ours?];
    let mut laps = Vec::new();
    for crowd in [&small, &large] {
        for contender in [Contender::Boto3, Contender::Ours] {
            laps.push(scan::lap(contender, &moto, crowd, &collectors)?);
        }
    }
    let ratios = report::ratios(&laps);
    let settings = json!({"accounts": [small.accounts, large.accounts],
        "regions": large.regions, "collectors": collectors});
    let json = json!({"settings": settings, "ratios": ratios, "laps": laps,
        "calls": {"boto3": mixes[0], "ours": mixes[1]}});
    let markdown = report::markdown(&laps, &mixes, &ratios, &settings);
    crate::report::write(&args.out, &markdown, &json)?;
    Ok(ratios)
}
