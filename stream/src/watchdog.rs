//! Ends the process when a call hangs: some calls of librdkafka ignore their timeouts.
//!
//! A supervisor starts the process again; nothing is lost, because nothing was committed. Known
//! hangs: `send_offsets_to_transaction` without a group coordinator (librdkafka issues 5456 and
//! 5511).

use std::{
    collections::BTreeMap,
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// The exit code of a process that a hanging call ended.
pub const EXIT_CODE: i32 = 70;

/// The limit of one call in production.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Watches calls; its thread lives as long as the process.
#[derive(Clone)]
pub struct Watchdog {
    shared: Arc<Shared>,
    limit: Duration,
}

struct Shared {
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    last: u64,
    running: BTreeMap<u64, (Instant, &'static str)>,
}

/// A call that is being watched, until this is dropped.
#[must_use = "a call is watched as long as this lives"]
pub struct Watched {
    shared: Arc<Shared>,
    id: u64,
}

/// Gives the watchdog of the process, with the limit of production.
pub fn global() -> &'static Watchdog {
    static GLOBAL: OnceLock<Watchdog> = OnceLock::new();
    GLOBAL.get_or_init(|| Watchdog::start(LIMIT))
}

impl Watchdog {
    /// Starts a watchdog: a call that runs longer than the limit ends the process with
    /// [`EXIT_CODE`].
    ///
    /// # Panics
    /// When the system has no thread left.
    pub fn start(limit: Duration) -> Self {
        let shared = Arc::new(Shared { calls: Mutex::default(), changed: Condvar::new() });
        let watched = shared.clone();
        thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(&watched))
            .expect("the system has a thread left for the watchdog");
        Self { shared, limit }
    }

    /// Announces a call; keep the answer until the call has returned.
    pub fn watch(&self, call: &'static str) -> Watched {
        let mut calls = self.shared.lock();
        calls.last += 1;
        let id = calls.last;
        calls.running.insert(id, (Instant::now() + self.limit, call));
        drop(calls);
        self.shared.changed.notify_all();
        Watched { shared: self.shared.clone(), id }
    }

    /// Gives the call that runs longest, and for how long; none when none runs.
    pub fn longest(&self) -> Option<(&'static str, Duration)> {
        let calls = self.shared.lock();
        let (_, (deadline, call)) = calls.running.first_key_value()?;
        let left = deadline.saturating_duration_since(Instant::now());
        Some((call, self.limit.saturating_sub(left)))
    }

    /// Gives the limit of a call.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.shared.lock().running.remove(&self.id);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().expect("no holder of this lock panics")
    }
}

fn watch(shared: &Shared) {
    let mut calls = shared.lock();
    loop {
        // All calls have the same limit: the first announced is the first that is due.
        let next = calls.running.first_key_value().map(|(_, call)| *call);
        let expect = "no holder of this lock panics";
        calls = match next {
            None => shared.changed.wait(calls).expect(expect),
            Some((deadline, call)) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    tracing::error!(call, "a call hangs: the process ends");
                    process::exit(EXIT_CODE);
                }
                shared.changed.wait_timeout(calls, left).expect(expect).0
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "STREAM_WATCHDOG_CHILD";

    /// Not a test of its own: what the child process does.
    #[test]
    fn child() {
        let Ok(what) = std::env::var(CHILD) else {
            return;
        };
        let watchdog = Watchdog::start(Duration::from_millis(300));
        for _ in 0..4 {
            let _watched = watchdog.watch("a short call");
            thread::sleep(Duration::from_millis(100));
        }
        if what == "hang" {
            let _watched = watchdog.watch("a call that hangs");
            thread::sleep(Duration::from_secs(60));
        }
    }

    fn run_child(what: &str) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let status = process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "watchdog::tests::child"])
            .env(CHILD, what)
            .stdout(process::Stdio::null())
            .status()
            .unwrap();
        (status.code(), start.elapsed())
    }

    #[test]
    fn a_hanging_call_ends_the_process() {
        let (code, elapsed) = run_child("hang");
        assert_eq!(code, Some(EXIT_CODE));
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
    }

    #[test]
    fn the_longest_call_is_named() {
        let watchdog = Watchdog::start(Duration::from_secs(50));
        assert_eq!(watchdog.longest(), None);
        let first = watchdog.watch("first");
        thread::sleep(Duration::from_millis(20));
        let _second = watchdog.watch("second");
        let (call, age) = watchdog.longest().unwrap();
        assert!(call == "first" && age >= Duration::from_millis(20), "{call} {age:?}");
        drop(first);
        assert_eq!(watchdog.longest().unwrap().0, "second");
    }

    #[test]
    fn short_calls_do_not() {
        assert_eq!(run_child("return").0, Some(0));
    }
}
