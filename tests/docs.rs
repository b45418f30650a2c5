//! The manual is built, and its pages lead to each other.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The manual's pages by their place below its folder.
fn manual() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src");
    let mut names = Vec::new();
    for part in ["", "decisions/"] {
        let listed = fs::read_dir(folder.join(part)).unwrap();
        let listed = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.extend(
            listed.filter(|name| name.ends_with(".md")).map(|name| part.to_owned() + &name),
        );
    }
    names.retain(|name| name != "SUMMARY.md");
    names.sort();
    names
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/SUMMARY.md");
    let contents = fs::read_to_string(contents).unwrap();
    for name in manual() {
        assert!(contents.contains(&format!("({name})")), "{name}");
    }
}

/// What attributes of a name hold in a page.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let begin = format!(" {name}=\"");
    let values = page.split(begin.as_str()).skip(1);
    values.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_manual_is_built_and_every_link_of_it_leads_somewhere() {
    let book = tempfile::tempdir().unwrap();
    let output = Command::new(kit::setup::get().unwrap().tools.join("mdbook"))
        .args(["build", "docs", "--dest-dir"])
        .arg(book.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let is_well = !said.contains("WARN") && !said.contains("ERROR");
    assert!(output.status.success() && is_well, "{said}");
    let (mut links, mut lost) = (0, Vec::new());
    for name in manual() {
        let path = book.path().join(name).with_extension("html");
        let page = fs::read_to_string(&path).unwrap();
        for link in [attributes(&page, "href"), attributes(&page, "src")].concat() {
            if link.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let has_anchor = |to: &Path| {
                let there = fs::read_to_string(to).unwrap();
                attributes(&there, "id").contains(&anchor)
            };
            if !to.is_file() || !(anchor.is_empty() || has_anchor(&to)) {
                lost.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(links > 300 && lost.is_empty(), "{links} links, of which lead nowhere: {lost:#?}");
}
