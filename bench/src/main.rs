//! Benchmarks of the pipeline: each prints its figures, and one JSON object as its last line.

mod account_stage;
mod collect;
mod latency;
mod page;
mod process;
mod report;
mod rules;
mod sinks;
mod site;
mod streams;
mod workbook;

use clap::{Parser, Subcommand, ValueEnum};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benchmarks; run them with `bench/run`.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    AccountStage(account_stage::Args),
    Collect(collect::Args),
    Latency(latency::Args),
    Page(page::Args),
    Render(workbook::RenderArgs),
    Rules(rules::Args),
    Sinks(sinks::Args),
    Streams(streams::Args),
    Workbook(workbook::Args),
    #[command(hide = true)]
    PageWorker(page::WorkerArgs),
    #[command(hide = true)]
    RenderWorker(workbook::WorkerArgs),
    #[command(hide = true)]
    StreamsWorker(streams::WorkerArgs),
    #[command(hide = true)]
    StreamsBare(streams::BareArgs),
    #[command(hide = true)]
    WorkbookWriter(workbook::WriterArgs),
}

/// The log that a benchmark runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogKind {
    /// A folder.
    Local,
    /// Apache Kafka, started for the run.
    Kafka,
}

fn main() -> anyhow::Result<()> {
    let figures = match Cli::parse().command {
        Command::AccountStage(args) => account_stage::run(&args)?,
        Command::Collect(args) => collect::run(&args)?,
        Command::Latency(args) => latency::run(&args)?,
        Command::Page(args) => page::run(&args)?,
        Command::Render(args) => workbook::render(&args)?,
        Command::Rules(args) => rules::run(&args)?,
        Command::Sinks(args) => sinks::run(&args)?,
        Command::Streams(args) => streams::run(&args)?,
        Command::Workbook(args) => workbook::run(&args)?,
        Command::PageWorker(args) => return page::work(&args),
        Command::RenderWorker(args) => return workbook::work(&args),
        Command::StreamsWorker(args) => return streams::work(&args),
        Command::StreamsBare(args) => return streams::copy(&args),
        Command::WorkbookWriter(args) => return workbook::write(&args),
    };
    println!("{figures}");
    Ok(())
}
