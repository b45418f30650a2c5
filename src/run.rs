//! `scorecard run`: everything in one process, once or for good.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use producer_aws::Wanted;
use stream::{chain, worker::Stop};

use crate::{
    clock::keep_time,
    collect::Collector,
    config::{Config, ConfigFile},
    output::Form,
    page,
    pipeline::{Pipeline, STAGES},
    progress::Teller,
    render,
    serve::{Listen, Vitals},
    sink,
    site::{Site, now_ms},
    sources,
    summary::{Summary, Workbooks},
    telemetry,
};

/// How soon the next round begins after one in which no payer answered.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Pause between two looks at what runs in the background.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Collects, processes and renders: everything in one process
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Scan once, wait until every stage has caught up, render, print a summary, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    listen: Listen,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    ensure!(config.aws.is_some(), "the configuration has no `aws`: there is nothing to scan");
    telemetry::start(config.telemetry.as_ref(), "run")?;
    let vitals = args.listen.start("run", config.listen)?;
    let site = Site::open(&config)?;
    let mut pipeline = Pipeline::start(&site, STAGES, &config.state, config.workers, "run")?;
    pipeline.show(&site, &vitals);
    let result = if args.once {
        tick(&site)
            .and_then(|()| round(&site, &config, &mut pipeline, &Stop::new(), &vitals, true))
            .and_then(|round| print(&round, args.form.is_json()))
    } else {
        keep_running(&site, &config, &mut pipeline, &vitals, args.form.is_json())
    };
    // A worker that failed is the better reason than what it made fail.
    pipeline.finish().and(result)
}

/// How a round ended.
enum Round {
    /// With everything rendered and told.
    Whole { summary: Summary, is_blind: bool },
    /// The process was asked to end: what was seen is in the log, and the next round makes good the
    /// rest.
    Stopped,
}

/// One round: read the sources, scan, let the stages catch up, render.
fn round(
    site: &Site,
    config: &Config,
    pipeline: &mut Pipeline,
    stop: &Stop,
    vitals: &Arc<Vitals>,
    is_only: bool,
) -> Result<Round> {
    let teller = Teller::new();
    let mut problems = sources::publish(site, config, now_ms())?;
    let collector = Collector { site, config, slot: "run", stop };
    let scanned = collector.scan(&Wanted::default(), &teller, vitals)?;
    // While no payer answers time goes on and what is known is shown, unless this is all there is.
    let is_blind = scanned.is_blind;
    problems.extend(if is_only { scanned.unless_blind()? } else { scanned.problems });
    let caught_up = pipeline.catch_up(site, &mut |records| {
        teller.step(&format!("processing: {records} records taken"));
    })?;
    if !caught_up {
        return Ok(Round::Stopped);
    }
    let (tables, past) = render::read(site)?;
    let written = render::render(&tables, &past, &config.workbooks, &teller)?;
    let workbooks = Workbooks { written: written.written, unchanged: written.unchanged };
    // What a bucket does not take now it is given next time.
    if let Err(error) = sink::carry(site, config, &teller, vitals, stop) {
        problems.push(chain(&*error));
    }
    Ok(Round::Whole { summary: Summary::of(&tables, problems, workbooks), is_blind })
}

fn print(round: &Round, json: bool) -> Result<()> {
    match round {
        Round::Whole { summary, .. } if json => summary.print_json(),
        Round::Whole { summary, .. } => summary.print_table(now_ms()),
        Round::Stopped => Ok(()),
    }
}

/// Writes the tick of the running minute: `--once` has no clock of its own.
fn tick(site: &Site) -> Result<()> {
    let mut publisher = site.publisher("producer clock")?;
    let last = producer_clock::last_minute(&*site.log)?;
    producer_clock::tick(&mut publisher, last, now_ms())?;
    Ok(publisher.flush()?)
}

fn keep_running(
    site: &Site,
    config: &Config,
    pipeline: &mut Pipeline,
    vitals: &Arc<Vitals>,
    json: bool,
) -> Result<()> {
    let stop = pipeline.stopper();
    stop_on_signal(&stop)?;
    if let Some(page) = &config.page {
        page::start(site, page, &sink::configured(config), false, &stop)?;
    }
    std::thread::scope(|scope| {
        let clock = scope.spawn(|| {
            let kept = keep_time(site, &stop, vitals);
            // Without time nothing expires: better to end than to go on with old scores.
            stop.stop();
            kept
        });
        let rounds = rounds(site, config, pipeline, &stop, vitals, json);
        stop.stop();
        let clock = clock.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the clock panicked")));
        rounds.and(clock)
    })
}

fn rounds(
    site: &Site,
    config: &Config,
    pipeline: &mut Pipeline,
    stop: &Stop,
    vitals: &Arc<Vitals>,
    json: bool,
) -> Result<()> {
    let interval = Duration::from_secs(config.scan_interval_minutes.max(1) * 60);
    while !stop.is_stopped() {
        let started = Instant::now();
        let round = round(site, config, pipeline, stop, vitals, false)?;
        print(&round, json)?;
        let pause = match round {
            Round::Whole { is_blind: true, .. } => interval.min(RETRY_AFTER),
            _ => interval,
        };
        while !stop.is_stopped() && started.elapsed() < pause {
            pipeline.check()?;
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
    Ok(())
}

/// Ends by the switch when the process is asked to end (SIGINT, SIGTERM).
pub(crate) fn stop_on_signal(stop: &Stop) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("listening for signals")?;
    let stop = stop.clone();
    let thread = std::thread::Builder::new().name("signals".to_owned());
    let listen = move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let terminated = async {
                match signal(SignalKind::terminate()) {
                    Ok(mut term) => drop(term.recv().await),
                    Err(_) => std::future::pending::<()>().await,
                }
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = terminated => {}
            }
        });
        stop.stop();
    };
    thread.spawn(listen).context("listening for signals")?;
    Ok(())
}

/// Looks again and again until the switch is thrown.
pub(crate) fn wait_until(stop: &Stop, mut look: impl FnMut() -> Result<()>) -> Result<()> {
    while !stop.is_stopped() {
        look()?;
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}
