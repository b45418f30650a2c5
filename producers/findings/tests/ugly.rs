//! Reports that broke off, were damaged, or were never meant to be read.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use producer_findings::{
    ALL, Source,
    sources::{Document, by_id},
};
use proptest::prelude::*;

/// The golden cases' inputs: source and text.
fn inputs() -> Vec<(&'static Source, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let below = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let mut inputs = Vec::new();
    for folder in below(&root) {
        let Some(source) = by_id(folder.file_name().unwrap().to_str().unwrap()) else { continue };
        for case in below(&folder) {
            for file in below(&case.join("input")) {
                let text = fs::read_to_string(&file).unwrap();
                let text = text.trim_start_matches('\u{feff}').to_owned();
                inputs.push((source, file, text));
            }
        }
    }
    inputs.sort_by(|one, other| one.1.cmp(&other.1));
    inputs
}

fn is_read(source: &Source, text: &str) -> bool {
    (source.parse)(&Document { text, check: Some("c") }).is_ok()
}

/// Gives beginnings of a text, `step` bytes apart.
fn beginnings(text: &str, step: usize) -> impl Iterator<Item = &str> {
    (1..text.trim_end().len()).step_by(step).filter_map(|end| text.get(..end))
}

#[test]
fn a_document_that_breaks_off_is_refused_wherever_it_does() {
    let mut count = 0;
    for (source, file, text) in inputs() {
        // Of values one after another nobody knows how many were meant.
        let is_one = |ending: &str| file.extension().is_some_and(|other| other == ending);
        if !is_one("json") || !is_read(source, &text) {
            continue;
        }
        for cut in beginnings(&text, 13) {
            assert!(!is_read(source, cut), "{}: {} bytes", file.display(), cut.len());
            count += 1;
        }
    }
    assert!(count > 1_000, "only {count} beginnings");
}

#[test]
fn a_table_that_breaks_off_within_a_row_is_refused() {
    let mut count = 0;
    for (source, file, text) in inputs() {
        if file.extension().is_none_or(|ending| ending != "csv") || !is_read(source, &text) {
            continue;
        }
        for cut in beginnings(&text, 3).filter(|cut| !cut.ends_with(['\r', '\n'])) {
            assert!(!is_read(source, cut), "{}: {} bytes", file.display(), cut.len());
            count += 1;
        }
        // At a line's end within a cell the row is short.
        let within = text.find("\nlines\"").or_else(|| text.find("\nb\"")).expect("such a cell");
        assert!(!is_read(source, &text[..=within]), "{}", file.display());
    }
    assert!(count > 500, "only {count} beginnings");
}

#[test]
fn lines_that_end_otherwise_tell_the_same() {
    for (source, file, text) in inputs() {
        let parse = |text: &str| (source.parse)(&Document { text, check: Some("c") });
        if file.extension().is_some_and(|ending| ending == "jsonl") {
            let other = text.replace("\r\n", "\n").replace('\n', "\r\n");
            assert_eq!(parse(&text), parse(&other), "{}", file.display());
        }
    }
}

#[test]
fn a_deep_document_is_refused_and_not_a_crash() {
    for source in ALL {
        for open in ["[", "{\"Findings\":[", "{\"result\":{\"x\":[", "{\"resultsData\":["] {
            assert!(!is_read(source, &open.repeat(100_000)), "{} {open}", source.id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever one character becomes: a report is read or refused.
    #[test]
    fn a_damaged_report_is_no_crash(
        of in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        letter in prop_oneof![Just('"'), Just(','), Just(';'), Just('{'), any::<char>()],
    ) {
        let inputs = inputs();
        let (source, _, text) = &inputs[of.index(inputs.len())];
        let mut letters: Vec<char> = text.chars().collect();
        let place = at.index(letters.len());
        letters[place] = letter;
        let damaged: String = letters.into_iter().collect();
        let rows = |text: &str| {
            let parsed = (source.parse)(&Document { text, check: Some("c") });
            parsed.map_or(0, |parsed| parsed.rows.len())
        };
        // What was archived may no longer look so; nothing else is found that was not there.
        prop_assert!(rows(&damaged) <= rows(text) + 1);
    }

    /// No source takes noise for findings.
    #[test]
    fn noise_is_no_finding(noise in "(.|\\n){0,200}") {
        for source in ALL {
            let parsed = (source.parse)(&Document { text: &noise, check: Some("c") });
            let rows = parsed.map_or(0, |parsed| parsed.rows.len());
            prop_assert_eq!(rows, 0, "{} {:?}", source.id, noise);
        }
    }
}
