//! Checks a requirement's file: its form, its words, its rule.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rules::{Parameters, Rule};
use schemas::{CheckMapping, RelatedText, Requirement, RuleText, Scoring};
use serde_saphyr::Spanned;

use crate::Problem;
use crate::catalogue::{self, Catalogue};
use crate::file::{Case, CheckOfFile, Controls, File, RelatedOfFile, RuleOfFile};
use crate::parameter::{self, FILLED_BYTES_MAX, Unfilled, fill};
use crate::place::Source;

/// The most that one requirement may weigh, so that a slip of the hand can't drown the others.
const WEIGHT_MAX: i64 = 1_000;

/// Bytes of a sentence, as it is written.
const SENTENCE_BYTES_MAX: usize = 16_000;

/// Characters of an id, which is a part of keys.
const ID_CHARS_MAX: usize = 200;

/// Test cases of a file.
const CASES_MAX: usize = 1_000;

/// Outside checks, and controls, of a file.
const CHECKS_MAX: usize = 1_000;

/// Scanners that tell of resources one by one, and never how many they looked at.
const SOURCES_WITHOUT_TOTALS: [&str; 3] = ["cloudsploit", "prowler", "securityhub"];

/// A requirement without a fault, with the changes of later layers.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What the file says; sentences may have `{param.NAME}` in them.
    pub(crate) requirement: Requirement,
    pub(crate) parameters: Parameters,
    /// The cases of the file, then those of each change. None without a rule.
    pub(crate) suites: Vec<Suite>,
    /// Where the id stands; its message is empty.
    pub(crate) place: Problem,
    pub(crate) claims: Vec<Claim>,
    /// Whether no change switched it off.
    pub(crate) is_enabled: bool,
}

/// Test cases, and the rule with the parameters that it has where they stand.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) file: PathBuf,
    pub(crate) rule: Rule,
    pub(crate) parameters: Parameters,
    pub(crate) cases: Vec<Case>,
}

/// That a requirement is fed by a check.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) mapping: CheckMapping,
    /// Whether another requirement may claim it too.
    pub(crate) shared: bool,
    /// Where it stands; its message is empty.
    pub(crate) place: Problem,
}

impl Claim {
    /// Gives what is claimed: source and check.
    pub(crate) fn name(&self) -> (&str, &str) {
        (&self.mapping.source, &self.mapping.check)
    }
}

impl Checked {
    /// Gives the requirement as it is published.
    pub(crate) fn finish(self) -> Requirement {
        let Self { requirement, parameters, claims, .. } = self;
        let filled = |text: &str| fill(text, &parameters).expect("every sentence was checked");
        Requirement {
            title: filled(&requirement.title),
            why: filled(&requirement.why),
            remediation: filled(&requirement.remediation),
            checks: claims.into_iter().map(|claim| claim.mapping).collect(),
            parameters: parameter::json(&parameters),
            ..requirement
        }
    }
}

