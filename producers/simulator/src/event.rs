//! Events: what a source would have appended, and when.

use schemas::{
    AccountKey, AccountListing, AccountRegister, Exception, ExceptionKey, Observation, Report,
    Spend, Tick, TickKey, topic,
};
use stream::{LogError, Publisher};

/// A record of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it was made, in UTC milliseconds.
    pub at_ms: i64,
    /// What it says.
    pub source: Source,
}

/// What a source says.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A payer lists an account.
    Listing(AccountListing),
    /// The register knows an account.
    Register(AccountRegister),
    /// An exception was granted or changed.
    Granted(Exception),
    /// An exception was withdrawn.
    Withdrawn(String),
    /// A collector saw something.
    Observed(Box<Observation>),
    /// An outside scanner reports.
    Reported(Report),
    /// An account's spend was read.
    Spent(Spend),
    /// A minute began.
    Ticked(Tick),
}

impl Event {
    /// Gives when it was made, in UTC milliseconds.
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// Appends an event to its topic.
///
/// # Errors
/// When the log does not take it.
pub fn publish(event: &Event, publisher: &mut Publisher) -> Result<(), LogError> {
    let at_ms = event.at_ms;
    let account = |id: &str| AccountKey::new(id);
    match &event.source {
        Source::Listing(row) => {
            publisher.put(&topic::ACCOUNT_LISTING, &account(&row.account), row, at_ms)
        }
        Source::Register(row) => {
            publisher.put(&topic::ACCOUNT_REGISTER, &account(&row.account), row, at_ms)
        }
        Source::Granted(row) => {
            publisher.put(&topic::EXCEPTION, &ExceptionKey::new(&*row.id), row, at_ms)
        }
        Source::Withdrawn(id) => {
            publisher.tombstone(&topic::EXCEPTION, &ExceptionKey::new(&**id), at_ms)
        }
        Source::Observed(row) => {
            publisher.put(&topic::OBSERVATION, &account(&row.account), &**row, at_ms)
        }
        Source::Reported(row) => publisher.put(&topic::REPORT, &account(&row.account), row, at_ms),
        Source::Spent(row) => publisher.put(&topic::SPEND, &account(&row.account), row, at_ms),
        Source::Ticked(row) => {
            publisher.put(&topic::TICK, &TickKey { minute_ms: row.minute_ms }, row, at_ms)
        }
    }
}
