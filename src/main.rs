//! The `scorecard` binary: one file a subcommand, wiring only.

mod account_log;
mod acls;
mod asyncapi;
mod aws_role;
mod clock;
mod collect;
mod config;
mod coverage;
mod demo;
mod dlq;
mod doctor;
mod evaluate;
mod exceptions;
mod explain;
mod findings;
mod history;
mod instant;
mod logging;
mod mail;
mod output;
mod page;
mod pipeline;
mod process;
mod progress;
mod render;
mod replay;
mod reshard;
mod run;
mod serve;
mod setup;
mod shell;
mod show;
mod sink;
mod site;
mod sources;
mod summary;
mod tap;
mod telemetry;
mod test;
mod top;
mod topics;
mod trend;
mod trust;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// A step makes and drops hundreds of small values: glibc's allocator took a third of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Continuous security scorecards for cloud accounts, event-sourced on Kafka.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: logging::Logging,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Validate(validate::Args),
    Doctor(doctor::Args),
    Config(show::Args),
    Schema(show::Schema),
    Test(test::Args),
    Evaluate(evaluate::Args),
    Topics(topics::Args),
    Asyncapi(asyncapi::Args),
    Tap(tap::Args),
    Collect(collect::Args),
    Coverage(coverage::Args),
    AwsRole(aws_role::Args),
    Process(process::Args),
    Render(render::Args),
    Serve(page::Args),
    Setup(setup::Args),
    Sink(sink::Args),
    Mail(mail::Args),
    Clock(clock::Args),
    Dlq(dlq::Args),
    Exceptions(exceptions::Args),
    Top(top::Args),
    Trust(trust::Args),
    Explain(explain::Args),
    History(history::Args),
    Trend(trend::Args),
    Replay(replay::Args),
    Reshard(reshard::Args),
    Completion(shell::Completion),
    Man(shell::Man),
}

fn main() -> ExitCode {
    // What it writes tells where accounts are weak: no other user of the machine reads it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = Cli::parse();
    let done = cli.logging.start().and_then(|()| run(cli.command));
    if let Err(error) = &done {
        // The chain in one line: what was attempted, and below it why.
        eprintln!("scorecard: {}", stream::chain(&**error));
    }
    telemetry::finish();
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Config(args) => show::run(&args),
        Command::Schema(args) => show::schema(&args),
        Command::Test(args) => test::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Topics(args) => topics::run(&args),
        Command::Asyncapi(args) => asyncapi::run(&args),
        Command::Tap(args) => tap::run(&args),
        Command::Collect(args) => collect::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::AwsRole(args) => aws_role::run(&args),
        Command::Process(args) => process::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Serve(args) => page::run(&args),
        Command::Sink(args) => sink::run(&args),
        Command::Mail(args) => mail::run(&args),
        Command::Setup(args) => setup::run(&args),
        Command::Clock(args) => clock::run(&args),
        Command::Dlq(args) => dlq::run(&args),
        Command::Exceptions(args) => exceptions::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Trust(args) => trust::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::History(args) => history::run(&args),
        Command::Trend(args) => trend::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Reshard(args) => reshard::run(&args),
        Command::Completion(args) => shell::completion(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
    }
}
