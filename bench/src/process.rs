//! Contenders' processes: pinned to a core, measured through `/proc`.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// The core of the contender at hand; broker, generator and reader share core 0.
pub(crate) const CORE: &str = "1";

/// Gives a command that runs a program on the contenders' core.
pub(crate) fn pinned(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", CORE]).arg(program.as_ref());
    command
}

/// Resident memory in bytes: now, and at most so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// Ticks a second: `USER_HZ` is 100 on every Linux.
const TICKS: f64 = 100.0;

/// Gives the CPU seconds that a process has used, all its threads together.
///
/// Source: proc(5), `/proc/PID/stat`, fields 14 and 15.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let fields = stat(&pid.to_string())?;
    Ok((fields[11] + fields[12]) / TICKS)
}

/// Reads the fields of `/proc/PID/stat` from the third on; the third, a letter, reads as zero.
fn stat(process: &str) -> Result<Vec<f64>> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let fields: Vec<f64> = fields.map(|field| field.parse().unwrap_or(0.0)).collect();
    ensure!(fields.len() > 14, "{path} is short");
    Ok(fields)
}

/// Gives the resident memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let kib = |name: &str| -> Result<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.with_context(|| format!("{path} has no {name}"))?.parse().context("reading memory")
    };
    Ok(Memory { now: kib("VmRSS:")? * 1024, peak: kib("VmHWM:")? * 1024 })
}

/// Gives the CPU seconds of all children of this process that have ended and were waited for, with
/// their own children.
///
/// Source: proc(5), `/proc/self/stat`, fields 16 and 17.
pub(crate) fn ended_children_cpu_seconds() -> Result<f64> {
    let fields = stat("self")?;
    Ok((fields[13] + fields[14]) / TICKS)
}
