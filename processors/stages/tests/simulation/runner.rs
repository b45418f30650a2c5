//! Runs seeds over the machine's cores, and says how to replay one that failed.

use std::{
    any::Any,
    cell::RefCell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// The last steps of a failed run that its message shows.
const STEPS_SHOWN: usize = 30;

/// Failed seeds after which the others are not tried.
const FAILURES_MAX: usize = 10;

/// How often what happened.
pub(crate) type Counts = BTreeMap<&'static str, u64>;

/// What happened in a run, step by step.
#[derive(Default)]
pub(crate) struct Trace {
    lines: RefCell<Vec<String>>,
    counts: RefCell<Counts>,
}

impl Trace {
    pub(crate) fn note(&self, line: String) {
        self.lines.borrow_mut().push(line);
    }

    pub(crate) fn count(&self, what: &'static str, times: u64) {
        if times > 0 {
            *self.counts.borrow_mut().entry(what).or_default() += times;
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

/// Gives the one seed that the environment asks for, if any.
pub(crate) fn alone() -> Option<u64> {
    number("SIMULATION_SEED")
}

/// Runs a test for many seeds; a failing one is named, with how to run it alone.
pub(crate) fn for_seeds(count: u64, test: impl Fn(u64, &Trace) + Sync) -> Counts {
    let seeds = match alone() {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(count),
    };
    let next = AtomicU64::new(seeds.start);
    let counts = Mutex::new(Counts::new());
    let failures = Mutex::new(BTreeMap::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while failures.lock().unwrap().len() < FAILURES_MAX {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    match attempt(seed, &test) {
                        Ok(made) => merge(&mut counts.lock().unwrap(), made),
                        Err(why) => drop(failures.lock().unwrap().insert(seed, why)),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if let Some((seed, why)) = failures.first_key_value() {
        panic!(
            "seeds {:?} failed; the first of them because {why}\nto replay it alone: \
             SIMULATION_SEED={seed} cargo test -p stages --test simulation",
            failures.keys().collect::<Vec<_>>()
        );
    }
    counts.into_inner().unwrap()
}

fn attempt(seed: u64, test: &impl Fn(u64, &Trace)) -> Result<Counts, String> {
    let trace = Trace::default();
    // Nothing but the trace outlives a run, and each of its changes is of one value.
    let done = catch_unwind(AssertUnwindSafe(|| test(seed, &trace)));
    done.map_err(|panic| {
        let lines = trace.lines();
        let shown = match alone() {
            Some(_) => &lines[..],
            None => &lines[lines.len().saturating_sub(STEPS_SHOWN)..],
        };
        format!(
            "{}\nafter these steps, the last of {}:\n{}",
            said(&*panic),
            lines.len(),
            shown.join("\n")
        )
    })?;
    Ok(trace.counts.into_inner())
}

fn merge(into: &mut Counts, more: Counts) {
    for (what, times) in more {
        *into.entry(what).or_default() += times;
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
