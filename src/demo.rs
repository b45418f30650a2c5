//! `scorecard demo`: the whole line on a simulated organisation, in one process, without any
//! server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use producer_simulator as simulator;
use stream::worker::Stop;

use crate::{
    config::LOCAL_PARTITIONS,
    output::Form,
    page,
    pipeline::{Pipeline, STAGES},
    progress::Teller,
    render,
    run::{stop_on_signal, wait_until},
    site::Site,
    summary::{Summary, Workbooks},
};

/// The first simulated instant: 2026-01-05T00:00:00Z, a Monday. Fixed, so that a seed is all it
/// takes.
const START_MS: i64 = 1_767_571_200_000;

/// Shows everything on a simulated organisation: no cloud, no server, one process
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Accounts of the simulated organisation
    #[arg(long, value_name = "N", default_value_t = 25)]
    accounts: usize,
    /// Days to simulate
    #[arg(long, value_name = "D", default_value_t = 30)]
    days: usize,
    /// The seed: the same seed gives the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The folder that workbooks are written to
    #[arg(long, value_name = "DIR", default_value = "scorecard-demo")]
    out: PathBuf,
    /// Keep the log in this folder, with a configuration by which other commands read it
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
    /// End after the summary instead of serving the page
    #[arg(long)]
    once: bool,
    /// Where the page is served; another port where the usual one is taken
    #[arg(long, value_name = "ADDR")]
    page: Option<SocketAddr>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!((1..=100_000).contains(&args.accounts), "--accounts: between 1 and 100000");
    ensure!((1..=3_650).contains(&args.days), "--days: between 1 and 3650");
    let page = page_of(args);
    page.validate().context("--page")?;
    let home = Home::new(args.keep.as_deref())?;
    let site = Site::local(&home.path().join("log"), LOCAL_PARTITIONS)?;
    let teller = Teller::new();
    let records = simulate(&site, args, &teller)?;

    // The stages start when the whole history is there, so that they take it in the order of its
    // times.
    let mut pipeline = Pipeline::start(&site, STAGES, &home.path().join("state"), 1, "demo")?;
    let caught_up = pipeline.catch_up(&site, &mut |taken| {
        teller.step(&format!("processing: {taken} records taken"));
    });
    let taken = pipeline.records();
    pipeline.finish().and(caught_up)?;
    teller.done(&format!("processed {taken} records of {records} events"));

    let (tables, past) = render::read(&site)?;
    let written = render::render(&tables, &past, &args.out, &teller)?;
    let workbooks = Workbooks { written: written.written, unchanged: written.unchanged };
    let summary = Summary::of(&tables, Vec::new(), workbooks);
    if args.form.is_json() {
        return summary.print_json();
    }
    summary.print_table(tables.at_ms)?;
    if let (Some(folder), Some(first)) = (&args.keep, tables.accounts.keys().next()) {
        let (file, account) = (folder.join(CONFIG), &first.account);
        let file = file.display();
        eprintln!("the log is kept; when this has ended, ask it, for example:");
        eprintln!("  scorecard explain --config {file} --account {account}");
    }
    drop((tables, past));
    if args.once { Ok(()) } else { serve(&site, &page, args.page.is_none()) }
}

/// The configuration of a log that is kept; paths start at its folder.
const CONFIG: &str = "scorecard.yaml";

/// Where the log lies: for the time of the command, or for good.
enum Home {
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Home {
    /// Makes the folder, and where it is kept the configuration that reads it.
    fn new(kept: Option<&Path>) -> Result<Self> {
        let Some(folder) = kept else {
            let folder = tempfile::tempdir().context("making a temporary folder for the log")?;
            return Ok(Self::Passing(folder));
        };
        let making = || format!("--keep {}: making the folder", folder.display());
        std::fs::create_dir_all(folder).with_context(making)?;
        let is_empty = std::fs::read_dir(folder).with_context(making)?.next().is_none();
        ensure!(is_empty, "--keep {}: the folder is not empty", folder.display());
        let text = "# A simulated organisation.\nlog: {local: ./log}\nstate: ./state\n";
        std::fs::write(folder.join(CONFIG), text).with_context(making)?;
        Ok(Self::Kept(folder.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// Gives where the page is served.
fn page_of(args: &Args) -> sink_page::Config {
    let usual = sink_page::Config::default();
    sink_page::Config { listen: args.page.unwrap_or(usual.listen), ..usual }
}

/// Serves the page of the simulated organisation until the process is asked to end.
fn serve(site: &Site, config: &sink_page::Config, any_port: bool) -> Result<()> {
    let stop = Stop::new();
    stop_on_signal(&stop)?;
    page::start(site, config, &[], any_port, &stop)?;
    eprintln!("press Ctrl-C to end");
    wait_until(&stop, || Ok(()))
}

/// Publishes the simulated history; gives the number of its events.
fn simulate(site: &Site, args: &Args, teller: &Teller) -> Result<u64> {
    let config = simulator::Config {
        seed: args.seed,
        accounts: args.accounts,
        days: args.days,
        start_ms: START_MS,
        ..simulator::Config::default()
    };
    let standard = crate::sources::shipped_standard()?;
    let mut publisher = site.publisher("producer simulator")?;
    let mut count = 0;
    for requirement in &standard {
        let key = schemas::RequirementKey::new(&*requirement.id);
        publisher.put(&schemas::topic::REQUIREMENT, &key, requirement, START_MS)?;
        count += 1;
    }
    for event in simulator::simulate(&config) {
        if count % 1_000 == 0 {
            let day = (event.at_ms() - START_MS) / 86_400_000 + 1;
            teller.step(&format!("simulating day {day} of {}: {count} events", args.days));
        }
        simulator::publish(&event, &mut publisher)?;
        count += 1;
    }
    publisher.flush()?;
    teller.done(&format!(
        "simulated {} days of {} accounts (seed {}): {count} events",
        args.days, args.accounts, args.seed
    ));
    Ok(count)
}
