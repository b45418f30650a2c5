//! `scorecard doctor` finds out before a scan what a scan would meet.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::day::Day;

/// What the doctor says of a part: whether all is well, and each thing it found.
fn said(day: &Day, part: &str) -> Result<(bool, Vec<(bool, String)>)> {
    let child = day.site.start("doctor", &["doctor", "--output", "json"])?;
    let run = child.wait(std::time::Duration::from_secs(60))?;
    let mut found = Vec::new();
    for line in run.stdout.lines() {
        let check: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let is_well = check["is_well"].as_bool().context("is_well")?;
        ensure!(check["advice"].is_string() != is_well, "advice where something is wrong: {line}");
        if check["part"] == part {
            let words = [&check["tried"], &check["found"]].map(|one| one.as_str().unwrap_or(""));
            found.push((is_well, words.join(": ")));
        }
    }
    Ok((run.status.success(), found))
}

#[test]
fn a_role_that_is_refused_is_found_before_the_scan() -> Result<()> {
    let day = Day::begin()?;
    let (_, well) = said(&day, "aws")?;
    ensure!(well.len() == 3 && well.iter().all(|(is_well, _)| *is_well), "{well:?}");
    let payer = day.world.payer();
    let count = day.world.accounts.len();
    ensure!(
        well[1].1 == format!("payer {payer}: listing its accounts: {count} accounts"),
        "{count}: {well:?}"
    );

    day.gateway.deny_account(payer);
    let (is_well, refused) = said(&day, "aws")?;
    ensure!(!is_well && refused.len() == 1 && !refused[0].0, "refused: {refused:?}");
    ensure!(refused[0].1.contains("AccessDenied") && refused[0].1.contains(payer), "{refused:?}");
    Ok(())
}

#[test]
fn topics_and_time_are_looked_at() -> Result<()> {
    let day = Day::begin()?;
    for (part, word) in [("log", "topics as they must be"), ("clock", "the last is of")] {
        let (_, found) = said(&day, part)?;
        ensure!(found.len() == 1 && found[0].1.contains(word), "{part}: {found:?}");
    }
    Ok(())
}
