//! Disks that are full, damaged, somebody else's, or from another time.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kit::{java, kafka::Kafka};
use schemas::topic::RESOURCE_STATE;
use stream::store::Stores;

use crate::{
    build::{DAY, Event, Scan, T0, resource},
    judge::{self, Kind, identity},
    line::{BROKER, Line, PARTITIONS, Round, program},
    random::ACCOUNTS,
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
    // Full from the first start on, or only once the tables are made.
    let is_made_before = line.round.random.below(2) == 0;
    let settings = serde_json::to_string(&settings)?;
    line.supervise("a", move |start| {
        let mut command = Command::new("sh");
        // A write past the limit fails as on a full disk, and the process hears no signal.
        let limit = format!("trap '' XFSZ; ulimit -f {}; ", kilobytes * 2);
        let is_free = (is_made_before && start == 0) || there_is_room.exists();
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
    if is_made_before {
        wait_until("no tables", &|| made.exists())?;
        thread::sleep(Duration::from_secs(1));
        line.kill("a")?;
    }
    wait_until("a full disk ended nothing", &|| line.process("a").ends().len() > 2)?;
    line.round.tally.fault("full disk");
    for (end, last) in line.process("a").ends().into_iter().skip(usize::from(is_made_before)) {
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

/// Limit for Kafka to remove tombstones.
const COMPACTION_LIMIT: Duration = Duration::from_secs(90);

/// Row 14 with tombstones that are gone: of a resource that was deleted since, the log tells
/// nothing any more, and tables that old must not keep it.
pub(crate) fn tombstones_gone(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 500)?;
    let settings = line.settings("a", 1);
    let first = line.round.folder.path().join("first");
    line.may_rebuild = true;
    let mut events = line.events.clone();
    for account in ACCOUNTS {
        let seen = resource(account, "r1", "Test::Gone", "gone", "{}");
        let scan = Scan::new(account, "Test::Gone", "r1", "scan-1");
        for source in [scan.complete(1), scan.see(&seen), scan.start()] {
            events.insert(1, Event { at_ms: T0, source });
        }
    }
    line.instead(events);
    line.feed_for(Duration::from_secs(8))?;
    line.start(settings.clone())?;
    thread::sleep(Duration::from_secs(6));
    line.end("a")?;
    copy(&settings.state, &first)?;
    let known = resources(&line, &first)?;
    line.start(settings.clone())?;
    line.feed_all()?;
    line.quiet()?;
    for topic in Kind::Account.tables() {
        // Not what the roll-up stage reads: the oracle wants to see each of its records.
        let name = topic.full_name(&line.prefix);
        let settings = "min.compaction.lag.ms=0,delete.retention.ms=0,segment.ms=1000";
        let server = ["--bootstrap-server", &line.bootstrap, "--alter", "--topic", &name];
        let args = [&server[..], &["--add-config", settings]].concat();
        java::run("kafka.admin.ConfigCommand", &args, "")?;
    }
    // Records of much later begin new segments: only those before are compacted.
    for later in [1, 2] {
        for account in ACCOUNTS {
            let at_ms = T0 + (later * 400) * DAY / 2;
            let scan = Scan::new(account, "Test::Late", "r1", &format!("scan-9000{later}"));
            let seen = resource(account, "r1", "Test::Late", &format!("late-{later}"), "{}");
            let empty = Scan::new(account, "Test::Gone", "r1", &format!("scan-2{later}"));
            let late = [scan.start(), scan.see(&seen), scan.complete(1)];
            for source in late.into_iter().chain([empty.start(), empty.complete(0)]) {
                line.add(Event { at_ms, source });
            }
        }
        line.feed_all()?;
        line.quiet()?;
    }
    line.end("a")?;
    let start = Instant::now();
    let gone = loop {
        let told = judge::records(&*line.log, RESOURCE_STATE.spec).into_iter();
        let told: BTreeSet<Vec<u8>> = told.map(|record| record.key).collect();
        let gone = known.iter().filter(|key| !told.contains(key.as_bytes())).count();
        if gone > 0 {
            break gone;
        }
        ensure!(start.elapsed() < COMPACTION_LIMIT, "no tombstone went in {COMPACTION_LIMIT:?}");
        thread::sleep(Duration::from_millis(500));
    };
    line.round.tally.faults("resource that the log no longer tells of", gone as u64);
    happens(Damage::TooOld, &mut line, &settings.state, &first)?;
    let mut settings = settings;
    settings.store_age_max_ms = Some(1);
    line.start(settings)?;
    line.settle()?;
    judge(&mut line)
}

/// Keys of the resources that tables on disk know.
fn resources(line: &Line<'_>, state: &Path) -> Result<BTreeSet<String>> {
    let looked = line.round.folder.path().join("looked");
    copy(state, &looked)?;
    let stores = Stores::open(&looked)?;
    let mut keys = BTreeSet::new();
    for partition in 0..PARTITIONS {
        let kind = Kind::Account;
        let identity = identity(&*line.log, kind, &line.prefix, partition);
        let store = stores.lease(&identity)?.context("nobody else has it")?;
        keys.extend(store.rows(RESOURCE_STATE.spec.name)?.into_keys());
    }
    Ok(keys)
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
