//! Laps in rounds: each round runs every lap once, so that what disturbs hits all alike.
//!
//! The clock is the thread's own, which stands while another has the core.

use rustix::time::{ClockId, clock_gettime};

/// How long a lap should take at least; shorter ones are repeated within a round.
const LAP_SECONDS_MIN: f64 = 0.004;

/// Something that is timed.
pub(crate) struct Lap<'a> {
    pub(crate) name: &'static str,
    /// How many things are done in one go.
    pub(crate) count: usize,
    work: Box<dyn FnMut() + 'a>,
    repeats: u32,
    /// Nanoseconds that one thing took, by round.
    pub(crate) times: Vec<f64>,
}

impl<'a> Lap<'a> {
    pub(crate) fn new(name: &'static str, count: usize, work: impl FnMut() + 'a) -> Self {
        Self { name, count, work: Box::new(work), repeats: 1, times: Vec::new() }
    }

    fn run(&mut self) -> f64 {
        let start = thread_seconds();
        for _ in 0..self.repeats {
            (self.work)();
        }
        (thread_seconds() - start) / f64::from(self.repeats)
    }
}

/// Gives the CPU seconds of this thread.
fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Runs all laps, once to warm up and to see how long they take, and then in rounds. The first lap
/// of a round is another one each time.
pub(crate) fn run(laps: &mut [&mut Lap<'_>], rounds: usize) {
    for lap in laps.iter_mut() {
        let seconds = lap.run().max(1e-9);
        lap.repeats = (LAP_SECONDS_MIN / seconds).ceil().clamp(1.0, 1e6) as u32;
    }
    for round in 0..rounds {
        let count = laps.len();
        for at in 0..count {
            let lap = &mut laps[(at + round) % count];
            let seconds = lap.run();
            lap.times.push(seconds * 1e9 / lap.count as f64);
        }
    }
}
