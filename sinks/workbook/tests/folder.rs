//! Files are written whole, only when they changed, and go when their owner is gone.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod sample;

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use schemas::AccountKey;
use sink_workbook::{Tables, Written, render_all};

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn counts(written: &Written) -> (usize, usize, usize) {
    (written.written, written.unchanged, written.removed)
}

#[test]
fn only_what_changed_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new").join("workbooks");
    let mut tables = sample::tables();
    let heard = RefCell::new(Vec::new());
    let progress = |done, total| heard.borrow_mut().push((done, total));
    let first = render_all(&tables, &out, &progress).unwrap();
    assert_eq!(counts(&first), (3, 0, 0));
    assert_eq!(*heard.borrow(), [(0, 3), (1, 3), (2, 3), (3, 3)]);
    let names = [
        "owner-jonas.weber@example.com.xlsx",
        "owner-maya.lindqvist@example.com.xlsx",
        "owner-unassigned.xlsx",
    ];
    assert_eq!(files(&out), names, "and no half-written file");
    let quiet = |_, _| {};
    let modified = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let before = modified(names[1]);
    assert_eq!(counts(&render_all(&tables, &out, &quiet).unwrap()), (0, 3, 0));
    assert_eq!(modified(names[1]), before);
    // Jonas's account goes to nobody: his workbook changes hands, somebody else's file stays.
    fs::write(out.join("notes.xlsx"), "mine").unwrap();
    let account = tables.accounts.get_mut(&AccountKey::new("220000000001")).unwrap();
    account.owner = None;
    assert_eq!(counts(&render_all(&tables, &out, &quiet).unwrap()), (1, 1, 1));
    assert_eq!(files(&out), ["notes.xlsx", names[1], names[2]]);
    // Tables that are empty by mistake delete nothing.
    assert_eq!(counts(&render_all(&Tables::default(), &out, &quiet).unwrap()), (0, 0, 0));
    assert_eq!(files(&out).len(), 3);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = render_all(&sample::tables(), &file.join("out"), &|_, _| {}).unwrap_err();
    let told = error.to_string();
    assert!(told.starts_with("making the folder ") && told.ends_with("file/out"), "{told}");
}
