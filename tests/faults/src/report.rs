//! What a round did, and the report of a soak.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::rows::Row;

/// What happened in a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Records in the log when it was judged.
    pub(crate) records: u64,
    /// Faults by their names.
    pub(crate) faults: BTreeMap<String, u64>,
    /// What else was seen, such as how processes ended.
    pub(crate) seen: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a fault.
    pub(crate) fn fault(&mut self, what: &str) {
        self.faults(what, 1);
    }

    /// Counts faults of a kind.
    pub(crate) fn faults(&mut self, what: &str, times: u64) {
        *self.faults.entry(what.to_owned()).or_default() += times;
    }

    /// Counts what is no fault of ours.
    pub(crate) fn happened(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }
}

/// How a round went.
pub(crate) struct Outcome {
    /// The row of the matrix.
    pub(crate) row: &'static Row,
    /// The round's seed.
    pub(crate) seed: u64,
    /// How long it took.
    pub(crate) took: Duration,
    /// What happened.
    pub(crate) tally: Tally,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

/// Writes the report: a line a round, and what failed.
pub(crate) fn markdown(seed: u64, took: Duration, outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    let mut text = format!(
        "# Soak of the fault matrix\n\nSeed {seed}, {} rounds in {} s, {failed} failed.\n\n\
         | row | fault | seed | seconds | records | faults | seen | result |\n\
         |---|---|---|---|---|---|---|---|\n",
        outcomes.len(),
        took.as_secs()
    );
    for outcome in outcomes {
        let Outcome { row, seed, took, tally, failure } = outcome;
        let Row { id, name, .. } = row;
        let result = if failure.is_some() { "**failed**" } else { "passed" };
        let (faults, seen) = (list(&tally.faults), list(&tally.seen));
        let (took, records) = (took.as_secs(), tally.records);
        let _ = writeln!(
            text,
            "| {id} | {name} | {seed} | {took} | {records} | {faults} | {seen} | {result} |"
        );
    }
    for outcome in outcomes {
        if let Some(why) = &outcome.failure {
            let (row, seed) = (outcome.row.id, outcome.seed);
            let _ = write!(
                text,
                "\n## Row {row} failed\n\n`tests/run --soak --row {row} --seed {seed}`\n\n\
                 ```text\n{why}\n```\n"
            );
        }
    }
    text
}

fn list(counts: &BTreeMap<String, u64>) -> String {
    let items = counts.iter().map(|(what, times)| format!("{what}: {times}"));
    items.collect::<Vec<_>>().join("; ")
}
