//! The fault matrix: both stages on real Apache Kafka while processes, brokers, disks and networks
//! fail, each round judged by one oracle.
//!
//! `faults row N --seed S` runs one round, `faults soak --minutes M` all rows in rounds.

#![allow(clippy::unwrap_used, reason = "a round fails where something is missing")]

mod line;
mod noted;
mod owners;
mod report;
mod rows;
mod soak;
mod verdict;
mod work;

#[allow(dead_code, unused_imports, reason = "tests of the stages use the rest")]
#[path = "../../../processors/stages/tests/suite"]
mod suite {
    pub(crate) mod agree;
    pub(crate) mod build;
    pub(crate) mod feed;
    pub(crate) mod judge;
    pub(crate) mod noting;
    pub(crate) mod oracle;
    pub(crate) mod random;
    pub(crate) mod site;
}

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use suite::{agree, build, feed, judge, noting, oracle, random, site};
use tracing_subscriber::EnvFilter;

/// The fault matrix on real Apache Kafka.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What a process of the line does; started by the harness
    Work,
    /// Runs one round of one row
    Row {
        /// The row of the matrix
        row: String,
        /// The round's seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Runs rows in rounds until the time is over
    Soak {
        /// For how long
        #[arg(long)]
        minutes: u64,
        /// What the rounds' seeds are drawn from; the time of day when absent
        #[arg(long)]
        seed: Option<u64>,
        /// Only this row
        #[arg(long)]
        row: Option<String>,
        /// Where the report goes
        #[arg(long, overrides_with = "report")]
        report: PathBuf,
    },
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SCORECARD_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match Cli::parse().command {
        Command::Work => work::run(),
        Command::Row { row, seed } => soak::row(&row, seed),
        Command::Soak { minutes, seed, row, report } => {
            soak::soak(minutes, seed, row.as_deref(), &report)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}
