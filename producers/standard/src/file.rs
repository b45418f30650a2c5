//! The forms of files: of a requirement, and of a change to one.

use std::collections::BTreeMap;

use schemas::{Scoring, Severity};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

/// A requirement's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) id: Spanned<String>,
    pub(crate) title: Spanned<String>,
    pub(crate) why: Spanned<String>,
    pub(crate) severity: Severity,
    pub(crate) weight: Spanned<i64>,
    pub(crate) resource_type: Spanned<String>,
    pub(crate) scoring: Scoring,
    /// What the rule's texts call `param.NAME`.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Spanned<Value>>,
    pub(crate) rule: Option<RuleOfFile>,
    #[serde(default)]
    pub(crate) checks: Vec<CheckOfFile>,
    #[serde(default)]
    pub(crate) controls: Controls,
    pub(crate) remediation: Spanned<String>,
    #[serde(default)]
    pub(crate) tests: Vec<Case>,
}

/// A file that changes a requirement of an earlier layer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeFile {
    /// The requirement's id.
    pub(crate) change: Spanned<String>,
    /// Why the company wants it so.
    pub(crate) because: Spanned<String>,
    /// Whether the requirement is in force.
    pub(crate) enabled: Option<bool>,
    pub(crate) severity: Option<Severity>,
    pub(crate) weight: Option<Spanned<i64>>,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Spanned<Value>>,
    pub(crate) remediation: Option<Spanned<String>>,
    /// Outside checks that feed it too.
    #[serde(default)]
    pub(crate) checks: Vec<CheckOfFile>,
    /// Outside checks that feed it no more.
    #[serde(default)]
    pub(crate) release: Vec<Release>,
    #[serde(default)]
    pub(crate) tests: Vec<Case>,
}

/// An outside check that a change takes away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) source: String,
    pub(crate) check: Spanned<String>,
}

/// What a file is about, whatever else it says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Subject {
    /// The requirement that the file holds.
    pub(crate) id: Option<String>,
    /// The requirement that the file changes.
    pub(crate) change: Option<String>,
}

/// The rule of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleOfFile {
    pub(crate) each: Option<Each>,
    pub(crate) applies: Option<Spanned<String>>,
    pub(crate) pass: Spanned<String>,
    pub(crate) message: Option<Spanned<String>>,
    /// What it asks about other resources of the account, by name.
    #[serde(default)]
    pub(crate) related: BTreeMap<String, RelatedOfFile>,
}

/// Which other resources a rule asks about, and what of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelatedOfFile {
    pub(crate) resource_type: Spanned<String>,
    pub(crate) key: Option<Spanned<String>>,
    pub(crate) matches: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) gives: BTreeMap<String, Spanned<String>>,
}

/// One verdict an item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Each {
    #[serde(rename = "in")]
    pub(crate) list: Spanned<String>,
    pub(crate) key: Spanned<String>,
}

/// An outside check that feeds the requirement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckOfFile {
    pub(crate) source: Spanned<String>,
    pub(crate) check: Spanned<String>,
    #[serde(default)]
    pub(crate) warn_passes: bool,
    /// Whether another requirement may claim the check too.
    #[serde(default)]
    pub(crate) shared: bool,
    /// Whether it may be newer than the catalogue of its source.
    #[serde(default)]
    pub(crate) unlisted: bool,
}

/// The controls of public benchmarks that the requirement answers to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Controls {
    /// Of the CIS AWS Foundations Benchmark.
    #[serde(default)]
    pub(crate) cis: Vec<Spanned<String>>,
    /// Of AWS Foundational Security Best Practices.
    #[serde(default)]
    pub(crate) fsbp: Vec<Spanned<String>>,
}

/// A test case of the rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: Spanned<String>,
    /// The instant of evaluation, RFC 3339.
    pub(crate) now: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) r: Value,
    #[serde(default)]
    pub(crate) s: Value,
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) truncated: Vec<String>,
    #[serde(default)]
    pub(crate) known_accounts: Vec<String>,
    /// By relation: all other documents of its type; not collected where there is no list.
    #[serde(default)]
    pub(crate) related: BTreeMap<String, Vec<Other>>,
    pub(crate) expect: Expected,
}

/// Another document of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) r: Value,
    #[serde(default)]
    pub(crate) s: Value,
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// What a case expects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expected {
    /// The verdict on the whole.
    Whole(Word),
    /// The verdict on each part, and no other part.
    Parts(BTreeMap<String, Word>),
}

/// A verdict in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Word {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
}
