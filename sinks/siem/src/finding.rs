//! Transitions of verdicts and credit as Compliance Findings (class 2003). Pure.
//!
//! A finding is a row that fails. It is created when the row begins to fail, updated when its
//! credit changes, and closed when it passes or is gone. A row that could not be judged any more
//! stays open: unknown is never pass.

use schemas::{
    ComplianceChange, ComplianceKey, Credit, Key, Requirement, Severity, Standing, Verdict,
};
use serde_json::{Value, json};
use stream::Record;

use crate::{
    Known,
    event::{Activity, Origin, TEXT_BYTES_MAX, base, called, cut, object, resource, text},
};

/// What a transition means to whoever works on findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Create,
    Update,
    Close,
}

/// Makes the event of a transition; none when no finding comes, changes or goes.
pub(crate) fn event(
    record: &Record,
    key: &ComplianceKey,
    change: &ComplianceChange,
    known: &Known,
) -> Option<Value> {
    let step = step(change.before, change.after)?;
    let requirement = known.requirements.get(&key.requirement);
    let account = known.accounts.get(&key.account);
    let origin = Origin {
        record,
        at_ms: change.at_ms,
        cause: &change.cause,
        account: &key.account,
        region: &key.region,
    };
    let title = requirement.map_or(&*key.requirement, |one| cut(&one.title, TEXT_BYTES_MAX));
    let mut event =
        base(&step.activity(), &origin, severity(requirement), account, is_cut(requirement));
    let (status_id, status) = status(step, change.after);
    let place = format!("{} in {}", key.resource, called(&key.account, account));
    let kind = requirement.map_or("", |one| &*one.resource_type);
    let mut resource = resource(&key.resource, kind, &key.region, account);
    resource["role_id"] = json!(3);
    resource["role"] = json!("Affected");
    let members = [
        ("message", json!(format!("{}: {title} ({place})", words(step, change.after)))),
        ("status_id", json!(status_id)),
        ("status", json!(status)),
        ("finding_info", finding_info(step, key, change.at_ms, title, requirement)),
        ("compliance", compliance(key, change.after, requirement)),
        ("resources", json!([resource])),
        ("remediation", remediation(requirement)),
        (
            "unmapped",
            object([
                ("before", standing(change.before)),
                ("after", standing(change.after)),
                ("part", text(&key.part)),
                ("weight", requirement.map_or(Value::Null, |one| json!(one.weight))),
                ("executive", json!(account.and_then(|one| one.executive.as_deref()))),
            ]),
        ),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    event.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Some(Value::Object(event))
}

/// Tells what a transition means. Without memory of what was told before, a row that could not be
/// judged may hide an open finding: it is rather closed once too often than never.
fn step(before: Option<Standing>, after: Option<Standing>) -> Option<Move> {
    let verdict = |standing: Option<Standing>| standing.map(|standing| standing.verdict);
    match (verdict(before), verdict(after)) {
        (Some(Verdict::Fail), Some(Verdict::Fail | Verdict::Unknown)) => Some(Move::Update),
        (_, Some(Verdict::Fail)) => Some(Move::Create),
        (Some(Verdict::Unknown), Some(Verdict::Unknown)) => None,
        (Some(Verdict::Fail | Verdict::Unknown), _) => Some(Move::Close),
        _ => None,
    }
}

impl Move {
    fn activity(self) -> Activity {
        let (id, name) = match self {
            Move::Create => (1, "Create"),
            Move::Update => (2, "Update"),
            Move::Close => (3, "Close"),
        };
        Activity { category: (2, "Findings"), class: (2003, "Compliance Finding"), id, name }
    }
}

/// Where the finding stands in the work on it: an accepted risk is suppressed, still failing.
fn status(step: Move, after: Option<Standing>) -> (u32, &'static str) {
    match (step, credit(after)) {
        (Move::Close, _) => (4, "Resolved"),
        (_, Some(Credit::Live)) => (3, "Suppressed"),
        _ => (1, "New"),
    }
}

fn credit(standing: Option<Standing>) -> Option<Credit> {
    standing.map(|standing| standing.credit)
}

fn words(step: Move, after: Option<Standing>) -> &'static str {
    match (step, after.map(|standing| (standing.verdict, standing.credit))) {
        (Move::Close, Some((Verdict::Pass, _))) => "Passes now",
        (Move::Close, _) => "No longer concerned",
        (_, Some((Verdict::Unknown, _))) => "Could not be judged again",
        (_, Some((_, Credit::Live))) => "Fails, the risk is accepted",
        _ => "Fails",
    }
}

