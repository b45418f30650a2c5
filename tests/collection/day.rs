//! A bad day: a good scan, one in which something goes wrong, and one that heals it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kit::gateway::Gateway;
use kit::process::Finished;
use schemas::{ScanUnit, Verdict, topic};
use serde_json::{Value, json};

use crate::compare::expect_same;
use crate::site::{Site, summary};
use crate::tables::{Table, Tables};
use crate::world::World;

/// The regions that bad days are about.
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// A site whose first scan was good.
pub(crate) struct Day {
    pub(crate) world: &'static World,
    pub(crate) gateway: Gateway,
    pub(crate) site: Site,
    good: Tables,
}

/// What the bad scan left.
pub(crate) struct Bad {
    pub(crate) run: Finished,
    tables: Tables,
    units: Vec<ScanUnit>,
    /// What `scorecard coverage --output json` says.
    coverage: Value,
}

impl Day {
    /// Scans once while all is well.
    pub(crate) fn begin() -> Result<Self> {
        Self::begin_within(60_000)
    }

    /// [`Day::begin`] with a time limit for each account, in milliseconds.
    pub(crate) fn begin_within(unit_ms: u64) -> Result<Self> {
        let world = World::shared()?;
        let gateway = world.gateway()?;
        // Patience that lets a bad day end soon.
        let more = json!({
            "regions": REGIONS, "max_attempts": 3,
            "timeouts": {"connect_ms": 1000, "attempt_ms": 2000, "call_ms": 20000,
                "unit_ms": unit_ms},
        });
        let site = Site::local(world, &gateway.endpoint(), more)?;
        let run = summary(&site.run()?)?;
        ensure!(run["problems"] == json!([]), "the good scan has problems: {}", run["problems"]);
        let good = site.tables()?;
        // Without failing rows of the unlucky account nothing could be raised.
        let rows = good.all["compliance.state"].iter();
        let mut failing = rows.filter(|(key, row)| {
            key.contains(world.unlucky()) && row["verdict"] == Verdict::Fail.as_str()
        });
        ensure!(failing.next().is_some(), "the unlucky account has no failing row");
        Ok(Self { world, gateway, site, good })
    }

    /// Scans while something is wrong. Nothing may be lost or get better, and accounts other than
    /// `hit` must be as they were.
    pub(crate) fn bad(&self, hit: &[&str]) -> Result<Bad> {
        let (before, known) = (self.site.tables()?, self.units()?.len());
        let run = self.site.run()?;
        let tables = self.site.tables()?;
        let said = run.stderr.clone();
        check_nothing_lost(&before, &tables).with_context(|| said.clone())?;
        check_no_score_rose(&before, &tables).with_context(|| said.clone())?;
        let others = |tables: &Tables| -> Table {
            let rows = tables.normal().into_iter();
            let is_other = |key: &str| !hit.iter().any(|account| key.contains(account));
            rows.filter(|(key, _)| !key.starts_with("rollup.state") && is_other(key)).collect()
        };
        expect_same("the other accounts", &others(&before), &others(&tables))
            .with_context(|| said)?;
        let units = self.units()?.split_off(known);
        let coverage = serde_json::from_str(&self.site.read(&["coverage", "--output", "json"])?)?;
        Ok(Bad { run, tables, units, coverage })
    }

    /// Scans after all faults were lifted: everything is as it was.
    pub(crate) fn heals(&self) -> Result<()> {
        self.gateway.lift_all();
        let run = summary(&self.site.run()?)?;
        ensure!(run["problems"] == json!([]), "after the bad day: {}", run["problems"]);
        let tables = self.site.tables()?;
        expect_same("healed", &self.good.normal(), &tables.normal())
    }

    /// Gives every record of the units' topic, planned and ended, in the order of the partitions.
    fn units(&self) -> Result<Vec<ScanUnit>> {
        let mut units = self.site.history(&topic::SCAN_UNIT)?;
        units.sort_by(|a, b| (&a.scan, a.status).cmp(&(&b.scan, b.status)));
        Ok(units)
    }
}

