//! `scorecard setup`: makes what a sink needs in the system that it writes to.

use anyhow::{Context, Result};
use clap::Subcommand;
use sink_clickhouse::Database;

use crate::{config::ConfigFile, output::say};

/// Makes what a sink needs in its target: tables, views; safe to repeat
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the database, tables and views of `sink clickhouse`, and sets how long rows stay
    Clickhouse(Clickhouse),
}

#[derive(clap::Args)]
struct Clickhouse {
    #[command(flatten)]
    config: ConfigFile,
    /// Says what it would do, and does nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Command::Clickhouse(args) = &args.command;
    let config = args.config.read()?;
    let settings = config.clickhouse.as_ref();
    let settings = settings.context("the configuration has no `clickhouse`: there is no server")?;
    let database = Database::prepare(settings)?;
    let steps = if args.dry_run { database.plan(settings) } else { database.apply(settings) }?;
    for step in &steps {
        say!("{}", step.what)?;
        for statement in step.statements.iter().filter(|_| args.dry_run) {
            say!("\n{statement};\n")?;
        }
    }
    match (steps.len(), args.dry_run) {
        (0, _) => say!("database {} is as it must be", settings.database),
        (_, true) => say!("nothing was done: this was a dry run"),
        (_, false) => say!("database {} is ready", settings.database),
    }
}
