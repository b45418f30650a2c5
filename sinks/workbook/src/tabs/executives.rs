//! The executives with their scores, weighted by spend.

use crate::executives::{self, ExecutiveView};
use crate::sheet::{Area, Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{moment, thousands};
use crate::view::View;

pub(super) const NAME: &str = "Executives";

/// Columns: heading, its style, width.
const COLUMNS: [(&str, Style, f64); 9] = [
    ("Executive", Style::Heading, 34.0),
    ("Score", Style::HeadingNumber, 12.0),
    ("Standing", Style::Heading, 14.0),
    ("Spend", Style::HeadingNumber, 15.0),
    ("Accounts", Style::HeadingNumber, 11.0),
    ("With a score", Style::HeadingNumber, 11.0),
    ("To fix", Style::HeadingNumber, 11.0),
    ("Accepted", Style::HeadingNumber, 11.0),
    ("Remarks", Style::Heading, 56.0),
];

/// The column of scores.
const SCORE: u16 = 1;

/// Lays out the executives, the lowest score first.
pub(super) fn sheet(view: &View<'_>) -> Sheet {
    let widths = COLUMNS.iter().map(|column| column.2).collect();
    let mut sheet = Sheet::new(NAME, Tint::Overview, widths);
    sheet.push(Row::of_height(30.0, vec![Cell::text("Executives", Style::Title)]));
    let subtitle = format!(
        "as of {} UTC · the lowest score first · an account's score counts by what it spends",
        moment(view.at_ms)
    );
    sheet.push(super::line(&subtitle, Style::Subtitle));
    let first_row = sheet.next_row();
    let labels = COLUMNS.iter().map(|(label, style, _)| Cell::text(label, *style));
    sheet.push(Row::of_height(32.0, labels.collect()));
    sheet.frozen = (sheet.next_row(), 1);
    sheet.repeated_rows = Some((first_row, first_row));
    let all = executives::of(view);
    if all.is_empty() {
        sheet.push(super::line("The register names no executive.", Style::Plain));
        return sheet;
    }
    let shown = all.len().min(view.limits.rows_max);
    for executive in &all[..shown] {
        sheet.push(executive_row(executive));
    }
    let (last_row, last_column) = (sheet.next_row() - 1, sheet.last_column());
    sheet.filter = Some(Area { first_row, first_column: 0, last_row, last_column });
    let (first_row, last_column) = (first_row + 1, SCORE);
    sheet.scored.push(Area { first_row, first_column: SCORE, last_row, last_column });
    if shown < all.len() {
        let text = format!("⚠ Cut: {} more executives.", thousands((all.len() - shown) as i64));
        sheet.push(super::banner(&text, COLUMNS.len() as u16));
    }
    sheet
}

fn executive_row(executive: &ExecutiveView<'_>) -> Row {
    let score = executive.score();
    Row::new(vec![
        Cell::text(executive.name, Style::Text),
        score.strong_cell(),
        score.word_cell(),
        Cell::money(executive.spend_cents),
        Cell::count(executive.sum.accounts, Style::Count),
        Cell::count(executive.sum.scored, Style::Count),
        Cell::count(executive.open(), Style::Count),
        Cell::count(executive.sum.excepted, Style::Count),
        Cell::wrapped(&executive.remark(), Style::Text, Style::Line),
    ])
}
