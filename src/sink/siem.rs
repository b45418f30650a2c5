//! `scorecard sink siem`: findings and changes of the inventory as events of their own topic.

use std::time::Duration;

use anyhow::Result;
use sink_frame::{Frame, Limits, Progress};
use sink_siem::{Config, ROLE, Siem};
use stream::worker::Stop;

use super::{How, PATIENCE_ONCE};
use crate::{progress::Teller, site::Site};

/// As a stage's: an event is larger than its change, and a transaction has to end in time.
const LIMITS: Limits = Limits { records: 2_000, bytes: 4 * 1024 * 1024, linger: Duration::ZERO };

/// Tells until it is stopped, or once.
pub(super) fn sink(
    site: &Site,
    config: &Config,
    how: &How<'_>,
    teller: &Teller,
    stop: &Stop,
) -> Result<()> {
    let frame = Frame {
        role: &ROLE,
        log: &*site.log,
        slot: how.slot,
        limits: LIMITS,
        once: how.once,
        patience: how.once.then_some(PATIENCE_ONCE),
        tell: &|progress| teller.step(&told(progress)),
    };
    let progress = frame.run(&mut Siem::new(&*site.log, &site.codec, config), stop)?;
    teller.done(&told(&progress));
    Ok(())
}

/// Says in words how far the sink is.
fn told(progress: &Progress) -> String {
    let (records, counts) = (progress.records(), &progress.counts);
    let mut text = format!("siem: {records} records taken, {} events told", counts.written);
    if counts.dead > 0 {
        text += &format!(", {} records unreadable (scorecard dlq list)", counts.dead);
    }
    if let Some(reason) = &progress.waiting {
        text += &format!("; waiting: {reason}");
    }
    text
}
