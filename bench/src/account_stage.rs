//! Records a second of the account stage: a simulated history, already in the log, taken by one
//! worker.

use std::time::{Duration, Instant};

use anyhow::Result;
use producer_simulator as simulator;
use schemas::{Codec, topic};
use serde_json::{Value, json};
use stream::{snapshot, store::Stores, worker::Stop};

use crate::{
    LogKind,
    site::{PREFIX, Site, bytes_of},
};

/// The first simulated instant: 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

/// Records a second of the account stage, and the size of its state
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The log
    #[arg(long, value_enum, default_value = "local")]
    log: LogKind,
    /// Simulated accounts
    #[arg(long, default_value_t = 200)]
    accounts: usize,
    /// Simulated days
    #[arg(long, default_value_t = 10)]
    days: usize,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    let site = Site::open(args.log)?;
    site.publish_standard(START_MS)?;
    let config = simulator::Config {
        accounts: args.accounts,
        days: args.days,
        start_ms: START_MS,
        ..simulator::Config::default()
    };
    let mut publisher = site.publisher()?;
    for event in simulator::simulate(&config) {
        simulator::publish(&event, &mut publisher)?;
    }
    publisher.flush()?;

    let stores = Stores::open(&site.state())?;
    let stop = Stop::new();
    let started = Instant::now();
    let worker = site.account(&stores, &stop);
    while !worker.caught_up(&*site.log)? {
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = started.elapsed().as_secs_f64();
    stop.stop();
    let report = worker.join()?;

    let resources =
        snapshot::table(&*site.log, &Codec::default(), PREFIX, &topic::RESOURCE_STATE)?.len();
    let state_bytes = bytes_of(&site.state())?;
    let per_100k = state_bytes as f64 / resources.max(1) as f64 * 1e5;
    let per_second = report.records as f64 / seconds;
    println!(
        "{:?}: {} records in {seconds:.1} s = {per_second:.0}/s in {} transactions",
        args.log, report.records, report.commits
    );
    println!("{resources} resources, {} KiB of state", state_bytes / 1024);
    Ok(json!({
        "bench": "account-stage",
        "log": format!("{:?}", args.log).to_lowercase(),
        "records": report.records,
        "records_per_second": per_second.round(),
        "seconds": seconds,
        "transactions": report.commits,
        "resources": resources,
        "state_bytes": state_bytes,
        "state_bytes_per_100k_resources": per_100k.round(),
    }))
}
