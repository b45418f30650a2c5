//! The tab of accepted risk: every exception that concerns the owner's accounts.

use schemas::{ExceptionPhase, selects_by_place};

use crate::config::DAY_MS;
use crate::exceptions::ExceptionView;
use crate::sheet::{Area, Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{moment, thousands};
use crate::view::View;

pub(super) const NAME: &str = "Exceptions";

/// Columns of the list, with their widths in characters.
const COLUMNS: [(&str, f64); 11] = [
    ("State", 17.0),
    ("Expires", 12.0),
    ("Days left", 11.0),
    ("Exception", 14.0),
    ("Reason", 42.0),
    ("Accounts", 24.0),
    ("Requirements", 22.0),
    ("Resource", 26.0),
    ("Resources credited", 11.0),
    ("Noted, no credit", 11.0),
    ("Asked for by", 24.0),
];

/// Lays out the exceptions.
pub(super) fn sheet(view: &View<'_>) -> Sheet {
    let widths = COLUMNS.map(|(_, width)| width).to_vec();
    let mut sheet = Sheet::new(NAME, Tint::Overview, widths);
    sheet.push(Row::of_height(30.0, vec![Cell::text("Exceptions", Style::Title)]));
    let subtitle = format!(
        "{} · as of {} UTC · live ones first, the next to expire first",
        view.subject,
        moment(view.at_ms)
    );
    sheet.push(super::line(&subtitle, Style::Subtitle));
    sheet.push(super::line(
        "A live exception gives credit; the verdict stays. An expired one stays in sight and \
         gives none.",
        Style::Remark,
    ));
    let first_row = sheet.next_row();
    let mut headings = super::headings(&COLUMNS.map(|(label, _)| label), Style::Heading);
    headings.height = Some(32.0);
    sheet.push(headings);
    sheet.frozen = (sheet.next_row(), 0);
    sheet.repeated_rows = Some((first_row, first_row));
    let rows_max = view.limits.rows_max;
    for exception in view.exceptions.iter().take(rows_max) {
        sheet.push(exception_row(view, exception));
    }
    match view.exceptions.len() {
        0 => sheet.push(super::line("None concerns these accounts.", Style::Plain)),
        all => {
            sheet.filter = Some(Area {
                first_row,
                first_column: 0,
                last_row: sheet.next_row() - 1,
                last_column: sheet.last_column(),
            });
            if all > rows_max {
                let (shown, all) = (thousands(rows_max as i64), thousands(all as i64));
                let text = format!("⚠ Cut: the first {shown} of {all} exceptions are shown.");
                sheet.push(super::banner(&text, COLUMNS.len() as u16));
            }
        }
    }
    sheet
}

fn exception_row(view: &View<'_>, row: &ExceptionView<'_>) -> Row {
    let exception = row.exception;
    let word = word(row.phase);
    let (text, line, date) = match row.phase {
        ExceptionPhase::Live => (Style::Text, Style::Line, Style::Date),
        _ => (Style::LapsedText, Style::LapsedLine, Style::LapsedDate),
    };
    let cell = |content: &str| Cell::wrapped(content, text, line);
    let (expires, left) = match exception.expires_ms {
        None => (cell("never"), Cell::empty(Style::Count)),
        Some(ms) => {
            let days = (ms - view.at_ms).div_euclid(DAY_MS);
            let left = match row.phase {
                ExceptionPhase::Live | ExceptionPhase::Waiting | ExceptionPhase::Expired => {
                    Cell::count(days, Style::Count)
                }
                _ => Cell::empty(Style::Count),
            };
            (Cell::time(Some(ms), date), left)
        }
    };
    Row::new(vec![
        cell(word),
        expires,
        left,
        cell(&exception.id),
        cell(&exception.reason),
        cell(&accounts(view, row)),
        cell(&every(&exception.requirements, "every requirement")),
        cell(&exception.resource),
        Cell::count(row.credited as i64, Style::Count),
        Cell::count(row.uncredited as i64, Style::Count),
        cell(&exception.owner),
    ])
}

fn word(phase: ExceptionPhase) -> &'static str {
    match phase {
        ExceptionPhase::Live => "● live",
        ExceptionPhase::Waiting => "○ not begun",
        ExceptionPhase::Asked => "○ not approved",
        ExceptionPhase::Expired => "✗ expired",
        ExceptionPhase::Withdrawn => "✗ withdrawn",
        ExceptionPhase::Rejected => "✗ rejected",
    }
}

fn every(ids: &[String], all: &str) -> String {
    if ids.iter().any(|id| id == "*") { all.to_owned() } else { ids.join(", ") }
}

/// Names the owner's accounts, units and tags that an exception covers, and counts other accounts.
fn accounts(view: &View<'_>, row: &ExceptionView<'_>) -> String {
    let ids = &row.exception.accounts;
    if ids.iter().any(|id| id == "*") {
        return "every account".to_owned();
    }
    let own = view.accounts.iter().filter(|account| ids.contains(&account.state.account));
    let mut names: Vec<String> = own.map(|account| account.state.name.clone()).collect();
    names.extend(ids.iter().filter(|id| selects_by_place(id)).cloned());
    let others = ids.len().saturating_sub(names.len());
    if others > 0 {
        names.push(format!("{others} of others"));
    }
    names.join(", ")
}
