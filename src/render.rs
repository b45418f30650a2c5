//! `scorecard render`: workbooks from the tables as they are now.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sink_workbook::{Tables, Written, render_all};

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
    render(&read(&site)?, out, &Teller::new())?;
    Ok(())
}

/// Reads the tables that workbooks are made of.
pub(crate) fn read(site: &Site) -> Result<Tables> {
    Tables::read(&*site.log, &site.codec, &site.prefix).context("reading the tables")
}

/// Renders every owner's workbook into a folder.
pub(crate) fn render(tables: &Tables, out: &Path, teller: &Teller) -> Result<Written> {
    let tell = |done, total| teller.step(&format!("rendering workbooks: {done} of {total}"));
    let written = render_all(tables, out, &tell)?;
    teller.done(&format!(
        "workbooks in {}: {} written, {} unchanged, {} removed",
        out.display(),
        written.written,
        written.unchanged,
        written.removed
    ));
    Ok(written)
}
