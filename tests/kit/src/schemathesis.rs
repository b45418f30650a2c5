//! Tries an interface by its OpenAPI document, with what Schemathesis thinks of.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::{process, setup};

/// Limit for one run.
const RUN_LIMIT: Duration = Duration::from_secs(300);

/// Tries every operation of the document at `url` with a fixed seed; gives what was said.
///
/// # Errors
/// When an answer is not as the document says; the message shows which.
pub fn run(url: &str, examples: u32, folder: &Path) -> Result<String> {
    let mut command = Command::new(&setup::get()?.schemathesis);
    command
        .args(["run", url, "--seed", "1", "--no-color", "--max-examples"])
        .arg(examples.to_string())
        .args(["--phases", "examples,coverage,fuzzing", "--checks", "all"])
        .current_dir(folder)
        .env("PYTHONUTF8", "1");
    process::run(command, RUN_LIMIT)
}
