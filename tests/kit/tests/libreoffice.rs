//! A workbook becomes one picture a sheet.

use std::fs;

#[test]
fn each_sheet_is_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let workbook = folder.path().join("two sheets.xlsx");
    let script = "tests/kit/libreoffice/two_sheets.py";
    kit::python(script, &[workbook.to_str().unwrap()]).unwrap();
    let pages = kit::libreoffice::to_png(&workbook, folder.path()).unwrap();
    let names: Vec<_> = pages.iter().map(|page| page.file_name().unwrap()).collect();
    assert_eq!(names, ["two sheets-1.png", "two sheets-2.png"]);
    let pictures: Vec<Vec<u8>> = pages.iter().map(|page| fs::read(page).unwrap()).collect();
    for picture in &pictures {
        assert!(picture.starts_with(b"\x89PNG\r\n"), "not a picture");
    }
    assert_ne!(pictures[0], pictures[1], "the sheets differ, and so do their pictures");
}

#[test]
fn a_file_that_is_missing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.xlsx");
    kit::libreoffice::to_png(&missing, folder.path()).unwrap_err();
}
