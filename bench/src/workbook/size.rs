//! All workbooks of a large organisation: how long it takes, and in how much memory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use schemas::Codec;
use serde_json::{Value, json};
use sink_workbook::{Past, Tables, render_all};
use stream::{Log, Publisher, local::LocalLog};

use super::organisation::{Organisation, Size};
use crate::process;
use crate::site::{PARTITIONS, PREFIX, bytes_of};

/// Limit of one rendering.
const LIMIT: Duration = Duration::from_secs(3_600);

/// All workbooks of a large organisation, from the log to the files
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 2_000)]
    owners: usize,
    #[arg(long, default_value_t = 5_000)]
    accounts: usize,
    #[arg(long, default_value_t = 80)]
    requirements: usize,
    /// Rows that fail or could not be judged
    #[arg(long, default_value_t = 2_000_000)]
    rows: usize,
    /// Rows that pass
    #[arg(long, default_value_t = 2_000_000)]
    passing: usize,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/render.md")]
    out: PathBuf,
}

/// Renders from a log, alone in a process
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    #[arg(long)]
    log: PathBuf,
    #[arg(long)]
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
    let (log, out) = (folder.path().join("log"), folder.path().join("workbooks"));
    eprintln!("filling a log: {size:?}");
    fill(&log, size)?;
    let first = render(&log, &out)?;
    let again = render(&log, &out)?;
    let figures = json!({"owners": args.owners, "accounts": args.accounts,
        "requirements": args.requirements, "rows": args.rows, "passing": args.passing,
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "log_bytes": bytes_of(&log)?, "workbook_bytes": bytes_of(&out)?,
        "first": first, "unchanged": again});
    crate::report::write(&args.out, &markdown(&figures), &figures)?;
    Ok(json!({"seconds": first["seconds"], "peak_mib": first["peak_mib"],
        "seconds_unchanged": again["seconds"]}))
}

fn fill(log: &Path, size: Size) -> Result<()> {
    let log = LocalLog::open(log, PARTITIONS, PREFIX)?;
    log.apply()?;
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "bench")?;
    Organisation::new(size).publish(&mut publisher)
}

/// Renders in a process of its own, so that nothing else is in its memory.
fn render(log: &Path, out: &Path) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["render-worker", "--log"]).arg(log).arg("--out").arg(out);
    let printed = kit::process::run(command, LIMIT)?;
    serde_json::from_str(&printed).context("the worker prints JSON")
}

/// Reads and renders, and prints what it took.
pub(crate) fn work(args: &WorkerArgs) -> Result<()> {
    let mib = |bytes: u64| bytes / (1 << 20);
    let pid = std::process::id();
    let start = Instant::now();
    let log = LocalLog::open(&args.log, PARTITIONS, PREFIX)?;
    let tables = Tables::read(&log, &Codec::default(), PREFIX)?;
    let read_seconds = start.elapsed().as_secs_f64();
    let read = process::memory(pid)?;
    let written = render_all(&tables, &Past::default(), &args.out, &|_, _| {})?;
    println!(
        "{}",
        json!({"seconds": start.elapsed().as_secs_f64(), "read_seconds": read_seconds,
            "cpu_seconds": process::cpu_seconds(pid)?,
            "read_mib": mib(read.now), "read_peak_mib": mib(read.peak),
            "peak_mib": mib(process::memory(pid)?.peak),
            "written": written.written, "unchanged": written.unchanged})
    );
    Ok(())
}

fn markdown(figures: &Value) -> String {
    let mut to = String::from("# All workbooks of a large organisation\n\n");
    let line = crate::report::line;
    line(&mut to, "Made by `bench/run render`. `bench/README.md` says how.\n");
    crate::report::head(&mut to, "figure | value");
    for (name, value) in figures.as_object().into_iter().flatten() {
        if !value.is_object() {
            line(&mut to, &format!("| {name} | {value} |"));
        }
    }
    line(&mut to, "");
    crate::report::head(&mut to, "figure | first | unchanged");
    for (name, value) in figures["first"].as_object().into_iter().flatten() {
        line(&mut to, &format!("| {name} | {value} | {} |", figures["unchanged"][name]));
    }
    to
}
