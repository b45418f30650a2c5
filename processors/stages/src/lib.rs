//! Stages: which pure steps make a stage, and in which tables they keep what they know.
//!
//! The account stage turns observations, reports and registers into the inventory, verdicts, credit
//! and scores of accounts; the roll-up stage sums over accounts. A stage sees nothing but its own
//! partition: what concerns all accounts comes to every partition. **Invariants:** no I/O, no
//! clock, no randomness; work that may grow with a table is cut into pieces ([`account::PIECE`]).

pub mod account;
mod rollup;

pub use account::AccountStage;
pub use rollup::RollupStage;

/// What a step gives: a value, or the reason why it did not happen.
pub(crate) type Step<T = ()> = Result<T, stream::StepError>;
