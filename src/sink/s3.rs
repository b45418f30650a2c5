//! `scorecard sink s3`: the inventory, a partition a day and workbooks in a bucket.

use anyhow::{Context, Result};
use sink_frame::{Limits, Progress};
use sink_s3::{Bucket, Inventory, ROLE, Settings};

use super::{Run, left};
use crate::site::now_ms;

/// Carries to the bucket until it is stopped, or once.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let (site, config) = (run.site, run.config);
    let bucket = config.s3.as_ref();
    let bucket = bucket.context("the configuration has no `s3`: there is no bucket")?;
    let settings = Settings {
        log: &*site.log,
        codec: &site.codec,
        lake: bucket.lake,
        anew: run.once && run.is_asked,
        workbooks: bucket.workbooks.then_some(&*config.workbooks),
        now_ms: &now_ms,
    };
    let calls = Bucket::prepare(bucket, None)?;
    let told = |progress: &Progress| told(&bucket.bucket, progress);
    run.follow(&ROLE, Limits::default(), &told, &mut Inventory::new(&calls, settings))
}

/// Says in words how far the bucket is.
fn told(bucket: &str, progress: &Progress) -> String {
    let (records, put) = (progress.records(), progress.effect("put"));
    let deleted = progress.effect("deleted");
    format!("bucket {bucket}: {records} records taken, {put} objects put, {deleted} deleted")
        + &left(progress)
}
