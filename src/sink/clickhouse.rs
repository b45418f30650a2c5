//! `scorecard sink clickhouse`: history goes to ClickHouse.

use anyhow::{Context, Result};
use sink_clickhouse::{Database, LIMITS, ROLE, Tables};

use super::{Run, told};
use crate::site::now_ms;

/// Carries history to the tables until it is stopped, or once.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let settings = run.config.clickhouse.as_ref();
    let settings = settings.context("the configuration has no `clickhouse`: there is no server")?;
    let (site, database) = (run.site, Database::prepare(settings)?);
    let mut target = Tables::new(&*site.log, &site.codec, &site.prefix, database, &now_ms);
    let place = format!("database {}", settings.database);
    run.follow(&ROLE, LIMITS, &|progress| told(&place, "rows", progress), &mut target)
}
