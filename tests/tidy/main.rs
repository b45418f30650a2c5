//! Holds the lines that a review should not have to: who depends on whom, sizes, registries, words.
//!
//! Each rule is one test and says what to do about each offender. A rule that finds nothing to look
//! at fails: a moved folder must not switch it off.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod dependencies;
mod documentation;
mod manifest;
mod purity;
mod registries;
mod rust;
mod sinks;
mod sizes;
mod tree;
mod words;

/// Fails with one line an offender, below what the rule asks for.
fn expect_none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}\n  {}\n", offenders.join("\n  "));
}
