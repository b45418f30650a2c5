//! The scores of the last weeks: of all accounts together and of each, as numbers and as lines.

use crate::past::Cut;
use crate::score::Score;
use crate::sheet::{Area, Cell, Drawing, Place, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{day, moment, thousands};
use crate::trend;
use crate::view::View;

pub(super) const NAME: &str = "Trend";

/// Columns before the weeks: the account, its line, how far it moved over all of them.
const LEFT: [(&str, Style, f64); 3] = [
    ("Account", Style::Heading, 34.0),
    ("Trend", Style::Heading, 22.0),
    ("Points", Style::HeadingNumber, 10.0),
];

/// Width of a week's column.
const WEEK_WIDTH: f64 = 10.5;

/// The row of all accounts together, and that of the headings above it.
const ALL_ROW: u32 = 4;
const HEADING_ROW: u32 = 3;

/// Lays out the weeks; none where no earlier score is kept.
pub(super) fn sheet(view: &View<'_>) -> Option<Sheet> {
    let weeks = &view.past.weeks;
    if weeks.is_empty() {
        return None;
    }
    let mut widths: Vec<f64> = LEFT.iter().map(|column| column.2).collect();
    widths.extend(std::iter::repeat_n(WEEK_WIDTH, weeks.len() + 1));
    let mut sheet = Sheet::new(NAME, Tint::Overview, widths);
    sheet.push(Row::of_height(30.0, vec![Cell::text("Scores by week", Style::Title)]));
    let subtitle = format!("{} · as of {} UTC", view.subject, moment(view.at_ms));
    sheet.push(super::line(&subtitle, Style::Subtitle));
    let remark = "Scores of the accounts that are there now, as they were on the day; an empty \
                  cell: there was none. Points: from the first score in the row to now.";
    sheet.push(super::line(remark, Style::Remark));
    headings(view, &mut sheet);
    together(view, &mut sheet);
    each(view, &mut sheet);
    chart(view, &mut sheet);
    Some(sheet)
}

/// Gives small columns of all accounts together for a cell of another sheet; none without weeks.
pub(super) fn sparkline_at(view: &View<'_>, row: u32, column: u16) -> Option<Drawing> {
    (!view.past.weeks.is_empty()).then(|| sparkline(view, ALL_ROW, (row, column), scores(view)))
}

/// Draws small columns of a row of this sheet.
fn sparkline(
    view: &View<'_>,
    of_row: u32,
    (row, column): (u32, u16),
    scores: impl Iterator<Item = f64>,
) -> Drawing {
    let (low, high) =
        scores.fold((1.0_f64, 0.0_f64), |(low, high), score| (low.min(score), high.max(score)));
    // The lowest column is still seen, and small moves look small.
    let from = low - (high - low).max(0.02) / 4.0;
    Drawing::Sparkline { row, column, numbers: in_row(view, of_row), from }
}

/// Gives the scores of all accounts together, those that there are.
fn scores(view: &View<'_>) -> impl Iterator<Item = f64> {
    let weeks = view.past.weeks.iter().filter_map(|week| view.score_in(week));
    weeks.chain(view.score().value())
}

fn in_row(view: &View<'_>, row: u32) -> Place {
    let first = LEFT.len() as u16;
    // The limit of weeks is far below that of columns.
    let last = first + view.past.weeks.len() as u16;
    Place { sheet: NAME.to_owned(), area: Area::of_row(row, first, last) }
}

/// Gives a line chart of all accounts together over some cells of a sheet.
pub(super) fn chart_over(view: &View<'_>, over: Area) -> Option<Drawing> {
    let lowest = scores(view).fold(1.0, f64::min);
    (!view.past.weeks.is_empty()).then(|| Drawing::Line {
        over,
        numbers: in_row(view, ALL_ROW),
        labels: in_row(view, HEADING_ROW),
        // A tenth below the lowest at least, so that the line does not lie on the axis.
        from: ((lowest * 10.0 - 0.5).floor() / 10.0).max(0.0),
    })
}

fn headings(view: &View<'_>, sheet: &mut Sheet) {
    let mut cells: Vec<Cell> =
        LEFT.iter().map(|(label, style, _)| Cell::text(label, *style)).collect();
    let weeks = view.past.weeks.iter();
    cells.extend(weeks.map(|week| Cell::text(&day(week.at_ms), Style::HeadingNumber)));
    cells.push(Cell::text("now", Style::HeadingNumber));
    sheet.push(Row::of_height(32.0, cells));
    sheet.frozen = (ALL_ROW + 1, 1);
    sheet.repeated_rows = Some((HEADING_ROW, ALL_ROW));
    sheet.repeated_columns = 1;
}

fn together(view: &View<'_>, sheet: &mut Sheet) {
    let now = view.score();
    push(view, sheet, Cell::text("All accounts", Style::Strong), now, |week| view.score_in(week));
}

fn each(view: &View<'_>, sheet: &mut Sheet) {
    let order = view.lowest_first();
    let rows_max = view.limits.rows_max;
    for &index in order.iter().take(rows_max) {
        let account = &view.accounts[index];
        // Tabs of accounts are in owners' workbooks alone.
        let tab = view.sheet_of(index).filter(|_| view.is_of_owner());
        let name = Cell::link(&account.state.name, tab, Style::TableLink, Style::Text);
        push(view, sheet, name, account.score(), |week| account.score_in(week));
    }
    if order.len() > rows_max {
        let more = thousands((order.len() - rows_max) as i64);
        sheet.push(super::banner(&format!("⚠ Cut: {more} more accounts."), LEFT.len() as u16));
    }
}

fn push(
    view: &View<'_>,
    sheet: &mut Sheet,
    name: Cell,
    now: Score,
    then: impl Fn(&Cut) -> Option<f64>,
) {
    let weeks: Vec<Option<f64>> = view.past.weeks.iter().map(then).collect();
    let first = weeks.iter().copied().flatten().next();
    let mut cells = vec![name, Cell::empty(Style::Text), moved_cell(now.value(), Some(first))];
    cells.extend(weeks.iter().map(|score| match score {
        Some(score) => Cell::number(*score, Style::Score),
        None => Cell::empty(Style::NotApplicable),
    }));
    cells.push(now.strong_cell());
    let row = sheet.next_row();
    if first.is_some() {
        let scores = weeks.iter().copied().flatten().chain(now.value());
        sheet.drawings.push(sparkline(view, row, (row, 1), scores));
    }
    sheet.scored.push(in_row(view, row).area);
    sheet.push(Row::of_height(24.0, cells));
}

/// Gives the cell of how far a score moved since a cut; no cut where the log keeps none.
pub(super) fn moved_cell(now: Option<f64>, then: Option<Option<f64>>) -> Cell {
    match (now, then) {
        (None, _) => Cell::empty(Style::NotApplicable),
        (_, None) => Cell::text("not kept", Style::NotApplicable),
        (_, Some(before)) => match trend::points(now, before) {
            Some(points) => Cell::number(points, Style::Moved),
            None => Cell::text("none then", Style::NotApplicable),
        },
    }
}

/// Below the list, as wide as the first columns and eight weeks.
fn chart(view: &View<'_>, sheet: &mut Sheet) {
    sheet.push(Row::blank());
    let title = Cell::text("All accounts together", Style::Section);
    let columns = sheet.last_column() + 1;
    sheet.push(Row::of_height(22.0, vec![title.over(columns)]));
    let first_row = sheet.next_row();
    (0..12).for_each(|_| sheet.push(Row::of_height(18.0, Vec::new())));
    let over = Area {
        first_row,
        first_column: 0,
        last_row: sheet.next_row() - 1,
        last_column: sheet.last_column().min(10),
    };
    sheet.drawings.extend(chart_over(view, over));
}
