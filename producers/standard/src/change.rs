//! Changes: what a later layer says of an earlier one's requirement.

use std::path::{Path, PathBuf};

use rules::{Parameter, Parameters};
use schemas::{Requirement, Severity, did_you_mean};

use crate::Problem;
use crate::check::{self, Checked, Claim, Suite, unfilled};
use crate::file::{Case, ChangeFile};
use crate::parameter;
use crate::place::Source;

/// A change whose file is without a fault of its own.
#[derive(Debug)]
pub(crate) struct Change {
    /// The requirement that it changes.
    pub(crate) id: String,
    /// Where the id stands; its message is empty.
    pub(crate) place: Problem,
    because: String,
    enabled: Option<bool>,
    severity: Option<Severity>,
    weight: Option<i64>,
    /// By name, with the value's place.
    parameters: Vec<(String, Parameter, Problem)>,
    remediation: Option<(String, Problem)>,
    checks: Vec<Claim>,
    /// By source and check, with the check's place.
    release: Vec<(String, String, Problem)>,
    cases: Vec<Case>,
}

/// Checks the file of a change.
///
/// Errors: every fault that was found; what is no YAML of the right form has only its first.
pub(crate) fn check(path: &Path, text: &str) -> Result<Change, Vec<Problem>> {
    let source = Source { path, text };
    let file: ChangeFile = source.read()?;
    let mut problems = words(&source, &file);
    let parameters = parameter::read(&source, &file.parameters).unwrap_or_else(|found| {
        problems.extend(found);
        Parameters::new()
    });
    problems.extend(check::checks(&source, &file.checks));
    problems.extend(check::cases(&source, &file.tests, true));
    if !problems.is_empty() {
        return Err(problems);
    }
    let at = |place| source.problem(Some(place), "");
    let parameter = |(name, value)| {
        let place = at(file.parameters[&name].defined);
        (name, value, place)
    };
    Ok(Change {
        place: at(file.change.defined),
        parameters: parameters.into_iter().map(parameter).collect(),
        remediation: file.remediation.map(|text| (text.value, at(text.defined))),
        checks: file.checks.iter().map(|one| check::claim(&source, one)).collect(),
        release: file
            .release
            .into_iter()
            .map(|one| (one.source, one.check.value, at(one.check.defined)))
            .collect(),
        id: file.change.value,
        because: file.because.value,
        enabled: file.enabled,
        severity: file.severity,
        weight: file.weight.map(|weight| weight.value),
        cases: file.tests,
    })
}

fn words(source: &Source<'_>, file: &ChangeFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(check::empty(source, "because", &file.because));
    problems.extend(file.weight.as_ref().and_then(|weight| check::weight(source, weight)));
    let remediation = file.remediation.as_ref();
    problems.extend(remediation.and_then(|text| check::empty(source, "remediation", text)));
    let says_more = file.severity.is_some()
        || file.weight.is_some()
        || !file.parameters.is_empty()
        || file.remediation.is_some()
        || !file.checks.is_empty()
        || !file.release.is_empty();
    let message = match file.enabled {
        Some(false) if says_more || !file.tests.is_empty() => {
            "what is switched off has nothing else to change"
        }
        None if !says_more => "nothing is changed",
        _ => return problems,
    };
    problems.push(source.problem(Some(file.change.defined), message));
    problems
}

impl Change {
    /// Changes a requirement; gives what does not fit it, and then the requirement is of no use.
    pub(crate) fn apply(self, to: &mut Checked) -> Vec<Problem> {
        let mut problems = Vec::new();
        to.requirement.changes.push(self.because);
        to.is_enabled = self.enabled.unwrap_or(to.is_enabled);
        to.requirement.severity = self.severity.unwrap_or(to.requirement.severity);
        to.requirement.weight = self.weight.unwrap_or(to.requirement.weight);
        for (name, value, place) in self.parameters {
            problems.extend(set(to, name, value, place));
        }
        let is_mended = self.remediation.is_some();
        if let Some((text, place)) = self.remediation {
            problems.extend(unfilled(&text, &to.parameters, place));
            to.requirement.remediation = text;
        }
        // With other values a sentence may be longer.
        let Requirement { title, why, remediation, .. } = &to.requirement;
        let kept = (!is_mended).then_some(remediation);
        for text in [title, why].into_iter().chain(kept) {
            problems.extend(unfilled(text, &to.parameters, self.place.clone()));
        }
        for (source, check, place) in self.release {
            problems.extend(release(to, (&source, &check), place));
        }
        for claim in self.checks {
            problems.extend(add(to, claim));
        }
        if to.suites.is_empty() && to.claims.is_empty() {
            let message = "no check is left to feed the requirement, which has no rule".to_owned();
            problems.push(Problem { message, ..self.place.clone() });
        }
        problems.extend(judge_anew(to, self.cases, &self.place));
        problems
    }
}

/// Sets a parameter to another value of its kind.
fn set(to: &mut Checked, name: String, value: Parameter, place: Problem) -> Option<Problem> {
    let id = &to.requirement.id;
    let Some(shipped) = to.parameters.get(&name) else {
        let mean = did_you_mean(&name, to.parameters.keys().map(String::as_str));
        let message = format!("{id} has no parameter {name}{mean}");
        return Some(Problem { message, ..place });
    };
    if !shipped.is_like(&value) {
        let message = format!("{name} of {id} is {}, not {}", shipped.kind(), value.kind());
        return Some(Problem { message, ..place });
    }
    to.parameters.insert(name, value);
    None
}

/// Takes a check away.
fn release(to: &mut Checked, check: (&str, &str), place: Problem) -> Option<Problem> {
    let before = to.claims.len();
    to.claims.retain(|claim| claim.name() != check);
    let (source, check) = check;
    let mean = did_you_mean(check, to.claims.iter().map(|claim| claim.mapping.check.as_str()));
    let message = || format!("check {check} of {source} does not feed {}{mean}", to.requirement.id);
    (to.claims.len() == before).then(|| Problem { message: message(), ..place })
}

/// Adds a check.
fn add(to: &mut Checked, claim: Claim) -> Option<Problem> {
    if to.claims.iter().any(|one| one.name() == claim.name()) {
        let (source, check) = claim.name();
        let message = format!("check {check} of {source} feeds {} already", to.requirement.id);
        return Some(Problem { message, ..claim.place });
    }
    to.claims.push(claim);
    None
}

/// Compiles the rule with the parameters as they are now, for the cases of a change.
fn judge_anew(to: &mut Checked, cases: Vec<Case>, place: &Problem) -> Vec<Problem> {
    let problem = |message| Problem { message, ..place.clone() };
    let Some(text) = &to.requirement.rule else {
        let has_cases = !cases.is_empty();
        let message = || "there is a test but no rule".to_owned();
        return has_cases.then(|| problem(message())).into_iter().collect();
    };
    let file: PathBuf = place.file.clone();
    let parameters = to.parameters.clone();
    match compliance::compile(text, &parameters) {
        Ok(rule) => to.suites.push(Suite { file, rule, parameters, cases }),
        Err(errors) => {
            let message = |error| format!("with these parameters the rule has a fault: {error}");
            return errors.into_iter().map(|error| problem(message(error))).collect();
        }
    }
    Vec::new()
}
