//! `scorecard setup`: makes what a sink needs in the system that it writes to.

mod clickhouse;
mod elasticsearch;
mod kibana;
mod s3;

use anyhow::Result;
use clap::Subcommand;

use crate::config::ConfigFile;

/// Makes what a sink needs where it writes: indices, tables, views; safe to repeat
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes templates, indices and aliases of `sink elasticsearch`
    Elasticsearch(Flags),
    /// Makes the database, tables and views of `sink clickhouse`, and sets how long rows stay
    Clickhouse(Flags),
    /// Prints data views, searches, charts and dashboards for Kibana to import
    ///
    /// One JSON object a line: import the file in Kibana's Stack Management, Saved Objects.
    Kibana {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Looks whether the bucket of `sink s3` can be reached; it makes nothing
    S3(Flags),
}

#[derive(clap::Args)]
struct Flags {
    #[command(flatten)]
    config: ConfigFile,
    /// Says what it would do, and does nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Elasticsearch(flags) => elasticsearch::setup(&flags.config.read()?, flags.dry_run),
        Command::Clickhouse(flags) => clickhouse::setup(&flags.config.read()?, flags.dry_run),
        Command::Kibana { config } => kibana::print(&config.read()?),
        Command::S3(flags) => s3::setup(&flags.config.read()?, flags.dry_run),
    }
}
