//! What the manual tells people to type is understood; it is built, and its pages lead to each
//! other.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = fs::read_dir(root.join("docs/src")).unwrap();
    let mut pages: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    let others = ["README.md", "CONTRIBUTING.md", "deploy/README.md", "compose/README.md"];
    pages.extend(others.map(|name| root.join(name)));
    pages.sort();
    pages
}

/// The commands of ours in a page's blocks, up to a pipe, a redirection or a comment.
fn commands(page: &str) -> Vec<String> {
    let (mut commands, mut is_block, mut begun) = (Vec::new(), false, String::new());
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
            begun.clear();
        } else if is_block {
            begun += line.trim().trim_start_matches("$ ");
            if let Some(part) = begun.strip_suffix('\\') {
                begun = part.to_owned();
                continue;
            }
            let whole = std::mem::take(&mut begun);
            if whole.starts_with("scorecard ") {
                let ends = [" # ", " | ", " > ", " < ", " ("].map(|end| whole.find(end));
                let end = ends.into_iter().flatten().min().unwrap_or(whole.len());
                commands.push(whole[..end].trim().to_owned());
            }
        }
    }
    commands
}

/// Words as a shell splits them, for the quotation marks that the manual uses.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_of_the_manual_is_understood() {
    let mut count = 0;
    for path in pages() {
        for command in commands(&fs::read_to_string(&path).unwrap()) {
            let mut run = Command::new(env!("CARGO_BIN_EXE_scorecard"));
            // What comes before is read first: help is shown only when all of it is known.
            let shown = run.args(&words(&command)[1..]).arg("--help").output().unwrap();
            let said = String::from_utf8_lossy(&shown.stderr).into_owned();
            assert!(shown.status.success(), "{}: {command}: {said}", path.display());
            count += 1;
        }
    }
    assert!(count > 40, "{count} commands");
}

#[test]
fn the_first_scorecard_comes_as_its_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/first-scorecard.md");
    let folder = tempfile::tempdir().unwrap();
    let mut ran = Vec::new();
    for command in commands(&fs::read_to_string(page).unwrap()) {
        let words = words(&command);
        // The page that people look at lasts until they end it: tests/page has it.
        if words[1] == "serve" {
            continue;
        }
        let mut run = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        run.current_dir(folder.path()).args(&words[1..]);
        run.env("SCORECARD_CONFIG", "demo-log/scorecard.yaml");
        if words[1] == "demo" {
            run.arg("--once");
        }
        let done = run.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success() && done.stdout.len() > 100, "{command}: {said}");
        ran.push(words[1].clone());
    }
    assert_eq!(ran, ["demo", "explain", "explain", "history", "exceptions", "trust"]);
    assert!(folder.path().join("scorecard-demo/enterprise.xlsx").exists());
}

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