/// Checks one file.
///
/// Errors: every fault that was found; what is no YAML of the right form has only its first.
pub(crate) fn check(path: &Path, text: &str) -> Result<Checked, Vec<Problem>> {
    let source = Source { path, text };
    let file: File = source.read()?;
    let mut problems = words(&source, &file);
    problems.extend(cases(&source, &file.tests, file.rule.is_some()));
    let with_rule = parameter::read(&source, &file.parameters)
        .and_then(|parameters| with_rule(&source, &file, parameters));
    let (parameters, rule) = with_rule.unwrap_or_else(|found| {
        problems.extend(found);
        Default::default()
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let place = source.problem(Some(file.id.defined), "");
    let claims = file.checks.iter().map(|check| claim(&source, check)).collect();
    let (requirement, cases) = requirement(file);
    let (file, values) = (path.to_owned(), parameters.clone());
    let suite = |rule| Suite { file, rule, parameters: values, cases };
    let suites = rule.map(suite).into_iter().collect();
    Ok(Checked { requirement, parameters, suites, place, claims, is_enabled: true })
}

/// Checks what uses the parameters: sentences and the rule.
fn with_rule(
    source: &Source<'_>,
    file: &File,
    parameters: Parameters,
) -> Result<(Parameters, Option<Rule>), Vec<Problem>> {
    let mut problems = Vec::new();
    for field in [&file.title, &file.why, &file.remediation] {
        let place = source.problem(Some(field.defined), "");
        problems.extend(unfilled(&field.value, &parameters, place));
    }
    let rule = file.rule.as_ref().map(|rule| compile(source, rule, &parameters)).transpose();
    let rule = match rule {
        Ok(rule) => rule,
        Err(found) => return Err([problems, found].concat()),
    };
    problems.extend(unused(source, file, rule.as_ref()));
    if problems.is_empty() { Ok((parameters, rule)) } else { Err(problems) }
}

fn words(source: &Source<'_>, file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = [
        ("title", &file.title),
        ("why", &file.why),
        ("resource_type", &file.resource_type),
        ("remediation", &file.remediation),
    ];
    for (name, field) in named {
        problems.extend(empty(source, name, field));
    }
    let is_id = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if file.id.value.is_empty() || !file.id.value.chars().all(is_id) {
        let message = "an id has only letters, digits, '-', '_' and '.'";
        problems.push(source.problem(Some(file.id.defined), message));
    }
    if file.id.value.len() > ID_CHARS_MAX {
        let message = format!("an id has at most {ID_CHARS_MAX} characters");
        problems.push(source.problem(Some(file.id.defined), message));
    }
    problems.extend(weight(source, &file.weight));
    if file.rule.is_none() && file.checks.is_empty() {
        let message = "there is neither a rule nor a check to feed the requirement";
        problems.push(source.problem(Some(file.id.defined), message));
    }
    problems.extend(checks(source, &file.checks));
    problems.extend(summary(source, file));
    problems.extend(controls(source, &file.controls));
    problems.extend(file.rule.iter().flat_map(|rule| relations(source, rule)));
    problems
}

fn relations(source: &Source<'_>, rule: &RuleOfFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, relation) in &rule.related {
        let mut fault = |message: String| {
            problems.push(source.problem(Some(relation.resource_type.defined), message));
        };
        if relation.resource_type.value.trim().is_empty() {
            fault("resource_type is empty".to_owned());
        }
        if relation.key.is_some() != relation.matches.is_some() {
            fault(format!("related.{name}: key and matches belong together"));
        }
        for word in std::iter::once(name).chain(relation.gives.keys()) {
            if !parameter::is_name(word) {
                fault(format!("{word:?} is no name: write letters, digits and '_'"));
            }
        }
    }
    problems
}

/// Tells of a sentence that says nothing, or too much.
pub(crate) fn empty(source: &Source<'_>, name: &str, field: &Spanned<String>) -> Option<Problem> {
    let message = match field.value.len() {
        _ if field.value.trim().is_empty() => format!("{name} is empty"),
        0..=SENTENCE_BYTES_MAX => return None,
        _ => format!("{name} has more than {SENTENCE_BYTES_MAX} bytes"),
    };
    Some(source.problem(Some(field.defined), message))
}

/// Tells of a sentence that names a parameter which is none, or is too long with their values.
pub(crate) fn unfilled(text: &str, parameters: &Parameters, place: Problem) -> Option<Problem> {
    let message = match fill(text, parameters) {
        Err(Unfilled::Unknown(name)) => format!("there is no parameter '{name}'"),
        Err(Unfilled::TooLong) => {
            format!("with its parameters the sentence has more than {FILLED_BYTES_MAX} bytes")
        }
        Ok(_) => return None,
    };
    Some(Problem { message, ..place })
}

/// Tells of a weight that no requirement has.
pub(crate) fn weight(source: &Source<'_>, weight: &Spanned<i64>) -> Option<Problem> {
    let message = || format!("the weight is not between 0 and {WEIGHT_MAX}");
    let problem = || source.problem(Some(weight.defined), message());
    (!(0..=WEIGHT_MAX).contains(&weight.value)).then(problem)
}

