//! `scorecard setup kibana`: what Kibana imports.

use anyhow::{Context, Result};

use crate::{config::Config, output::say};

/// Prints data views, searches, charts and dashboards over the configured aliases.
pub(super) fn print(config: &Config) -> Result<()> {
    let settings = config.elasticsearch.as_ref();
    let settings =
        settings.context("the configuration has no `elasticsearch`: there is no cluster")?;
    for object in sink_elasticsearch::kibana_objects(&settings.prefix).lines() {
        say!("{object}")?;
    }
    Ok(())
}
