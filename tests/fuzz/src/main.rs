//! `fuzz`: runs single inputs of a target again, and is the child of the short run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use fuzz::{Spent, Target, corpus::Corpus, targets, worker};

/// Fuzz targets: every parser of outside input.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the targets
    List,
    /// Runs files as inputs, each for itself
    Replay {
        /// The target
        target: String,
        /// The inputs
        files: Vec<PathBuf>,
    },
    /// Writes the inputs that are made from numbers, each to a file of its own
    Inputs {
        /// The target
        target: String,
        /// The first number
        from: u64,
        /// How many
        count: u64,
        /// The folder
        folder: PathBuf,
    },
    /// Runs a part of the short run; its harness starts this
    #[command(hide = true)]
    Work {
        /// The target
        target: String,
        /// The first place
        first: u64,
        /// The place after the last one
        end: u64,
        /// Where the place at hand is noted
        notes: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("fuzz: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<bool, String> {
    match command {
        Command::List => {
            targets::ALL.iter().for_each(|target| println!("{}", target.name));
            Ok(true)
        }
        Command::Replay { target, files } => replay(named(&target)?, &files),
        Command::Inputs { target, from, count, folder } => {
            inputs(named(&target)?, from..from + count, &folder)
        }
        Command::Work { target, first, end, notes } => {
            worker::work(named(&target)?, first, end, &notes).map_err(|error| error.to_string())
        }
    }
}

fn named(name: &str) -> Result<&'static Target, String> {
    let found = targets::ALL.iter().find(|target| target.name == name);
    found.ok_or_else(|| format!("there is no target {name}; `fuzz list` tells them"))
}

fn replay(target: &'static Target, files: &[PathBuf]) -> Result<bool, String> {
    let mut holds = true;
    for file in files {
        let input = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let (length, spent) = (input.len(), worker::replay(target, input));
        match spent {
            Some(Spent { time, bytes }) => println!(
                "{}: {length} bytes took {time:?} and {bytes} bytes of memory",
                file.display()
            ),
            None => println!("{}: fails", file.display()),
        }
        holds &= spent.is_some();
    }
    Ok(holds)
}

fn inputs(
    target: &'static Target,
    numbers: std::ops::Range<u64>,
    folder: &Path,
) -> Result<bool, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let corpus = Corpus::of(target);
    for number in numbers {
        let input = corpus.input(corpus.seeds.len() as u64 + number);
        fs::write(folder.join(number.to_string()), input).map_err(failed)?;
    }
    Ok(true)
}
