//! `scorecard process`: the stages alone, against Kafka.

use anyhow::{Result, ensure};

use crate::{
    config::ConfigFile,
    pipeline::{Pipeline, STAGES},
    progress::Teller,
    run::{stop_on_signal, wait_until},
    serve::Listen,
    site::Site,
    telemetry,
};

/// Runs the stages' workers until it is told to end
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this stage: account or rollup; both when absent
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Worker threads of each stage; the configuration's when absent
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// This process's name among others that run the same stage: stable over restarts
    #[arg(long, value_name = "NAME", default_value = "process", env = "SCORECARD_SLOT")]
    slot: String,
    #[command(flatten)]
    listen: Listen,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let workers = args.workers.unwrap_or(config.workers);
    ensure!(workers > 0, "--workers: must be at least 1");
    telemetry::start(config.telemetry.as_ref(), &args.slot)?;
    let vitals = args.listen.start("process", config.listen)?;
    let site = Site::open(&config)?;
    let one: Vec<&str> = args.stage.iter().map(String::as_str).collect();
    let stages = if one.is_empty() { STAGES } else { &one };
    let mut pipeline = Pipeline::start(&site, stages, &config.state, workers, &args.slot)?;
    pipeline.show(&site, &vitals);
    let teller = Teller::new();
    teller.done(&format!("processing: {workers} worker(s) of {}", stages.join(" and ")));
    let stop = pipeline.stopper();
    stop_on_signal(&stop)?;
    wait_until(&stop, || {
        teller.step(&format!("{} records taken", pipeline.records()));
        pipeline.check()
    })?;
    pipeline.finish()
}
