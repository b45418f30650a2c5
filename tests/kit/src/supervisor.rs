//! A supervisor: whatever ends is started again, as in production.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{Child, Finished};

/// How often it looks whether the process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Pause before a process is started again, so that one that can't start does not spin.
const START_PAUSE: Duration = Duration::from_millis(100);

/// Limit for reaping a process that has ended.
const REAP_LIMIT: Duration = Duration::from_secs(10);

/// Makes the command of the start with this number, from 0 on.
type Make = Box<dyn FnMut(usize) -> Command + Send>;

/// A process that is started again whenever it ends, until this is dropped or stopped.
pub struct Supervisor {
    watched: Arc<Mutex<Watched>>,
    looker: Option<JoinHandle<()>>,
}

struct Watched {
    make: Make,
    folder: PathBuf,
    name: String,
    child: Option<Child>,
    starts: usize,
    ends: Vec<(ExitStatus, String)>,
    stopped: bool,
    failed: Option<String>,
}

impl Supervisor {
    /// Starts the process; the output of each start goes to files `NAME-START` in `folder`.
    ///
    /// # Errors
    /// When the first start fails.
    pub fn start(
        folder: PathBuf,
        name: &str,
        make: impl FnMut(usize) -> Command + Send + 'static,
    ) -> Result<Self> {
        let mut watched = Watched {
            make: Box::new(make),
            folder,
            name: name.to_owned(),
            child: None,
            starts: 0,
            ends: Vec::new(),
            stopped: false,
            failed: None,
        };
        watched.launch()?;
        let watched = Arc::new(Mutex::new(watched));
        let looked = watched.clone();
        let looker = thread::spawn(move || {
            while lock(&looked).look() {
                thread::sleep(LOOK_EVERY);
            }
        });
        Ok(Self { watched, looker: Some(looker) })
    }

    /// Ends the process as `kill -9` does; it is started again at once.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill9(&self) -> Result<()> {
        let mut watched = lock(&self.watched);
        let Some(child) = watched.child.as_mut() else { return Ok(()) };
        if child.is_running() {
            child.signal("KILL")?;
        }
        Ok(())
    }

    /// Sends a signal by its short name.
    ///
    /// # Errors
    /// When the process does not run now.
    pub fn signal(&self, name: &str) -> Result<()> {
        let mut watched = lock(&self.watched);
        watched.child.as_mut().context("it does not run")?.signal(name)
    }

    /// How the process ended so far, start by start, and the last line that it had said.
    pub fn ends(&self) -> Vec<(ExitStatus, String)> {
        lock(&self.watched).ends.clone()
    }

    /// Waits for the process to end by itself after it was asked to; it is not started again.
    ///
    /// # Errors
    /// When asking fails, it does not end in time, or a start had failed.
    pub fn end(
        &self,
        limit: Duration,
        ask: impl FnOnce(&mut Child) -> Result<()>,
    ) -> Result<Finished> {
        let mut watched = lock(&self.watched);
        watched.stopped = true;
        if let Some(error) = &watched.failed {
            bail!("{error}");
        }
        let mut child = watched.child.take().context("it was ended before")?;
        if child.is_running() {
            ask(&mut child)?;
        }
        child.wait(limit)
    }

    /// The end of what the running process has said.
    pub fn tail(&self) -> String {
        let watched = lock(&self.watched);
        watched.child.as_ref().map_or_else(String::new, Child::tail)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        {
            let mut watched = lock(&self.watched);
            watched.stopped = true;
            watched.child = None;
        }
        if let Some(looker) = self.looker.take() {
            // It only looks, and has been told to end.
            let _ = looker.join();
        }
    }
}

impl Watched {
    /// Starts the process again when it has ended; false when there is nothing to do any more.
    fn look(&mut self) -> bool {
        if self.stopped {
            return false;
        }
        if self.child.as_mut().is_none_or(Child::is_running) {
            return true;
        }
        thread::sleep(START_PAUSE);
        let ended = self.child.take().map(|child| child.wait(REAP_LIMIT));
        if let Some(Ok(finished)) = ended {
            let last = finished.stderr.trim_end().lines().last().unwrap_or_default();
            self.ends.push((finished.status, last.to_owned()));
        }
        if let Err(error) = self.launch() {
            self.failed = Some(format!("{error:#}"));
            self.stopped = true;
        }
        true
    }

    fn launch(&mut self) -> Result<()> {
        let command = (self.make)(self.starts);
        let name = format!("{}-{}", self.name, self.starts);
        self.starts += 1;
        self.child = Some(Child::spawn(command, &self.folder, &name)?);
        Ok(())
    }
}

/// Every change is of one value, so a holder that panicked leaves nothing half done.
fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_started_again_until_it_is_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let sign = folder.path().join("sign");
        let wanted = sign.clone();
        let process = Supervisor::start(folder.path().to_owned(), "x", move |start| {
            let mut command = Command::new("sh");
            // The first start fails; the second waits to be told.
            let script = match start {
                0 => "echo first >&2; exit 3",
                _ => r#"while [ ! -e "$0" ]; do sleep 0.02; done; exit 4"#,
            };
            command.arg("-c").arg(script).arg(&wanted);
            command
        });
        let process = process.unwrap();
        while process.ends().is_empty() {
            thread::sleep(LOOK_EVERY);
        }
        let ends = process.ends();
        assert_eq!((ends[0].0.code(), ends[0].1.as_str()), (Some(3), "first"));
        process.kill9().unwrap();
        while process.ends().len() < 2 {
            thread::sleep(LOOK_EVERY);
        }
        assert_eq!(process.ends()[1].0.code(), None);
        let limit = Duration::from_secs(20);
        let finished = process.end(limit, |_| Ok(std::fs::write(&sign, "")?)).unwrap();
        assert_eq!(finished.status.code(), Some(4));
        assert!(process.end(limit, |_| Ok(())).is_err());
    }
}
