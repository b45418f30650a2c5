//! `scorecard sink elasticsearch`: keeps a cluster like the tables.

use anyhow::{Context, Result};
use sink_elasticsearch::{Cluster, Elastic, LIMITS, ROLE};
use sink_frame::Progress;

use super::{Run, told};
use crate::site::now_ms;

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
