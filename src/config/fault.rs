//! What is said of a configuration that can't be read: where, and what may have been meant.

use std::borrow::Cow;

use anyhow::{Error, anyhow};
use schemas::did_you_mean;
use serde_saphyr::{DefaultMessageFormatter, Error as Fault, MessageFormatter};

/// The reader's own words, with a proposal where a name is not known.
struct Proposing;

impl MessageFormatter for Proposing {
    fn format_message<'a>(&self, fault: &'a Fault) -> Cow<'a, str> {
        match fault {
            Fault::SerdeUnknownField { field, expected, .. } => unknown("key", field, expected),
            Fault::SerdeUnknownVariant { variant, expected, .. } => {
                unknown("word", variant, expected)
            }
            _ => DefaultMessageFormatter.format_message(fault),
        }
    }
}

/// Tells a fault with its line; `name` is what was read.
pub(super) fn told(fault: &Fault, name: &str) -> Error {
    let options = serde_saphyr::render_options! {
        formatter: &Proposing,
        source_name: Some(name),
    };
    anyhow!(fault.render_with_options(options))
}

fn unknown<'a>(what: &str, name: &str, known: &[&'static str]) -> Cow<'a, str> {
    let meant = did_you_mean(name, known.iter().copied());
    Cow::Owned(match meant.is_empty() {
        true => format!("unknown {what} {name}; there are {}", known.join(", ")),
        false => format!("unknown {what} {name}{meant}"),
    })
}

#[cfg(test)]
mod tests {
    use crate::config::ConfigFile;

    fn told(text: &str, set: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        std::fs::write(&path, text).unwrap();
        let set = set.iter().map(|&one| one.to_owned()).collect();
        let fault = ConfigFile { path, set }.read().map(drop).unwrap_err();
        format!("{fault:#}").replace(&folder.path().display().to_string(), "")
    }

    #[test]
    fn a_key_that_is_misspelt_is_told_with_its_line_and_what_was_meant() {
        let said = told("log: {local: ./log}\nworkbook: ./books\n", &[]);
        assert!(said.contains("unknown key workbook; did you mean workbooks?"), "{said}");
        assert!(said.contains("/scorecard.yaml:2:1"), "{said}");
        let said = told("log: {locl: ./log}\n", &[]);
        assert!(said.contains("unknown key locl; did you mean local?"), "{said}");
        let said = told("log: {local: ./log}\nzzz: 1\n", &[]);
        assert!(said.contains("unknown key zzz; there are prefix, partitions, "), "{said}");
        let said = told("log: {local: ./log}\naws: {spend: estimated_charge}\n", &[]);
        assert!(said.contains("did you mean estimated_charges?"), "{said}");
    }

    #[test]
    fn what_is_set_is_not_told_with_a_line_of_the_file() {
        let said = told("# a remark\nlog: {local: ./log}\n", &["prefx=mine"]);
        assert!(said.contains("unknown key prefx; did you mean prefix?"), "{said}");
        assert!(said.contains("/scorecard.yaml with what is set:3:1"), "{said}");
        assert!(said.contains("--set"), "{said}");
    }
}
