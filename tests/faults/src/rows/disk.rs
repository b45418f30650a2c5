//! Disks that are full, damaged, somebody else's, or from another time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kit::kafka::Kafka;

use crate::{
    line::{BROKER, Line, Round, program},
    verdict::judge,
    work::VARIABLE,
};

/// Limit for a process to notice that its disk is full.
const FULL_LIMIT: Duration = Duration::from_secs(60);

/// What befalls the tables on disk of a process that is not running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// Bytes of some files are others.
    Flipped,
    /// A file ends in the middle.
    CutOff,
    /// A file is gone.
    Gone,
    /// They are those of another log.
    Foreign,
    /// They are of another time.
    Old,
    /// They are of so long ago that tombstones may be gone.
    TooOld,
}

/// Row 12: the disk of the tables is full; the process ends, and goes on when there is room.
pub(crate) fn full(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    let (settings, program) = (line.settings("a", 1), program());
    let (made, room) = (settings.state.join("tables/version"), settings.state.join("room"));
    let there_is_room = room.clone();
    let kilobytes = 24 + line.round.random.below(200);
    let settings = serde_json::to_string(&settings)?;
    line.supervise("a", move |start| {
        let mut command = Command::new("sh");
        // A write past the limit fails as on a full disk, and the process hears no signal.
        let limit = format!("trap '' XFSZ; ulimit -f {}; ", kilobytes * 2);
        let is_free = start == 0 || there_is_room.exists();
        let limit = if is_free { String::new() } else { limit };
        command.arg("-c").arg(limit + r#"exec "$0" work"#).arg(&program).env(VARIABLE, &settings);
        command
    })?;
    line.feed_for(Duration::from_secs(12))?;
    let start = Instant::now();
    let wait_until = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            ensure!(start.elapsed() < FULL_LIMIT, "{what} after {FULL_LIMIT:?}");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    };
    wait_until("no tables", &|| made.exists())?;
    thread::sleep(Duration::from_secs(1));
    line.kill("a")?;
    wait_until("a full disk ended nothing", &|| line.process("a").ends().len() > 2)?;
    line.round.tally.fault("full disk");
    for (end, last) in line.process("a").ends().into_iter().skip(1) {
        ensure!(end.code() == Some(1), "a full disk ended the process with {end}: {last}");
    }
    fs::write(&room, "")?;
    line.settle()?;
    judge(&mut line)
}

/// Row 13: the tables on disk are damaged, or another log's.
pub(crate) fn damaged(round: &mut Round) -> Result<()> {
    befalls(round, &[Damage::Flipped, Damage::CutOff, Damage::Gone, Damage::Foreign])
}

/// Row 14: the tables on disk are old: rolled forward, or rebuilt when tombstones may be gone.
pub(crate) fn old(round: &mut Round) -> Result<()> {
    befalls(round, &[Damage::Old, Damage::TooOld])
}

fn befalls(round: &mut Round, all: &[Damage]) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 500)?;
    line.may_rebuild = true;
    let mut damages = all.to_vec();
    damages.extend(all);
    let state = line.settings("a", 1).state;
    let first = line.round.folder.path().join("first");
    line.feed_for(Duration::from_secs(4 * damages.len() as u64))?;
    let mut too_old = false;
    while !damages.is_empty() {
        let mut settings = line.settings("a", 1);
        settings.store_age_max_ms = too_old.then_some(1);
        line.start(settings)?;
        thread::sleep(Duration::from_millis(2_500 + line.round.random.below(1_500) as u64));
        line.end("a")?;
        if !first.exists() {
            copy(&state, &first)?;
        }
        let damage = damages.remove(line.round.random.below(damages.len()));
        too_old = damage == Damage::TooOld;
        happens(damage, &mut line, &state, &first)?;
        line.round.tally.fault(&format!("{damage:?}"));
    }
    line.start(line.settings("a", 1))?;
    line.settle()?;
    judge(&mut line)
}

fn happens(damage: Damage, line: &mut Line<'_>, state: &Path, first: &Path) -> Result<()> {
    let all = files(state)?;
    let random = &mut line.round.random;
    match damage {
        Damage::Flipped => {
            for path in &all {
                let mut bytes = fs::read(path)?;
                // A journal is made larger than what it holds.
                let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                for _ in 0..used.min(3) {
                    let at = random.below(used);
                    bytes[at] ^= 1 << random.below(8);
                }
                fs::write(path, bytes)?;
            }
        }
        Damage::CutOff => {
            let path = random.pick(&all);
            let bytes = fs::read(&path)?;
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            fs::write(&path, &bytes[..used / 2])?;
        }
        Damage::Gone => fs::remove_file(random.pick(&all))?,
        Damage::Foreign => {
            fs::remove_dir_all(state)?;
            line.foreign_tables(state)?;
        }
        Damage::Old | Damage::TooOld => {
            fs::remove_dir_all(state)?;
            copy(first, state)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(target.parent().context("a folder")?)?;
        fs::copy(&file, target)?;
    }
    Ok(())
}

/// Files below a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
