//! Transitions of verdicts and credit as Compliance Findings (class 2003). Pure.
//!
//! A finding is a row that fails. It is created when the row begins to fail, updated when its
//! credit changes, and closed when it passes or is gone. A row that could not be judged any more
//! stays open: unknown is never pass.

use schemas::{
    ComplianceChange, ComplianceKey, ComplianceState, Credit, Key, Requirement, Severity, Standing,
    Verdict,
};
use serde_json::{Value, json};
use stream::Record;

use crate::{
    Account, Known,
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
    // What is gone is named, but its last evidence tells nothing of now.
    let row = change.row.as_ref().filter(|_| change.after.is_some());
    let is_cut = is_cut(requirement, row);
    let mut event = base(&step.activity(), &origin, severity(requirement), account, is_cut);
    let (status_id, status) = status(step, change.after);
    let place = format!("{} in {}", key.resource, called(&key.account, account));
    let members = [
        ("message", json!(format!("{}: {title} ({place})", words(step, change.after)))),
        ("status_id", json!(status_id)),
        ("status", json!(status)),
        ("finding_info", finding_info(step, key, change.at_ms, title, requirement)),
        ("compliance", compliance(key, change.after, row, requirement)),
        ("resources", json!([affected(key, change.row.as_ref(), requirement, account)])),
        ("remediation", remediation(requirement)),
        (
            "unmapped",
            object([
                ("before", standing(change.before)),
                ("after", standing(change.after)),
                ("part", text(&key.part)),
                ("exception", row.map_or(Value::Null, exception)),
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

/// Whether a text of the requirement or the row is too long for an event.
fn is_cut(requirement: Option<&Requirement>, row: Option<&ComplianceState>) -> bool {
    let long = |text: &String| text.len() > TEXT_BYTES_MAX;
    requirement.is_some_and(|one| [&one.title, &one.why, &one.remediation].into_iter().any(long))
        || row.is_some_and(|row| long(&row.evidence) || row.exception_reason.iter().any(long))
}

/// The resource, by the name that is its own in all of the cloud where it has one.
fn affected(
    key: &ComplianceKey,
    row: Option<&ComplianceState>,
    requirement: Option<&Requirement>,
    account: Option<&Account>,
) -> Value {
    let (name, arn) = row.map_or(("", ""), |row| (&row.name, &row.arn));
    let kind = row.map(|row| &*row.resource_type).filter(|kind| !kind.is_empty());
    let kind = kind.or(requirement.map(|one| &*one.resource_type)).unwrap_or("");
    let uid = if arn.is_empty() { &key.resource } else { arn };
    let mut resource = resource(uid, kind, &key.region, account);
    let alternative = if uid == key.resource { "" } else { &key.resource };
    let members = [
        ("uid_alt", text(alternative)),
        ("name", text(name)),
        ("role_id", json!(3)),
        ("role", json!("Affected")),
    ];
    for (name, value) in members.into_iter().filter(|(_, value)| !value.is_null()) {
        resource[name] = value;
    }
    resource
}

/// The exception that concerns a row; OCSF has no place for one.
fn exception(row: &ComplianceState) -> Value {
    let reason = row.exception_reason.as_deref().unwrap_or("");
    object([
        ("uid", json!(row.exception)),
        ("reason", text(cut(reason, TEXT_BYTES_MAX))),
        ("expiration_time", json!(row.exception_expires_ms)),
    ])
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
    row: Option<&ComplianceState>,
    requirement: Option<&Requirement>,
) -> Value {
    let (status_id, status) = match after.map(|standing| standing.verdict) {
        Some(Verdict::Pass) => (1, "Pass"),
        Some(Verdict::Fail) => (3, "Fail"),
        Some(Verdict::Unknown) => (0, "Unknown"),
        Some(Verdict::NotApplicable) => (99, "Not applicable"),
        None => (99, "Gone"),
    };
    let evidence = row.map_or("", |row| cut(&row.evidence, TEXT_BYTES_MAX));
    let accepted = match credit(after) {
        Some(Credit::Live) => "a live exception accepts the risk",
        Some(Credit::Lapsed) => "an exception concerns it and gives no credit now",
        _ => "",
    };
    let details = [evidence, accepted].into_iter().filter(|text| !text.is_empty());
    let controls = requirement.map_or(&[][..], |one| &one.controls);
    object([
        ("control", json!(key.requirement)),
        ("standards", json!(standards(controls))),
        ("requirements", json!(controls)),
        ("status_id", json!(status_id)),
        ("status", json!(status)),
        ("status_details", details.collect()),
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
