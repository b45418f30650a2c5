//! `scorecard sink clickhouse`: history goes to ClickHouse.

use anyhow::Result;
use sink_clickhouse::{Config, Database, LIMITS, ROLE, Tables};
use sink_frame::{Frame, Limits, Progress};
use stream::worker::Stop;

use super::PATIENCE_ONCE;
use crate::{
    progress::Teller,
    site::{Site, now_ms},
};

/// Carries history to the tables; `once` ends where the log ends now.
pub(super) fn run(
    site: &Site,
    settings: &Config,
    slot: &str,
    once: bool,
    stop: &Stop,
) -> Result<()> {
    let teller = Teller::new();
    let database = Database::prepare(settings)?;
    let mut tables = Tables::new(&*site.log, &site.codec, &site.prefix, database, &now_ms);
    let frame = Frame {
        role: &ROLE,
        log: &*site.log,
        slot,
        // Nobody waits for small batches to grow where somebody waits for the end.
        limits: if once { Limits { linger: Default::default(), ..LIMITS } } else { LIMITS },
        once,
        patience: once.then_some(PATIENCE_ONCE),
        tell: &|progress| teller.step(&told(&settings.database, progress)),
    };
    let progress = frame.run(&mut tables, stop)?;
    teller.done(&told(&settings.database, &progress));
    Ok(())
}

/// Says in words how far the sink is.
fn told(database: &str, progress: &Progress) -> String {
    let (counts, records) = (&progress.counts, progress.records());
    let mut text = format!("database {database}: {records} records taken, {} rows", counts.written);
    let dead = counts.dead + counts.refused;
    if dead > 0 {
        text += &format!(", {dead} records unreadable (scorecard dlq list)");
    }
    if let Some(reason) = &progress.waiting {
        text += &format!("; waiting: {reason}");
    }
    text
}
