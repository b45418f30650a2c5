//! `scorecard collect`: scans of every account of every payer, shared among processes.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use producer_aws::{Outlet, Progress, Scanner, Schedule, Summary, Wanted};
use stream::{chain, worker::Stop};

use crate::{
    config::{Config, ConfigFile},
    progress::Teller,
    run::stop_on_signal,
    serve::{Listen, Vitals},
    site::{Site, now_ms},
    sources, telemetry,
};

/// Scans every account once, and reads the standard, registers and reports
///
/// Any number of processes share a scan's accounts; each needs a --slot of its own. A scan of
/// everything that is under way is not begun a second time, but helped to its end.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Scan only this account, and read no other sources; may be given several times
    #[arg(long, value_name = "ID", conflicts_with = "schedule")]
    account: Vec<String>,
    /// Scan only what this service (ec2) or collector (ec2-instances) lists; may be given several
    /// times
    #[arg(long, value_name = "SERVICE", conflicts_with = "schedule")]
    service: Vec<String>,
    /// Keep running: work off units, and begin a scan every `scan_interval_minutes`
    #[arg(long)]
    schedule: bool,
    /// This process's name among the collectors: stable over restarts
    #[arg(long, value_name = "NAME", default_value = "collect", env = "SCORECARD_SLOT")]
    slot: String,
    #[command(flatten)]
    listen: Listen,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    telemetry::start(config.telemetry.as_ref(), &args.slot)?;
    let vitals = args.listen.start("collect", config.listen)?;
    let site = Site::open(&config)?;
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    vitals.begins();
    let teller = Teller::new();
    let collector = Collector { site: &site, config: &config, slot: &args.slot, stop: &stop };
    if args.schedule {
        return collector.keep_scanning(&teller, &vitals);
    }
    let wanted = Wanted {
        accounts: args.account.iter().cloned().collect(),
        services: args.service.iter().cloned().collect(),
    };
    let mut problems = Vec::new();
    if wanted.is_everything() {
        problems.extend(sources::publish(&site, &config, now_ms())?);
    }
    problems.extend(collector.scan(&wanted, &teller, &vitals)?.unless_blind()?);
    tell_all(&teller, &problems);
    ensure!(
        !stop.is_stopped(),
        "stopped before the scan's end; the next `collect` goes on with it"
    );
    Ok(())
}

fn tell_all(teller: &Teller, problems: &[String]) {
    for problem in problems {
        teller.done(&format!("! {problem}"));
    }
}

/// What a scan had to say.
#[derive(Default)]
pub(crate) struct Scanned {
    /// What went wrong, in words.
    pub(crate) problems: Vec<String>,
    /// Whether no payer's accounts could be listed.
    pub(crate) is_blind: bool,
}

impl Scanned {
    /// Gives what went wrong; fails where nothing was seen at all: to go on would look like
    /// success.
    pub(crate) fn unless_blind(self) -> Result<Vec<String>> {
        let problems = self.problems;
        let words = || format!("no payer's accounts could be listed: {}", problems.join("; "));
        ensure!(!self.is_blind, words());
        Ok(problems)
    }
}

/// The collectors of this process.
pub(crate) struct Collector<'a> {
    pub(crate) site: &'a Site,
    pub(crate) config: &'a Config,
    pub(crate) slot: &'a str,
    pub(crate) stop: &'a Stop,
}

