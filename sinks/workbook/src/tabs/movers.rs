//! The overview's part about time: accounts that moved most, and the weeks as a line.

use super::summary::{indented, section};
use super::trend;
use crate::sheet::{Area, Cell, Row, Sheet};
use crate::style::Style;
use crate::text::moment;
use crate::view::{AccountView, View};

/// Rows of each of the two lists.
const ROWS_MAX: usize = 5;

/// Height of a row, in points: the chart beside the lists is as high as all of them.
const ROW_HEIGHT: f64 = 30.0;

/// The column beside the lists.
const CHART_COLUMN: u16 = 10;

/// Columns of an account's name on the left and on the right.
const LEFT_NAME: u16 = 1;
const RIGHT_NAME: u16 = 3;

/// An account and by how many points its score moved.
type Mover<'v, 't> = (&'v AccountView<'t>, f64);

/// Adds the accounts that went up and those that went down.
pub(super) fn list(view: &View<'_>, sheet: &mut Sheet) {
    let Some(since) = &view.past.since else {
        section(sheet, "Accounts that moved most", "");
        let text = "Nothing can be said: the log keeps no score of an earlier time.";
        sheet.push(indented(super::line(text, Style::Plain)));
        return;
    };
    let title = format!("Accounts that moved most since {}", moment(since.at_ms));
    section(sheet, &title, "In points of their own scores.");
    let first_row = sheet.next_row();
    let moved = view.accounts.iter().filter_map(|account| {
        let points = crate::trend::points(account.score().value(), account.score_in(since))?;
        Some((account, points))
    });
    let (mut up, mut down): (Vec<Mover>, Vec<Mover>) =
        moved.filter(|one| crate::trend::is_move(one.1)).partition(|one| one.1 > 0.0);
    // The sorts are stable: equal ones stay by name.
    up.sort_by(|a, b| b.1.total_cmp(&a.1));
    down.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut cells = heading("Up", LEFT_NAME);
    cells.push(Cell::empty(Style::Plain));
    cells.extend(heading("Down", RIGHT_NAME));
    sheet.push(indented(Row::of_height(ROW_HEIGHT, cells)));
    for at in 0..ROWS_MAX {
        for (column, list) in [(3, &up), (9, &down)] {
            if at < list.len() {
                sheet.score_next(column, column);
            }
        }
        let mut cells = mover(up.get(at), LEFT_NAME, at == 0);
        cells.push(Cell::empty(Style::Plain));
        cells.extend(mover(down.get(at), RIGHT_NAME, at == 0));
        sheet.push(indented(Row::of_height(ROW_HEIGHT, cells)));
    }
    let over = Area {
        first_row,
        first_column: CHART_COLUMN,
        last_row: sheet.next_row() - 1,
        last_column: CHART_COLUMN,
    };
    sheet.drawings.extend(trend::chart_over(view, over));
}

fn heading(label: &str, columns: u16) -> Vec<Cell> {
    vec![
        Cell::text(label, Style::Heading).over(columns),
        Cell::text("Points", Style::HeadingNumber),
        Cell::text("Score", Style::HeadingNumber),
    ]
}

fn mover(mover: Option<&Mover<'_, '_>>, columns: u16, is_first: bool) -> Vec<Cell> {
    let Some((account, points)) = mover else {
        let none = if is_first { "None." } else { "" };
        return vec![
            Cell::text(none, Style::Plain).over(columns),
            Cell::empty(Style::Plain),
            Cell::empty(Style::Plain),
        ];
    };
    vec![
        Cell::text(&account.state.name, Style::Text).over(columns),
        Cell::number(*points, Style::Moved),
        account.score().cell(),
    ]
}
