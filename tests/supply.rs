//! What program and tests are built from: licences, sources and versions by `deny.toml`, and the
//! bill of materials.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that finds cargo's helpers.
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let tools = kit::setup::get().unwrap().tools.clone();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&path)));
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", path.unwrap());
    command
}

/// Holds what is locked to the rules of a file. Advisories are looked up on the web, and so by
/// whoever makes a release (CONTRIBUTING.md).
fn deny(rules: &Path) -> Output {
    let mut command = command("cargo-deny");
    command.args(["--workspace", "--all-features", "--locked", "--config"]).arg(rules);
    command.args(["check", "bans", "licenses", "sources"]).output().unwrap()
}

#[test]
fn licences_sources_and_versions_are_as_wanted() {
    let output = deny(&root().join("deny.toml"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_not_wanted_is_found() {
    let rules = fs::read_to_string(root().join("deny.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let check = |before: &str, after: &str, found: &str| {
        let path = folder.path().join("deny.toml");
        let changed = rules.replacen(before, after, 1);
        assert_ne!(changed, rules, "{before}");
        fs::write(&path, changed).unwrap();
        let output = deny(&path);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(found), "{after}: {said}");
    };
    check("    \"ISC\",\n", "", "untrusted");
    check("{ crate = \"aws-sdk-ec2\" }", "{ crate = \"aws-sdk-s3\" }", "aws-sdk-s3");
    check("allow-registry = [\"https://github.com", "allow-registry = [\"https://e.org", "serde");
}

/// The crates that cargo builds for the program on this machine, by name and version.
fn built() -> BTreeSet<(String, String)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(cargo);
    command.args(["tree", "--locked", "--package", "scorecard", "--edges", "normal,build"]);
    let output = command.args(["--prefix", "none", "--format", "{p}"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let crates = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
    });
    crates.collect()
}

#[test]
fn the_bill_of_materials_names_every_crate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scorecard.cdx.json");
    let output = command(root().join("deploy/sbom")).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bill: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let mut named = BTreeSet::new();
    for one in bill["components"].as_array().unwrap() {
        let is_ours = !text(one, "bom-ref").starts_with("registry+");
        let hash = one["hashes"][0]["content"].as_str().map_or(0, str::len);
        assert!(is_ours || hash == 64, "{one}");
        assert!(one["licenses"].is_array() && text(one, "purl").starts_with("pkg:cargo/"), "{one}");
        named.insert((text(one, "name"), text(one, "version")));
    }
    let own = &bill["metadata"]["component"];
    named.insert((text(own, "name"), text(own, "version")));
    let built = built();
    assert!(built.len() > 300, "{}", built.len());
    let missing: Vec<_> = built.difference(&named).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // What other platforms and the tests take is not in the program.
    let others: Vec<_> = named.difference(&built).collect();
    assert!(others.len() < named.len() / 10, "{others:?}");
}
