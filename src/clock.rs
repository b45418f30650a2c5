//! `scorecard clock`: one tick a minute to every partition, against Kafka.

use std::cell::Cell;

use anyhow::Result;
use producer_clock::MINUTE_MS;
use stream::worker::Stop;

use crate::{
    config::ConfigFile,
    run::stop_on_signal,
    serve::{Listen, Vitals},
    site::{Site, now_ms},
};

/// Writes one tick a minute to every partition; exactly one process of a site does
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    listen: Listen,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let vitals = args.listen.start("clock", config.listen)?;
    let site = Site::open(&config)?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    keep_time(&site, &stop, &vitals)
}

/// Writes ticks until it is stopped, from the last one in the log on.
pub(crate) fn keep_time(site: &Site, stop: &Stop, vitals: &Vitals) -> Result<()> {
    let mut publisher = site.publisher("producer clock")?;
    let last = producer_clock::last_minute(&*site.log)?;
    vitals.ticked(last);
    vitals.begins();
    let asked = Cell::new(None);
    let now = || {
        let now_ms = now_ms();
        asked.set(Some(now_ms));
        now_ms
    };
    let is_stopped = || {
        // When the clock looks here, the minute that it last asked for is written.
        if let Some(at_ms) = asked.get() {
            vitals.ticked(Some(at_ms - at_ms.rem_euclid(MINUTE_MS)));
        }
        stop.is_stopped()
    };
    producer_clock::run(&mut publisher, last, &now, &is_stopped)?;
    Ok(())
}
