//! Scans that begin by themselves: each account in its own moment, and no scan while one runs.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use producer_aws::{Progress, Scanner, Schedule, Summary, start_of};
use schemas::topic::SCAN_UNIT;
use schemas::{ScanUnit, UnitStatus};
use serde_json::json;
use stream::snapshot;
use support::world::{START_MS, World, outlet};

const INTERVAL_MS: i64 = 1_800_000;
const JITTER_MS: i64 = 600_000;

#[test]
fn the_schedule_spreads_accounts_and_begins_no_scan_twice() -> Result<()> {
    let world = World::start()?;
    let folder = tempfile::tempdir()?;
    let outlet = outlet(folder.path())?;
    // Time stands still unless the test moves it.
    let now_ms = Arc::new(AtomicI64::new(START_MS));
    let clock = Arc::clone(&now_ms);
    let clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let config = world.config(json!({"regions": ["eu-west-1"]}))?;
    let credentials = Some(support::credentials());
    let mut scanner = Scanner::open(outlet.clone(), &config, "tests", credentials, clock)?;
    let millis = |ms: i64| Duration::from_millis(ms.cast_unsigned());
    let schedule = Schedule { interval: millis(INTERVAL_MS), jitter: millis(JITTER_MS) };

    let ends = RefCell::new(Vec::new());
    let tell = |progress: &Progress| {
        // Nobody is at work: the others' moments have not come.
        if progress.units_here == 0 && progress.units_done < progress.units_total {
            now_ms.fetch_add(120_000, Ordering::SeqCst);
        }
    };
    let ended = |summary: &Summary| {
        ends.borrow_mut().push(summary.clone());
        let start_ms = start_of(&summary.scan).expect("the scan's id is its start");
        now_ms.store(start_ms + INTERVAL_MS, Ordering::SeqCst);
    };
    scanner.keep_scanning(schedule, &|| ends.borrow().len() == 2, &tell, &ended)?;

    let ends = ends.into_inner();
    let starts: Vec<_> = ends.iter().filter_map(|summary| start_of(&summary.scan)).collect();
    assert_eq!(starts, [START_MS, START_MS + INTERVAL_MS]);
    let records = snapshot::history(&*outlet.log, &outlet.codec, &outlet.prefix, &SCAN_UNIT)?;
    let records = records.into_iter().map(|(record, _, unit)| (unit, record.timestamp_ms));
    check(&world, &starts, &records.collect::<Vec<_>>())
}

/// Each scan planned every account once, in the same moment of it, and ended it once after that.
fn check(world: &World, starts: &[i64], records: &[(ScanUnit, i64)]) -> Result<()> {
    let mut moments: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (unit, _) in records.iter().filter(|(unit, _)| unit.status == UnitStatus::Planned) {
        let start_ms = start_of(&unit.scan).context("a start")?;
        ensure!(starts.contains(&start_ms) && unit.scheduled, "{unit:?}");
        let moment = unit.due_ms - start_ms;
        ensure!((0..JITTER_MS).contains(&moment), "{unit:?}");
        moments.entry(&unit.account).or_default().push(moment);
    }
    assert_eq!(moments.keys().copied().collect::<Vec<_>>(), Vec::from_iter(world.all()));
    ensure!(moments.values().all(|of| of.len() == 2 && of[0] == of[1]), "{moments:?}");
    let first = moments.values().next();
    ensure!(moments.values().any(|of| Some(of) != first), "all at once: {moments:?}");

    let ended: Vec<_> = records.iter().filter(|(u, _)| u.status != UnitStatus::Planned).collect();
    assert_eq!(ended.len(), 2 * moments.len());
    for (unit, at_ms) in ended {
        assert_eq!((unit.status, unit.failed), (UnitStatus::Completed, 0), "{unit:?}");
        ensure!(*at_ms >= unit.due_ms, "{} ended at {at_ms}, before its moment", unit.account);
    }
    Ok(())
}
