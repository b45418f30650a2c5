//! `scorecard setup elasticsearch`: templates, indices and aliases.

use anyhow::{Context, Result};
use sink_elasticsearch::{Cluster, Setup};

use crate::{config::Config, output::say};

/// Brings the cluster to what the sink needs, or says how.
pub(super) fn setup(config: &Config, dry_run: bool) -> Result<()> {
    let settings = config.elasticsearch.as_ref();
    let settings =
        settings.context("the configuration has no `elasticsearch`: there is no cluster")?;
    let cluster = Cluster::prepare(settings)?;
    let tell = |line: &str| println!("{line}");
    let changed = Setup::begin(&cluster, settings, dry_run, &tell)?.run()?;
    match (changed, dry_run) {
        (0, _) => say!("{}: everything is as it must be", cluster.url()),
        (_, true) => say!("{}: {changed} parts would be made", cluster.url()),
        (_, false) => say!("{}: {changed} parts made", cluster.url()),
    }
}
