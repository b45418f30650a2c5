//! An organisation of 200 accounts: by one process on the local log, and by three on Kafka, one of
//! which dies in the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kit::gateway::Gateway;
use kit::process::Child;
use schemas::{ScanUnit, UnitStatus, topic};
use serde_json::json;

use crate::compare::expect_same;
use crate::site::{Site, summary};
use crate::tables::Table;
use crate::world::World;

/// Accounts of the organisation.
const ACCOUNTS: usize = 200;

/// One account of so many has something of every service; the others have a handful of resources.
const RICH: usize = 25;

/// Limit for a scan and for what follows from it.
const LIMIT: Duration = Duration::from_secs(600);

/// How soon Kafka gives a dead collector's units to the others.
const SESSION_TIMEOUT_MS: u32 = 6_000;

/// The collectors; the second one dies.
const SLOTS: [&str; 3] = ["one", "two", "three"];

#[test]
fn many_accounts_are_scanned_alike_by_one_and_by_three_of_whom_one_dies() -> Result<()> {
    let world = World::start(ACCOUNTS, RICH)?;
    let gateway = world.gateway()?;
    let aws = json!({"regions": world.regions});

    let alone = Site::local(&world, &gateway.endpoint(), aws.clone())?;
    let run = summary(&alone.run_within(LIMIT)?)?;
    ensure!(run["problems"] == json!([]), "{}", run["problems"]);
    check_calls(&gateway)?;
    check_units(&alone, &world)?;
    let calls = gateway.total();
    let expected = alone.tables()?.normal();

    gateway.reset_counts();
    let shared = Site::kafka(&world, &gateway.endpoint(), aws, SESSION_TIMEOUT_MS)?;
    scan_by_three(&shared, &gateway, calls, &expected)?;
    check_units(&shared, &world)
}

/// Nothing was asked twice, but whether the credential reports are ready.
fn check_calls(gateway: &Gateway) -> Result<()> {
    let calls = gateway.calls();
    let again = calls.iter().filter(|(call, count)| {
        **count > 1 && call.operation.operation != "GenerateCredentialReport"
    });
    let again: Vec<_> = again.take(10).collect();
    ensure!(again.is_empty(), "asked more than once: {again:?}");
    let accounts: BTreeSet<&str> = calls.keys().map(|call| call.account.as_str()).collect();
    ensure!(accounts.len() == ACCOUNTS, "calls in {} accounts", accounts.len());
    Ok(())
}

/// Each account has one planned unit, and that one good end of its latest attempt.
fn check_units(site: &Site, world: &World) -> Result<()> {
    let units = site.history(&topic::SCAN_UNIT)?;
    let (planned, ended): (Vec<ScanUnit>, Vec<ScanUnit>) =
        units.into_iter().partition(|unit| unit.status == UnitStatus::Planned);
    let scans: BTreeSet<&str> = planned.iter().map(|unit| unit.scan.as_str()).collect();
    ensure!(scans.len() == 1, "more than one scan: {scans:?}");
    let mut accounts: Vec<&String> = planned.iter().map(|unit| &unit.account).collect();
    accounts.sort();
    let all: BTreeSet<&String> = world.accounts.iter().collect();
    ensure!(accounts == all.into_iter().collect::<Vec<_>>(), "planned: {accounts:?}");
    for account in &world.accounts {
        let ends = ended.iter().filter(|unit| unit.account == *account);
        let mut by_attempt: BTreeMap<i32, Vec<&ScanUnit>> = BTreeMap::new();
        ends.for_each(|unit| by_attempt.entry(unit.attempt).or_default().push(unit));
        let (_, last) = by_attempt.pop_last().with_context(|| format!("{account} has no end"))?;
        let is_good = |unit: &ScanUnit| {
            unit.status == UnitStatus::Completed && unit.failed == 0 && unit.scopes > 0
        };
        ensure!(last.len() == 1 && is_good(last[0]), "{account} ended so: {last:?}");
    }
    Ok(())
}

/// Three processes share a scan; one is killed when a third of the calls are made.
fn scan_by_three(site: &Site, gateway: &Gateway, calls: u64, expected: &Table) -> Result<()> {
    let clock = site.start("clock", &["clock"])?;
    let mut process = site.start("process", &["process"])?;
    let collect = |slot: &str| site.start(slot, &["collect", "--slot", slot]);
    let mut first = collect(SLOTS[0])?;
    // The others help with the scan that the first one has planned.
    wait("the plan", &mut first, || Ok(site.history(&topic::SCAN_UNIT)?.len() >= ACCOUNTS))?;
    let (mut second, third) = (collect(SLOTS[1])?, collect(SLOTS[2])?);
    wait("a third of the calls", &mut second, || Ok(gateway.total() > calls / 3))?;
    second.kill9()?;
    for collector in [first, third] {
        let ended = collector.wait(LIMIT)?;
        ensure!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    }
    check_shares(site)?;
    let same = || expect_same("three on Kafka", expected, &site.tables()?.normal());
    let start = Instant::now();
    while let Err(error) = same() {
        ensure!(process.is_running(), "the stages ended: {}", process.tail());
        ensure!(start.elapsed() < LIMIT, "{error:#}\n{}", process.tail());
        std::thread::sleep(Duration::from_secs(1));
    }
    drop(clock);
    Ok(())
}

/// All three took part, and what the dead one had begun was taken over.
fn check_shares(site: &Site) -> Result<()> {
    let units = site.history(&topic::SCAN_UNIT)?;
    let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.status != UnitStatus::Planned) {
        *shares.entry(&unit.worker).or_default() += 1;
    }
    let workers: Vec<&str> = shares.keys().copied().collect();
    let all = SLOTS.iter().all(|slot| workers.iter().any(|worker| worker.contains(slot)));
    ensure!(all, "units by collector: {shares:?}");
    println!("units by collector: {shares:?}");
    Ok(())
}

fn wait(what: &str, child: &mut Child, done: impl Fn() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done()? {
        if !child.is_running() || start.elapsed() > LIMIT {
            bail!("waiting for {what}: {}", child.tail());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