/// Tells of parameters that no text of the rule uses.
fn unused(source: &Source<'_>, file: &File, rule: Option<&Rule>) -> Vec<Problem> {
    let is_unused = |name: &str| !rule.is_some_and(|rule| rule.uses_parameter(name));
    let unused = file.parameters.iter().filter(|(name, _)| is_unused(name));
    let message = |name: &str| format!("no text of the rule uses param.{name}");
    unused.map(|(name, at)| source.problem(Some(at.defined), message(name))).collect()
}

pub(crate) fn checks(source: &Source<'_>, checks: &[CheckOfFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(one) = checks.get(CHECKS_MAX) {
        let message = format!("a file maps at most {CHECKS_MAX} checks");
        return vec![source.problem(Some(one.check.defined), message)];
    }
    let mut seen = BTreeSet::new();
    for check in checks {
        for (name, field) in [("source", &check.source), ("check", &check.check)] {
            problems.extend(empty(source, name, field));
        }
        if !seen.insert((&check.source.value, &check.check.value)) {
            let message = format!("{} is mapped twice", check.check.value);
            problems.push(source.problem(Some(check.check.defined), message));
        }
        // A source that nobody knows is a company's own; a known one may be newer than we are.
        let known = catalogue::of_source(&check.source.value).filter(|_| !check.unlisted);
        problems.extend(known.and_then(|known| missing(source, known, "check", &check.check)));
    }
    problems
}

/// Tells of what feeds a requirement that is scored by summary and never sums up: it would count
/// for nothing.
fn summary(source: &Source<'_>, file: &File) -> Vec<Problem> {
    if file.scoring != Scoring::Summary {
        return Vec::new();
    }
    let silent = file.checks.iter().map(|check| &check.source);
    let silent = silent.filter(|of| SOURCES_WITHOUT_TOTALS.contains(&of.value.as_str()));
    let rule = file.rule.as_ref().map(|rule| (rule.pass.defined, "a rule"));
    let faults = silent.map(|of| (of.defined, of.value.as_str())).chain(rule);
    let message = |who| format!("{who} tells no totals, which `summary` counts");
    faults.map(|(at, who)| source.problem(Some(at), message(who))).collect()
}

fn controls(source: &Source<'_>, controls: &Controls) -> Vec<Problem> {
    let cis = controls.cis.iter().map(|id| (catalogue::cis(), id));
    let fsbp = controls.fsbp.iter().map(|id| (catalogue::fsbp(), id));
    cis.chain(fsbp).filter_map(|(known, id)| missing(source, known, "control", id)).collect()
}

/// Tells of an id that a catalogue lacks.
fn missing(
    source: &Source<'_>,
    catalogue: &Catalogue,
    kind: &str,
    id: &Spanned<String>,
) -> Option<Problem> {
    let message = || format!("there is no {kind} {:?} of {}", id.value, catalogue.version);
    (!catalogue.has(&id.value)).then(|| source.problem(Some(id.defined), message()))
}

/// Gives what a check in a file claims.
pub(crate) fn claim(source: &Source<'_>, check: &CheckOfFile) -> Claim {
    Claim {
        mapping: CheckMapping {
            source: check.source.value.clone(),
            check: check.check.value.clone(),
            warn_passes: check.warn_passes,
        },
        shared: check.shared,
        place: source.problem(Some(check.check.defined), ""),
    }
}

