//! Files are written whole, only when they changed, and go when their owner is gone.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod sample;

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use schemas::AccountKey;
use sink_workbook::{Past, Tables, Written, render_all};

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
    let first = render_all(&tables, &Past::default(), &out, &progress).unwrap();
    assert_eq!(counts(&first), (6, 0, 0));
    assert_eq!(*heard.borrow(), (0..=6).map(|done| (done, 6)).collect::<Vec<_>>());
    let names = [
        "enterprise.xlsx",
        "owner-jonas.weber@example.com.xlsx",
        "owner-maya.lindqvist@example.com.xlsx",
        "owner-unassigned.xlsx",
        "payer-100000000001.xlsx",
        "payer-100000000002.xlsx",
    ];
    assert_eq!(files(&out), names, "and no half-written file");
    let quiet = |_, _| {};
    let modified = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let before = modified(names[2]);
    assert_eq!(counts(&render_all(&tables, &Past::default(), &out, &quiet).unwrap()), (0, 6, 0));
    assert_eq!(modified(names[2]), before);
    // Jonas's account goes to nobody: his workbook changes hands, somebody else's file stays.
    fs::write(out.join("notes.xlsx"), "mine").unwrap();
    let account = tables.accounts.get_mut(&AccountKey::new("220000000001")).unwrap();
    account.owner = None;
    assert_eq!(counts(&render_all(&tables, &Past::default(), &out, &quiet).unwrap()), (3, 2, 1));
    assert_eq!(files(&out), [names[0], "notes.xlsx", names[2], names[3], names[4], names[5]]);
    // Tables that are empty by mistake delete nothing.
    assert_eq!(
        counts(&render_all(&Tables::default(), &Past::default(), &out, &quiet).unwrap()),
        (0, 0, 0)
    );
    assert_eq!(files(&out).len(), 6);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error =
        render_all(&sample::tables(), &Past::default(), &file.join("out"), &|_, _| {}).unwrap_err();
    let told = error.to_string();
    assert!(told.starts_with("making the folder ") && told.ends_with("file/out"), "{told}");
}
