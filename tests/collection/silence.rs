//! No answer, and answers from another time: a region that hangs, a clock that is off.

use anyhow::{Result, ensure};
use kit::gateway::{Fault, Where};
use serde_json::json;

use crate::day::{Day, REGIONS};
use crate::site::summary;

#[test]
fn a_region_that_hangs_fails_alone() -> Result<()> {
    let day = Day::begin()?;
    let everyone: Vec<&str> = day.world.accounts.iter().map(String::as_str).collect();
    // Global services live in the other region.
    let fault = day.gateway.inject(Fault::Silent, Where::anywhere().region(REGIONS[0]));
    let bad = day.bad(&everyone)?;
    ensure!(day.gateway.struck(fault) > 0);
    for account in everyone {
        bad.says(account, "AWS::EC2::SecurityGroup", 1, &[REGIONS[0]])?;
        let unit = bad.unit(account)?;
        ensure!(unit.failed > 0 && unit.failed < unit.scopes, "the other region: {unit:?}");
        let said = unit.error.clone().unwrap_or_default();
        ensure!(said.to_lowercase().contains("time"), "{said}");
    }
    day.heals()
}

/// AWS tells its time in each answer: a client that listens to it needs one more try.
#[test]
fn a_clock_that_is_off_is_corrected_by_aws_own() -> Result<()> {
    let day = Day::begin()?;
    for ahead_s in [3_600, -3_600] {
        let fault = day.gateway.inject(Fault::Skewed(ahead_s), Where::anywhere());
        let bad = day.bad(&[])?;
        ensure!(day.gateway.struck(fault) > 0, "AWS refused nothing");
        ensure!(summary(&bad.run)?["problems"] == json!([]), "{}", bad.run.stdout);
        day.heals()?;
    }
    Ok(())
}
