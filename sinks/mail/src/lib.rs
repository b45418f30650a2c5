//! Scorecards by mail: each owner's, the payers' and the enterprise's, on schedule and once.
//!
//! The way of a message: [`Roster`] says who gets which report; a [`Schedule`] says when; what is
//! due becomes a row of the topic `mail.outbox` ([`Outbox`], pure). The [`Page`] of a report is
//! made of the workbook's own figures and becomes HTML, text and a picture in one [`Letter`]. The
//! sink ([`Mail`]) offers a letter's addresses to the server, commits that it is about to hand the
//! text over, does so, and commits what the server said.
//!
//! **Invariant**: a text is handed to a server only while the log says `sending`. So whoever finds
//! that word after a crash knows that the message may have arrived, and repeats it at most once.
//!
//! **Invariant**: of a report to one recipient only the newest that is due is ever begun.
//!
//! **Invariant**: text from an account is data: it becomes no markup and no header.

mod config;
mod error;
mod html;
mod letter;
mod outbox;
mod page;
mod picture;
mod post;
mod roster;
mod schedule;
mod server;
mod sink;
mod spans;
mod text;
mod wait;

pub use config::{Config, Listed};
pub use error::MailError;
pub use letter::{Attempt, Letter, Report};
pub use outbox::{Due, Outbox};
pub use page::Page;
pub use post::{Answer, Post};
pub use roster::{Entry, Kind, Roster, Skipped};
pub use schedule::{Schedule, period};
pub use server::Server;
pub use sink::{Edition, LIMITS, Mail, READ, ROLE, Settings};

/// Milliseconds of an hour.
pub(crate) const HOUR_MS: i64 = 3_600_000;
