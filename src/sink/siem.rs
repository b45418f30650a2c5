//! `scorecard sink siem`: findings and changes of the inventory as events of their own topic.

use std::time::Duration;

use anyhow::Result;
use sink_frame::Limits;
use sink_siem::{ROLE, Siem};

use super::{Run, told};

/// As a stage's: an event is larger than its change, and a transaction has to end in time.
const LIMITS: Limits = Limits { records: 2_000, bytes: 4 * 1024 * 1024, linger: Duration::ZERO };

/// Tells until it is stopped, or once; without settings it tells everything.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let settings = run.config.siem.clone().unwrap_or_default();
    let mut target = Siem::new(&*run.site.log, &run.site.codec, &settings);
    run.follow(&ROLE, LIMITS, &|progress| told("siem", "events told", progress), &mut target)
}