/// How bad it is; unknown where the requirement is.
fn severity(requirement: Option<&Requirement>) -> (u32, &'static str) {
    match requirement.map(|requirement| requirement.severity) {
        None => (0, "Unknown"),
        Some(Severity::Info) => (1, "Informational"),
        Some(Severity::Low) => (2, "Low"),
        Some(Severity::Medium) => (3, "Medium"),
        Some(Severity::High) => (4, "High"),
        Some(Severity::Critical) => (5, "Critical"),
    }
}

/// Whether a text of the requirement is too long for an event.
fn is_cut(requirement: Option<&Requirement>) -> bool {
    let long = |one: &Requirement| {
        [&one.title, &one.why, &one.remediation].iter().any(|text| text.len() > TEXT_BYTES_MAX)
    };
    requirement.is_some_and(long)
}

fn finding_info(
    step: Move,
    key: &ComplianceKey,
    at_ms: i64,
    title: &str,
    requirement: Option<&Requirement>,
) -> Value {
    let why = requirement.map_or("", |one| cut(&one.why, TEXT_BYTES_MAX));
    let time = if step == Move::Create { "first_seen_time" } else { "modified_time" };
    object([
        ("uid", json!(key.encode())),
        ("title", json!(title)),
        ("desc", text(why)),
        (time, json!(at_ms)),
    ])
}

fn compliance(
    key: &ComplianceKey,
    after: Option<Standing>,
    requirement: Option<&Requirement>,
) -> Value {
    let (status_id, status) = match after.map(|standing| standing.verdict) {
        Some(Verdict::Pass) => (1, "Pass"),
        Some(Verdict::Fail) => (3, "Fail"),
        Some(Verdict::Unknown) => (0, "Unknown"),
        Some(Verdict::NotApplicable) => (99, "Not applicable"),
        None => (99, "Gone"),
    };
    let detail = match credit(after) {
        Some(Credit::Live) => json!(["a live exception accepts the risk"]),
        Some(Credit::Lapsed) => json!(["an exception concerns it and gives no credit now"]),
        _ => Value::Null,
    };
    let controls = requirement.map_or(&[][..], |one| &one.controls);
    object([
        ("control", json!(key.requirement)),
        ("standards", json!(standards(controls))),
        ("requirements", json!(controls)),
        ("status_id", json!(status_id)),
        ("status", json!(status)),
        ("status_details", detail),
    ])
}

/// The public benchmarks of controls: `CIS AWS 3.0.0` of `CIS AWS 3.0.0 1.14`.
fn standards(controls: &[String]) -> Vec<&str> {
    let mut standards: Vec<&str> =
        controls.iter().map(|one| one.rsplit_once(' ').map_or(&**one, |(name, _)| name)).collect();
    standards.dedup();
    standards
}

fn remediation(requirement: Option<&Requirement>) -> Value {
    let how = requirement.map_or("", |one| cut(&one.remediation, TEXT_BYTES_MAX));
    if how.is_empty() { Value::Null } else { json!({ "desc": how }) }
}

fn standing(standing: Option<Standing>) -> Value {
    standing.map_or(Value::Null, |one| json!({ "verdict": one.verdict, "credit": one.credit }))
}
