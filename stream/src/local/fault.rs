//! Faults that tests put into a local log.

/// What goes wrong next; each count goes down with each fault until it is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The next commits leave no trace and end as [`Outcome::Aborted`](crate::Outcome::Aborted).
    AbortCommits(u32),
    /// The next commits take place, but the caller gets an error instead of the outcome: what a
    /// process sees that dies between the log's commit and its own next step.
    LoseAnswers(u32),
    /// The next appends and commits fail with an error and leave no trace.
    RefuseWrites(u32),
    /// The next polls of readers and members fail with an error.
    FailPolls(u32),
}

impl Fault {
    /// Uses up one fault of the kind that `count` finds.
    pub(super) fn strikes(&mut self, count: fn(&mut Fault) -> Option<&mut u32>) -> bool {
        let Some(left) = count(self).filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        if *left == 0 {
            *self = Fault::None;
        }
        true
    }

    pub(super) fn abort(&mut self) -> Option<&mut u32> {
        match self {
            Fault::AbortCommits(left) => Some(left),
            _ => None,
        }
    }

    pub(super) fn lose(&mut self) -> Option<&mut u32> {
        match self {
            Fault::LoseAnswers(left) => Some(left),
            _ => None,
        }
    }

    pub(super) fn refuse(&mut self) -> Option<&mut u32> {
        match self {
            Fault::RefuseWrites(left) => Some(left),
            _ => None,
        }
    }

    pub(super) fn poll(&mut self) -> Option<&mut u32> {
        match self {
            Fault::FailPolls(left) => Some(left),
            _ => None,
        }
    }
}
