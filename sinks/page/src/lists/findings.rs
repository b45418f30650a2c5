//! What fails or can't be judged, resource by resource, and what changed.

use std::cmp::Reverse;

use schemas::{ComplianceKey, ComplianceState, Credit, ResourceKey, Severity, Standing, Verdict};

use crate::rows::Rows;
use crate::table::{Cell, Column, Kind, List, Value, columns, text, time};
use crate::view::View;
use crate::{links, routes::Parts};

fn shape() -> Vec<Column> {
    columns(&[
        ("verdict", "Verdict", Kind::Text),
        ("severity", "Severity", Kind::Text),
        ("requirement", "Requirement", Kind::Text),
        ("resource", "Resource", Kind::Text),
        ("id", "Id", Kind::Text),
        ("part", "Part", Kind::Text),
        ("region", "Region", Kind::Text),
        ("evidence", "Evidence", Kind::Text),
        ("since", "Since", Kind::Time),
        ("exception", "Exception", Kind::Text),
        ("source", "Judged by", Kind::Text),
    ])
}

/// All rows of an account that fail or can't be judged: those without credit first, the gravest
/// first.
pub(crate) fn failing<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let account = view.account(parts.get("account"))?;
    let id = &account.state.account;
    let mut rows: Vec<_> =
        view.judged().into_iter().flat_map(|requirement| view.verdicts(requirement, id)).collect();
    sort(view, &mut rows);
    let caption = format!("What fails in {}, the gravest first", account.name());
    Some(table(view, caption, rows))
}

/// The rows of one requirement in an account.
pub(crate) fn rows<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let account = view.account(parts.get("account"))?;
    let requirement = parts.get("requirement");
    let id = &account.state.account;
    let is_known =
        view.requirement(requirement).is_some() || view.verdicts(requirement, id).next().is_some();
    if !is_known {
        return None;
    }
    let mut rows: Vec<_> = view.verdicts(requirement, id).collect();
    sort(view, &mut rows);
    let title = view.requirement(requirement).map_or(requirement, |one| one.title.as_str());
    let mut table = table(view, format!("{title}: what fails in {}", account.name()), rows);
    table.title = format!("{title} in {}", account.name());
    Some(table)
}

type Found<'t> = (&'t ComplianceKey, &'t ComplianceState);

fn sort(view: View<'_>, rows: &mut [Found<'_>]) {
    // A requirement is looked up once a row, not at each comparison.
    rows.sort_by_cached_key(|(key, row)| {
        let severity = severity(view, &key.requirement);
        (row.verdict != Verdict::Fail, row.credit == Credit::Live, Reverse(severity))
    });
}

/// Gives a requirement's severity; what is not known is grave.
fn severity(view: View<'_>, requirement: &str) -> Severity {
    view.requirement(requirement).map_or(Severity::High, |one| one.severity)
}

fn table<'t>(view: View<'t>, caption: String, rows: Vec<Found<'t>>) -> List<'t> {
    let mut table = List::new("findings", caption, shape());
    table.empty = "Nothing fails, and everything could be judged.";
    table.rows = Rows::of(rows, move |(key, row)| found(view, key, row));
    table
}

fn found(view: View<'_>, key: &ComplianceKey, row: &ComplianceState) -> Vec<Cell> {
    let name = if row.name.is_empty() { &key.resource } else { &row.name };
    let resource =
        ResourceKey::new(&*key.account, &*key.region, &*row.resource_type, &*key.resource);
    let mut name = text(&**name);
    if view.tables.resources.contains_key(&resource) {
        name = name.to(links::resource(&resource));
    }
    let id = if row.arn.is_empty() { &key.resource } else { &row.arn };
    let explain = links::explain(&key.account, &key.requirement);
    let explain = format!("{explain}?resource={}", links::escaped(&key.resource));
    let evidence = if row.held {
        format!("{} (kept: newer data could not tell)", row.evidence)
    } else {
        row.evidence.clone()
    };
    let title = view.requirement(&key.requirement).map_or(&key.requirement, |one| &one.title);
    vec![
        text(verdict_words(row.verdict, row.credit)).to(explain),
        Value::Severity(severity(view, &key.requirement)).into(),
        text(&**title).to(links::requirement(&key.requirement)),
        name,
        text(&**id),
        text(&*key.part),
        text(&*key.region),
        text(evidence),
        time(Some(row.since_ms)),
        exception(row),
        text(&*row.source),
    ]
}

fn exception(row: &ComplianceState) -> Cell {
    let Some(id) = row.exception.as_deref() else { return Value::Empty.into() };
    let until = row.exception_expires_ms.map_or(String::new(), |end| {
        format!(" until {}", schemas::headers::rfc3339(end).split('T').next().unwrap_or_default())
    });
    let words = match row.credit {
        Credit::Live => format!("{id}{until}"),
        Credit::Lapsed | Credit::None => format!("{id} gives no credit"),
    };
    text(words).to(format!("/exceptions?q={}", links::escaped(id)))
}

/// Says a verdict and its credit, with a mark for the eye.
pub(crate) fn verdict_words(verdict: Verdict, credit: Credit) -> &'static str {
    match (verdict, credit) {
        (Verdict::Fail, Credit::Live) => "◇ accepted",
        (Verdict::Fail, Credit::None | Credit::Lapsed) => "✗ fails",
        (Verdict::Unknown, _) => "? unknown",
        (Verdict::Pass, _) => "✓ passes",
        (Verdict::NotApplicable, _) => "– not applicable",
    }
}

/// What changed in an account and moved its score, the newest first.
pub(crate) fn changes<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let account = view.account(parts.get("account"))?;
    let of = columns(&[
        ("at", "When", Kind::Time),
        ("before", "Before", Kind::Text),
        ("after", "After", Kind::Text),
        ("requirement", "Requirement", Kind::Text),
        ("resource", "Resource", Kind::Text),
        ("part", "Part", Kind::Text),
        ("region", "Region", Kind::Text),
        ("cause", "Caused by", Kind::Text),
    ]);
    let caption = format!("What moved the score of {}, the newest first", account.name());
    let mut table = List::new("changes", caption, of);
    table.empty = "Nothing changed in the last 30 days.";
    table.rows = view
        .changes(&account.state.account)
        .map(|one| {
            let (key, change) = (&one.key, &one.change);
            let title =
                view.requirement(&key.requirement).map_or(&key.requirement, |one| &one.title);
            let name = if one.name.is_empty() { &key.resource } else { &one.name };
            let explain = links::explain(&key.account, &key.requirement);
            let explain = format!("{explain}?resource={}", links::escaped(&key.resource));
            vec![
                time(Some(change.at_ms)),
                text(standing_words(change.before)),
                text(standing_words(change.after)),
                text(&**title).to(links::rows(&key.account, &key.requirement)),
                text(&**name).to(explain),
                text(&*key.part),
                text(&*key.region),
                text(change.cause.to_string()),
            ]
        })
        .collect();
    Some(table)
}

fn standing_words(standing: Option<Standing>) -> &'static str {
    standing.map_or("– none", |one| verdict_words(one.verdict, one.credit))
}
