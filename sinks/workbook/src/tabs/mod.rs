//! The tabs of a workbook, one file each, in the order in which they are read.

mod about;
mod account;
mod accounts;
mod exceptions;
mod executives;
mod figures;
mod overview;
mod scores;
mod summary;
mod trust;

use crate::Subject;
use crate::sheet::{Cell, Row, Sheet};
use crate::style::Style;
use crate::view::View;

/// Names of the tabs that every workbook has; no account's tab may take one.
pub(crate) const NAMES: [&str; 4] = [summary::NAME, scores::NAME, exceptions::NAME, about::NAME];

/// Lays out all sheets of a workbook.
pub(crate) fn sheets(view: &View<'_>) -> Vec<Sheet> {
    match view.subject {
        Subject::Owner(_) => of_owner(view),
        Subject::Enterprise | Subject::Payer(_) => of_many(view),
    }
}

/// For who looks over many owners: no resource by name.
fn of_many(view: &View<'_>) -> Vec<Sheet> {
    let mut sheets = vec![overview::sheet(view), scores::sheet(view), accounts::sheet(view)];
    // An executive's score is one over all payers.
    if *view.subject == Subject::Enterprise {
        sheets.push(executives::sheet(view));
    }
    sheets.extend([trust::sheet(view), about::sheet(view)]);
    sheets
}

fn of_owner(view: &View<'_>) -> Vec<Sheet> {
    let mut sheets = vec![summary::sheet(view), scores::sheet(view)];
    sheets.extend(view.shown().iter().map(|account| account::sheet(view, account)));
    sheets.push(exceptions::sheet(view));
    sheets.push(about::sheet(view));
    sheets
}

/// Makes a heading row of labels.
fn headings(labels: &[&str], style: Style) -> Row {
    Row::new(labels.iter().map(|label| Cell::text(label, style)).collect())
}

/// Makes a row that must not be overlooked, over several columns.
fn banner(text: &str, columns: u16) -> Row {
    Row::new(vec![Cell::text(text, Style::Warning).over(columns)])
}

/// Makes a row of one text.
fn line(text: &str, style: Style) -> Row {
    Row::new(vec![Cell::text(text, style)])
}
