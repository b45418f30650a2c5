//! Every crate that is built has a licence that `deny.toml` allows.

use std::process::Command;

use serde_json::Value;

use crate::{expect_none, tree};

#[test]
fn licences_are_allowed() {
    let allowed = allowed();
    assert!(allowed.len() > 3, "deny.toml allows only {allowed:?}");
    let mut offenders = Vec::new();
    let packages = packages();
    assert!(packages.len() > 50, "only {} packages", packages.len());
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("no licence");
        if !satisfied(licence, &allowed) {
            offenders.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    expect_none("deny.toml does not allow the licences of:", &offenders);
}

/// The names in `allow = [...]` of `[licenses]`.
fn allowed() -> Vec<String> {
    let deny = tree::read("deny.toml");
    let section = deny.split("[licenses]").nth(1).unwrap();
    let list = section.split("allow = [").nth(1).unwrap().split(']').next().unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The packages that are built for this machine, as cargo resolves them.
fn packages() -> Vec<Value> {
    let version = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .current_dir(tree::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// Whether the licences that the expression asks for are allowed; `/` is an old way to write OR.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at, allowed) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut result = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= both(words, at, allowed);
    }
    result
}

fn both(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut result = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allowed);
    }
    result
}

/// A licence with its exception, or an expression in parentheses.
fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let result = either(words, at, allowed);
        *at += 1;
        return result;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = words[*at - 1..(*at + 2).min(words.len())].join(" ");
        *at += 2;
    }
    allowed.contains(&name)
}

#[test]
fn expressions_are_judged() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    let check = |expression: &str, result: bool| {
        assert_eq!(satisfied(expression, &allowed), result, "{expression}");
    };
    check("MIT", true);
    check("GPL-3.0-only", false);
    check("GPL-3.0-only OR MIT", true);
    check("GPL-3.0-only/MIT", true);
    check("MIT AND GPL-3.0-only", false);
    check("(GPL-3.0-only OR MIT) AND ISC", true);
    check("MIT AND ISC WITH x", false);
    check("", false);
}
