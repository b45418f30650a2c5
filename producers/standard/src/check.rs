//! Checks a requirement's file: its form, its words, its rule.

use std::collections::BTreeSet;
use std::path::Path;

use rules::{Rule, RuleSource};
use schemas::{CheckMapping, Requirement, RuleText, Scoring};
use serde_saphyr::Spanned;

use crate::Problem;
use crate::catalogue::{self, Catalogue};
use crate::file::{Case, CheckOfFile, Controls, File, RuleOfFile};
use crate::place::Source;

/// The most that one requirement may weigh, so that a slip of the hand can't drown the others.
const WEIGHT_MAX: i64 = 1_000;

/// Scanners that tell of resources one by one, and never how many they looked at.
const SOURCES_WITHOUT_TOTALS: [&str; 3] = ["cloudsploit", "prowler", "securityhub"];

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

/// Gives a requirement's rule in the form that `rules` compiles.
pub fn source_of(text: &RuleText) -> RuleSource<'_> {
    RuleSource {
        each: text.each.as_deref().zip(text.part.as_deref()),
        applies: text.applies.as_deref(),
        pass: &text.pass,
        message: text.message.as_deref(),
    }
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
    problems.extend(summary(source, file));
    problems.extend(controls(source, &file.controls));
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
    if let (None, Some(case)) = (&file.rule, file.tests.first()) {
        let message = "there is a test but no rule";
        problems.push(source.problem(Some(case.name.defined), message));
    }
    problems
}

fn compile(source: &Source<'_>, rule: &RuleOfFile) -> Result<Rule, Vec<Problem>> {
    let text = rule_text(rule);
    Rule::compile(&source_of(&text)).map_err(|errors| {
        let place = |error: rules::CompileError| match field_of(rule, error.field) {
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
