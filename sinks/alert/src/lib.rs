//! Alerts, sparingly: what can't wait for the next report, told once and together.
//!
//! The way of an alert: [`Watch`] (pure) says what a row of trust or an hourly cut of a score makes
//! of the table `alert.state`; the sink ([`Alerts`]) writes that in the transaction that commits
//! its positions. When the log is read to its end and the last message is long enough ago, it tells
//! everything that is due in one [`Message`], and notes when.
//!
//! **Invariant**: of an account, each foreign account that nobody knows is told once, whatever is
//! read again: the table remembers.
//!
//! **Invariant**: a message is sent before the table says so. Who dies in between sends it once
//! more, with the same ids.

mod config;
mod message;
mod sink;
mod watch;
mod webhook;

pub use config::{Config, Webhook};
pub use message::{Due, Message};
pub use sink::{Alerts, LIMITS, READ, ROLE, Settings};
pub use watch::{Change, Watch};
pub use webhook::{CallError, Hook};
