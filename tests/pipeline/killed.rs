//! A run that is killed at any moment loses nothing and shows nothing twice: the next one ends in
//! the same tables as a run that nobody disturbed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::DENIED;
use crate::check_created_once;
use crate::compare::expect_same;
use crate::organisation::Organisation;
use crate::site::Site;
use crate::tables::Table;

/// Decides the moments; another seed gives others.
const SEED: u64 = 20_261_124;

/// Limit for reaching a moment.
const REACH_LIMIT: Duration = Duration::from_secs(60);

/// Kills while scanning, and kills between the end of the scan and the end of the run.
const SCANNING: u64 = 2;
const PROCESSING: u64 = 3;

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After so many calls to AWS.
    Calls(u64),
    /// So long after the end of the scan.
    AfterScan(Duration),
}

#[test]
fn a_killed_run_is_made_good_by_the_next() -> Result<()> {
    let world = Organisation::start()?;
    world.denier.deny_account(&world.id(DENIED));
    let reference = Site::local(&world)?;
    reference.run()?;
    let expected = reference.tables()?.normal();

    let mut random = Random(SEED);
    let makers: [fn(&Organisation) -> Result<Site>; 2] = [Site::local, Site::kafka];
    for make in makers {
        world.denier.reset_counts();
        let undisturbed = make(&world)?;
        let run = undisturbed.run()?;
        let calls = calls(&world);
        expect_same(&undisturbed.name, &expected, &undisturbed.tables()?.normal())?;
        for _ in 0..SCANNING {
            let moment = Moment::Calls(1 + random.below(calls - 1));
            kill_and_run(&world, &make(&world)?, moment, &expected)?;
        }
        for _ in 0..PROCESSING {
            // The last tenth is left alone: a faster run would have ended.
            let limit = run.after_scan.mul_f64(0.9).as_micros();
            let micros = random.below(u64::try_from(limit)?.max(1));
            let moment = Moment::AfterScan(Duration::from_micros(micros));
            kill_and_run(&world, &make(&world)?, moment, &expected)?;
        }
    }
    Ok(())
}

fn kill_and_run(world: &Organisation, site: &Site, moment: Moment, expected: &Table) -> Result<()> {
    let what = format!("{} killed at {moment:?} (seed {SEED})", site.name);
    kill(world, site, moment).with_context(|| what.clone())?;
    site.run().with_context(|| format!("{what}: the run after"))?;
    let tables = site.tables()?;
    expect_same(&what, expected, &tables.normal())?;
    check_created_once(&tables).with_context(|| what)
}

/// Kills a run; where it ended before its moment, a fresh run is killed earlier.
fn kill(world: &Organisation, site: &Site, moment: Moment) -> Result<()> {
    world.denier.reset_counts();
    let mut child = site.start()?;
    match moment {
        Moment::Calls(count) => {
            let start = Instant::now();
            while calls(world) < count {
                ensure!(child.is_running(), "it ended after {} calls", calls(world));
                ensure!(start.elapsed() < REACH_LIMIT, "only {} calls", calls(world));
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Moment::AfterScan(after) => {
            child.wait_for_output("scanned ", REACH_LIMIT)?;
            std::thread::sleep(after);
        }
    }
    ensure!(child.is_running(), "it ended before it was killed:\n{}", child.tail());
    child.kill9()
}

fn calls(world: &Organisation) -> u64 {
    world.denier.counts().values().sum()
}

/// A small generator with a known sequence. Source: Steele and others, SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
