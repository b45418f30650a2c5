//! `scorecard completion` and `scorecard man`: what a shell and a manual want to know of the
//! commands.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Command;
use clap_complete::Shell;

use crate::output;

/// Prints the completion script of a shell
///
/// For bash: `scorecard completion bash > /etc/bash_completion.d/scorecard`.
#[derive(clap::Args)]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

/// Writes the manual pages, one a command
///
/// They go into a folder such as /usr/local/share/man/man1.
#[derive(clap::Args)]
pub(crate) struct Man {
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs `scorecard completion`.
pub(crate) fn completion(args: &Completion, mut command: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "scorecard", &mut script);
    output::write(String::from_utf8(script).context("the script")?)
}

/// Runs `scorecard man`.
pub(crate) fn man(args: &Man, command: Command) -> Result<()> {
    let out = &args.out;
    std::fs::create_dir_all(out).with_context(|| format!("making the folder {}", out.display()))?;
    let command = command.disable_help_subcommand(true);
    clap_mangen::generate_to(command, out)
        .with_context(|| format!("writing manual pages to {}", out.display()))
}
