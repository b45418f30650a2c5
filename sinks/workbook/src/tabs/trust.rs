//! Who may act in the accounts although nobody approved it.

use super::List;
use crate::relations::RelationView;
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::moment;
use crate::view::View;

pub(super) const NAME: &str = "Trust";

/// Columns: heading, its style, width.
const COLUMNS: [(&str, Style, f64); 10] = [
    ("Principal", Style::Heading, 48.0),
    ("Its account", Style::Heading, 15.0),
    ("Known", Style::Heading, 26.0),
    ("Kind", Style::Heading, 13.0),
    ("May act in", Style::Heading, 26.0),
    ("Account id", Style::Heading, 15.0),
    ("Resources", Style::HeadingNumber, 11.0),
    ("Through", Style::Heading, 48.0),
    ("Conditions (resources)", Style::Heading, 30.0),
    ("First seen", Style::Heading, 17.0),
];

const LIST: List<'_> = List {
    columns: &COLUMNS,
    scores: None,
    noun: "relations",
    none: "Nobody: every principal is one of ours, a service, or approved.",
};

/// Lays out the relations, unknown principals first.
pub(super) fn sheet(view: &View<'_>, all: &[RelationView<'_, '_>]) -> Sheet {
    let mut sheet = Sheet::new(NAME, Tint::Overview, LIST.widths());
    let title = "Trusted by the accounts, approved by nobody";
    sheet.push(Row::of_height(30.0, vec![Cell::text(title, Style::Title)]));
    let subtitle = format!("{} · as of {} UTC", view.subject, moment(view.at_ms));
    sheet.push(super::line(&subtitle, Style::Subtitle));
    LIST.add(&mut sheet, all, view.limits.rows_max, relation_row);
    sheet
}

fn relation_row(relation: &RelationView<'_, '_>) -> Row {
    let state = relation.state;
    let of = relation.account.state;
    let known = if state.known { Style::Fair } else { Style::Poor };
    Row::new(vec![
        Cell::wrapped(&relation.key.principal, Style::Text, Style::Line),
        Cell::text(state.principal_account.as_deref().unwrap_or_default(), Style::Text),
        Cell::text(&relation.known(), known),
        Cell::text(state.kind.as_str(), Style::Text),
        Cell::text(&of.name, Style::Text),
        Cell::text(&of.account, Style::Text),
        Cell::count(state.resources, Style::Count),
        Cell::wrapped(&relation.through(), Style::Text, Style::Line),
        Cell::wrapped(&relation.conditions(), Style::Text, Style::Line),
        Cell::time(Some(state.first_seen_ms).filter(|ms| *ms > 0), Style::DateTime),
    ])
}
