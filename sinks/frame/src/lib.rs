//! What sinks have in common: they follow the log, wait, count, and commit what the target holds.
//!
//! A sink is a [`Target`], which says what records come to (`encode`), with a [`Courier`], which
//! brings its system up to that (`deliver`). [`Frame::run`] does the rest: it joins the group, cuts
//! batches, tries what is left again after jittered pauses, writes dead letters, and commits
//! positions when the target has everything below them. So the target is at most behind; since
//! effects are such that doing them twice leaves what doing them once leaves, nothing is lost and
//! nothing is double. While one batch is delivered the next is read and encoded.
//!
//! **Invariant**: no courier is on the way when partitions are given up, so that their next owner's
//! effects can't be overtaken by older ones.
//!
//! **Invariant**: the counts of a batch add up to its records, or it is not committed.

mod backlog;
mod backoff;
mod error;
mod frame;
mod known;
mod ledger;
mod lives;
mod progress;
mod row;
mod session;
mod spans;
mod target;

pub use backlog::Limits;
pub use backoff::Backoff;
pub use error::{ConfigError, FrameError};
pub use frame::{Frame, Role};
pub use known::read_until;
pub use ledger::Counts;
pub use progress::Progress;
pub use row::{Row, Table};
pub use stream::chain;
pub use target::{Courier, Delivery, Encoded, Entry, Failure, Fate, Nothing, Part, Pin, Target};
