//! A run that is killed at any moment loses nothing and shows nothing twice: the next one ends in
//! the same tables as a run that nobody disturbed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kit::organisation::Organisation;

use crate::DENIED;
use crate::check_created_once;
use crate::compare::expect_same;
use crate::site::Site;
use crate::tables::Table;

/// Decides the moments; another seed gives others.
const SEED: u64 = 20_261_124;

/// Limit for reaching a moment.
const REACH_LIMIT: Duration = Duration::from_secs(60);

/// Limit for ending a run that is asked to.
const ASKED_LIMIT: Duration = Duration::from_secs(30);

/// Kills while scanning, and kills between the end of the scan and the end of the run.
const SCANNING: u64 = 2;
const PROCESSING: u64 = 3;

/// Fresh runs for one kill.
const TRIES: u32 = 6;

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
    world.gateway.deny_account(&world.id(DENIED));
    let reference = Site::local(&world)?;
    reference.run()?;
    let expected = reference.tables()?.normal();

    let mut random = Random(SEED);
    let makers: [fn(&Organisation) -> Result<Site>; 2] = [Site::local, Site::kafka];
    for make in makers {
        world.gateway.reset_counts();
        let undisturbed = make(&world)?;
        let run = undisturbed.run()?;
        let calls = calls(&world);
        expect_same(&undisturbed.name, &expected, &undisturbed.tables()?.normal())?;
        for _ in 0..SCANNING {
            let moment = Moment::Calls(1 + random.below(calls - 1));
            kill_and_run(&world, make, moment, &expected)?;
        }
        for _ in 0..PROCESSING {
            let micros = random.below(u64::try_from(run.after_scan.as_micros())?.max(1));
            let moment = Moment::AfterScan(Duration::from_micros(micros));
            kill_and_run(&world, make, moment, &expected)?;
        }
    }
    Ok(())
}

/// Whoever is asked to end amid a round ends without it, and the next round makes it good.
#[test]
fn a_run_that_is_asked_to_end_amid_a_round_ends() -> Result<()> {
    let world = Organisation::start()?;
    let reference = Site::local(&world)?;
    reference.run()?;
    let expected = reference.tables()?.normal();
    let makers: [fn(&Organisation) -> Result<Site>; 2] = [Site::local, Site::kafka];
    for make in makers {
        let site = make(&world)?;
        for moment in ["listing the accounts", "processing: "] {
            let mut run = site.start_role(&["run"])?;
            run.wait_for_output(moment, REACH_LIMIT)?;
            let ended = run.terminate(ASKED_LIMIT).with_context(|| moment.to_owned())?;
            ensure!(ended.success(), "asked to end at {moment:?}: {}", run.tail());
        }
        site.run()?;
        expect_same(&site.name, &expected, &site.tables()?.normal())?;
    }
    Ok(())
}

fn kill_and_run(
    world: &Organisation,
    make: fn(&Organisation) -> Result<Site>,
    moment: Moment,
    expected: &Table,
) -> Result<()> {
    let (site, moment) = killed(world, make, moment)?;
    let what = format!("{} killed at {moment:?} (seed {SEED})", site.name);
    site.run().with_context(|| format!("{what}: the run after"))?;
    let tables = site.tables()?;
    expect_same(&what, expected, &tables.normal())?;
    check_created_once(&tables).with_context(|| what)
}

/// Gives a site whose first run was killed; where a run was faster than its moment, a fresh one is
/// killed earlier.
fn killed(
    world: &Organisation,
    make: fn(&Organisation) -> Result<Site>,
    moment: Moment,
) -> Result<(Site, Moment)> {
    let mut moment = moment;
    for _ in 0..TRIES {
        let site = make(world)?;
        if kill(world, &site, moment)? {
            return Ok((site, moment));
        }
        moment = match moment {
            Moment::Calls(count) => Moment::Calls(count / 2),
            Moment::AfterScan(after) => Moment::AfterScan(after / 2),
        };
    }
    bail!("{TRIES} runs ended before they could be killed, the last at {moment:?}")
}

/// Kills a run at its moment; tells whether it was still running then.
fn kill(world: &Organisation, site: &Site, moment: Moment) -> Result<bool> {
    world.gateway.reset_counts();
    let mut child = site.start()?;
    match moment {
        Moment::Calls(count) => {
            let start = Instant::now();
            while calls(world) < count && child.is_running() {
                ensure!(start.elapsed() < REACH_LIMIT, "only {} calls", calls(world));
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Moment::AfterScan(after) => {
            child.wait_for_output("scanned ", REACH_LIMIT)?;
            std::thread::sleep(after);
        }
    }
    let was_running = child.is_running();
    child.kill9()?;
    Ok(was_running)
}

fn calls(world: &Organisation) -> u64 {
    world.gateway.counts().values().sum()
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
