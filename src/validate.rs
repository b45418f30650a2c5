//! `scorecard validate`: what is wrong with the configuration and the files it names.

use anyhow::{Result, bail};

use crate::{config::ConfigFile, output::say, site::now_ms, sources};

/// Checks the configuration and every file that it names; reads only, connects to nothing
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let mut problems = sources::check(&config, now_ms());
    // A layer that can't be listed is told already.
    if let Ok(report) = producer_standard::run_tests(&config.standard)
        && report.problems.is_empty()
        && !report.is_ok()
    {
        problems.push(format!("test cases of the standard fail:\n{report}"));
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => say!("{} and the files it names are in order", args.config.path.display()),
        1 => bail!("1 problem"),
        count => bail!("{count} problems"),
    }
}
