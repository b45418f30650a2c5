//! Requirements of the security standard.

use std::collections::BTreeMap;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{avro::string_map, key, symbols};

key! {
    /// A requirement, by its id.
    RequirementKey {
        /// The requirement's id.
        requirement
    } by requirement
}

symbols! {
    /// How bad a failure is.
    Severity default "high" {
        /// Good to know.
        Info = "info",
        /// Little harm.
        Low = "low",
        /// Some harm.
        Medium = "medium",
        /// Much harm.
        High = "high",
        /// Drop everything.
        Critical = "critical",
    }
}

symbols! {
    /// How failures become counts.
    Scoring default "resources" {
        /// One resource, one vote, however many parts or findings it has.
        Resources = "resources",
        /// Every verdict row votes.
        Findings = "findings",
        /// The sources give the counts: of resources that a check looked at, and of those that are
        /// not in order.
        Summary = "summary",
        /// The account as a whole: one failure fails it.
        AllOrNothing = "all_or_nothing",
        /// The sum of failing times severity weight; shown beside the score, never averaged in.
        Penalty = "penalty",
    }
}

/// A requirement of the security standard.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Requirement {
    /// Its id, stable for ever: `s3-public-access`.
    pub id: String,
    /// What must hold, as a sentence a person would read in a table.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// How bad a failure is.
    pub severity: Severity,
    /// The risk weight in scores; 0 is shown but not counted.
    pub weight: i64,
    /// The resource type that it judges.
    pub resource_type: String,
    /// How failures become counts.
    pub scoring: Scoring,
    /// Its own rule; none when only outside checks feed it.
    pub rule: Option<RuleText>,
    /// The outside checks that feed it.
    pub checks: Vec<CheckMapping>,
    /// How to mend a failure.
    pub remediation: String,
    /// The controls of public benchmarks that it answers to: `CIS AWS 3.0.0 1.14`, `FSBP IAM.3`.
    #[serde(default)]
    #[avro(default = "[]")]
    pub controls: Vec<String>,
    /// What the rule's texts call `param.NAME`: a JSON object with sorted members.
    #[serde(default = "no_parameters")]
    #[avro(default = "\"{}\"")]
    pub parameters: String,
    /// Why a company's own layers changed it, in their order; empty as it ships.
    #[serde(default)]
    #[avro(default = "[]")]
    pub changes: Vec<String>,
}

fn no_parameters() -> String {
    "{}".to_owned()
}

/// The text of a rule: CEL expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct RuleText {
    /// A list: the rule gives one verdict for each of its items.
    pub each: Option<String>,
    /// The name of an item among its siblings; wanted with `each`.
    pub part: Option<String>,
    /// When the rule applies; always when absent.
    pub applies: Option<String>,
    /// What must be true.
    pub pass: String,
    /// The evidence of a failure, with `{expression}` in it.
    pub message: Option<String>,
    /// What it asks about other resources of the account.
    #[serde(default)]
    #[avro(default = "[]")]
    pub related: Vec<RelatedText>,
}

/// The text of a relation: which other resources of the account a rule asks about, and what.
///
/// A judged resource meets those of whose keys one equals one of the texts that it looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct RelatedText {
    /// Its name: the rule writes `related.NAME`, a list.
    pub name: String,
    /// The others' resource type.
    pub resource_type: String,
    /// Over the other's document: the text that it is found by, or a list of such; all are found
    /// when absent.
    pub key: Option<String>,
    /// Over the judged document: the text that it looks for, or a list; wanted with `key`.
    pub matches: Option<String>,
    /// Over the other's document: the members of its item in the list, by name.
    #[serde(default)]
    #[avro(default = "{}", with = string_map)]
    pub gives: BTreeMap<String, String>,
}

/// An outside check that feeds a requirement.
#[derive(Clone, Debug, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct CheckMapping {
    /// The scanner: `cloudsploit`.
    pub source: String,
    /// Its check.
    pub check: String,
    /// Whether its warnings pass.
    pub warn_passes: bool,
}
