//! Pauses of messages that a server put off, each with its own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use schemas::MailKey;
use sink_frame::Backoff;

/// Messages that are not to be tried before a moment.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    of: BTreeMap<MailKey, (Backoff, Instant)>,
}

impl Waits {
    /// A message was put off: its next try has to wait, longer each time.
    pub(crate) fn put_off(&mut self, key: &MailKey) {
        let (backoff, until) =
            self.of.entry(key.clone()).or_insert_with(|| (Backoff::new(), Instant::now()));
        *until = Instant::now() + backoff.next(None, fastrand::f64());
    }

    /// A message waits no more.
    pub(crate) fn forget(&mut self, key: &MailKey) {
        self.of.remove(key);
    }

    /// Gives how long a message still has to wait.
    pub(crate) fn left(&self, key: &MailKey) -> Duration {
        let until = self.of.get(key).map(|(_, until)| *until);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}
