//! The order of the benchmark: one broker, one contender after the other.

use std::time::Duration;

use anyhow::{Context, Result};
use kit::kafka::Kafka;
use serde_json::{Value, json};

use super::{
    Args, Only, Part, START_MS, admin,
    bare::{self, Tape},
    contender::{Caches, Contender, Kind, Setting},
    figures::{Bare, Figures, Form, Live, Scale, Throughput},
    limit::MemoryGroup,
    live, process,
    race::{Race, Stretch},
    report::best,
    watch::reader,
    whole::{self, Size},
    workload::{MINUTE_MS, Shape},
};

/// Minutes of the workload that all rounds share: less than an hour, since our stage cuts a history
/// at each full hour, which is no part of this work.
const MINUTES: i64 = 50;

/// Checks, each of one requirement.
const CHECKS: u16 = 20;

/// What the broker does otherwise than in tests: it compacts as usual, not all the time.
const BROKER: &str = "log.cleaner.backoff.ms=15000
log.cleaner.min.cleanable.ratio=0.5
log.cleaner.dedupe.buffer.size=67108864
log.retention.check.interval.ms=300000
log.index.size.max.bytes=1048576
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000";

/// What is run, and how much of it.
pub(crate) struct Plan {
    keys: u64,
    flips: u64,
    runs: u32,
    seconds: u64,
    seed: u64,
    partitions: i32,
    memory: Option<u64>,
    quick: bool,
    only: Option<Only>,
    part: Option<Part>,
}

/// The broker and where files lie.
struct Site {
    kafka: Kafka,
    broker: u32,
    folder: tempfile::TempDir,
    /// What our worker may take.
    group: Option<MemoryGroup>,
    count: u32,
}

impl Plan {
    pub(crate) fn of(args: &Args) -> Self {
        let Args { keys, flips, runs, seconds, seed, partitions, memory, .. } = *args;
        let Args { quick, only, part, .. } = *args;
        let plan = Self { keys, flips, runs, seconds, seed, partitions, memory, quick, only, part };
        if quick {
            return Self { keys: 20_000, flips: 20_000, runs: 1, seconds: 5, ..plan };
        }
        plan
    }

    pub(crate) fn settings(&self) -> Value {
        json!({
            "keys": self.keys,
            "flips_per_round": self.flips,
            "rounds": self.runs,
            "seconds_per_rate": self.seconds,
            "seed": self.seed,
            "partitions": self.partitions,
            "memory_mib_of_ours": self.memory,
            "quick": self.quick,
        })
    }

    fn has(&self, part: Part) -> bool {
        self.part.is_none_or(|one| one == part)
    }

    fn kinds(&self) -> Vec<Kind> {
        let all: &[Kind] = if self.quick {
            &[Kind::Ours, Kind::Dsl(Caches::Sums), Kind::Papi(Caches::Off)]
        } else {
            &Kind::ALL
        };
        let wanted = |kind: &Kind| match self.only {
            None => true,
            Some(Only::Ours | Only::Bare) => *kind == Kind::Ours,
            Some(Only::Dsl) => matches!(kind, Kind::Dsl(_)),
            Some(Only::Papi) => matches!(kind, Kind::Papi(_)),
            Some(Only::Whole) => false,
        };
        all.iter().copied().filter(wanted).collect()
    }

    fn shape(&self) -> Shape {
        shape(self.keys / 1_000, 50)
    }
}

fn shape(accounts: u64, resources: u64) -> Shape {
    Shape {
        accounts: u32::try_from(accounts.max(1)).unwrap_or(u32::MAX),
        checks: CHECKS,
        resources: u32::try_from(resources.max(1)).unwrap_or(u32::MAX),
    }
}

