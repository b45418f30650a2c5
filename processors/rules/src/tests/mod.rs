//! Tests of the language as a whole: tables of rules, documents and verdicts.

mod convert;
mod functions;
mod language;
mod limits;
mod load;
mod missing;
mod oracle;
mod parameter;
mod parts;
mod realistic;
mod related;
mod shipped;
mod time;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Context, Document, Judgement, Related, Rule, RuleSource, Verdict};

/// The accounts that tests know.
pub(crate) struct Known(pub(crate) Vec<&'static str>);

impl Context for Known {
    fn is_known_account(&self, account_id: &str) -> bool {
        self.0.contains(&account_id)
    }
}

/// An instant of the tests: 2026-11-24T00:00:00Z.
pub(crate) const NOW_MS: i64 = 1_795_478_400_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

/// What a rule is run over; the rest of the envelope is fixed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) r: Value,
    pub(crate) s: Value,
    pub(crate) errors: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) truncated: Vec<String>,
    pub(crate) related: Vec<Related>,
    /// What the interpreter is told of the same, by name.
    pub(crate) related_by_name: Value,
    /// The id and the name; others when empty.
    pub(crate) id: String,
    /// The parameters, which our evaluator was given when the rule was compiled.
    pub(crate) param: Value,
}

impl Case {
    pub(crate) fn r(r: Value) -> Case {
        Case { r, ..Case::default() }
    }

    pub(crate) fn s(s: Value) -> Case {
        Case { s, ..Case::default() }
    }

    pub(crate) fn failed(mut self, call: &str) -> Case {
        self.errors.insert(call.to_owned(), "AccessDenied: no".to_owned());
        self
    }

    pub(crate) fn cut(mut self, path: &str) -> Case {
        self.truncated.push(path.to_owned());
        self
    }

    pub(crate) fn document(&self) -> Document<'_> {
        Document {
            configuration: &self.r,
            supplementary: &self.s,
            errors: &self.errors,
            account: "111122223333",
            region: "eu-west-1",
            id: if self.id.is_empty() { "sg-1" } else { &self.id },
            name: if self.id.is_empty() { "web" } else { &self.id },
            arn: "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1",
            tags: &self.tags,
            truncated: &self.truncated,
            related: &self.related,
        }
    }

    pub(crate) fn run(&self, rule: &Rule) -> Vec<Judgement> {
        rule.evaluate(&self.document(), &Known(vec!["111122223333"]), NOW_MS)
    }
}

pub(crate) fn compiled(source: &RuleSource<'_>) -> Rule {
    Rule::compile(source).unwrap_or_else(|errors| panic!("{source:?}: {errors:?}"))
}

/// Judges one case by one expression.
pub(crate) fn judged(pass: &str, case: &Case) -> Judgement {
    let rule = compiled(&RuleSource { pass, ..RuleSource::default() });
    case.run(&rule).pop().expect("one judgement")
}

pub(crate) fn check(pass: &str, case: &Case, expected: Verdict) {
    let judgement = judged(pass, case);
    assert_eq!(judgement.verdict, expected, "{pass} over {case:?}: {judgement:?}");
}
