//! Compares every cell of every workbook in a folder, as another library reads them, with a model.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::against::{differences, key_differences};

const CELLS: &str = "tests/workbooks/cells.py";

/// Compares every cell of every sheet of every workbook, those that must be empty included; gives
/// how many were compared.
pub(crate) fn check(model: &Value, folder: &Path, out: &mut Vec<String>) -> Result<usize> {
    let folder = folder.to_str().context("the folder's name is UTF-8")?;
    let found: Value = serde_json::from_str(&kit::python(CELLS, &[folder])?)?;
    key_differences("workbooks", model, &found, out);
    let mut compared = 0;
    for (file, sheets) in model.as_object().context("the model has workbooks")? {
        let names = |sheets: &Value| -> Vec<String> {
            sheets.as_array().into_iter().flatten().map(|sheet| sheet[0].to_string()).collect()
        };
        if names(sheets) != names(&found[file]) {
            let (expected, there) = (names(sheets), names(&found[file]));
            out.push(format!("{file}: the model says {expected:?}, there is {there:?}"));
            continue;
        }
        for (number, sheet) in sheets.as_array().into_iter().flatten().enumerate() {
            let path = format!("{file} {}", sheet[0]);
            compared += check_sheet(&path, &sheet[1], &found[file][number][1], out);
        }
    }
    Ok(compared)
}

fn check_sheet(path: &str, model: &Value, found: &Value, out: &mut Vec<String>) -> usize {
    key_differences(path, model, found, out);
    let cells = model.as_object().into_iter().flatten();
    for (cell, value) in cells.clone() {
        if let Some(there) = found.get(cell) {
            differences(&format!("{path} {cell}"), value, there, out);
        }
    }
    cells.count()
}
