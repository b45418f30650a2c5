//! `scorecard test`: runs the test cases of a standard's layers.

mod junit;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use producer_standard::Layer;

use crate::output::{plain, say};

/// Runs the test cases of a standard's requirements; says where and how a verdict differs
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The standard's layers in order: folders, and `shipped` for what the program carries
    #[arg(value_name = "LAYER", default_value = "standard")]
    layers: Vec<Layer>,
    /// Writes the results to this file in JUnit's XML form, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Names every case, not only those that fail
    #[arg(long, short)]
    verbose: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let report = producer_standard::run_tests(&args.layers)?;
    if let Some(file) = &args.junit {
        std::fs::write(file, junit::xml(&report))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    for problem in &report.problems {
        say!("error: {problem}")?;
    }
    for case in &report.cases {
        let name = plain(&case.name);
        if !case.is_ok {
            say!("failed: {} / {name}\n  {}", case.requirement, case.place)?;
        } else if args.verbose {
            say!("ok: {} / {name}", case.requirement)?;
        }
    }
    for warning in &report.warnings {
        say!("warning: {warning}")?;
    }
    let failed = report.cases.iter().filter(|case| !case.is_ok).count();
    let (cases, files) = (report.cases.len(), report.problems.len());
    say!("{cases} cases: {} as expected, {failed} not; {files} faults of files", cases - failed)?;
    if !report.is_ok() {
        let layers: Vec<String> = args.layers.iter().map(ToString::to_string).collect();
        bail!("the standard in {} is not in order", layers.join(", "));
    }
    Ok(())
}
