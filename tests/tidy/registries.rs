//! A registry is a sorted list that names every file beside it.

use std::collections::BTreeSet;

use crate::tree::{self, File};
use crate::{expect_none, rust};

/// Folders of one file an entry: `mod.rs` holds the `mod` lines and the list.
const REGISTRIES: [&str; 2] = ["producers/aws/src/collectors/", "producers/findings/src/sources/"];

#[test]
fn registries_are_sorted_and_complete() {
    let mut offenders = Vec::new();
    for folder in REGISTRIES {
        let files = tree::below(folder);
        let registry = files.iter().find(|file| file.path == format!("{folder}mod.rs"));
        let registry = registry.unwrap_or_else(|| panic!("{folder}mod.rs has moved"));
        let entries: Vec<&File> =
            files.iter().filter(|file| is_entry(folder, &file.path)).collect();
        assert!(!entries.is_empty(), "{folder} has no entry");
        let faults = faults(&rust::code(&registry.text), &entries);
        offenders.extend(faults.into_iter().map(|fault| format!("{}: {fault}", registry.path)));
    }
    expect_none("one `mod` line and one entry of the list for each file, both sorted:", &offenders);
}

#[test]
fn a_requirements_id_is_its_files_name() {
    let files = tree::below("standard/");
    let requirements: Vec<&File> = files.iter().filter(|file| file.has_extension("yaml")).collect();
    assert!(requirements.len() >= 8, "only {} requirements", requirements.len());
    let mut offenders = Vec::new();
    for file in requirements {
        let id = file.text.lines().find_map(|line| line.strip_prefix("id:"));
        let id = id.unwrap_or_default().trim().trim_matches(['"', '\'']);
        // Names of files are unique, and so are ids that equal them.
        if id != file.stem() || file.path.matches('/').count() != 1 {
            offenders.push(format!("{}: id is {id:?}", file.path));
        }
    }
    expect_none("standard/ID.yaml holds the requirement ID:", &offenders);
}

#[test]
fn every_type_that_is_collected_is_judged() {
    let folder = REGISTRIES[0];
    let collected: Vec<String> = tree::below(folder)
        .iter()
        .filter(|file| is_entry(folder, &file.path))
        .filter_map(|file| resource_type(&file.text))
        .collect();
    assert!(collected.len() >= 24, "only {} collectors name their type", collected.len());
    let standard = tree::below("standard/");
    let judged: BTreeSet<String> =
        standard.iter().filter_map(|file| resource_type(&file.text)).collect();
    let offenders: Vec<String> =
        collected.into_iter().filter(|kind| !judged.contains(kind)).collect();
    expect_none("a requirement in standard/ judges each type that a collector sees:", &offenders);
}

/// The resource type that a file names first.
fn resource_type(text: &str) -> Option<String> {
    let named = text.lines().find_map(|line| line.trim().strip_prefix("resource_type: "))?;
    Some(named.trim_matches(['"', ',']).to_owned())
}

/// A file beside `mod.rs`, or the root of a folder beside it.
fn is_entry(folder: &str, path: &str) -> bool {
    let rest = path.strip_prefix(folder).unwrap_or_default();
    match rest.split_once('/') {
        None => rest.ends_with(".rs") && rest != "mod.rs",
        Some((_, inner)) => inner == "mod.rs",
    }
}

fn module(file: &File) -> &str {
    if file.stem() == "mod" {
        file.path.rsplit('/').nth(1).unwrap_or_default()
    } else {
        file.stem()
    }
}

/// What is wrong with a registry; `code` is its source without text.
fn faults(code: &str, entries: &[&File]) -> Vec<String> {
    let mut faults = Vec::new();
    let modules: Vec<&str> = code.lines().filter_map(declared).collect();
    let listed = listed(code);
    let constant = listed.first().map_or("", |(_, constant)| constant);
    if listed.is_empty() {
        faults.push("no list of `file::CONSTANT`".to_owned());
    }
    for (what, names) in [
        ("`mod` lines", modules.clone()),
        ("entries", listed.iter().map(|(module, _)| *module).collect()),
    ] {
        for pair in names.windows(2).filter(|pair| pair[0] >= pair[1]) {
            faults.push(format!("{what}: {} stands before {}", pair[0], pair[1]));
        }
    }
    for file in entries {
        let module = module(file);
        if !modules.contains(&module) {
            faults.push(format!("no `mod {module};`"));
        }
        let has_entry = file.text.contains(&format!("const {constant}:"));
        if has_entry && !listed.iter().any(|(name, _)| *name == module) {
            faults.push(format!("no entry `{module}::{constant}`"));
        }
    }
    faults
}

/// The name in a line `mod NAME;`, whatever its visibility; unit tests are no entry.
fn declared(line: &str) -> Option<&str> {
    let (before, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
    let plain = before.is_empty() || before.starts_with("pub");
    (plain && name != "tests").then_some(name)
}

/// Each `module::CONSTANT` of the list, in its order: lines that hold nothing else, or a list in
/// one line.
fn listed(code: &str) -> Vec<(&str, &str)> {
    let parts = code.split(|letter: char| "[],&;\n".contains(letter)).map(str::trim);
    parts
        .filter_map(|part| part.split_once("::"))
        .filter(|(module, constant)| {
            let is_name = |text: &str, fits: fn(char) -> bool| {
                !text.is_empty() && text.chars().all(|c| fits(c) || c == '_' || c.is_numeric())
            };
            is_name(module, |c| c.is_ascii_lowercase())
                && is_name(constant, |c| c.is_ascii_uppercase())
        })
        .collect()
}

#[test]
fn faults_of_a_registry_are_found() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let ec2 = file("c/ec2.rs", "pub(super) const COLLECTOR: Collector = x;");
    let s3 = file("c/s3/mod.rs", "pub(super) const COLLECTOR: Collector = x;");
    let shared = file("c/shared.rs", "fn helper() {}");
    let entries = [&ec2, &s3, &shared];
    let mods = "mod ec2;\nmod s3;\npub(crate) mod shared;\n";
    let check = |code: &str, expected: &[&str]| assert_eq!(faults(code, &entries), expected);
    let list = "pub const ALL: &[&Collector] = &[&ec2::COLLECTOR, &s3::COLLECTOR];";
    check(&format!("{mods}{list}"), &[]);
    check(
        &format!("{mods}const ALL: [C; 2] = [\n    ec2::COLLECTOR,\n    s3::COLLECTOR,\n];"),
        &[],
    );
    check(&format!("{mods}const A: [C; 1] = [ec2::COLLECTOR];"), &["no entry `s3::COLLECTOR`"]);
    check(
        &format!("{mods}const A: [C; 2] = [s3::COLLECTOR, ec2::COLLECTOR];"),
        &["entries: s3 stands before ec2"],
    );
    check(
        &format!("mod s3;\nmod ec2;\n{list}"),
        &["`mod` lines: s3 stands before ec2", "no `mod shared;`"],
    );
}
