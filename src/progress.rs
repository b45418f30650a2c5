//! Progress for people: one line that is rewritten on a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal, Write},
    sync::Mutex,
    time::{Duration, Instant},
};

/// How often a line is written where it can't be rewritten.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Tells on standard error how far something is.
pub(crate) struct Teller {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    written: Option<Instant>,
    open: bool,
}

impl Teller {
    /// Makes a teller; it says nothing when `quiet`.
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), state: Mutex::default() }
    }

    /// Tells something that the next call may replace.
    pub(crate) fn step(&self, text: &str) {
        let mut state = self.lock();
        if self.terminal {
            eprint!("\r\x1b[2K{text}");
            let _ = std::io::stderr().flush();
            state.open = true;
        } else if state.written.is_none_or(|at| at.elapsed() >= PLAIN_INTERVAL) {
            eprintln!("{text}");
            state.written = Some(Instant::now());
        }
    }

    /// Tells something that stays.
    pub(crate) fn done(&self, text: &str) {
        let mut state = self.lock();
        let start = if state.open { "\r\x1b[2K" } else { "" };
        eprintln!("{start}{text}");
        *state = State::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
