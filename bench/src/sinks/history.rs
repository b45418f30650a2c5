//! What the sinks carry: tables and histories that the stages made of a simulated organisation.

use std::time::Duration;

use anyhow::Result;
use producer_simulator as simulator;
use stream::{store::Stores, worker::Stop};

use crate::site::Site;

/// The first simulated instant: 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

/// When everything has happened, a day later.
pub(crate) const END_MS: i64 = START_MS + 24 * 3_600_000;

/// Records that a simulated account comes to in the topics of a sink in its first day, about: most
/// are its hourly scores.
const RECORDS_PER_ACCOUNT: usize = 600;

/// Fills the topics by the stages, as in production.
pub(crate) fn fill(site: &Site, rows: usize) -> Result<()> {
    site.publish_standard(START_MS)?;
    let config = simulator::Config {
        accounts: rows.div_ceil(RECORDS_PER_ACCOUNT),
        days: 1,
        start_ms: START_MS,
        ..simulator::Config::default()
    };
    let mut publisher = site.publisher()?;
    for event in simulator::simulate(&config) {
        simulator::publish(&event, &mut publisher)?;
    }
    publisher.flush()?;
    let (stores, stop) = (Stores::open(&site.state())?, Stop::new());
    for worker in [site.account(&stores, &stop), site.rollup(&stores, &stop)] {
        while !worker.caught_up(&*site.log)? {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}