impl Bad {
    /// Gives the record of how an account's unit ended.
    pub(crate) fn unit(&self, account: &str) -> Result<&ScanUnit> {
        let ended = |unit: &&ScanUnit| {
            unit.account == account && unit.status != schemas::UnitStatus::Planned
        };
        let unit = self.units.iter().find(ended);
        unit.with_context(|| format!("no end of {account} in {:?}", self.units))
    }

    /// Fails unless `scorecard coverage` says of an account's type that so many scopes failed, in
    /// words that hold all of `parts`.
    pub(crate) fn says(
        &self,
        account: &str,
        resource_type: &str,
        scopes: i64,
        parts: &[&str],
    ) -> Result<()> {
        let one = self.services(account).find(|one| one["resource_type"] == resource_type);
        let one = one.with_context(|| format!("no {resource_type} in {}", self.coverage))?;
        let error = one["error"].as_str().unwrap_or_default();
        let holds = parts.iter().all(|part| error.contains(part));
        let fails = holds && one["scopes_failed"] == scopes;
        ensure!(fails, "{account}: not {scopes} x {parts:?}: {one}");
        Ok(())
    }

    /// Gives what `scorecard coverage` says of each type of an account.
    fn services(&self, account: &str) -> impl Iterator<Item = &Value> {
        let accounts = self.coverage["accounts"].as_array().into_iter().flatten();
        let mut accounts = accounts.filter(move |one| one["account"] == account);
        let services = accounts.next().and_then(|account| account["services"].as_array());
        services.into_iter().flatten()
    }

    /// Gives the errors of supplementary calls in the account's documents of a type.
    pub(crate) fn document_errors(&self, account: &str, resource_type: &str) -> Vec<String> {
        let rows = self.tables.all["resource.state"].iter();
        let rows = rows.map(|(key, row)| (key, &row["resource"])).filter(|(key, resource)| {
            key.starts_with(account) && resource["resource_type"] == resource_type
        });
        let errors = rows.flat_map(|(_, resource)| resource["errors"].as_object());
        let errors = errors.flat_map(|errors| errors.values());
        errors.filter_map(|error| error.as_str().map(str::to_owned)).collect()
    }

    /// Gives the types of the account of which some scope failed.
    pub(crate) fn failed_types(&self, account: &str) -> BTreeSet<String> {
        let failed = self.services(account).filter(|one| one["scopes_failed"] != 0);
        failed.filter_map(|one| one["resource_type"].as_str().map(str::to_owned)).collect()
    }
}

/// Every resource and every row of compliance is still there, and no failing row is in order now.
fn check_nothing_lost(good: &Tables, bad: &Tables) -> Result<()> {
    let deleted = bad.resource_changes_since(good).into_iter().filter(|(_, k)| k == "deleted");
    let deleted: Vec<_> = deleted.collect();
    ensure!(deleted.is_empty(), "deleted: {deleted:?}");
    for name in ["resource.state", "compliance.state", "trust.state", "account.state"] {
        let lost = good.all[name].keys().find(|key| !bad.all[name].contains_key(*key));
        ensure!(lost.is_none(), "{name} lost {lost:?}");
    }
    ensure!(bad.at_ms >= good.at_ms, "time went back");
    for (key, change) in bad.compliance_changes_since(good) {
        let better = ["pass", "not_applicable"];
        let after = change["after"]["verdict"].as_str();
        ensure!(after.is_some_and(|after| !better.contains(&after)), "{key}: {change}");
    }
    for (key, row) in &good.all["compliance.state"] {
        let now = &bad.all["compliance.state"][key];
        let stays = [Verdict::Fail.as_str(), Verdict::Unknown.as_str()];
        let stays = stays.contains(&now["verdict"].as_str().unwrap_or_default());
        ensure!(row["verdict"] != Verdict::Fail.as_str() || stays, "{key}: {row} and then {now}");
    }
    Ok(())
}

fn check_no_score_rose(good: &Tables, bad: &Tables) -> Result<()> {
    for (key, row) in &bad.all["score.state"] {
        let before = good.all["score.state"].get(key).map_or(&Value::Null, |row| &row["score"]);
        let rose = match (before.as_i64(), row["score"].as_i64()) {
            (Some(before), Some(now)) => now > before,
            (None, now) => now.is_some(),
            _ => false,
        };
        ensure!(!rose, "{key}: {before} and then {row}");
    }
    Ok(())
}
