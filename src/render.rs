//! `scorecard render`: workbooks from the tables as they are now.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sink_workbook::{Past, Tables, Written, render_all};

use crate::{config::ConfigFile, progress::Teller, site::Site};

/// Renders the owners' workbooks from the tables in the log
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder to write to; the configuration's when absent
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let site = Site::open(&config)?;
    let out = args.out.as_ref().unwrap_or(&config.workbooks);
    let (tables, past) = read(&site)?;
    render(&tables, &past, out, &Teller::new())?;
    Ok(())
}

/// How far back "what changed" reaches: a week.
const CHANGES_MS: i64 = 7 * 86_400_000;

/// Reads the tables that workbooks are made of, and what came before them.
pub(crate) fn read(site: &Site) -> Result<(Tables, Past)> {
    let Site { log, codec, prefix } = site;
    let tables = Tables::read(&**log, codec, prefix).context("reading the tables")?;
    let (at_ms, since_ms) = (tables.at_ms, tables.at_ms - CHANGES_MS);
    let past = Past::read(&**log, codec, prefix, at_ms, since_ms);
    Ok((tables, past.context("reading the scores and changes of earlier weeks")?))
}

/// Renders every owner's workbook into a folder.
pub(crate) fn render(tables: &Tables, past: &Past, out: &Path, teller: &Teller) -> Result<Written> {
    let tell = |done, total| teller.step(&format!("rendering workbooks: {done} of {total}"));
    let written = render_all(tables, past, out, &tell)?;
    teller.done(&format!(
        "workbooks in {}: {} written, {} unchanged, {} removed",
        out.display(),
        written.written,
        written.unchanged,
        written.removed
    ));
    Ok(written)
}
