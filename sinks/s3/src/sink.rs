//! The sink as a role: follows the inventory until it is stopped, or to where the log ends now.

use std::path::Path;
use std::time::Duration;

use schemas::{Codec, TopicSpec, topic};
use stream::worker::Stop;
use stream::{Log, LogError, Position};

use crate::session::Session;
use crate::{Bucket, S3Error};

/// The consumer group, without the log's prefix.
pub const GROUP: &str = "sink-s3";

/// What the sink reads: the inventory, and the names of accounts that documents show.
pub const INPUTS: [&TopicSpec; 2] = [topic::RESOURCE_STATE.spec, topic::ACCOUNT_STATE.spec];

/// Pause before a fenced member joins again: whoever fenced it shall get on.
const REJOIN_PAUSE: Duration = Duration::from_millis(500);

/// A member that is fenced so often without a commit in between has a twin of the same slot.
const FENCED_MAX: u32 = 5;

/// How far a sink is since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records whose changes the bucket holds, and which are committed.
    pub records: u64,
    /// Objects that were put.
    pub put: u64,
    /// Objects that were deleted.
    pub deleted: u64,
    /// Records that can't be read and went to the dead letters.
    pub dead: u64,
    /// Why nothing happens at the moment.
    pub waiting: Option<String>,
}

/// The sink with everything that it needs.
pub struct Sink<'a> {
    /// The log.
    pub log: &'a dyn Log,
    /// How values are read.
    pub codec: &'a Codec,
    /// The bucket.
    pub bucket: &'a Bucket,
    /// This process's name in the group: stable over restarts, unique among live processes.
    pub slot: &'a str,
    /// Whether to end where the log ended at the start.
    pub once: bool,
    /// Whether the days' files are written.
    pub lake: bool,
    /// Whether the running day's files are written anew when they are there and whole.
    pub anew: bool,
    /// The folder of the owners' workbooks; none when they stay where they are.
    pub workbooks: Option<&'a Path>,
    /// How long a bucket that does not answer is waited for; none waits for good.
    pub patience: Option<Duration>,
    /// Gives the time in UTC milliseconds: whose day it is.
    pub now_ms: &'a dyn Fn() -> i64,
    /// Hears how far it is.
    pub tell: &'a dyn Fn(&Progress),
}

impl Sink<'_> {
    /// Runs on the calling thread. What it committed is in the bucket; what it did not commit is
    /// done again by the next run, which changes nothing.
    ///
    /// # Errors
    /// When the log fails, another member takes over, or patience is at its end.
    pub fn run(&self, stop: &Stop) -> Result<Progress, S3Error> {
        let ends = self.log.ends(&INPUTS)?;
        let mut progress = Progress::default();
        let (mut fenced, mut records) = (0, 0);
        loop {
            let mut session = Session::join(self, progress, stop)?;
            let followed = self.follow(&mut session, &ends, stop);
            progress = session.progress;
            match followed {
                Err(S3Error::Log(LogError::Fenced { .. })) if fenced < FENCED_MAX => {}
                followed => return followed.map(|()| progress),
            }
            tracing::warn!(slot = self.slot, "another member took over: joining again");
            fenced = if progress.records == records { fenced + 1 } else { 1 };
            records = progress.records;
            std::thread::sleep(REJOIN_PAUSE);
        }
    }

    fn follow(
        &self,
        session: &mut Session<'_>,
        ends: &[Position],
        stop: &Stop,
    ) -> Result<(), S3Error> {
        while !stop.is_stopped() {
            if session.turn()? {
                continue;
            }
            if !self.once {
                session.chores()?;
            } else if session.reached(ends)? {
                return session.chores();
            }
        }
        Ok(())
    }
}
