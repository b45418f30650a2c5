//! `scorecard sink s3`: the inventory, a partition a day and workbooks in a bucket.

use anyhow::{Context, Result};
use sink_s3::{Bucket, Progress, Sink};

use super::Run;
use crate::site::now_ms;

/// Carries to the bucket until it is stopped, or once.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let (site, config) = (run.site, run.config);
    let settings = config.s3.as_ref();
    let settings = settings.context("the configuration has no `s3`: there is no bucket")?;
    let bucket = Bucket::prepare(settings, None)?;
    let sink = Sink {
        log: &*site.log,
        codec: &site.codec,
        bucket: &bucket,
        slot: run.slot,
        once: run.once,
        lake: settings.lake,
        anew: run.once && run.is_asked,
        workbooks: settings.workbooks.then_some(&*config.workbooks),
        patience: run.patience(),
        now_ms: &now_ms,
        tell: &|progress| run.teller.step(&told(&settings.bucket, progress)),
    };
    let progress = sink.run(run.stop)?;
    run.teller.done(&told(&settings.bucket, &progress));
    Ok(())
}

/// Says in words how far a sink is.
fn told(bucket: &str, progress: &Progress) -> String {
    let Progress { records, put, deleted, dead, waiting } = progress;
    let mut text =
        format!("bucket {bucket}: {records} records taken, {put} objects put, {deleted} deleted");
    if *dead > 0 {
        text += &format!(", {dead} records unreadable (scorecard dlq list)");
    }
    if let Some(reason) = waiting {
        text += &format!("; waiting: {reason}");
    }
    text
}
