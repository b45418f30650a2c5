//! LibreOffice opens the workbooks and has a page for every sheet, and each page shows its sheet.
//!
//! `UPDATE_EXPECT=1` also writes the pictures of the documentation anew.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sink_workbook::{Cell, Model, Owner, Row, Sheet, Style, Subject, Tint, lay_out, render};

/// Where the documentation keeps its pictures.
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/images");

/// What a picture of the documentation may weigh, in bytes.
const IMAGE_BYTES_MAX: u64 = 150_000;

fn model(subject: &Subject) -> Model {
    let tables = sample::tables();
    lay_out(&tables, &sample::past(&tables), subject)
}

/// Prints a workbook into a folder, a picture a page; checks that no page is empty or too narrow.
fn pages(model: &Model, folder: &Path) -> Vec<PathBuf> {
    let workbook = folder.join("workbook.xlsx");
    fs::write(&workbook, render(model).unwrap()).unwrap();
    let pages = kit::libreoffice::to_png(&workbook, folder).unwrap();
    assert!(pages.len() >= model.sheets.len(), "{} pages", pages.len());
    for page in &pages {
        // An empty page of this size is a few kilobytes.
        assert!(fs::metadata(page).unwrap().len() > 8_000, "{} is empty", page.display());
    }
    let text = text(folder);
    assert!(!text.contains("###"), "no column is too narrow for its numbers");
    pages
}

fn text(folder: &Path) -> String {
    let pdf = folder.join("workbook.pdf");
    let text = Command::new("pdftotext").arg("-layout").arg(&pdf).arg("-").output().unwrap();
    String::from_utf8(text.stdout).unwrap()
}

/// Keeps pictures of the documentation: each is the upper part of a page, so high in hundredths of
/// its width.
fn keep(folder: &Path, pictures: &[(u32, u32, &str)]) {
    if std::env::var_os("UPDATE_EXPECT").is_none() {
        return;
    }
    for &(page, hundredths, name) in pictures {
        let page = page.to_string();
        // Pixels: wide enough to be read, in few enough colours to be small.
        let (width, high) = (960, (960 * hundredths / 100).to_string());
        let mut command = Command::new("pdftoppm");
        command.args(["-f", &page, "-l", &page, "-scale-to-x", &width.to_string()]);
        command.args(["-scale-to-y", "-1", "-x", "0", "-y", "0", "-W", &width.to_string()]);
        command.args(["-H", &high, "-png", "-singlefile"]).arg(folder.join("workbook.pdf"));
        assert!(command.arg(Path::new(IMAGES).join(name)).status().unwrap().success());
    }
}

/// The pictures are there and small; that they are up to date is for eyes.
fn kept(pictures: &[(u32, u32, &str)]) {
    for (_, _, name) in pictures {
        let bytes = fs::metadata(Path::new(IMAGES).join(format!("{name}.png"))).unwrap().len();
        assert!((8_000..IMAGE_BYTES_MAX).contains(&bytes), "{name}: {bytes} bytes");
    }
}

#[test]
fn libreoffice_shows_every_sheet_of_an_owner() {
    let folder = tempfile::tempdir().unwrap();
    pages(&model(&Subject::Owner(Owner::Named(sample::MAYA.to_owned()))), folder.path());
    let text = text(folder.path());
    // Marks, arrows and percent signs come from the number formats: real numbers, shown as people
    // read them.
    for shown in [
        "Cloud security scorecard",
        "✓ 100%",
        "✗ 62.5%",
        "! 96.0%*",
        "not collected",
        "↑ up 0.3 points",
        "✗ newly failing",
        "↓ -10.0",
    ] {
        assert!(text.contains(shown), "{shown:?} is on no page");
    }
    let pictures = [(1, 67, "owner-summary"), (8, 52, "owner-account")];
    keep(folder.path(), &pictures);
    kept(&pictures);
}

#[test]
fn libreoffice_shows_the_enterprise_on_one_page_and_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(&Subject::Enterprise);
    let pages = pages(&model, folder.path());
    assert_eq!(pages.len(), model.sheets.len(), "the summary is one page, as the others are here");
    for shown in ["■ Poor accounts", "↑ +18.1", "none then", "■ unknown"] {
        assert!(text(folder.path()).contains(shown), "{shown:?} is on no page");
    }
    let pictures = [(1, 84, "enterprise-summary"), (4, 42, "trend")];
    keep(folder.path(), &pictures);
    kept(&pictures);
}

#[test]
fn libreoffice_shows_scores_as_they_are_told_elsewhere() {
    let cells = [
        (1.0, Style::Score, "✓ 100%"),
        (0.999_7, Style::Score, "! 99.9%"),
        (0.999_7, Style::ScorePartial, "! 99.9%*"),
        (0.999_999_999, Style::ScoreStrong, "! 99.9%"),
        (0.999_4, Style::ScoreStrongPartial, "! 99.9%*"),
        (0.934_5, Style::Score, "! 93.5%"),
        (0.799_5, Style::Score, "! 80.0%"),
        (0.799_4, Style::Score, "✗ 79.9%"),
        (0.999_7, Style::CardScore, "99.9%"),
        (1.0, Style::CardScore, "100.0%"),
    ];
    let mut sheet = Sheet::new("Scores", Tint::Overview, vec![20.0]);
    for (value, style, _) in cells {
        sheet.push(Row::new(vec![Cell::number(value, style)]));
    }
    let model = Model { subject: Subject::Enterprise, at_ms: sample::AT_MS, sheets: vec![sheet] };
    let folder = tempfile::tempdir().unwrap();
    pages(&model, folder.path());
    let text = text(folder.path());
    let shown: Vec<&str> = text.lines().map(str::trim).filter(|line| line.contains('%')).collect();
    assert_eq!(shown, cells.map(|(_, _, expected)| expected));
}
