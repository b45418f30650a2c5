//! Collects what an AWS organisation's accounts hold and publishes it as observations.
//!
//! A [`scan`] assumes the audit role in each payer, lists the payer's accounts, assumes the audit
//! role in each account, and runs the [`collectors`] there. A scope (account, region, resource
//! type) is the unit that succeeds or fails: it starts, its resources follow, it completes or
//! fails, and only a completed scope lets later stages conclude anything from absence. Failures
//! are data: a refused role, a denied listing or an endless page become failed scopes, a denied
//! detail becomes an entry in its document's errors, and the scan goes on.
//!
//! Documents have the shape of the AWS CLI inside the envelope of AWS Config. They come from one
//! generic client in [`api`], which never gives an empty document for an answer that it could not
//! read. Collectors know no clock and no log: they send what they saw to the scan, which stamps it
//! and hands it to a [`Sink`].
//!
//! **Invariant**: nothing outside this crate and the rules knows AWS's words. No document holds a
//! secret: the operations that are called return none (no user data, no environment values, no
//! key material); a collector that adds such values must digest them first.

mod account;
pub mod api;
mod collect;
pub mod collectors;
mod config;
mod document;
mod error;
mod organizations;
mod scan;
mod scope;
mod session;
mod sink;
#[cfg(test)]
mod testing;

pub use config::{Concurrency, Config, ConfigError, PayerConfig, Timeouts};
pub use error::Error;
pub use scan::{Progress, Summary, scan, scan_as};
pub use scope::{PayerFailure, ScopeFailure};
pub use sink::{Sink, SinkError};
