//! Reports: Markdown that people read, and the same as JSON beside it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Writes a report as Markdown to `out`, and `json` beside it.
pub(crate) fn write(out: &Path, markdown: &str, json: &Value) -> Result<()> {
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).context("making the report's folder")?;
    }
    let text = serde_json::to_string_pretty(json)?;
    std::fs::write(out.with_extension("json"), text + "\n").context("writing the report")?;
    std::fs::write(out, markdown).context("writing the report")?;
    eprintln!("the report is in {}", out.display());
    Ok(())
}

/// Begins a table.
pub(crate) fn head(to: &mut String, heads: &str) {
    let rule = "|---".repeat(heads.split(" | ").count());
    line(to, &format!("| {heads} |\n{rule}|"));
}

pub(crate) fn line(to: &mut String, text: &str) {
    writeln!(to, "{text}").expect("writing to a text does not fail");
}

/// Rounds a figure to thousandths.
pub(crate) fn round(figure: Option<f64>) -> Option<f64> {
    figure.map(|figure| (figure * 1_000.0).round() / 1_000.0)
}
