//! Our whole account stage on what the simulator's collectors saw, with the standard that ships.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use kit::process::Child;
use producer_simulator as simulator;
use schemas::{Codec, RequirementKey, topic};
use stages::AccountStage;
use stream::{Publisher, Stage as _, worker::caught_up};

use super::{contender, process};

/// What the stage did.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Whole {
    pub(crate) records: i64,
    pub(crate) records_per_second: f64,
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) rss_bytes: u64,
}

/// Simulated accounts and days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) accounts: usize,
    pub(crate) days: usize,
}

/// Publishes the history, then lets one worker take it from its start on.
pub(crate) fn run(
    bootstrap: &str,
    prefix: &str,
    partitions: i32,
    size: Size,
    folder: &Path,
) -> Result<Whole> {
    std::fs::create_dir_all(folder)?;
    let log = contender::open_log(bootstrap, prefix, partitions)?;
    log.apply()?;
    let mut publisher = Publisher::open(&*log, &Codec::default(), prefix, "bench")?;
    for requirement in producer_standard::shipped().requirements {
        let key = RequirementKey::new(&*requirement.id);
        publisher.put(&topic::REQUIREMENT, &key, &requirement, super::START_MS)?;
    }
    let config = simulator::Config {
        accounts: size.accounts,
        days: size.days,
        start_ms: super::START_MS,
        ..simulator::Config::default()
    };
    for event in simulator::simulate(&config) {
        simulator::publish(&event, &mut publisher)?;
    }
    publisher.flush()?;
    let inputs = AccountStage::default().inputs();
    let records: i64 = log.ends(&inputs)?.iter().map(|end| end.offset).sum();

    let command = contender::worker(bootstrap, prefix, partitions, &folder.join("state"))?;
    let mut child = Child::spawn(command, folder, "whole")?;
    let from = Instant::now();
    // Its group is named as the worker names it: see `KafkaLog`.
    while !caught_up(&*log, "account", &inputs, None)? {
        anyhow::ensure!(child.is_running(), "the account stage has ended\n{}", child.tail());
        std::thread::sleep(Duration::from_millis(50));
    }
    let seconds = from.elapsed().as_secs_f64();
    let cpu = process::cpu_seconds(child.pid())?;
    let rss_bytes = process::memory(child.pid())?.now;
    child.kill9()?;
    super::admin::remove_topics(bootstrap, prefix)?;
    Ok(Whole {
        records,
        records_per_second: records as f64 / seconds,
        cpu_seconds_per_million: cpu / records as f64 * 1e6,
        rss_bytes,
    })
}
