//! What changed since a time and why: the tab that has all of it, and the summary's part.

use super::List;
use super::summary::{indented, section};
use crate::changes::{self, ChangeKind, ChangeView};
use crate::console::Place;
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{counted, moment};
use crate::view::View;

pub(super) const NAME: &str = "Changes";

/// Columns: heading, its style, width.
const COLUMNS: [(&str, Style, f64); 12] = [
    ("Change", Style::Heading, 22.0),
    ("Severity", Style::Heading, 11.0),
    ("Requirement", Style::Heading, 34.0),
    ("Account", Style::Heading, 24.0),
    ("Resource", Style::Heading, 30.0),
    ("Part", Style::Heading, 22.0),
    ("Region", Style::Heading, 14.0),
    ("When", Style::Heading, 17.0),
    ("From → to", Style::Heading, 32.0),
    ("Why", Style::Heading, 26.0),
    ("Resource id", Style::Heading, 40.0),
    ("Cause", Style::Heading, 26.0),
];

const LIST: List<'_> = List {
    columns: &COLUMNS,
    scores: None,
    noun: "changes",
    none: "Nothing: no verdict turned in a way that counts.",
};

/// Columns that are printed; those behind are details for the screen.
const PRINTED: u16 = 10;

/// Accounts without an earlier score that are named.
const NEW_MAX: usize = 8;

/// Lays out all changes; none where no earlier score is kept.
pub(super) fn sheet(view: &View<'_>, all: &[ChangeView<'_, '_>]) -> Option<Sheet> {
    let since = view.past.since.as_ref()?;
    let mut sheet = Sheet::new(NAME, Tint::Overview, LIST.widths());
    let title = format!("Changes since {}", moment(since.at_ms));
    sheet.push(Row::of_height(30.0, vec![Cell::text(&title, Style::Title)]));
    let subtitle = format!("{} · as of {} UTC", view.subject, moment(view.at_ms));
    sheet.push(super::line(&subtitle, Style::Subtitle));
    if let Some(text) = without_score(view) {
        sheet.push(super::line(&text, Style::Remark));
    }
    sheet.printed_columns = PRINTED;
    let mut links = 0..view.limits.console_links_max;
    LIST.add(&mut sheet, all, view.limits.rows_max, |change| {
        change_row(change, links.next().is_some())
    });
    Some(sheet)
}

fn change_row(change: &ChangeView<'_, '_>, linked: bool) -> Row {
    let severity = change.requirement.severity();
    let cause = &change.turn.cause;
    Row::new(vec![
        kind_cell(change.kind),
        Cell::text(severity.as_str(), severity.into()),
        Cell::wrapped(change.requirement.title(), Style::Text, Style::Line),
        Cell::text(&change.account.state.name, Style::Text),
        resource_cell(change, linked),
        Cell::text(&change.key.part, Style::Text),
        Cell::text(&change.key.region, Style::Text),
        Cell::time(Some(change.turn.at_ms), Style::DateTime),
        Cell::text(&change.transition(), Style::Text),
        Cell::text(change.cause(), Style::Text),
        Cell::wrapped(&change.key.resource, Style::Text, Style::Line),
        Cell::text(&cause.to_string(), Style::Text),
    ])
}

fn kind_cell(kind: ChangeKind) -> Cell {
    let style = match kind {
        ChangeKind::NewlyFailing | ChangeKind::Lapsed => Style::Poor,
        ChangeKind::NotJudged => Style::Fair,
        ChangeKind::Credited => Style::Low,
        ChangeKind::Fixed => Style::Good,
    };
    Cell::text(kind.word(), style)
}

fn resource_cell(change: &ChangeView<'_, '_>, linked: bool) -> Cell {
    let (name, turn) = (change.resource(), change.turn);
    // What is gone is in no console.
    let there = linked && turn.after.is_some();
    let link =
        there.then(|| Place::of(change.key, &turn.name, &turn.arn).link(&turn.resource_type));
    match link.flatten() {
        Some(link) => Cell::console(name, link, Style::TableLink),
        None => Cell::wrapped(name, Style::Text, Style::Line),
    }
}

/// Names the accounts of which nothing is told, because they had no score then.
fn without_score(view: &View<'_>) -> Option<String> {
    let since = view.past.since.as_ref()?;
    let new = view.without_score_in(since);
    let names: Vec<&str> = new.map(|account| account.state.name.as_str()).collect();
    let more = names.len().saturating_sub(NEW_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = names.iter().take(NEW_MAX).copied().collect::<Vec<_>>().join(", ");
    let accounts = counted(names.len() as i64, "account", "accounts");
    (!names.is_empty()).then(|| {
        format!("{accounts} had no score then, and nothing in them is told as new: {named}{more}.")
    })
}

/// Adds the summary's part: the first changes of each kind.
pub(super) fn list(view: &View<'_>, all: &[ChangeView<'_, '_>], sheet: &mut Sheet) {
    let Some(since) = &view.past.since else {
        let text = "Nothing can be said: the log keeps no score of an earlier time.";
        section(sheet, "What changed", "");
        sheet.push(indented(super::line(text, Style::Plain)));
        return;
    };
    let title = format!("What changed since {}, and why", moment(since.at_ms));
    section(sheet, &title, &without_score(view).unwrap_or_default());
    if all.is_empty() {
        let text = match view.before() {
            Some(_) => LIST.none,
            None => "Nothing can be said: none of these accounts had a score then.",
        };
        sheet.push(indented(super::line(text, Style::Plain)));
        return;
    }
    sheet.push(indented(Row::of_height(
        20.0,
        vec![
            Cell::text("Requirement", Style::Heading),
            Cell::text("Account", Style::Heading),
            Cell::text("Severity", Style::Heading),
            Cell::text("Change", Style::Heading).over(2),
            Cell::text("Resource", Style::Heading).over(3),
            Cell::text("When", Style::Heading),
            Cell::text("Why", Style::Heading),
        ],
    )));
    let told: Vec<&ChangeView> = changes::first(all, view.limits.changes_max).collect();
    for change in &told {
        sheet.push(indented(summary_row(change)));
    }
    if told.len() < all.len() {
        let more = counted((all.len() - told.len()) as i64, "more change", "more changes");
        let text = format!("{more}: see the tab {NAME}");
        let link = Cell::link(&text, Some(NAME), Style::Link, Style::Plain);
        sheet.push(indented(Row::new(vec![link.over(10)])));
    }
}

fn summary_row(change: &ChangeView<'_, '_>) -> Row {
    let severity = change.requirement.severity();
    let why = match change.cause() {
        "" => change.transition(),
        cause => format!("{}: {cause}", change.transition()),
    };
    Row::new(vec![
        Cell::text(change.requirement.title(), Style::Text),
        Cell::text(&change.account.state.name, Style::Text),
        Cell::text(severity.as_str(), severity.into()),
        kind_cell(change.kind).over(2),
        resource_cell(change, true).over(3),
        Cell::time(Some(change.turn.at_ms), Style::DateTime),
        Cell::text(&why, Style::Text),
    ])
}