/// Tells what is wrong with test cases.
pub(crate) fn cases(source: &Source<'_>, cases: &[Case], has_rule: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(one) = cases.get(CASES_MAX) {
        let message = format!("a file has at most {CASES_MAX} tests");
        return vec![source.problem(Some(one.name.defined), message)];
    }
    let mut seen = BTreeSet::new();
    for case in cases {
        if !seen.insert(&case.name.value) {
            let message = format!("two tests are called {:?}", case.name.value);
            problems.push(source.problem(Some(case.name.defined), message));
        }
        if let Some(now) = &case.now
            && rules::parse_instant(&now.value).is_none()
        {
            let message = format!("{:?} is no instant", now.value);
            problems.push(source.problem(Some(now.defined), message));
        }
    }
    if let (false, Some(case)) = (has_rule, cases.first()) {
        let message = "there is a test but no rule";
        problems.push(source.problem(Some(case.name.defined), message));
    }
    problems
}

fn compile(
    source: &Source<'_>,
    rule: &RuleOfFile,
    parameters: &Parameters,
) -> Result<Rule, Vec<Problem>> {
    let text = rule_text(rule);
    compliance::compile(&text, parameters).map_err(|errors| {
        let place = |error: rules::CompileError| match field_of(rule, &error.field) {
            Some(field) => source.problem_within(field, (error.line, error.column), &error.message),
            None => source.problem(None, error.to_string()),
        };
        errors.into_iter().map(place).collect()
    })
}

fn field_of<'a>(rule: &'a RuleOfFile, name: &str) -> Option<&'a Spanned<String>> {
    match name {
        "each" => rule.each.as_ref().map(|each| &each.list),
        "part" => rule.each.as_ref().map(|each| &each.key),
        "applies" => rule.applies.as_ref(),
        "pass" => Some(&rule.pass),
        "message" => rule.message.as_ref(),
        _ => related_field(rule, name.strip_prefix("related.")?),
    }
}

fn related_field<'a>(rule: &'a RuleOfFile, name: &str) -> Option<&'a Spanned<String>> {
    let (relation, field) = name.split_once('.')?;
    let relation = rule.related.get(relation)?;
    match field.split_once('.') {
        Some(("gives", member)) => relation.gives.get(member),
        None if field == "key" => relation.key.as_ref(),
        None if field == "matches" => relation.matches.as_ref(),
        _ => None,
    }
}

fn rule_text(rule: &RuleOfFile) -> RuleText {
    let value = |field: &Spanned<String>| field.value.clone();
    RuleText {
        each: rule.each.as_ref().map(|each| value(&each.list)),
        part: rule.each.as_ref().map(|each| value(&each.key)),
        applies: rule.applies.as_ref().map(value),
        pass: value(&rule.pass),
        message: rule.message.as_ref().map(value),
        related: rule.related.iter().map(|(name, relation)| related_text(name, relation)).collect(),
    }
}

fn related_text(name: &str, relation: &RelatedOfFile) -> RelatedText {
    let value = |field: &Spanned<String>| field.value.clone();
    RelatedText {
        name: name.to_owned(),
        resource_type: value(&relation.resource_type),
        key: relation.key.as_ref().map(value),
        matches: relation.matches.as_ref().map(value),
        gives: relation.gives.iter().map(|(member, text)| (member.clone(), value(text))).collect(),
    }
}

/// Gives the requirement of a file, without what [`Checked::finish`] adds.
fn requirement(file: File) -> (Requirement, Vec<Case>) {
    let requirement = Requirement {
        id: file.id.value,
        title: file.title.value,
        why: file.why.value,
        severity: file.severity,
        weight: file.weight.value,
        resource_type: file.resource_type.value,
        scoring: file.scoring,
        rule: file.rule.as_ref().map(rule_text),
        checks: Vec::new(),
        remediation: file.remediation.value,
        controls: names(file.controls),
        parameters: String::new(),
        changes: Vec::new(),
    };
    (requirement, file.tests)
}

/// Gives controls by the names of their benchmarks.
fn names(controls: Controls) -> Vec<String> {
    let cis =
        controls.cis.into_iter().map(|id| format!("{} {}", catalogue::cis().version, id.value));
    let fsbp = controls.fsbp.into_iter().map(|id| format!("FSBP {}", id.value));
    cis.chain(fsbp).collect()
}
