//! `scorecard setup`: makes what a sink needs in the system that it writes to.

use anyhow::{Context, Result};
use clap::Subcommand;
use sink_elasticsearch::{Cluster, Setup};

use crate::config::ConfigFile;

/// Makes what sinks need where they write: safe to repeat
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Templates, indices and aliases in Elasticsearch or OpenSearch
    Elasticsearch {
        #[command(flatten)]
        config: ConfigFile,
        /// Says what would be made, and makes nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Elasticsearch { config, dry_run } => elasticsearch(config, *dry_run),
    }
}

fn elasticsearch(config: &ConfigFile, dry_run: bool) -> Result<()> {
    let config = config.read()?;
    let settings = config.elasticsearch.as_ref();
    let settings = settings.context("the configuration has no `elasticsearch`")?;
    let cluster = Cluster::prepare(settings)?;
    let tell = |line: &str| println!("{line}");
    let changed = Setup::begin(&cluster, settings, dry_run, &tell)?.run()?;
    match (changed, dry_run) {
        (0, _) => println!("{}: everything is as it must be", cluster.url()),
        (_, true) => println!("{}: {changed} parts would be made", cluster.url()),
        (_, false) => println!("{}: {changed} parts made", cluster.url()),
    }
    Ok(())
}
