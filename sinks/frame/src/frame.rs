//! A sink as a role: follows its inputs until it is stopped, or to where the log ends now.

use std::time::{Duration, Instant};

use schemas::TopicSpec;
use stream::worker::Stop;
use stream::{Log, LogError, Position, chain};

use crate::lives::Lives;
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
    /// Whether batches must be repeated exactly after a crash: each then has parts, of one topic
    /// and partition each, whose ends are committed before they are delivered
    /// ([`Pin`](crate::Pin)).
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
        let mut lives = self.lives()?;
        let mut ends = self.ends()?;
        let mut progress = Progress::default();
        let mut twins = Twins::default();
        loop {
            let mut session = Session::join(self, target, &lives, progress, stop)?;
            let followed = session.follow(&ends);
            progress = session.leave();
            let Err(error) = followed else { return Ok(progress) };
            let (sink, slot) = (self.role.name, self.slot);
            if is_fenced(&error) && !stop.is_stopped() && twins.may_join(&progress) {
                tracing::warn!(sink, slot, "another member took over: joining again");
                progress.fencings += 1;
                std::thread::sleep(REJOIN_PAUSE);
            } else if let Some(topic) = self.ended(&lives, &error) {
                tracing::warn!(sink, topic, "the topic was deleted or made anew: joining again");
                let Some(present) = self.lives_again(&mut progress, stop)? else {
                    return Ok(progress);
                };
                lives = present;
                ends = self.ends()?;
            } else {
                return Err(error);
            }
        }
    }

    fn lives(&self) -> Result<Lives, FrameError> {
        Lives::present(self.log, self.role.inputs).map_err(|source| self.failed(source))
    }

    fn ends(&self) -> Result<Vec<Position>, FrameError> {
        self.log.ends(self.role.inputs).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: LogError) -> FrameError {
        FrameError::Log { sink: self.role.name, source }
    }

    /// Gives the topic whose end was the reason of an error; none when that was none.
    fn ended(&self, lives: &Lives, error: &FrameError) -> Option<&'static str> {
        match error {
            FrameError::Anew { topic, .. } => Some(topic),
            // Kafka has many words for a topic that went; what counts is whether one did.
            FrameError::Log { .. } => {
                let ended = lives.ended(self.log, self.role.inputs.iter().copied());
                ended.ok().flatten().map(|topic| topic.name)
            }
            FrameError::Target(_) | FrameError::Uncounted { .. } => None,
        }
    }

    /// Waits until all inputs are there again; none when the process shall end before.
    fn lives_again(
        &self,
        progress: &mut Progress,
        stop: &Stop,
    ) -> Result<Option<Lives>, FrameError> {
        let began = Instant::now();
        while !stop.is_stopped() {
            let error = match self.lives() {
                Err(error @ FrameError::Log { source: LogError::Topic { .. }, .. }) => error,
                lives => return lives.map(Some),
            };
            if self.patience.is_some_and(|limit| began.elapsed() >= limit) {
                return Err(error);
            }
            progress.waiting = Some(chain(&error));
            (self.tell)(progress);
            std::thread::sleep(REJOIN_PAUSE);
        }
        Ok(None)
    }
}

/// How often the member was fenced without a commit in between.
#[derive(Default)]
struct Twins {
    fenced: u32,
    commits: u64,
}

impl Twins {
    /// Counts that the member was fenced; false when that was once too often.
    fn may_join(&mut self, progress: &Progress) -> bool {
        let is_again = progress.commits == self.commits;
        *self =
            Self { fenced: if is_again { self.fenced + 1 } else { 1 }, commits: progress.commits };
        self.fenced <= FENCED_MAX
    }
}

fn is_fenced(error: &FrameError) -> bool {
    matches!(error, FrameError::Log { source: LogError::Fenced { .. }, .. })
}
