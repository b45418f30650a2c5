//! Reports: Markdown that people read, and the same as JSON beside it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The middle of some figures, and how far they lie apart.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// The 10th percentile.
    pub(crate) low: f64,
    /// The 90th percentile.
    pub(crate) high: f64,
}

impl Spread {
    /// Sorts out some figures, at least one.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |part: f64| figures[((figures.len() - 1) as f64 * part).round() as usize];
        Self { median: at(0.5), low: at(0.1), high: at(0.9) }
    }
}

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
