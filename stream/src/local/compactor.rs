//! The thread that compacts a local log when enough was appended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, JoinHandle},
};

use super::{
    compact::{self, Rules},
    shared::Shared,
};

/// Appended records between two looks at what needs compaction.
const LOOK_EVERY_RECORDS: usize = 50_000;

/// Tells the compactor that records were appended; cheap to clone and to call.
#[derive(Clone)]
pub(super) struct Nudge {
    appended: Arc<AtomicUsize>,
    sender: SyncSender<()>,
}

impl Nudge {
    pub(super) fn appended(&self, records: usize) {
        let before = self.appended.fetch_add(records, Ordering::Relaxed);
        if before + records >= LOOK_EVERY_RECORDS {
            self.appended.store(0, Ordering::Relaxed);
            // A full channel means that the thread will look anyway.
            let _ = self.sender.try_send(());
        }
    }
}

/// Owns the thread; dropping it stops and joins the thread.
pub(super) struct Compactor {
    pub(super) nudge: Nudge,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Compactor {
    /// Starts the thread, or with `on` false only counts.
    pub(super) fn start(shared: &Arc<Shared>, rules: Rules, on: bool) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = if on {
            let (shared, stop) = (shared.clone(), stop.clone());
            let builder = thread::Builder::new().name("compactor".to_owned());
            Some(builder.spawn(move || run(&shared, rules, &receiver, &stop))?)
        } else {
            None
        };
        let nudge = Nudge { appended: Arc::default(), sender };
        Ok(Self { nudge, stop, thread })
    }
}

impl Drop for Compactor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.nudge.sender.try_send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the compactor of the local log panicked");
        }
    }
}

fn run(shared: &Shared, rules: Rules, nudges: &Receiver<()>, stop: &AtomicBool) {
    while nudges.recv().is_ok() && !stop.load(Ordering::Relaxed) {
        if let Err(error) = compact::all(shared, rules, compact::Scope::Needy, stop) {
            // The log goes on without compaction; the next write hits the same disk and says so.
            tracing::warn!(error = %error, "compaction of the local log failed");
        }
    }
}