/// Runs what the plan asks for.
pub(crate) fn run(plan: &Plan) -> Result<Figures> {
    let kafka = Kafka::start_with(BROKER)?;
    let broker = kafka.pid().context("Kafka runs")?;
    crate::site::pin(broker, "0");
    crate::site::pin(std::process::id(), "0");
    let folder = tempfile::tempdir().context("making a folder")?;
    let group = plan.memory.map(|mib| MemoryGroup::make(mib << 20)).transpose()?;
    let mut site = Site { kafka, broker, folder, group, count: 0 };
    let mut figures = Figures::default();
    if plan.has(Part::Throughput) {
        for kind in plan.kinds() {
            let (throughput, bare) = site.throughput(plan, kind)?;
            figures.throughput.push(throughput);
            figures.bare = figures.bare.or(bare);
        }
        if matches!(plan.only, None | Some(Only::Whole)) {
            figures.whole = Some(site.whole(plan)?);
        }
    }
    let kinds = chosen(plan, &figures);
    if plan.has(Part::Latency) || plan.has(Part::Ready) {
        for kind in &kinds {
            figures.live.push(site.live(plan, *kind)?);
        }
    }
    if plan.has(Part::Scale) {
        // The quick run shows that ours is flat; the others' turn takes minutes.
        let some = |kind: &&Kind| !plan.quick || plan.only.is_some() || **kind == Kind::Ours;
        for kind in kinds.iter().filter(some) {
            figures.scale.extend(site.scale(plan, *kind)?);
        }
    }
    Ok(figures)
}

/// Gives one contender of each form: of those that counted right the fastest.
fn chosen(plan: &Plan, figures: &Figures) -> Vec<Kind> {
    if plan.only == Some(Only::Bare) {
        return Vec::new();
    }
    let usual = [Kind::Ours, Kind::Dsl(Caches::Sums), Kind::Papi(Caches::Off)];
    let kinds = plan.kinds();
    usual
        .into_iter()
        .filter(|kind| kinds.contains(kind))
        .map(|kind| match best(figures, Form::of(kind)) {
            Some(one) => kinds.iter().find(|k| k.name() == one.contender).copied().unwrap_or(kind),
            None => kind,
        })
        .collect()
}

impl Site {
    fn setting(&mut self, kind: &str, shape: Shape, partitions: i32) -> Setting {
        self.count += 1;
        let prefix = format!("{kind}-{}", self.count);
        let folder = self.folder.path().join(&prefix);
        let bootstrap = self.kafka.bootstrap();
        Setting { bootstrap, partitions, shape, prefix, folder, group: self.group.clone() }
    }

    fn race(&mut self, kind: Kind, shape: Shape, partitions: i32, seed: u64) -> Result<Race> {
        let setting = self.setting(&kind.name(), shape, partitions);
        eprintln!("{}: {} keys, {partitions} partitions", setting.prefix, shape.keys());
        Race::new(Contender::new(kind, setting)?, seed, self.broker)
    }

    fn throughput(&mut self, plan: &Plan, kind: Kind) -> Result<(Throughput, Option<Bare>)> {
        let mut race = self.race(kind, plan.shape(), plan.partitions, plan.seed)?;
        let with_bare = kind == Kind::Ours && matches!(plan.only, None | Some(Only::Bare));
        let (throughput, tape) = rounds(&mut race, plan.runs, plan.flips, with_bare)?;
        let bare = match tape {
            Some((tape, records)) => {
                race.contender.kill()?;
                let Setting { bootstrap, .. } = &race.contender.setting;
                let folder = self.folder.path().join("bare");
                let (runs, rss) = bare::run(bootstrap, "bare", &tape, plan.runs, &folder)?;
                let sizes = (tape.read(), tape.written(), tape.bytes());
                let bare = Bare::of(&runs, records, sizes, rss);
                eprintln!(
                    "bare: {:.0}/s, {:.1} CPU s a million",
                    bare.records_per_second, bare.cpu_seconds_per_million
                );
                Some(bare)
            }
            None => None,
        };
        race.end()?;
        Ok((throughput, bare))
    }

    fn whole(&mut self, plan: &Plan) -> Result<whole::Whole> {
        let size = if plan.quick {
            Size { accounts: 20, days: 2 }
        } else {
            Size { accounts: 200, days: 10 }
        };
        let folder = self.folder.path().join("whole");
        let whole = whole::run(&self.kafka.bootstrap(), "whole", plan.partitions, size, &folder)?;
        eprintln!(
            "whole stage: {} records, {:.0}/s, {:.1} CPU s a million",
            whole.records, whole.records_per_second, whole.cpu_seconds_per_million
        );
        Ok(whole)
    }

