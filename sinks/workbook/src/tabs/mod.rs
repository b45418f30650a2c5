//! The tabs of a workbook, one file each, in the order in which they are read.

mod about;
mod account;
mod exceptions;
mod figures;
mod scores;
mod summary;

use crate::sheet::{Cell, Row, Sheet};
use crate::style::Style;
use crate::view::OwnerView;

/// Names of the tabs that every workbook has; no account's tab may take one.
pub(crate) const NAMES: [&str; 4] = [summary::NAME, scores::NAME, exceptions::NAME, about::NAME];

/// Lays out all sheets of an owner's workbook.
pub(crate) fn sheets(view: &OwnerView<'_>) -> Vec<Sheet> {
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
