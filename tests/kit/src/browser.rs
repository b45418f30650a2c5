//! Runs scripts that drive a headless Chromium.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{process, setup};

/// Limit for one script: a browser's first start on a busy machine takes half a minute.
const SCRIPT_LIMIT: Duration = Duration::from_secs(300);

/// Runs `script`, a path from the repository's root, by Node; gives its standard output.
///
/// It finds `puppeteer-core` and `axe-core` by their names, and Chromium by `CHROMIUM`.
///
/// # Errors
/// When Node or Chromium is missing, or the script fails; the message shows what it said.
pub fn script(script: &str, args: &[&str], folder: &Path) -> Result<String> {
    let modules = setup::get()?.browser.join("node_modules");
    let mut command = Command::new("node");
    command
        .arg(setup::repository().join(script))
        .args(args)
        .current_dir(folder)
        .env("NODE_PATH", modules)
        .env("CHROMIUM", "/usr/bin/chromium");
    process::run(command, SCRIPT_LIMIT).context("driving a browser: nodejs and chromium are needed")
}