impl Collector<'_> {
    /// Scans what is wanted once, or until it is stopped.
    pub(crate) fn scan(
        &self,
        wanted: &Wanted,
        teller: &Teller,
        vitals: &Vitals,
    ) -> Result<Scanned> {
        if self.config.aws.is_none() {
            return Ok(Scanned::default());
        }
        let mut scanner = self.scanner()?;
        teller.step("listing the accounts of each payer");
        let pace = Pace::default();
        let tell = |progress: &Progress| pace.tell(progress, teller, vitals);
        let scanned = scanner.scan(wanted, &|| self.stop.is_stopped(), &tell)?;
        let Some(summary) = scanned else { return Ok(Scanned::default()) };
        teller.done(&sentence(&summary));
        let is_blind = !summary.joined && summary.accounts_listed == 0;
        Ok(Scanned { problems: summary.problems(), is_blind })
    }

    /// Works off units and begins scans until it is stopped.
    fn keep_scanning(&self, teller: &Teller, vitals: &Vitals) -> Result<()> {
        ensure!(self.config.aws.is_some(), "the configuration has no `aws`: nothing to scan");
        let mut scanner = self.scanner()?;
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let schedule = Schedule {
            interval: minutes(self.config.scan_interval_minutes.max(1)),
            jitter: minutes(self.config.scan_jitter_minutes),
        };
        // What can't be read now is read after the next scan: collecting must not stop for it.
        let read_sources = || match sources::publish(self.site, self.config, now_ms()) {
            Ok(problems) => tell_all(teller, &problems),
            Err(error) => teller.done(&format!("! {}", chain(&*error))),
        };
        read_sources();
        let pace = Pace::default();
        let tell = |progress: &Progress| pace.tell(progress, teller, vitals);
        let ended = |summary: &Summary| {
            teller.done(&sentence(summary));
            tell_all(teller, &summary.problems());
            read_sources();
        };
        Ok(scanner.keep_scanning(schedule, &|| self.stop.is_stopped(), &tell, &ended)?)
    }

    fn scanner(&self) -> Result<Scanner> {
        let aws = self.config.aws.as_ref().context("the configuration has no `aws`")?;
        let outlet = Outlet {
            log: Arc::clone(&self.site.log),
            codec: self.site.codec.clone(),
            prefix: self.site.prefix.clone(),
        };
        Ok(Scanner::open(outlet, aws, self.slot, None, Arc::new(now_ms))?)
    }
}

/// Says in a sentence what a scan did.
fn sentence(summary: &Summary) -> String {
    let Summary { joined, accounts_listed, units, .. } = summary;
    let accounts = if *joined { units.len() } else { *accounts_listed };
    format!(
        "scanned {} of {accounts} accounts{}: {} resources in {} scopes, {} scopes failed, {} \
         calls",
        summary.accounts_ended(),
        if *joined { " (a scan that was under way)" } else { "" },
        summary.resources(),
        summary.scopes(),
        summary.failed(),
        summary.calls()
    )
}

/// How fast a scan goes, by what was told of it before.
#[derive(Default)]
struct Pace(RefCell<Option<Mark>>);

/// The scan's beginning, and the last moment at which calls were counted.
#[derive(Clone)]
struct Mark {
    scan: String,
    began: Instant,
    counted: Instant,
    calls: u64,
    per_second: f64,
}

impl Pace {
    fn tell(&self, progress: &Progress, teller: &Teller, vitals: &Vitals) {
        vitals.scanned(progress.units_done, progress.units_total);
        if progress.units_total == 0 {
            return;
        }
        let now = Instant::now();
        let mut mark = self.0.borrow_mut();
        let is_new = mark.as_ref().is_none_or(|mark| mark.scan != progress.scan);
        if is_new {
            let (scan, calls) = (progress.scan.clone(), progress.calls);
            *mark = Some(Mark { scan, began: now, counted: now, calls, per_second: 0.0 });
        }
        let Some(mark) = mark.as_mut() else { return };
        let seconds = (now - mark.counted).as_secs_f64();
        if seconds >= 1.0 {
            mark.per_second = progress.calls.saturating_sub(mark.calls) as f64 / seconds;
            (mark.counted, mark.calls) = (now, progress.calls);
        }
        let left = left(progress, now - mark.began);
        teller.step(&format!(
            "scanning: {} of {} accounts, {} at work, {} resources, {:.0} calls/s, {} scopes \
             failed{left}",
            progress.units_done,
            progress.units_total,
            progress.units_here,
            progress.resources,
            mark.per_second,
            progress.failed
        ));
    }
}

/// Says how long the rest will take if it goes on as before.
fn left(progress: &Progress, so_far: Duration) -> String {
    let (done, total) = (progress.units_done as f64, progress.units_total as f64);
    if progress.units_done == 0 || progress.units_done == progress.units_total {
        return String::new();
    }
    let seconds = so_far.as_secs_f64() * (total - done) / done;
    match seconds {
        ..90.0 => format!(", about {seconds:.0} s left"),
        _ => format!(", about {:.0} min left", seconds / 60.0),
    }
}
