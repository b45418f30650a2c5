//! Workbooks: one sheet by us, by openpyxl and by XlsxWriter, and all of a large organisation.

mod contest;
mod organisation;
mod report;
mod rows;
mod size;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

pub(crate) use contest::{WriterArgs, write};
pub(crate) use organisation::{AT_MS, DAY_MS, Organisation, Size, account_id, owner};
pub(crate) use size::{Args as RenderArgs, WorkerArgs, run as render, work};

/// The same enterprise sheet by us, by openpyxl and by `XlsxWriter`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Accounts: a column each
    #[arg(long, default_value_t = 5_000)]
    accounts: usize,
    /// Requirements of the sheets: a row each
    #[arg(long, default_values_t = [50, 400])]
    requirements: Vec<usize>,
    /// How often each contender writes each sheet
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A Python that has openpyxl and `XlsxWriter`; `bench/run` makes one
    #[arg(long)]
    python: PathBuf,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/workbook.md")]
    out: PathBuf,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(args.rounds > 0, "at least one round is needed");
    let mut sheets = Vec::new();
    for &requirements in &args.requirements {
        let size = Size {
            owners: args.accounts.div_ceil(3),
            accounts: args.accounts,
            requirements,
            rows: args.accounts * requirements,
            passing: 3 * args.accounts * requirements,
        };
        let folder = tempfile::tempdir()?;
        let rows = folder.path().join("rows.jsonl");
        let cells = rows::enterprise(&Organisation::new(size).tables(), &rows)?;
        sheets.push(contest::hold(&args.python, &rows, requirements, cells, args.rounds)?);
    }
    let settings = serde_json::json!({"accounts": args.accounts, "rounds": args.rounds});
    let summary = report::summary(&sheets)?;
    let json = serde_json::json!({"settings": settings, "summary": summary, "sheets": sheets});
    crate::report::write(&args.out, &report::markdown(&sheets, &summary, &settings), &json)?;
    Ok(summary)
}
