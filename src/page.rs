//! `scorecard serve`: the page, live from the log.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use schemas::topic;
use sink_frame::Role;
use sink_page::{AskPipeline, Config, Live, Pipeline};
use stream::{
    Log, LogError,
    worker::{Stop, caught_up, lag},
};

use crate::{
    config::ConfigFile,
    pipeline::{STAGES, factory},
    run::{stop_on_signal, wait_until},
    serve::{Listen, serve_page},
    sink,
    site::Site,
    telemetry,
};

/// Serves the page: scores, what moved them, and what to do next
///
/// It reads the log and changes nothing. On loopback it asks nobody who he is; beyond that the
/// configuration's `page.token` is wanted.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Where the page is served; the configuration's `page.listen` when absent
    #[arg(long, value_name = "ADDR")]
    page: Option<SocketAddr>,
    #[command(flatten)]
    listen: Listen,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let mut page = config.page.clone().unwrap_or_default();
    page.listen = args.page.unwrap_or(page.listen);
    page.validate()?;
    telemetry::start(config.telemetry.as_ref(), "serve")?;
    let vitals = args.listen.start("serve", config.listen)?;
    let site = Site::existing(&config)?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    start(&site, &page, &sink::configured(&config), false, &stop)?;
    vitals.begins();
    wait_until(&stop, || Ok(()))
}

/// Serves the page of a site until the switch is thrown, and says where; how far the `sinks` are
/// behind is shown with the stages.
pub(crate) fn start(
    site: &Site,
    config: &Config,
    sinks: &[&Role],
    any_port: bool,
    stop: &Stop,
) -> Result<()> {
    let pipeline = pipeline(site.log.clone(), sinks)?;
    let live = Live::start(site.log.clone(), site.codec.clone(), pipeline, stop.clone());
    let at = serve_page(live.context("starting to read the log")?, config, any_port)?;
    eprintln!("the page is at {at}");
    Ok(())
}

/// Gives what asks the log how far the stages and the sinks are behind it.
fn pipeline(log: Arc<dyn Log>, sinks: &[&Role]) -> Result<AskPipeline> {
    let mut groups = Vec::new();
    for name in STAGES {
        let stage = factory(name)?();
        groups.push((stage.name(), stage.inputs()));
    }
    groups.extend(sinks.iter().map(|role| (role.name, role.inputs.to_vec())));
    Ok(Box::new(move || {
        let log = &*log;
        let mut lags = Vec::new();
        for (name, inputs) in &groups {
            // Ends count markers of transactions, which nobody ever takes.
            let behind =
                if caught_up(log, name, inputs, None)? { 0 } else { lag(log, name, inputs)? };
            lags.push(((*name).to_owned(), behind));
        }
        Ok::<_, LogError>(Pipeline { lags, dead: dead(log)? })
    }))
}

/// Counts the dead letters that the log holds.
fn dead(log: &dyn Log) -> Result<i64, LogError> {
    let letters = [topic::DEADLETTER];
    let (begins, ends) = (log.begins(&letters, 0)?, log.ends(&letters)?);
    let of = |at: &stream::Position| {
        let end = ends.iter().find(|end| end.partition == at.partition);
        end.map_or(0, |end| (end.offset - at.offset).max(0))
    };
    Ok(begins.iter().map(of).sum())
}
