//! Pure code knows no clock, no randomness, no environment and no order of hashing.

use crate::tree::{self, File};
use crate::{expect_none, rust};

/// Where the pure crates' sources lie.
const PURE: [&str; 6] = [
    "schemas/src/",
    "processors/compliance/src/",
    "processors/inventory/src/",
    "processors/rollup/src/",
    "processors/rules/src/",
    "processors/trust/src/",
];

/// What replay would not give the same bytes with, and what to write instead.
const IMPURE: [(&str, &str); 10] = [
    ("HashMap", "BTreeMap: its order is the keys'"),
    ("HashSet", "BTreeSet: its order is the keys'"),
    ("SystemTime::now", "the record's time, as an argument"),
    ("Instant::now", "the record's time, as an argument"),
    ("Timestamp::now", "the record's time, as an argument"),
    ("rand::", "a seed, as an argument"),
    ("std::env", "the value, as an argument"),
    ("std::fs", "the text, as an argument"),
    ("std::net", "a value: I/O is another crate's"),
    ("std::thread", "nothing: who calls decides on threads"),
];

/// Where a word may stand, and why.
const EXEMPT: [(&str, &str, &str); 3] = [
    ("schemas/src/avro.rs", "HashMap", "a cache by type that nobody iterates over"),
    ("schemas/src/avro.rs", "HashSet", "apache-avro's trait takes one"),
    ("schemas/src/symbols.rs", "HashSet", "apache-avro's trait takes one"),
];

#[test]
fn pure_crates_are_pure() {
    let mut offenders = Vec::new();
    for folder in PURE {
        let files = tree::below(folder);
        assert!(!files.is_empty(), "{folder} has moved");
        for file in files.iter().filter(|file| is_shipped(file)) {
            let code = rust::code(rust::without_tests(&file.text));
            for (number, line) in code.lines().enumerate() {
                for (word, instead) in IMPURE.iter().filter(|(word, _)| holds(line, word)) {
                    if is_exempt(&file.path, word) {
                        continue;
                    }
                    offenders.push(format!("{}:{}: {word}; take {instead}", file.path, number + 1));
                }
            }
        }
    }
    expect_none("pure code takes what it needs as arguments:", &offenders);
}

/// Whether a file is code that ships, and no unit tests in a file or folder of their own.
fn is_shipped(file: &File) -> bool {
    let tests = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    file.has_extension("rs") && !tests
}

fn is_exempt(path: &str, word: &str) -> bool {
    EXEMPT.iter().any(|(file, exempt, _)| *file == path && *exempt == word)
}

/// Whether the line holds the word, not as the end of a longer one (`std::net::IpAddr` is a value
/// and no I/O).
fn holds(line: &str, word: &str) -> bool {
    let line = line.replace("std::net::Ip", "");
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

#[test]
fn words_are_found_whole() {
    assert!(holds("let x = HashMap::new();", "HashMap"));
    assert!(holds("rand::random()", "rand::"));
    assert!(!holds("use brand::Name;", "rand::"));
    assert!(!holds("use std::net::{IpAddr};".replace('{', "").as_str(), "std::net"));
    assert!(holds("use std::net::TcpStream;", "std::net"));
}
