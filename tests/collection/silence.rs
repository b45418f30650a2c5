//! No answer, and answers from another time: a region that hangs, a clock that is off.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kit::gateway::{Fault, Where};
use serde_json::json;

use crate::day::{Day, REGIONS};
use crate::site::summary;

/// Limit for ending what waits for AWS.
const ASKED_LIMIT: Duration = Duration::from_secs(10);

/// Limit for a round, and for the next one after nobody answered.
const ROUND_LIMIT: Duration = Duration::from_secs(180);

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

/// Who waits for an answer that does not come ends all the same when asked to.
#[test]
fn a_listing_that_hangs_keeps_nobody_from_ending() -> Result<()> {
    let day = Day::begin()?;
    for (command, code) in [("collect", 1), ("run", 0)] {
        let fault = day.gateway.inject(Fault::Silent, Where::anywhere());
        let mut waits = day.site.start(command, &[command])?;
        waits.wait_for_output("listing the accounts", ROUND_LIMIT)?;
        let ended = waits.terminate(ASKED_LIMIT).with_context(|| command.to_owned())?;
        ensure!(ended.code() == Some(code), "{command} ended with {ended}: {}", waits.tail());
        day.gateway.lift(fault);
    }
    day.heals()
}

/// While no payer answers `run` shows what is known, says so, and tries again soon.
#[test]
fn a_run_outlasts_an_aws_that_refuses_everything() -> Result<()> {
    let day = Day::begin()?;
    let fault = day.gateway.inject(Fault::Denied, Where::anywhere());
    let once = day.site.run()?;
    ensure!(!once.status.success() && once.stderr.contains("no payer's accounts"), "{once:?}");
    let mut run = day.site.start("goes-on", &["run"])?;
    run.wait_for_output("! payer ", ROUND_LIMIT)?;
    ensure!(day.gateway.struck(fault) > 0 && run.is_running(), "{}", run.tail());
    let known = run.stdout();
    ensure!(known.contains(day.world.unlucky()), "what is known is shown: {known}");
    day.gateway.lift(fault);
    let whole = format!("scanned {0} of {0} accounts", day.world.accounts.len());
    run.wait_for_output(&whole, ROUND_LIMIT)?;
    ensure!(run.terminate(ROUND_LIMIT)?.success(), "{}", run.tail());
    day.heals()
}
