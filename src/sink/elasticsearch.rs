//! `scorecard sink elasticsearch`: keeps a cluster like the tables.

use std::time::Duration;

use anyhow::{Context, Result};
use sink_elasticsearch::{Cluster, Elastic, ROLE};
use sink_frame::{Frame, Limits, Progress};
use stream::worker::Stop;

use crate::{
    config::Config,
    progress::Teller,
    site::{Site, now_ms},
};

/// Records and bytes of one batch: a few bulk requests, which are sent at the same time.
const LIMITS: Limits = Limits { records: 10_000, bytes: 32 << 20, linger: Duration::ZERO };

/// Carries to the cluster what the log holds, for good or until its present end.
pub(super) fn run(
    site: &Site,
    config: &Config,
    slot: &str,
    patience: Option<Duration>,
    stop: &Stop,
) -> Result<()> {
    let settings = config.elasticsearch.as_ref();
    let settings = settings.context("the configuration has no `elasticsearch`")?;
    let cluster = Cluster::prepare(settings)?;
    let mut target = Elastic::new(&cluster, settings, &*site.log, &site.codec, &now_ms);
    let teller = Teller::new();
    let frame = Frame {
        role: &ROLE,
        log: &*site.log,
        slot,
        limits: LIMITS,
        once: patience.is_some(),
        patience,
        tell: &|progress| teller.step(&told(cluster.url(), progress)),
    };
    let progress = frame.run(&mut target, stop)?;
    teller.done(&told(cluster.url(), &progress));
    Ok(())
}

/// Says in words how far the sink is.
fn told(url: &str, progress: &Progress) -> String {
    let counts = &progress.counts;
    let mut text = format!(
        "{url}: {} records taken, {} documents written, {} there already",
        progress.records(),
        counts.written,
        counts.unchanged
    );
    for (word, count) in &progress.effects {
        if *count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    let dead = counts.refused + counts.dead;
    if dead > 0 {
        text += &format!(", {dead} records in the dead letters (scorecard dlq list)");
    }
    if let Some(reason) = &progress.waiting {
        text += &format!("; waiting: {reason}");
    }
    text
}