    fn live(&mut self, plan: &Plan, kind: Kind) -> Result<Live> {
        let mut race = self.race(kind, plan.shape(), plan.partitions, plan.seed)?;
        say("load", &race.load(START_MS)?);
        let mut live = Live {
            contender: kind.name(),
            form: Form::of(kind),
            latency: Vec::new(),
            differing: 0,
            kept: Vec::new(),
            wiped: Vec::new(),
        };
        if plan.has(Part::Latency) {
            for rate in [500, 1_000] {
                let latency = live::latency(&mut race, rate, plan.seconds)?;
                eprintln!("{latency:?}");
                live.latency.push(latency);
            }
            live.differing = race.differing()?;
        }
        if plan.has(Part::Ready) {
            for _ in 0..plan.runs {
                for wipe in [false, true] {
                    // Both begin from a contender at rest.
                    std::thread::sleep(Duration::from_secs(2));
                    let ready = live::ready(&mut race, wipe)?;
                    eprintln!("wiped {wipe}: {ready:?}");
                    if wipe { &mut live.wiped } else { &mut live.kept }.push(ready);
                }
            }
        }
        memory(&mut race)?;
        race.end()?;
        Ok(live)
    }

    fn scale(&mut self, plan: &Plan, kind: Kind) -> Result<Vec<Scale>> {
        let base = (plan.keys / 100 / u64::from(CHECKS)).max(1);
        let (accounts, resources) = if plan.quick { (10, 5) } else { (100, 50) };
        let factors: &[u32] = if plan.quick { &[1, 100] } else { &[1, 10, 100] };
        let mut all = Vec::new();
        for &factor in factors {
            let times = u64::from(factor);
            let same = plan.partitions;
            for (dimension, shape, partitions) in [
                ("accounts", shape((base / resources).max(1) * times, resources), same),
                ("resources", shape(accounts, (base / accounts).max(1) * times), same),
                ("partitions", shape(accounts, resources), i32::try_from(factor)?),
            ] {
                // A hundred partitions take a minute to open, which is no quick run.
                if plan.quick && partitions > 10 {
                    continue;
                }
                let mut race = self.race(kind, shape, partitions, plan.seed)?;
                let flips = (plan.flips / 5).max(1_000);
                let (throughput, _) = rounds(&mut race, plan.runs, flips, false)?;
                race.end()?;
                let keys = shape.keys();
                all.push(Scale { dimension, factor, keys, partitions, throughput });
            }
        }
        Ok(all)
    }
}

/// Loads a contender, warms it up, and measures rounds; gives what the last one read and wrote
/// where that is asked for.
fn rounds(
    race: &mut Race,
    runs: u32,
    flips: u64,
    with_tape: bool,
) -> Result<(Throughput, Option<(Tape, u64)>)> {
    let kind = race.contender.kind;
    let load = race.load(START_MS)?;
    say("load", &load);
    let span = (MINUTES / (i64::from(runs) + 1)).max(1) * MINUTE_MS;
    let Setting { bootstrap, prefix, .. } = race.contender.setting.clone();
    let mut measured = Vec::new();
    let mut tape = None;
    for round in 0..=runs {
        let from = START_MS + MINUTE_MS + i64::from(round) * span;
        let with_tape = with_tape && round == runs;
        let before = if with_tape {
            admin::ends(&reader(&bootstrap)?, &prefix)?
        } else {
            Default::default()
        };
        let stretch = race.flips(flips, (from, from + span))?;
        if with_tape {
            let after = admin::ends(&reader(&bootstrap)?, &prefix)?;
            tape = Some((Tape::take(&bootstrap, &prefix, &before, &after)?, stretch.records));
        }
        if round == 0 {
            say("warm-up", &stretch);
        } else {
            say("flips", &stretch);
            measured.push(stretch);
        }
    }
    let memory = memory(race)?;
    let rows = race.workload.shape.pairs();
    let throughput = Throughput::of(kind, &load, &measured, rows, memory);
    Ok((throughput, tape))
}

/// Gives and tells what the contender holds.
fn memory(race: &mut Race) -> Result<process::Memory> {
    let memory = process::memory(race.contender.pid()?)?;
    eprintln!("memory: {} MiB, at most {} MiB", memory.now >> 20, memory.peak >> 20);
    if let Some(group) = &race.contender.setting.group {
        eprintln!("its control group: at most {} MiB, with blocks of files", group.peak()? >> 20);
    }
    Ok(memory)
}

fn say(what: &str, stretch: &Stretch) {
    let Stretch { records, inputs, seconds, counts, differing, .. } = *stretch;
    eprintln!(
        "{what}: {records} records ({inputs} read) in {seconds:.1} s = {:.0}/s, {:.1} CPU s a \
         million (broker {:.1}), {counts} counts written, {differing} wrong",
        stretch.per_second(),
        stretch.cpu_per_million(),
        stretch.broker_cpu_per_million(),
    );
}
