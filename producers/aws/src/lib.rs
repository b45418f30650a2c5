//! Collects what an AWS organisation's accounts hold and publishes it as observations.
//!
//! A [`Scanner`] assumes the audit role in each payer, lists the payer's accounts and plans one
//! unit of work for each in `scan.unit`. The processes of the collectors' group share the units:
//! each assumes the audit role in the account, runs the [`collectors`] there, and ends in
//! completed, failed or timed out. Observations are durable before a unit's end is; the end and
//! the group's position are one transaction. So a unit that is lost with its process is taken over
//! by another, whose later attempt voids what the first one saw.
//!
//! A scope (account, region, resource type) is what succeeds or fails: it starts, its resources
//! follow, it completes or fails, and only a completed scope lets later stages conclude anything
//! from absence. Failures are data: a refused role, a denied listing or an endless page become
//! failed scopes, a denied detail becomes an entry in its document's errors, and the scan goes on.
//!
//! Documents have the shape of the AWS CLI inside the envelope of AWS Config. They come from one
//! generic client in [`api`], which never gives an empty document for an answer that it could not
//! read. Collectors know no clock and no log: they send what they saw to the group's member, which
//! stamps and publishes it.
//!
//! **Invariant**: nothing outside this crate and the rules knows AWS's words. No document holds a
//! secret: what may be one ([`SECRET_FIELDS`] and what a company adds) becomes a keyed digest
//! before it is published.

mod account;
pub mod api;
mod board;
pub mod collectors;
mod config;
mod document;
mod error;
mod group;
mod intake;
mod listed;
mod listing;
mod look;
mod organizations;
mod plan;
mod policy;
mod redact;
mod scanner;
mod schedule;
mod scope;
mod session;
mod spans;
mod spend;
mod summary;
#[cfg(test)]
mod testing;
mod trim;
mod unit;

pub use config::{Concurrency, Config, ConfigError, PayerConfig, Timeouts};
pub use error::Error;
pub use group::GROUP;
pub use look::{Look, look};
pub use plan::{Wanted, scan_id, start_of};
pub use redact::{SECRET_FIELDS, SecretField};
pub use scanner::{Clock, Outlet, Scanner};
pub use schedule::Schedule;
pub use spend::SpendSource;
pub use summary::{PayerFailure, Progress, Summary};
