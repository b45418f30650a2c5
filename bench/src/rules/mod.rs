//! How fast rules are judged: ours against rules by hand and the `cel` crate's interpreter.

mod agree;
mod contest;
#[path = "../../../processors/rules/src/tests/convert.rs"]
mod convert;
mod corpus;
mod interpreter;
mod native;
mod report;
mod timing;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use contest::Contest;
use corpus::Corpus;
use report::{Figures, OfRule, Whole};

/// How fast rules are judged: ours against rules by hand and the `cel` crate's interpreter
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Accounts of the simulated organisation
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// How often each lap is timed
    #[arg(long, default_value_t = 31)]
    rounds: usize,
    /// The folder of the standard that ships, for its test cases
    #[arg(long, default_value = "standard")]
    standard: PathBuf,
    /// The report, as Markdown; the same as JSON lies beside it
    #[arg(long, default_value = "bench/reports/rules.md")]
    out: PathBuf,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(args.rounds > 0, "at least one round is needed");
    crate::site::pin(std::process::id(), crate::process::CORE);
    let contest = Contest::new()?;
    let simulated = corpus::simulated(args.accounts, &contest.entries)?;
    let cases = corpus::cases(&args.standard, &contest.entries)?;
    let agreements = [agree::check(&contest, &simulated)?, agree::check(&contest, &cases)?];
    let figures = Figures {
        rounds: args.rounds,
        accounts: args.accounts,
        contest: &contest,
        corpora: [&simulated, &cases],
        agreements,
        measured: measure(&contest, [&simulated, &cases], args.rounds)?,
    };
    let (summary, json) = (figures.summary(), figures.json());
    crate::report::write(&args.out, &figures.markdown(), &json)?;
    Ok(summary)
}

/// Times everything, in the same rounds.
fn measure(contest: &Contest, corpora: [&Corpus; 2], rounds: usize) -> Result<Measured> {
    let [simulated, cases] = corpora;
    let roots = [interpreter::root(&simulated.known)?, interpreter::root(&cases.known)?];
    let scopes: Vec<Vec<_>> = corpora
        .iter()
        .zip(&roots)
        .map(|(corpus, root)| {
            corpus.samples.iter().map(|sample| interpreter::convert(root, sample)).collect()
        })
        .collect();
    let mut whole = [
        contest::whole(contest, simulated, &roots[0], &scopes[0]),
        contest::whole(contest, cases, &roots[1], &scopes[1]),
    ];
    let mut single: Vec<_> = simulated
        .rules()
        .into_iter()
        .map(|rule| (rule, contest::single(contest, simulated, &scopes[0], rule)))
        .collect();
    let mut laps: Vec<_> = whole.iter_mut().flatten().collect();
    laps.extend(single.iter_mut().flat_map(|(_, laps)| laps));
    timing::run(&mut laps, rounds);
    Ok(Measured {
        whole: whole.map(|laps| Whole::of(&laps)),
        rules: single.iter().map(|(rule, laps)| OfRule::of(*rule, laps)).collect(),
    })
}

/// What was timed.
pub(crate) struct Measured {
    /// All rules over each corpus.
    whole: [Whole; 2],
    /// Each rule that applies to simulated documents.
    rules: Vec<OfRule>,
}
