//! Brokers that are killed.

use std::{thread, time::Duration};

use anyhow::{Result, bail};
use kit::kafka::Kafka;

use crate::{
    line::{Line, Round},
    verdict::judge,
};

/// Runs that Kafka itself may spoil before a round fails.
const SPOILED_MAX: usize = 6;

/// Row 3 with one node: it is killed and started again while all goes on.
pub(crate) fn killed(round: &mut Round) -> Result<()> {
    for _ in 0..SPOILED_MAX {
        let mut kafka = Kafka::start()?;
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            killed_once(round, &mut kafka)
        }));
        if matches!(done, Ok(Ok(()))) || !kafka.forgot_a_marker()? {
            return done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        round.tally.happened("run that Kafka spoiled: it forgot the end of a transaction");
        round.folder = tempfile::Builder::new().prefix("scorecard-faults-").tempdir()?;
    }
    bail!("Kafka spoiled all of {SPOILED_MAX} runs")
}

fn killed_once(round: &mut Round, kafka: &mut Kafka) -> Result<()> {
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 300)?;
    line.start(line.settings("a", 1))?;
    line.start(line.settings("b", 1))?;
    line.feed_for(Duration::from_secs(15))?;
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(2_000 + line.round.random.below(3_000) as u64));
        kafka.kill9()?;
        line.round.tally.fault("kill -9 of the broker");
        kafka.restart()?;
    }
    line.settle()?;
    judge(&mut line)
}
