//! The rule language: CEL over documents in which things may be missing.
//!
//! A rule is text in a documented subset of the Common Expression Language. The `cel` crate parses
//! it; the evaluator here runs over borrowed JSON and knows three values: true, false and unknown.
//! Absent data, failed calls, parts that were cut off, and mistakes of the rule are unknown, never
//! true or false; `&&`, `||`, `exists` and `all` are Kleene's. Names, functions, their arguments
//! and patterns are checked when a rule is compiled.
//!
//! Names: `r` the configuration, `s` the supplementary configuration, `doc` the envelope
//! (`account`, `region`, `id`, `name`, `arn`, `tags`), `item` in rules with `each`, `now`, `param`
//! the rule's parameters, and `related.NAME`, what the rule says that it wants to know of other
//! resources of the account.

mod compile;
mod cuts;
mod library;
mod machine;
mod node;
mod parameter;
pub mod policy;
mod related;
mod rule;
#[cfg(test)]
mod tests;
mod unknown;
mod value;

use std::collections::BTreeMap;

use serde_json::Value;

pub use parameter::{Parameter, Parameters, parameters};
pub use related::Relation;
pub use rule::Rule;

/// Functions of the language, for those who judge the same documents by other means.
pub mod functions {
    pub use crate::library::{glob::matches as glob, network::world_open, time::whole_days};
}

/// The text of a rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleSource<'a> {
    /// For one verdict an item: the list, and the item's name among its siblings.
    pub each: Option<(&'a str, &'a str)>,
    /// When the rule applies; always when absent.
    pub applies: Option<&'a str>,
    /// What must be true.
    pub pass: &'a str,
    /// The evidence of a failure, with `{expression}` in it.
    pub message: Option<&'a str>,
    /// What the texts call `param.NAME`; each becomes a constant of the compiled rule.
    pub parameters: Option<&'a Parameters>,
    /// What it wants to know of other resources of the account.
    pub related: &'a [RelatedSource<'a>],
}

/// The text of a relation: which other resources a rule asks about, and what of them.
///
/// Two sides meet where a key of the other document equals one that the judged document looks for.
#[derive(Clone, Debug, Default)]
pub struct RelatedSource<'a> {
    /// Its name: rules write `related.NAME`, a list.
    pub name: &'a str,
    /// Over the other document: the text that it is found by, or a list; all when absent.
    pub key: Option<&'a str>,
    /// Over the judged document: the text that it looks for, or a list; wanted with `key`.
    pub matches: Option<&'a str>,
    /// Over the other document: the members of its item, by name.
    pub gives: Vec<(&'a str, &'a str)>,
}

/// Why a rule can't be compiled, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}, line {line}, column {column}: {message}")]
pub struct CompileError {
    /// Which text: `each`, `part`, `applies`, `pass`, `message`, `related.NAME.key`,
    /// `related.NAME.matches` or `related.NAME.gives.MEMBER`.
    pub field: String,
    /// The line in that text, from 1.
    pub line: usize,
    /// The column in that line, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// The document that is judged; all of it borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The provider's document: `r`.
    pub configuration: &'a Value,
    /// Answers to further calls, by short name: `s`. A null member is the answer "there is none".
    pub supplementary: &'a Value,
    /// Calls that failed: the member of `s` they would have given, and the error. Such a member is
    /// unknown, also to `has()`.
    pub errors: &'a BTreeMap<String, String>,
    /// The account's id.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The resource's id.
    pub id: &'a str,
    /// The resource's name.
    pub name: &'a str,
    /// The resource's ARN; empty when it has none.
    pub arn: &'a str,
    /// Tags.
    pub tags: &'a BTreeMap<String, String>,
    /// Paths that were cut off, and are unknown: JSON Pointers below the envelope
    /// (`/configuration/IpPermissions`) or as rules write them (`r.IpPermissions`).
    pub truncated: &'a [String],
    /// What it is related to, in the order of the rule's relations.
    pub related: &'a [Related],
}

/// What a judged document is related to by one relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// A list with what each of the others gives, in a stable order; a member that could not be
    /// told is absent.
    pub items: Value,
    /// Why there may be more of them, or others; then nothing is known of the list.
    pub lacking: Option<String>,
}

/// Reads an instant of RFC 3339 as rules do.
///
/// Units: UTC milliseconds. None for anything else, also for a time without a zone.
pub fn parse_instant(text: &str) -> Option<i64> {
    library::time::parse(text)
}

/// What a rule may ask about the world outside its document.
pub trait Context {
    /// Tells whether an account is one of ours, or a third party that was approved.
    fn is_known_account(&self, account_id: &str) -> bool;
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// The data does not tell.
    Unknown,
    /// The rule is not about this.
    NotApplicable,
}

/// A verdict on a document, or on one part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The part's name; empty for the whole document. Unique among a rule's judgements.
    pub part: String,
    /// The verdict.
    pub verdict: Verdict,
    /// For fail the rule's message, for unknown the reason with its path; else empty.
    pub evidence: String,
    /// The earliest instant at which the verdict may change by nothing but time passing, in UTC
    /// milliseconds; none when it can't.
    pub flips_at_ms: Option<i64>,
    /// Whether the rule is to blame for an unknown (a wrong type, too many steps), not the data.
    pub rule_fault: bool,
}
