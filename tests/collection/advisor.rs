//! What Trusted Advisor found in an account feeds requirements, scan after scan.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kit::gateway::{Fault, Gateway, Where};
use serde_json::json;

use crate::site::{Site, summary};
use crate::world::World;

const ACCOUNT: &str = "222222222222";

/// Checks that requirements of the standard map, with what moto makes up of them: it passes the
/// first and warns of two, fails two, and names resources after every other column.
const FOUND: [(&str, &str, &str); 5] = [
    ("trustedadvisor-exposed-keys", "trustedadvisor:12Fnkpl8Y5", "222222222222 pass"),
    ("zone-spf", "trustedadvisor:c9D319e7sG", "Hosted Zone ID fail"),
    ("iam-access-key-age", "trustedadvisor:DqdJqYeRm5", "222222222222 fail"),
    ("ec2-snapshot-private", "trustedadvisor:ePs02jT06w", "Snapshot ID fail"),
    ("cloudtrail-logging", "trustedadvisor:vjafUGJ9H0", "Trail Name pass"),
];

/// Requirement and part, with resource and verdict.
type Rows = BTreeMap<(String, String), String>;

/// Gives the rows of Trusted Advisor, and how many of them are held.
fn rows(site: &Site) -> Result<(Rows, usize)> {
    let tables = site.tables()?;
    let mut held = 0;
    let mut found = Rows::new();
    for (key, row) in &tables.all["compliance.state"] {
        if row["source"] != "trustedadvisor" {
            continue;
        }
        held += usize::from(row["held"] == true);
        let key: schemas::ComplianceKey = schemas::Key::decode(key).context("a key")?;
        let verdict = row["verdict"].as_str().context("a verdict")?;
        found.insert((key.requirement, key.part), format!("{} {verdict}", key.resource));
    }
    Ok((found, held))
}

/// Gives how many reports' scopes were completed, and how many failed.
fn coverage(site: &Site) -> Result<(i64, i64)> {
    let tables = site.tables()?;
    let rows = tables.all["account.state"].values();
    let all = rows.flat_map(|row| row["coverage"].as_array().into_iter().flatten());
    let mine = all.filter(|one| one["resource_type"] == "report/trustedadvisor");
    let numbers = mine.map(|one| (one["collected"].as_i64(), one["failed"].as_i64()));
    let (collected, failed): (Vec<_>, Vec<_>) = numbers.unzip();
    let sum = |of: Vec<Option<i64>>| of.into_iter().flatten().sum();
    Ok((sum(collected), sum(failed)))
}

fn scan_with(site: &Site, gateway: &Gateway, fault: Option<&str>) -> Result<()> {
    let injected = fault.map(|operation| {
        gateway.inject(Fault::Denied, Where::operation("support", operation).account(ACCOUNT))
    });
    let run = site.run()?;
    match injected {
        None => drop(summary(&run)?),
        Some(injected) => {
            ensure!(gateway.struck(injected) > 0, "it was asked");
            gateway.lift(injected);
        }
    }
    Ok(())
}

#[test]
fn what_trusted_advisor_found_counts_until_it_says_otherwise() -> Result<()> {
    let world = World::with_plan(ACCOUNT)?;
    let gateway = world.gateway()?;
    let more = json!({"regions": ["us-east-1"], "max_attempts": 2});
    let site = Site::local(&world, &gateway.endpoint(), more)?;
    let all: Rows = FOUND
        .iter()
        .map(|(requirement, part, row)| {
            (((*requirement).to_owned(), (*part).to_owned()), (*row).to_owned())
        })
        .collect();

    scan_with(&site, &gateway, None)?;
    assert_eq!((rows(&site)?, coverage(&site)?), ((all.clone(), 0), (1, 0)));

    // Nobody may ask for results: what was found stands, and is known to be old.
    world.refresh("ePs02jT06w")?;
    scan_with(&site, &gateway, Some("DescribeTrustedAdvisorCheckResult"))?;
    assert_eq!((rows(&site)?, coverage(&site)?), ((all.clone(), 5), (1, 0)));

    // Nobody may ask which checks there are: there is no new report.
    scan_with(&site, &gateway, Some("DescribeTrustedAdvisorChecks"))?;
    assert_eq!((rows(&site)?, coverage(&site)?), ((all.clone(), 5), (1, 0)));

    // What is mended is gone; the check itself passes in the account.
    scan_with(&site, &gateway, None)?;
    let mut mended = all;
    let check = ("ec2-snapshot-private".to_owned(), "trustedadvisor:ePs02jT06w".to_owned());
    mended.insert(check, "222222222222 pass".to_owned());
    assert_eq!((rows(&site)?, coverage(&site)?), ((mended, 0), (1, 0)));
    Ok(())
}
