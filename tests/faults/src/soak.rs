//! Runs rounds: one by its number, or all rows until the time is over, with a report.

use std::{
    any::Any,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    line::Round,
    random::Random,
    report::{Outcome, Tally, markdown},
    rows::{ROWS, Row},
};

/// Runs one round.
pub(crate) fn row(id: &str, seed: u64) -> Result<()> {
    let row = ROWS.iter().find(|row| row.id == id);
    let outcome = round(row.with_context(|| format!("there is no row {id}"))?, seed)?;
    println!("{}", told(&outcome));
    match outcome.failure {
        Some(why) => bail!("row {id} failed with seed {seed}: {why}"),
        None => Ok(()),
    }
}

/// Runs rounds until the time is over; the report is written after each.
pub(crate) fn soak(
    minutes: u64,
    seed: Option<u64>,
    only: Option<&str>,
    report: &Path,
) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seed = seed.unwrap_or(now);
    println!("soak of {minutes} minutes, seed {seed}, report {}", report.display());
    let (start, time) = (Instant::now(), Duration::from_secs(minutes * 60));
    let mut random = Random(seed);
    let mut outcomes = Vec::new();
    'time: loop {
        for row in shuffled(only, &mut random) {
            if start.elapsed() >= time && !outcomes.is_empty() {
                break 'time;
            }
            let outcome = round(row, random.below(1_000_000_000) as u64)?;
            println!("{}", told(&outcome));
            outcomes.push(outcome);
            fs::write(report, markdown(seed, start.elapsed(), &outcomes))
                .with_context(|| format!("writing {}", report.display()))?;
        }
        ensure!(!outcomes.is_empty(), "there is no such row");
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    println!("{} rounds, {failed} failed; seed {seed}", outcomes.len());
    ensure!(failed == 0, "{failed} rounds failed: see {}", report.display());
    Ok(())
}

/// Gives the rows in an order of the seed's, so that a short soak has any of them.
fn shuffled(only: Option<&str>, random: &mut Random) -> Vec<&'static Row> {
    let rows = ROWS.iter().filter(|row| only.is_none_or(|only| only == row.id));
    let mut rows: Vec<_> = rows.collect();
    for at in (1..rows.len()).rev() {
        rows.swap(at, random.below(at + 1));
    }
    rows
}

fn round(row: &'static Row, seed: u64) -> Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("scorecard-faults-").tempdir()?;
    let mut round = Round { random: Random(seed), tally: Tally::default(), folder };
    let start = Instant::now();
    // Nothing of a round that panicked is used but what it counted.
    let done = catch_unwind(AssertUnwindSafe(|| (row.run)(&mut round)));
    let failure = match done {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{error:#}")),
        Err(panic) => Some(said(&*panic)),
    };
    let Round { tally, folder, .. } = round;
    let kept = failure.is_some() || env::var_os("SCORECARD_KEEP").is_some();
    let kept = kept.then(|| folder.keep());
    if let Some(folder) = &kept {
        println!("what the processes said is kept in {}", folder.display());
    }
    Ok(Outcome { row, seed, took: start.elapsed(), tally, failure })
}

fn told(outcome: &Outcome) -> String {
    let Outcome { row, seed, took, tally, failure } = outcome;
    let result = if failure.is_some() { "FAILED" } else { "passed" };
    format!(
        "row {} ({}), seed {seed}: {result} after {:.1} s, {} records, {:?}, {:?}{}",
        row.id,
        row.name,
        took.as_secs_f64(),
        tally.records,
        tally.faults,
        tally.seen,
        failure.as_ref().map(|why| format!("\n{why}")).unwrap_or_default()
    )
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
