//! The account and roll-up stages on the local log under a seeded scheduler: whatever workers,
//! producers and time do, the log ends up with what the pure steps make of the input.
//!
//! One seed is one run on one thread, with a clock that only the scheduler moves. It replays
//! exactly: `SIMULATION_SEED=17 cargo test -p stages --test simulation`.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod actor;
mod check;
mod runner;
mod schedule;
mod watched;

#[allow(dead_code, reason = "tests of single behaviours use the rest")]
#[path = "../suite"]
mod suite {
    pub(crate) mod agree;
    pub(crate) mod build;
    pub(crate) mod feed;
    pub(crate) mod judge;
    pub(crate) mod noting;
    pub(crate) mod oracle;
    pub(crate) mod random;
    pub(crate) mod site;
}

use suite::{agree, build, feed, judge, noting, oracle, random, site};

use runner::{Trace, alone, for_seeds};

/// What has to happen in a thousand runs, or they would show nothing.
const HAPPENS: [&str; 26] = [
    "abort",
    "aborted commit",
    "after commit",
    "appended twice",
    "before commit",
    "between stores",
    "clean stop",
    "commit",
    "compaction",
    "crash",
    "dead letter",
    "fenced",
    "judged by the oracle",
    "lost answer",
    "poll failed",
    "process died",
    "process wiped",
    "record",
    "refused write",
    "refused zombie",
    "restored row",
    "said again",
    "sleep",
    "start",
    "twin",
    "whole machine",
];

#[test]
fn whatever_happens_the_tables_are_those_of_the_steps() {
    let counts = for_seeds(1_000, schedule::run);
    println!("{counts:#?}");
    if alone().is_none() {
        let never: Vec<_> = HAPPENS.iter().filter(|what| !counts.contains_key(*what)).collect();
        assert!(never.is_empty(), "this never happened: {never:?}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    for_seeds(12, |seed, trace| {
        let again = Trace::default();
        schedule::run(seed, trace);
        schedule::run(seed, &again);
        let (one, two) = (trace.lines(), again.lines());
        for (at, (one, two)) in one.iter().zip(&two).enumerate() {
            assert_eq!(one, two, "step {at} differs");
        }
        assert_eq!(one.len(), two.len());
    });
}
