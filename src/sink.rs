//! `scorecard sink`: carries tables to where others read them.

mod siem;
mod elasticsearch;

use std::time::Duration;

use anyhow::{Result, ensure};
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
    ///
    /// With `--once` this day's partition is written anew.
    S3(Flags),
    /// Tells a SIEM of findings and changes of the inventory, in the topic `siem.event`
    Siem(Flags),
}

#[derive(clap::Args)]
struct Flags {
    #[command(flatten)]
    config: ConfigFile,
    /// Ends when everything is there that the log holds now
    #[arg(long)]
    once: bool,
    /// This process's name among others that run the same sink: stable over restarts
    #[arg(long, value_name = "NAME", default_value = "sink", env = "SCORECARD_SLOT")]
    slot: String,
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
    /// Keeps documents of all tables and histories in Elasticsearch, until it is told to end
    Elasticsearch {
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
    let (Command::S3(flags) | Command::Siem(flags)) = &args.command;
    let config = flags.config.read()?;
    if matches!(args.command, Command::S3(_)) {
        ensure!(config.s3.is_some(), "the configuration has no `s3`: there is no bucket");
    }
    let site = Site::open(&config)?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    let how = How { slot: &flags.slot, once: flags.once, anew: flags.once };
    let teller = Teller::new();
    match args.command {
        Command::S3(_) => s3(&site, &config, &how, &teller, &stop),
        Command::Siem(_) => {
            siem::sink(&site, &config.siem.clone().unwrap_or_default(), &how, &teller, &stop)
        }
    }
    match &args.command {
        Command::S3 { config, once, slot } => {
            let config = config.read()?;
            ensure!(config.s3.is_some(), "the configuration has no `s3`: there is no bucket");
            let (site, stop) = open(&config)?;
            let how = How { slot, once: *once, anew: *once };
            s3(&site, &config, &how, &Teller::new(), &stop)
        }
        Command::Elasticsearch { config, once, slot } => {
            let config = config.read()?;
            let (site, stop) = open(&config)?;
            elasticsearch::run(&site, &config, slot, once.then_some(PATIENCE_ONCE), &stop)
        }
    }
}

fn open(config: &Config) -> Result<(Site, Stop)> {
    let site = Site::open(config)?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    Ok((site, stop))
}

/// Carries to the configured systems what the log holds now.
pub(crate) fn carry(site: &Site, config: &Config, teller: &Teller, stop: &Stop) -> Result<()> {
    let how = How { slot: "run", once: true, anew: false };
    // One that fails holds up no other.
    let told = config.siem.as_ref().map(|siem| siem::sink(site, siem, &how, teller, stop));
    s3(site, config, &how, teller, stop).and(told.unwrap_or(Ok(())))
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
