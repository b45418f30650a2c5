//! Every role started alone against Kafka comes to the tables of one process that does everything.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use kit::process::Child;

use crate::DENIED;
use crate::compare::expect_same;
use crate::site::Site;
use kit::organisation::Organisation;

/// Limit for a role that ends by itself, and for the tables to follow.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn roles_alone_come_to_the_same_tables() -> Result<()> {
    let world = Organisation::start()?;
    world.gateway.deny_account(&world.id(DENIED));
    let reference = Site::local(&world)?;
    reference.run()?;
    let expected = reference.tables()?.normal();

    let site = Site::kafka(&world)?;
    let mut clock = site.start_role(&["clock"])?;
    let mut process = site.start_role(&["process"])?;
    ends_well(site.start_role(&["collect"])?)?;
    let start = Instant::now();
    while let Err(error) = expect_same(&site.name, &expected, &site.tables()?.normal()) {
        ensure!(clock.is_running() && process.is_running(), "a role ended: {}", process.tail());
        if start.elapsed() > LIMIT {
            bail!("{error:#}\n{}", process.tail());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    ends_well(site.start_role(&["render"])?)?;
    let workbooks = std::fs::read_dir(site.folder().join("workbooks"))?.count();
    let of_one = std::fs::read_dir(reference.folder().join("workbooks"))?.count();
    ensure!(workbooks == of_one, "{workbooks} workbooks instead of {of_one}");
    for role in [&mut clock, &mut process] {
        let ended = role.terminate(LIMIT)?;
        ensure!(ended.success(), "asked to end, a role failed: {}", role.tail());
    }
    Ok(())
}

fn ends_well(role: Child) -> Result<()> {
    let finished = role.wait(LIMIT)?;
    ensure!(finished.status.success(), "{}\n{}", finished.stdout, finished.stderr);
    Ok(())
}
