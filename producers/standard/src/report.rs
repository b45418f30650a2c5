//! Runs the test cases that the standard's files bring along.

use std::collections::BTreeMap;
use std::fmt;

use rules::{
    CompileError, Context, Document, Judgement, Parameter, Related, Relation, Rule, Verdict,
};
use schemas::{Requirement, RuleText};
use serde_json::{Value, json};

use crate::check::{Checked, Suite};
use crate::file::{Case, Expected, Other, Word};
use crate::layers;
use crate::{Layer, Problem, StandardError};

/// The account of every test case; it knows itself.
const ACCOUNT: &str = "111122223333";
/// The instant of evaluation of a case that names none: 2026-01-01T00:00:00Z.
const DEFAULT_NOW_MS: i64 = 1_767_225_600_000;

/// What running the tests showed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every case, by requirement and place.
    pub cases: Vec<CaseResult>,
    /// Rules whose tests leave something out.
    pub warnings: Vec<Problem>,
    /// Files with a fault, whose cases were not run.
    pub problems: Vec<Problem>,
}

/// How one case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The requirement.
    pub requirement: String,
    /// The case.
    pub name: String,
    /// Where it stands; with a message when it failed.
    pub place: Problem,
    /// Whether the verdicts were those expected.
    pub is_ok: bool,
}

impl Report {
    /// Tells whether every file was read and every case went as expected.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && self.cases.iter().all(|case| case.is_ok)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(out, "error: {problem}")?;
        }
        for case in self.cases.iter().filter(|case| !case.is_ok) {
            writeln!(out, "failed: {} / {}: {}", case.requirement, case.name, case.place)?;
        }
        for warning in &self.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        let failed = self.cases.iter().filter(|case| !case.is_ok).count();
        let (run, files) = (self.cases.len(), self.problems.len());
        write!(out, "{run} cases, {failed} failed, {files} faults in files")
    }
}

/// Runs every test case of a standard's layers.
///
/// The cases of a requirement are run with its own parameters, those of a change with the changed
/// ones. Errors: a folder can't be listed.
pub fn run_tests(layers: &[Layer]) -> Result<Report, StandardError> {
    let (requirements, mut problems) = layers::read(layers)?;
    problems.sort();
    let mut report = Report { problems, ..Report::default() };
    for one in &requirements {
        report.warnings.extend(one.suites.first().map(|own| gaps(one, own)).unwrap_or_default());
        for suite in &one.suites {
            let results = suite.cases.iter().map(|case| run_case(&one.requirement, suite, case));
            report.cases.extend(results);
        }
    }
    Ok(report)
}

fn run_case(of: &Requirement, suite: &Suite, case: &Case) -> CaseResult {
    let text = of.rule.as_ref().expect("only a requirement with a rule has suites");
    let difference = match rule_of(text, suite, case) {
        Err(fault) => Some(fault),
        Ok(rule) => difference(&case.expect, &judge(&of.id, text, &rule, case)),
    };
    let place = Problem {
        file: suite.file.clone(),
        line: usize::try_from(case.name.defined.line()).unwrap_or(0),
        column: usize::try_from(case.name.defined.column()).unwrap_or(0),
        message: difference.clone().unwrap_or_default(),
    };
    CaseResult {
        requirement: of.id.clone(),
        name: case.name.value.clone(),
        place,
        is_ok: difference.is_none(),
    }
}

fn judge(id: &str, text: &RuleText, rule: &Rule, case: &Case) -> Vec<Judgement> {
    let now_ms = case.now.as_ref().and_then(|now| rules::parse_instant(&now.value));
    let empty = json!({});
    let arn = format!("arn:aws:test:eu-west-1:{ACCOUNT}:{id}");
    let document = Document {
        configuration: or(&case.r, &empty),
        supplementary: or(&case.s, &empty),
        errors: &case.errors,
        account: ACCOUNT,
        region: "eu-west-1",
        id: "test",
        name: "test",
        arn: &arn,
        tags: &case.tags,
        truncated: &case.truncated,
        related: &[],
    };
    let related = related(text, rule, case, &document);
    let document = Document { related: &related, ..document };
    let now_ms = now_ms.unwrap_or(DEFAULT_NOW_MS);
    rule.evaluate(&document, &Known(&case.known_accounts), now_ms)
}

