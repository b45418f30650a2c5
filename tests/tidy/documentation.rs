//! Every file says what it is for, and the README's topic table is the one that runs.

use std::collections::BTreeSet;

use schemas::topic;

use crate::{expect_none, manifest, tree};

#[test]
fn every_rust_file_opens_with_its_purpose() {
    let files = tree::rust_files();
    let without = files.iter().filter(|file| {
        let first = file.text.lines().next().unwrap_or_default();
        let purpose = first.strip_prefix("//! ").unwrap_or_default();
        purpose.len() < 15 || purpose.to_lowercase().starts_with("to be written")
    });
    let offenders: Vec<String> = without.map(|file| format!("{}:1", file.path)).collect();
    expect_none("the first line of a file is `//! ` and one sentence of purpose:", &offenders);
}

#[test]
fn every_crate_has_a_documented_root() {
    let mut offenders = Vec::new();
    for manifest in manifest::all() {
        let folder = manifest.folder;
        let roots = ["src/lib.rs", "src/main.rs"].map(|path| tree::root().join(&folder).join(path));
        if !roots.iter().any(|path| path.is_file()) {
            offenders.push(format!("{folder}: neither src/lib.rs nor src/main.rs"));
        }
    }
    expect_none("a folder with a manifest is a crate with a root:", &offenders);
}

#[test]
fn every_page_is_in_its_index() {
    let mut offenders = Vec::new();
    for (folder, index) in [("docs/src/", "SUMMARY.md"), ("docs/decisions/", "README.md")] {
        let text = tree::read(&format!("{folder}{index}"));
        let pages = tree::below(folder);
        let pages = pages.iter().map(|file| file.path.strip_prefix(folder).unwrap());
        for page in pages.filter(|page| page.ends_with(".md") && *page != index) {
            if !text.contains(&format!("({page})")) {
                offenders.push(format!("{folder}{index}: no link to {page}"));
            }
        }
    }
    expect_none("a page that no index names is not found:", &offenders);
}

#[test]
fn files_that_pages_name_are_there() {
    let files = tree::files();
    let folders = files.iter().filter_map(|file| file.path.split_once('/'));
    let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_./-".contains(c);
    let (mut offenders, mut named) = (Vec::new(), 0);
    for page in files.iter().filter(|file| file.has_extension("md")) {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        // Every other piece between back quotes is code; capitals stand for something.
        for path in page.text.split('`').skip(1).step_by(2) {
            let top = path.split_once('/').map(|(top, _)| top);
            if !top.is_some_and(|top| folders.contains(top)) || !path.chars().all(is_plain) {
                continue;
            }
            named += 1;
            let places = [tree::root().join(path), tree::root().join(folder).join(path)];
            if !places.iter().any(|place| place.exists()) {
                offenders.push(format!("{}: {path}", page.path));
            }
        }
    }
    assert!(named > 100, "only {named} paths");
    expect_none("a path in a page begins at the root, or at the page's folder:", &offenders);
}

#[test]
fn the_readmes_topic_table_is_the_typed_constants() {
    let mut table =
        "| topic | key | value | cleanup | writer |\n|---|---|---|---|---|\n".to_owned();
    for spec in topic::ALL {
        let (name, key, value) = (spec.name, spec.key, spec.value);
        let (cleanup, writer) = (spec.cleanup, spec.writer);
        let every = if matches!(spec.placement, topic::Placement::Broadcast) {
            " (every partition)"
        } else {
            ""
        };
        table += &format!("| `{name}` | {key}{every} | {value} | {cleanup} | {writer} |\n");
    }
    let readme = tree::read("README.md");
    assert!(readme.contains(&table), "README.md must hold this table:\n\n{table}");
}
