//! `scorecard config` and `scorecard schema`: what the configuration says, and what it may say.

use anyhow::Result;
use clap::Subcommand;

use crate::{
    config::{ConfigFile, defaults},
    output,
};

/// Shows the configuration as it is read: the file, what is set otherwise, and the defaults
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(Show),
}

/// Prints the configuration as YAML that says the same
///
/// Values stay as they were written: `${NAME}` is not put in. Sections that are not configured are
/// not shown. A fault is told after it.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    config: ConfigFile,
    /// Behind each value who says it: a line of the file, a variable, --set, or default
    #[arg(long)]
    origin: bool,
}

/// Runs `scorecard config`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Command::Show(show) = &args.command;
    let mut document = show.config.document()?;
    defaults::fill(&mut document, &defaults::schema());
    output::write(document.yaml(show.origin))?;
    show.config.read().map(|_| ())
}

/// Prints the JSON Schema of the configuration, for editors and checks
///
/// An editor with a YAML language server takes it by this first line of a configuration:
/// `# yaml-language-server: $schema=scorecard.schema.json`.
#[derive(clap::Args)]
pub(crate) struct Schema {}

/// Runs `scorecard schema`.
pub(crate) fn schema(_: &Schema) -> Result<()> {
    output::write(format_args!("{:#}\n", defaults::schema()))
}
