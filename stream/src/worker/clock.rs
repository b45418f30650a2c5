//! The clock of a worker: the machine's, or one that only moves when it is told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// What a worker's waits, limits and ages are measured by; steps never see it.
///
/// Clones of a virtual clock are one clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Virtual>>);

#[derive(Debug)]
struct Virtual {
    start: Instant,
    nanos: AtomicU64,
}

impl Clock {
    /// Makes a clock that stands still until it is moved: nothing waits by it, and what happens
    /// does not depend on how fast the machine is. It begins with Unix time 0.
    pub fn standing() -> Self {
        Self(Some(Arc::new(Virtual { start: Instant::now(), nanos: AtomicU64::new(0) })))
    }

    /// Moves a virtual clock on; the machine's clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Some(clock) = &self.0 {
            let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            clock.nanos.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    pub(super) fn now(&self) -> Instant {
        match &self.0 {
            Some(clock) => clock.start + clock.passed(),
            None => Instant::now(),
        }
    }

    /// Lets time pass: on a virtual clock at once.
    pub(super) fn sleep(&self, time: Duration) {
        match &self.0 {
            Some(_) => self.advance(time),
            None => std::thread::sleep(time),
        }
    }

    /// Gives how long a call may really wait that wants to wait so long.
    pub(super) fn wait(&self, time: Duration) -> Duration {
        if self.0.is_some() { Duration::ZERO } else { time }
    }

    /// Gives UTC milliseconds: only for ages of stores.
    pub(super) fn unix_ms(&self) -> i64 {
        let since = match &self.0 {
            Some(clock) => clock.passed(),
            None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        };
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Virtual {
    fn passed(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_told() {
        let clock = Clock::standing();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::from_millis(1_500));
        clock.sleep(Duration::from_secs(3_600));
        assert_eq!(clock.now() - start, Duration::from_millis(3_601_500));
        assert_eq!(clock.unix_ms(), 3_601_500);
        assert_eq!(clock.wait(Duration::from_secs(9)), Duration::ZERO);
    }
}
