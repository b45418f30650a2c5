//! The page of a large organisation: how long each address takes, how much it sends, and in how
//! much memory.

mod ask;
mod fill;
mod report;
mod worker;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::site::bytes_of;
use crate::workbook::Size;
pub(crate) use worker::{WorkerArgs, work};

/// Limit of one worker: reading the log, and every address with all its rounds.
const LIMIT: Duration = Duration::from_secs(3_600);

/// The page of a large organisation: every address, its memory, and how soon it tells of a change
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 2_000)]
    owners: usize,
    #[arg(long, default_value_t = 5_000)]
    accounts: usize,
    #[arg(long, default_value_t = 60)]
    requirements: usize,
    /// Rows that fail or could not be judged
    #[arg(long, default_value_t = 2_000_000)]
    rows: usize,
    /// Rows that pass
    #[arg(long, default_value_t = 2_000_000)]
    passing: usize,
    /// Resources with their documents
    #[arg(long, default_value_t = 1_000_000)]
    resources: usize,
    /// How often each address is asked for
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// A folder where the log stays, so that the page can be served from it
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/page.md")]
    out: PathBuf,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    let size = Size {
        owners: args.owners,
        accounts: args.accounts,
        requirements: args.requirements,
        rows: args.rows,
        passing: args.passing,
    };
    let folder = tempfile::tempdir()?;
    let log = args.keep.clone().unwrap_or_else(|| folder.path().join("log"));
    if !log.exists() {
        eprintln!("filling a log: {size:?}, {} resources", args.resources);
        fill::fill(&log, size, args.resources)?;
    }
    let mut figures = ask(&log, args.rounds)?;
    let settings = serde_json::json!({"owners": args.owners, "accounts": args.accounts,
        "requirements": args.requirements, "rows": args.rows, "passing": args.passing,
        "resources": args.resources, "rounds": args.rounds});
    figures["log_mib"] = (bytes_of(&log)? >> 20).into();
    let summary = report::summary(&figures);
    let json = serde_json::json!({"settings": settings, "summary": summary, "figures": figures});
    crate::report::write(&args.out, &report::markdown(&json), &json)?;
    Ok(summary)
}

/// Asks in a process of its own, so that nothing else is in its memory.
fn ask(log: &Path, rounds: usize) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("page-worker").arg("--log").arg(log);
    command.arg("--rounds").arg(rounds.to_string());
    let printed = kit::process::run(command, LIMIT)?;
    serde_json::from_str(&printed).context("the worker prints JSON")
}
