//! Runs the repository's Python scripts with the tests' own Python environment.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::{process, setup};

/// Limit for one script.
const SCRIPT_LIMIT: Duration = Duration::from_secs(300);

/// Runs `script`, a path from the repository's root, and returns its standard output.
///
/// # Errors
/// When the environment cannot be made, or the script fails; the message shows what it said.
pub fn python(script: &str, args: &[&str]) -> Result<String> {
    let mut command = Command::new(&setup::get()?.python);
    command
        .arg(setup::repository().join(script))
        .args(args)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1");
    process::run(command, SCRIPT_LIMIT)
}
