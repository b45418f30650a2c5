//! Processes that die, fall asleep, come and go.

use std::{fs, process::Command, thread, time::Duration};

use anyhow::{Result, ensure};
use kit::kafka::Kafka;
use schemas::Codec;

use crate::{
    line::{BROKER, Line, PARTITIONS, Round},
    owners::never_two,
    verdict::{judge, judge_tables},
    work::Point,
};

/// Row 1: a process is killed at random times, and another dies at each point of a transaction.
pub(crate) fn killed(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    let points =
        [Point::BeforeCommit, Point::AfterCommit, Point::BetweenStores, Point::WhileRestoring];
    let base = line.settings("a", 1);
    let mut random = crate::random::Random(line.round.random.below(1 << 30) as u64);
    line.start_with("a", move |start| {
        let mut settings = base.clone();
        // Twice at each point; then it lives.
        let point = points.get(start / 2).copied();
        settings.dies = point.map(|point| (point, 1 + random.below(6) as u32));
        settings
    })?;
    line.start(line.settings("b", 1))?;
    line.feed_for(Duration::from_secs(16))?;
    while line.is_feeding() {
        let pause = 300 + line.round.random.below(2_500) as u64;
        thread::sleep(Duration::from_millis(pause));
        line.kill("b")?;
    }
    line.settle()?;
    let deaths = line.process("a").ends().len();
    line.round.tally.faults("death at a point", deaths as u64);
    // Nothing is restored twice the same: that point may not be passed.
    ensure!(deaths >= 4, "only {deaths} deaths at the points of a transaction");
    judge(&mut line)
}

/// Row 6: processes start and end, well or not, every few seconds.
pub(crate) fn storm(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    line.start(line.settings("steady", 1))?;
    line.feed_for(Duration::from_secs(16))?;
    let guests = ["guest", "visitor"];
    let mut here = [false; 2];
    while line.is_feeding() {
        let at = line.round.random.below(guests.len());
        let guest = guests[at];
        if !here[at] {
            let workers = 1 + line.round.random.below(2);
            line.start(line.settings(guest, workers))?;
            line.round.tally.fault("process comes");
        } else if line.round.random.chance(70) {
            line.end(guest)?;
            line.round.tally.fault("process goes");
        } else {
            line.kill(guest)?;
            here[at] = false;
        }
        here[at] = !here[at];
        thread::sleep(Duration::from_millis(500 + line.round.random.below(2_500) as u64));
    }
    line.settle()?;
    judge(&mut line)?;
    let moves = never_two(&line.round.folder.path().join("owners"))?;
    line.round.tally.faults("partition changes hands", moves);
    ensure!(moves > 6, "partitions changed hands {moves} times only");
    Ok(())
}

/// Row 2: a process sleeps longer than its session and its transaction last, and wakes up.
pub(crate) fn asleep(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    line.start(line.settings("a", 1))?;
    line.start(line.settings("b", 1))?;
    line.feed_for(Duration::from_secs(50))?;
    let owners = line.round.folder.path().join("owners");
    for (name, other) in [("a", "b"), ("b", "a")] {
        thread::sleep(Duration::from_millis(3_000 + line.round.random.below(2_000) as u64));
        let before = fs::read_to_string(&owners)?.len();
        line.process(name).signal("STOP")?;
        thread::sleep(Duration::from_secs(20));
        // The other has all of its partitions by now, whose transactions are over.
        let since = fs::read_to_string(&owners)?.split_off(before);
        let took_over = format!(r#"{{"Got":["account","{other}-0""#);
        ensure!(since.contains(&took_over), "{other} took nothing over: {since}");
        line.process(name).signal("CONT")?;
        line.round.tally.fault("sleep of 20 s");
    }
    line.settle()?;
    judge(&mut line)
}

/// Row 1 with the program that ships: `scorecard process` is killed at random times.
pub(crate) fn program_killed(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 400)?;
    let program = std::env::current_exe()?.with_file_name("scorecard");
    ensure!(program.exists(), "{} is not there: cargo build", program.display());
    for name in ["one", "two"] {
        let config = line.round.folder.path().join(format!("{name}.yaml"));
        let text = format!(
            "prefix: {}\npartitions: {PARTITIONS}\nstate: ./state-{name}\n\
             log: {{kafka: {{bootstrap: \"{}\", replication_factor: 1, \
             session_timeout_ms: 6000, retention_days: null, history_retention_days: null}}}}\n",
            line.prefix,
            kafka.bootstrap()
        );
        fs::write(&config, text)?;
        let program = program.clone();
        line.programs.insert(name.to_owned());
        line.supervise(name, move |_| {
            let mut command = Command::new(&program);
            command.args(["process", "--workers", "2", "--slot", name, "--config"]).arg(&config);
            command
        })?;
    }
    line.feed_for(Duration::from_secs(20))?;
    while line.is_feeding() {
        thread::sleep(Duration::from_millis(1_000 + line.round.random.below(2_500) as u64));
        let name = line.round.random.pick(&["one", "two"]);
        line.kill(name)?;
    }
    line.settle()?;
    judge_tables(&mut line, &Codec::default())
}
