//! The executives with their scores, weighted by spend.

use super::{List, trend};
use crate::executives::ExecutiveView;
use crate::past::WEEKS;
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::moment;
use crate::view::View;

pub(super) const NAME: &str = "Executives";

/// Columns: heading, its style, width.
const COLUMNS: [(&str, Style, f64); 11] = [
    ("Executive", Style::Heading, 34.0),
    ("Score", Style::HeadingNumber, 12.0),
    ("Standing", Style::Heading, 14.0),
    ("In 7 days", Style::HeadingNumber, 12.0),
    ("In 13 weeks", Style::HeadingNumber, 12.0),
    ("Spend", Style::HeadingNumber, 15.0),
    ("Accounts", Style::HeadingNumber, 11.0),
    ("With a score", Style::HeadingNumber, 11.0),
    ("To fix", Style::HeadingNumber, 11.0),
    ("Accepted", Style::HeadingNumber, 11.0),
    ("Remarks", Style::Heading, 56.0),
];

const LIST: List<'_> = List {
    columns: &COLUMNS,
    scores: Some(1),
    noun: "executives",
    none: "The register names no executive.",
};

/// Lays out the executives, the lowest score first.
pub(super) fn sheet(view: &View<'_>, all: &[ExecutiveView<'_, '_>]) -> Sheet {
    let mut sheet = Sheet::new(NAME, Tint::Overview, LIST.widths());
    sheet.push(Row::of_height(30.0, vec![Cell::text("Executives", Style::Title)]));
    let subtitle = format!(
        "as of {} UTC · the lowest score first · an account's score counts by what it spends, an \
         earlier one by what it spends now",
        moment(view.at_ms)
    );
    sheet.push(super::line(&subtitle, Style::Subtitle));
    LIST.add(&mut sheet, all, view.limits.rows_max, |executive| executive_row(view, executive));
    sheet
}

/// Gives the cell of how far an executive's score moved in some weeks.
pub(super) fn moved_cell(view: &View<'_>, executive: &ExecutiveView<'_, '_>, weeks: i64) -> Cell {
    let then = view.weeks_ago(weeks).map(|cut| executive.score_in(cut));
    trend::moved_cell(executive.score().value(), then)
}

fn executive_row(view: &View<'_>, executive: &ExecutiveView<'_, '_>) -> Row {
    let score = executive.score();
    Row::new(vec![
        Cell::text(executive.name, Style::Text),
        score.strong_cell(),
        score.word_cell(),
        moved_cell(view, executive, 1),
        moved_cell(view, executive, WEEKS),
        Cell::money(executive.spend_cents),
        Cell::count(executive.sum.accounts, Style::Count),
        Cell::count(executive.sum.scored, Style::Count),
        Cell::count(executive.open(), Style::Count),
        Cell::count(executive.sum.excepted, Style::Count),
        Cell::wrapped(&executive.remark(), Style::Text, Style::Line),
    ])
}
