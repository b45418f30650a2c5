//! The tabs of a workbook, one file each, in the order in which they are read.

mod about;
mod account;
mod accounts;
mod alarms;
mod changes;
mod exceptions;
mod executives;
mod figures;
mod movers;
mod overview;
mod scores;
mod summary;
mod trend;
mod trust;

use crate::sheet::{Area, Cell, Row, Sheet};
use crate::style::Style;
use crate::text::thousands;
use crate::view::View;
use crate::{Subject, relations};

/// Names of the tabs that an owner's workbook may have; no account's tab may take one.
pub(crate) const NAMES: [&str; 6] =
    [summary::NAME, scores::NAME, changes::NAME, trend::NAME, exceptions::NAME, about::NAME];

/// Lays out all sheets of a workbook.
pub(crate) fn sheets(view: &View<'_>) -> Vec<Sheet> {
    match view.subject {
        Subject::Owner(_) => of_owner(view),
        Subject::Enterprise | Subject::Payer(_) => of_many(view),
    }
}

/// For who looks over many owners: no resource by name.
fn of_many(view: &View<'_>) -> Vec<Sheet> {
    // An executive's score is one over all payers.
    let named = (*view.subject == Subject::Enterprise).then(|| crate::executives::of(view));
    let (relations, changes) = (relations::of(view), crate::changes::of(view));
    let mut sheets = vec![
        overview::sheet(view, named.as_deref(), &relations, &changes),
        scores::sheet(view),
        accounts::sheet(view),
    ];
    sheets.extend(trend::sheet(view));
    sheets.extend(named.map(|all| executives::sheet(view, &all)));
    sheets.extend([trust::sheet(view, &relations), about::sheet(view)]);
    sheets
}

fn of_owner(view: &View<'_>) -> Vec<Sheet> {
    let changes = crate::changes::of(view);
    let mut sheets = vec![summary::sheet(view, &changes), scores::sheet(view)];
    sheets.extend(changes::sheet(view, &changes));
    sheets.extend(trend::sheet(view));
    sheets.extend(view.shown().iter().map(|account| account::sheet(view, account)));
    sheets.push(exceptions::sheet(view));
    sheets.push(about::sheet(view));
    sheets
}

/// Makes a heading row of labels.
fn headings(labels: &[&str], style: Style) -> Row {
    Row::new(labels.iter().map(|label| Cell::text(label, style)).collect())
}

/// A list that has a sheet to itself.
struct List<'l> {
    /// Its columns: heading, the heading's style, width.
    columns: &'l [(&'static str, Style, f64)],
    /// The column of scores, if there is one.
    scores: Option<u16>,
    /// What its rows are, in the plural.
    noun: &'static str,
    /// What is said when there is no row.
    none: &'static str,
}

impl List<'_> {
    fn widths(&self) -> Vec<f64> {
        self.columns.iter().map(|column| column.2).collect()
    }

    /// Adds the heading that stays in sight, and a row for each item, as many as fit.
    fn add<T>(&self, sheet: &mut Sheet, items: &[T], rows_max: usize, row: impl FnMut(&T) -> Row) {
        let first_row = sheet.next_row();
        let labels = self.columns.iter().map(|(label, style, _)| Cell::text(label, *style));
        sheet.push(Row::of_height(32.0, labels.collect()));
        sheet.frozen = (sheet.next_row(), 1);
        sheet.repeated_rows = Some((first_row, first_row));
        if items.is_empty() {
            sheet.push(line(self.none, Style::Plain));
            return;
        }
        let shown = items.len().min(rows_max);
        items[..shown].iter().map(row).for_each(|row| sheet.push(row));
        let (last_row, last_column) = (sheet.next_row() - 1, sheet.last_column());
        sheet.filter = Some(Area { first_row, first_column: 0, last_row, last_column });
        sheet.scored.extend(self.scores.map(|column| Area {
            first_row: first_row + 1,
            first_column: column,
            last_row,
            last_column: column,
        }));
        if shown < items.len() {
            let more = thousands((items.len() - shown) as i64);
            let text = format!("⚠ Cut: {more} more {}.", self.noun);
            sheet.push(banner(&text, sheet.printed_columns));
        }
    }
}

/// Makes a row that must not be overlooked, over several columns.
fn banner(text: &str, columns: u16) -> Row {
    Row::new(vec![Cell::text(text, Style::Warning).over(columns)])
}

/// Makes a row of one text.
fn line(text: &str, style: Style) -> Row {
    Row::new(vec![Cell::text(text, style)])
}
