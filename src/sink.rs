//! `scorecard sink`: carries tables to where others read them.

mod clickhouse;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use sink_s3::{Bucket, Progress, Sink};
use stream::worker::Stop;

use crate::{
    config::{Config, ConfigFile},
    progress::Teller,
    run::stop_on_signal,
    site::{Site, now_ms},
};

/// Patience with a bucket of who asked for one run: somebody waits for the answer.
const PATIENCE_ONCE: Duration = Duration::from_secs(120);

/// Carries tables to other systems
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keeps the inventory, a partition a day and workbooks in a bucket, until it is told to end
    S3 {
        #[command(flatten)]
        config: ConfigFile,
        /// Ends when everything is there that the log holds now; writes this day's partition anew
        #[arg(long)]
        once: bool,
        /// This process's name among others that run the same sink: stable over restarts
        #[arg(long, value_name = "NAME", default_value = "sink", env = "SCORECARD_SLOT")]
        slot: String,
    },
    /// Keeps scores, verdicts, exceptions and spend over time in ClickHouse, for good
    ///
    /// `scorecard setup clickhouse` makes the tables; `scorecard trend` asks them.
    Clickhouse {
        #[command(flatten)]
        config: ConfigFile,
        /// Ends when everything is there that the log holds now
        #[arg(long)]
        once: bool,
        /// This process's name among others that run the same sink: stable over restarts
        #[arg(long, value_name = "NAME", default_value = "sink", env = "SCORECARD_SLOT")]
        slot: String,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Stop::new();
    match &args.command {
        Command::S3 { config, once, slot } => {
            let config = config.read()?;
            ensure!(config.s3.is_some(), "the configuration has no `s3`: there is no bucket");
            let site = Site::open(&config)?;
            stop_on_signal(&stop)?;
            let how = How { slot, once: *once, anew: *once };
            s3(&site, &config, &how, &Teller::new(), &stop)
        }
        Command::Clickhouse { config, once, slot } => {
            let config = config.read()?;
            let settings = config.clickhouse.as_ref();
            let settings =
                settings.context("the configuration has no `clickhouse`: there is no server")?;
            let site = Site::open(&config)?;
            stop_on_signal(&stop)?;
            clickhouse::run(&site, settings, slot, *once, &stop)
        }
    }
}

/// Carries to the bucket what the log holds now; nothing happens when no bucket is configured.
pub(crate) fn carry(site: &Site, config: &Config, teller: &Teller, stop: &Stop) -> Result<()> {
    s3(site, config, &How { slot: "run", once: true, anew: false }, teller, stop)
}

/// How a run of the sink differs from others.
struct How<'a> {
    slot: &'a str,
    once: bool,
    anew: bool,
}

fn s3(site: &Site, config: &Config, how: &How<'_>, teller: &Teller, stop: &Stop) -> Result<()> {
    let Some(settings) = &config.s3 else { return Ok(()) };
    let bucket = Bucket::prepare(settings, None)?;
    let sink = Sink {
        log: &*site.log,
        codec: &site.codec,
        bucket: &bucket,
        slot: how.slot,
        once: how.once,
        lake: settings.lake,
        anew: how.anew,
        workbooks: settings.workbooks.then_some(&*config.workbooks),
        patience: how.once.then_some(PATIENCE_ONCE),
        now_ms: &now_ms,
        tell: &|progress| teller.step(&told(&settings.bucket, progress)),
    };
    let progress = sink.run(stop)?;
    teller.done(&told(&settings.bucket, &progress));
    Ok(())
}

/// Says in words how far a sink is.
fn told(bucket: &str, progress: &Progress) -> String {
    let Progress { records, put, deleted, dead, waiting } = progress;
    let mut text =
        format!("bucket {bucket}: {records} records taken, {put} objects put, {deleted} deleted");
    if *dead > 0 {
        text += &format!(", {dead} records unreadable (scorecard dlq list)");
    }
    if let Some(reason) = waiting {
        text += &format!("; waiting: {reason}");
    }
    text
}
