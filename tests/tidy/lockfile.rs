//! What is built comes from one registry, and the heavy crates are built once.

use std::collections::BTreeMap;

use crate::{expect_none, tree};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The crates that `deny.toml` wants once: a second version would cost a minute or a bug.
fn wanted_once() -> Vec<String> {
    let deny = tree::read("deny.toml");
    let lines = deny.lines().filter(|line| line.contains("deny-multiple-versions"));
    lines.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// Name, version and source (none for our own) of each locked package.
fn packages() -> Vec<(String, String, Option<String>)> {
    let lock = tree::read("Cargo.lock");
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .map(|block| {
            let name = field(block, "name").unwrap();
            (name, field(block, "version").unwrap(), field(block, "source"))
        })
        .collect()
}

#[test]
fn every_dependency_comes_from_crates_io() {
    let mut offenders = Vec::new();
    let mut own = 0;
    for (name, version, source) in packages() {
        match source.as_deref() {
            None => own += 1,
            Some(CRATES_IO) => {}
            Some(other) => offenders.push(format!("{name} {version} from {other}")),
        }
    }
    assert!(own >= 10, "only {own} crates of our own are locked");
    expect_none("take a released version from crates.io:", &offenders);
}

#[test]
fn heavy_crates_are_there_once() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, version, _) in packages() {
        versions.entry(name).or_default().push(version);
    }
    let wanted = wanted_once();
    assert!(wanted.len() > 10, "deny.toml wants only {wanted:?} once");
    let mut offenders = Vec::new();
    for name in &wanted {
        let found = versions.get(name).map_or(0, Vec::len);
        if found != 1 {
            offenders.push(format!("{name}: {:?}", versions.get(name)));
        }
    }
    expect_none("one version of each heavy crate, neither none nor two:", &offenders);
}
