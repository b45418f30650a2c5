//! LibreOffice opens a workbook and has a page for every sheet, and each page shows its sheet.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod sample;

use std::fs;
use std::process::Command;

use sink_workbook::{Owner, Past, Subject, lay_out, render};

#[test]
fn libreoffice_shows_every_sheet() {
    let model = lay_out(
        &sample::tables(),
        &Past::default(),
        &Subject::Owner(Owner::Named(sample::MAYA.to_owned())),
    );
    let folder = tempfile::tempdir().unwrap();
    let workbook = folder.path().join("workbook.xlsx");
    fs::write(&workbook, render(&model).unwrap()).unwrap();
    let pages = kit::libreoffice::to_png(&workbook, folder.path()).unwrap();
    assert!(pages.len() >= model.sheets.len(), "{} pages", pages.len());
    for page in &pages {
        // An empty page of this size is a few kilobytes.
        assert!(fs::metadata(page).unwrap().len() > 8_000, "{} is empty", page.display());
    }
    let pdf = workbook.with_extension("pdf");
    let text = Command::new("pdftotext").arg("-layout").arg(&pdf).arg("-").output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    // Marks and percent signs come from the number formats: real numbers, shown as people read
    // them.
    for shown in ["Cloud security scorecard", "✓ 100%", "✗ 62.5%", "! 96.0%*", "not collected"]
    {
        assert!(text.contains(shown), "{shown:?} is on no page");
    }
    assert!(!text.contains("###"), "no column is too narrow for its numbers");
}
