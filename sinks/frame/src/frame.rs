//! A sink as a role: follows its inputs until it is stopped, or to where the log ends now.

use std::time::Duration;

use schemas::TopicSpec;
use stream::worker::Stop;
use stream::{Log, LogError};

use crate::progress::Progress;
use crate::session::Session;
use crate::{FrameError, Limits, Target};

/// Pause before a fenced member joins again: whoever fenced it shall get on.
const REJOIN_PAUSE: Duration = Duration::from_millis(500);

/// A member that is fenced so often without a commit in between has a twin of the same slot.
const FENCED_MAX: u32 = 5;

/// What a sink is among the processes that share the log: a constant of its crate.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Its name, which is its consumer group (without the log's prefix) and the stage that dead
    /// letters name, for example `sink-s3`.
    pub name: &'static str,
    /// The topics that it follows; partitions of one number go to one member.
    pub inputs: &'static [&'static TopicSpec],
    /// The topics that it appends to besides the dead letters.
    pub outputs: &'static [&'static TopicSpec],
    /// Whether batches must be repeated exactly after a crash: each is then of one topic and
    /// partition, and where it ends is committed before it is delivered ([`Pin`](crate::Pin)).
    pub pinned: bool,
}

/// A run of a sink, with everything that it needs besides its target.
pub struct Frame<'a> {
    /// What the sink is.
    pub role: &'static Role,
    /// The log.
    pub log: &'a dyn Log,
    /// This process's name in the group: stable over restarts, unique among live processes.
    pub slot: &'a str,
    /// How large batches are.
    pub limits: Limits,
    /// Whether to end where the log ended at the start.
    pub once: bool,
    /// How long a target that gets nothing done is waited for; none waits for good.
    pub patience: Option<Duration>,
    /// Hears how far it is: after each batch, at each pause, and now and then at rest.
    pub tell: &'a dyn Fn(&Progress),
}

impl Frame<'_> {
    /// Runs on the calling thread. What it committed is in the target; what it did not commit is
    /// done again by the next run, which changes nothing.
    ///
    /// # Errors
    /// When the log fails, another member takes over for good, the target says that a person must
    /// act, or patience is at its end.
    pub fn run<T: Target>(&self, target: &mut T, stop: &Stop) -> Result<Progress, FrameError> {
        let failed = |source| FrameError::Log { sink: self.role.name, source };
        let ends = self.log.ends(self.role.inputs).map_err(failed)?;
        let mut progress = Progress::default();
        let (mut fenced, mut commits) = (0, 0);
        loop {
            let mut session = Session::join(self, target, progress, stop)?;
            let followed = session.follow(&ends);
            progress = session.leave();
            match followed {
                Err(FrameError::Log { source: LogError::Fenced { .. }, .. })
                    if fenced < FENCED_MAX && !stop.is_stopped() => {}
                followed => return followed.map(|()| progress),
            }
            let (sink, slot) = (self.role.name, self.slot);
            tracing::warn!(sink, slot, "another member took over: joining again");
            fenced = if progress.commits == commits { fenced + 1 } else { 1 };
            commits = progress.commits;
            progress.fencings += 1;
            std::thread::sleep(REJOIN_PAUSE);
        }
    }
}
