//! A simulated organisation: payers, accounts, owners, resources that change over the days,
//! exceptions that are granted and expire, and a collector that fails now and then.
//!
//! Every decision is a hash of the seed and of what is decided, so nothing has to be kept: any day
//! of any account can be made by itself, and the same seed gives the same records.

mod chance;
mod day;
mod event;
mod load;
mod names;
mod organisation;
mod report;
mod resources;
mod risks;
mod scan;

pub use event::{Event, Source, publish};
pub use load::load;

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The seed.
    pub seed: u64,
    /// Accounts.
    pub accounts: usize,
    /// Days.
    pub days: usize,
    /// Buckets of an account, about; other resources in proportion.
    pub size: usize,
    /// The first instant, in UTC milliseconds: a midnight.
    pub start_ms: i64,
    /// Minutes between two ticks. A real clock writes one a minute; an hour keeps a demo quick.
    pub tick_minutes: usize,
    /// Milliseconds between two changes of [`load`].
    pub load_step_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            accounts: 25,
            days: 30,
            size: 8,
            start_ms: 0,
            tick_minutes: 60,
            load_step_ms: 10,
        }
    }
}

/// Simulates: gives the records of all sources in the order of their times.
///
/// Lazy: what is held is one account's scan, however many accounts and days there are.
pub fn simulate(config: &Config) -> impl Iterator<Item = Event> + use<> {
    let config = *config;
    (0..config.days).flat_map(move |day| day::events(config, day))
}

#[cfg(test)]
mod tests;