/// Gives the rule as a case wants it: with parameters of its own, perhaps.
///
/// Errors: it says something that the rule knows nothing of.
fn rule_of(text: &RuleText, suite: &Suite, case: &Case) -> Result<Rule, String> {
    let is_known = |name: &&String| text.related.iter().any(|one| one.name == **name);
    if let Some(stray) = case.related.keys().find(|name| !is_known(name)) {
        return Err(format!("the rule has no relation {stray:?}"));
    }
    if case.parameters.is_empty() {
        return Ok(suite.rule.clone());
    }
    let mut parameters = suite.parameters.clone();
    for (name, value) in &case.parameters {
        let own = parameters.get(name).ok_or_else(|| format!("there is no parameter {name:?}"))?;
        let other = Parameter::of(value.clone()).filter(|other| other.is_like(own));
        let other = other.ok_or_else(|| format!("parameter {name:?} is {}", own.kind()))?;
        parameters.insert(name.clone(), other);
    }
    let told = |errors: Vec<CompileError>| errors[0].to_string();
    compliance::compile(text, &parameters).map_err(told)
}

/// Gives what the rule's relations find among a case's other documents.
fn related(text: &RuleText, rule: &Rule, case: &Case, judged: &Document<'_>) -> Vec<Related> {
    let found = text.related.iter().enumerate().map(|(at, relation)| {
        let lacking = |reason| Related { items: json!([]), lacking: Some(reason) };
        let Some(others) = case.related.get(&relation.name) else {
            return lacking(compliance::incomplete(relation));
        };
        let wanted = match rule.wanted(at, judged) {
            Ok(wanted) => wanted,
            Err(reason) => return lacking(reason),
        };
        let mut items = Vec::new();
        for other in others {
            let other = relation_of(rule, at, other);
            match other.keys {
                Err(reason) => return lacking(reason),
                Ok(keys) if keys.iter().any(|key| wanted.contains(key)) => {
                    items.push(Value::Object(other.gives));
                }
                Ok(_) => {}
            }
        }
        Related { items: Value::Array(items), lacking: None }
    });
    found.collect()
}

fn relation_of(rule: &Rule, at: usize, other: &Other) -> Relation {
    let empty = json!({});
    let document = Document {
        configuration: or(&other.r, &empty),
        supplementary: or(&other.s, &empty),
        errors: &other.errors,
        account: ACCOUNT,
        region: "eu-west-1",
        id: &other.id,
        name: &other.id,
        arn: "",
        tags: &other.tags,
        truncated: &[],
        related: &[],
    };
    rule.relation(at, &document)
}

/// A document that a case does not write is empty.
fn or<'a>(value: &'a Value, empty: &'a Value) -> &'a Value {
    if value.is_null() { empty } else { value }
}

struct Known<'a>(&'a [String]);

impl Context for Known<'_> {
    fn is_known_account(&self, account_id: &str) -> bool {
        account_id == ACCOUNT || self.0.iter().any(|known| known == account_id)
    }
}

/// Says how the verdicts differ from those expected; none when they don't.
fn difference(expected: &Expected, judgements: &[Judgement]) -> Option<String> {
    let wanted: BTreeMap<&str, Verdict> = match expected {
        Expected::Whole(word) => BTreeMap::from([("", verdict(*word))]),
        Expected::Parts(parts) => {
            parts.iter().map(|(part, word)| (&**part, verdict(*word))).collect()
        }
    };
    let found: BTreeMap<&str, Verdict> =
        judgements.iter().map(|judgement| (&*judgement.part, judgement.verdict)).collect();
    let fault = judgements.iter().find(|judgement| judgement.rule_fault);
    match fault {
        None if wanted == found => None,
        Some(fault) => Some(format!("the rule is at fault: {}", fault.evidence)),
        None => {
            let evidence: Vec<&str> =
                judgements.iter().map(|judgement| &*judgement.evidence).collect();
            let evidence = evidence.join("; ");
            Some(format!("expected {wanted:?}, found {found:?} ({evidence})"))
        }
    }
}

fn verdict(word: Word) -> Verdict {
    match word {
        Word::Pass => Verdict::Pass,
        Word::Fail => Verdict::Fail,
        Word::Unknown => Verdict::Unknown,
        Word::NotApplicable => Verdict::NotApplicable,
    }
}

/// Warns of a rule whose cases leave out a verdict that every rule can give.
fn gaps(of: &Checked, own: &Suite) -> Vec<Problem> {
    let expects = |word: Word| {
        own.cases.iter().any(|case| match &case.expect {
            Expected::Whole(whole) => *whole == word,
            Expected::Parts(parts) => parts.values().any(|part| *part == word),
        })
    };
    let words = [(Word::Pass, "pass"), (Word::Fail, "fail"), (Word::Unknown, "unknown")];
    let missing = words.into_iter().filter(|(word, _)| !expects(*word));
    let warning = |(_, name)| Problem {
        message: format!("no test of this rule expects {name}"),
        ..of.place.clone()
    };
    missing.map(warning).collect()
}
