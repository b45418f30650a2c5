//! `scorecard clock`: one tick a minute to every partition, against Kafka.

use anyhow::Result;
use stream::worker::Stop;

use crate::{
    config::ConfigFile,
    run::stop_on_signal,
    site::{Site, now_ms},
};

/// Writes one tick a minute to every partition; exactly one process of a site does
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let site = Site::open(&config)?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    keep_time(&site, &stop)
}

/// Writes ticks until it is stopped, from the last one in the log on.
pub(crate) fn keep_time(site: &Site, stop: &Stop) -> Result<()> {
    let mut publisher = site.publisher("producer clock")?;
    let last = producer_clock::last_minute(&*site.log)?;
    producer_clock::run(&mut publisher, last, &now_ms, &|| stop.is_stopped())?;
    Ok(())
}
