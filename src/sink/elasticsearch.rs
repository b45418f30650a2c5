//! `scorecard sink elasticsearch`: keeps a cluster like the tables.

use std::time::Duration;

use anyhow::{Context, Result};
use sink_elasticsearch::{Cluster, Elastic, ROLE};
use sink_frame::{Limits, Progress};

use super::{Run, told};
use crate::site::now_ms;

/// Records and bytes of one batch: a few bulk requests, which are sent at the same time.
const LIMITS: Limits = Limits { records: 10_000, bytes: 32 << 20, linger: Duration::ZERO };

/// Carries to the cluster until it is stopped, or once.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let settings = run.config.elasticsearch.as_ref();
    let settings =
        settings.context("the configuration has no `elasticsearch`: there is no cluster")?;
    let cluster = Cluster::prepare(settings)?;
    let (log, codec) = (&*run.site.log, &run.site.codec);
    let mut target = Elastic::new(&cluster, settings, log, codec, &now_ms);
    let told = |progress: &Progress| told(cluster.url(), "documents written", progress);
    run.follow(&ROLE, LIMITS, &told, &mut target)
}
