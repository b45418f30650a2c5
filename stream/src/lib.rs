//! The log and the runtime that turns it into tables.
//!
//! [`Log`] is what the pipeline needs of a log; `local` and `kafka` give it. A [`Stage`] is pure:
//! it sees its tables through a [`View`] and writes changes and records into it. The worker reads
//! records, lets the stage step, and commits outputs, table changes and input positions in one
//! transaction.

pub mod acls;
mod by_table;
pub mod cache;
mod error;
pub mod fold;
pub mod http;
pub mod kafka;
mod layer;
pub mod local;
mod log;
mod open;
pub mod pending;
mod publisher;
pub mod registry;
pub mod secret;
pub mod snapshot;
pub mod span;
mod stage;
pub mod store;
#[cfg(test)]
mod store_tests;
mod table;
pub mod view;
pub mod watchdog;
pub mod worker;

pub use error::{LogError, chain};
pub use layer::Layer;
pub use log::{
    AbortReason, Log, Member, Membership, NOTE_BYTES_MAX, Noted, Outcome, Outgoing, Polled,
    Position, RECORD_BYTES_MAX, Reader, Record, SettingChange, TopicPlan, Writer,
};
pub use open::{LogConfig, open};
pub use publisher::Publisher;
pub use stage::{Stage, StepError};
pub use table::{Table, TableSpec};
pub use view::View;
