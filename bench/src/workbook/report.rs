//! The report of the contest.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::contest::{CONTENDERS, Held};
use crate::report::{head, line, round};

/// Gives the ratios of the largest sheet.
pub(crate) fn summary(sheets: &[Held]) -> Result<Value> {
    let largest = sheets.iter().max_by_key(|sheet| sheet.cells).context("there is no sheet")?;
    Ok(ratios(largest))
}

fn ratios(sheet: &Held) -> Value {
    let of = |contender: &str| &sheet.figures[contender];
    let speed = |peer: &str| round(Some(of(peer).writing_s / of("ours").writing_s));
    let memory = of("ours").peak_bytes as f64 / of("openpyxl").peak_bytes as f64;
    json!({"speed_vs_openpyxl": speed("openpyxl"), "speed_vs_xlsxwriter": speed("xlsxwriter"),
        "memory_vs_openpyxl": round(Some(memory))})
}

/// Writes the report as Markdown.
pub(crate) fn markdown(sheets: &[Held], summary: &Value, settings: &Value) -> String {
    let mut to = String::from("# How fast a workbook is written\n\n");
    line(&mut to, &format!("Made by `bench/run workbook`; settings: `{settings}`.\n"));
    line(&mut to, "One core. `bench/README.md` says how.\n");
    head(&mut to, "figure | value");
    for (name, value) in summary.as_object().into_iter().flatten() {
        line(&mut to, &format!("| `{name}` | {value} |"));
    }
    for sheet in sheets {
        let Held { requirements, cells, same_cells, .. } = sheet;
        line(&mut to, &format!("\n## {requirements} requirements: {cells} cells\n"));
        let text = format!("All files hold the same {same_cells} values. `{}`.\n", ratios(sheet));
        line(&mut to, &text);
        head(&mut to, "contender | CPU seconds of writing | peak MiB | file, KiB");
        for contender in CONTENDERS {
            let one = &sheet.figures[contender];
            let (peak, file) = (one.peak_bytes as f64 / 1_048_576.0, one.file_bytes / 1_024);
            let row = format!("| {contender} | {:.2} | {peak:.1} | {file} |", one.writing_s);
            line(&mut to, &row);
        }
    }
    to
}
