//! Checks a requirement's file: its form, its words, its rule.

use std::collections::BTreeSet;
use std::path::Path;

use rules::Rule;
use schemas::{CheckMapping, RelatedText, Requirement, RuleText};
use serde_saphyr::Spanned;

use crate::Problem;
use crate::catalogue::{self, Catalogue};
use crate::file::{Case, CheckOfFile, Controls, File, RelatedOfFile, RuleOfFile};
use crate::place::Source;

/// The most that one requirement may weigh, so that a slip of the hand can't drown the others.
const WEIGHT_MAX: i64 = 1_000;

/// A file without a fault.
pub(crate) struct Checked {
    pub(crate) requirement: Requirement,
    pub(crate) rule: Option<Rule>,
    pub(crate) tests: Vec<Case>,
    /// Where the id stands; its message is empty.
    pub(crate) id_place: Problem,
    pub(crate) claims: Vec<Claim>,
}

/// That a requirement is fed by a check.
pub(crate) struct Claim {
    pub(crate) source: String,
    pub(crate) check: String,
    /// Whether another requirement may claim it too.
    pub(crate) shared: bool,
    /// Where it stands; its message is empty.
    pub(crate) place: Problem,
}

/// Checks one file.
///
/// Errors: every fault that was found; what is no YAML of the right form has only its first.
pub(crate) fn check(path: &Path, text: &str) -> Result<Checked, Vec<Problem>> {
    let source = Source { path, text };
    let file: File = serde_saphyr::from_str(text).map_err(|error| {
        let message = error.without_snippet().to_string();
        vec![source.problem(error.location(), message)]
    })?;
    let mut problems = words(&source, &file);
    problems.extend(cases(&source, &file));
    let rule = match &file.rule {
        Some(rule) => compile(&source, rule).map(Some).unwrap_or_else(|found| {
            problems.extend(found);
            None
        }),
        None => None,
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let id_place = source.problem(Some(file.id.defined), "");
    let claims = file.checks.iter().map(|check| claim(&source, check)).collect();
    let (requirement, tests) = requirement(file);
    Ok(Checked { requirement, rule, tests, id_place, claims })
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
        if field.value.trim().is_empty() {
            problems.push(source.problem(Some(field.defined), format!("{name} is empty")));
        }
    }
    let is_id = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if file.id.value.is_empty() || !file.id.value.chars().all(is_id) {
        let message = "an id has only letters, digits, '-', '_' and '.'";
        problems.push(source.problem(Some(file.id.defined), message));
    }
    if !(0..=WEIGHT_MAX).contains(&file.weight.value) {
        let message = format!("the weight is not between 0 and {WEIGHT_MAX}");
        problems.push(source.problem(Some(file.weight.defined), message));
    }
    if file.rule.is_none() && file.checks.is_empty() {
        let message = "there is neither a rule nor a check to feed the requirement";
        problems.push(source.problem(Some(file.id.defined), message));
    }
    problems.extend(checks(source, &file.checks));
    problems.extend(controls(source, &file.controls));
    problems.extend(file.rule.iter().flat_map(|rule| relations(source, rule)));
    problems
}

fn relations(source: &Source<'_>, rule: &RuleOfFile) -> Vec<Problem> {
    let is_name = |text: &str| {
        let mut characters = text.chars();
        let first = characters.next().is_some_and(|one| one.is_ascii_alphabetic());
        first && characters.all(|one| one.is_ascii_alphanumeric() || one == '_')
    };
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
            if !is_name(word) {
                fault(format!("{word:?} is no name: write letters, digits and '_'"));
            }
        }
    }
    problems
}

fn checks(source: &Source<'_>, checks: &[CheckOfFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for check in checks {
        for (name, field) in [("source", &check.source), ("check", &check.check)] {
            if field.value.trim().is_empty() {
                problems.push(source.problem(Some(field.defined), format!("{name} is empty")));
            }
        }
        if !seen.insert((&check.source.value, &check.check.value)) {
            let message = format!("{} is mapped twice", check.check.value);
            problems.push(source.problem(Some(check.check.defined), message));
        }
        // A source that nobody knows is a company's own.
        let known = catalogue::of_source(&check.source.value);
        problems.extend(known.and_then(|known| missing(source, known, "check", &check.check)));
    }
    problems
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

fn claim(source: &Source<'_>, check: &CheckOfFile) -> Claim {
    Claim {
        source: check.source.value.clone(),
        check: check.check.value.clone(),
        shared: check.shared,
        place: source.problem(Some(check.check.defined), ""),
    }
}

fn cases(source: &Source<'_>, file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for case in &file.tests {
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
    let relations = file.rule.as_ref().map(|rule| &rule.related);
    for case in &file.tests {
        let mut unknown = case.related.keys();
        let unknown = unknown.find(|name| !relations.is_some_and(|all| all.contains_key(*name)));
        if let Some(name) = unknown {
            let message = format!("the rule has no relation {name:?}");
            problems.push(source.problem(Some(case.name.defined), message));
        }
    }
    if let (None, Some(case)) = (&file.rule, file.tests.first()) {
        let message = "there is a test but no rule";
        problems.push(source.problem(Some(case.name.defined), message));
    }
    problems
}

fn compile(source: &Source<'_>, rule: &RuleOfFile) -> Result<Rule, Vec<Problem>> {
    let text = rule_text(rule);
    compliance::compile(&text).map_err(|errors| {
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

fn requirement(file: File) -> (Requirement, Vec<Case>) {
    let checks = file.checks.into_iter().map(|check| CheckMapping {
        source: check.source.value,
        check: check.check.value,
        warn_passes: check.warn_passes,
    });
    let requirement = Requirement {
        id: file.id.value,
        title: file.title.value,
        why: file.why.value,
        severity: file.severity,
        weight: file.weight.value,
        resource_type: file.resource_type.value,
        scoring: file.scoring,
        rule: file.rule.as_ref().map(rule_text),
        checks: checks.collect(),
        remediation: file.remediation.value,
        controls: names(file.controls),
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
