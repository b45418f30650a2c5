//! Contenders' processes: pinned to a core, measured through `/proc`.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

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

/// Gives the CPU seconds that a process has used, all its threads together.
///
/// Source: proc(5), `/proc/PID/stat`, fields 14 and 15, in ticks of 10 ms (`USER_HZ` is 100 on
/// every Linux).
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| -> Result<f64> {
        let field = fields.get(at).with_context(|| format!("{path} is short"))?;
        field.parse().with_context(|| format!("reading {path}"))
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
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
