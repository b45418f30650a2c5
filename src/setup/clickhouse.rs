//! `scorecard setup clickhouse`: the database, its tables and views.

use anyhow::{Context, Result};
use sink_clickhouse::Database;

use crate::{config::Config, output::say};

/// Brings the database to what the sink needs, or says how.
pub(super) fn setup(config: &Config, dry_run: bool) -> Result<()> {
    let settings = config.clickhouse.as_ref();
    let settings = settings.context("the configuration has no `clickhouse`: there is no server")?;
    let database = Database::prepare(settings)?;
    let steps = if dry_run { database.plan(settings) } else { database.apply(settings) }?;
    for step in &steps {
        say!("{}", step.what)?;
        for statement in step.statements.iter().filter(|_| dry_run) {
            say!("\n{statement};\n")?;
        }
    }
    match (steps.len(), dry_run) {
        (0, _) => say!("database {} is as it must be", settings.database),
        (_, true) => say!("nothing was done: this was a dry run"),
        (_, false) => say!("database {} is ready", settings.database),
    }
}
