//! Every account with its score and what is spent in it.

use crate::score::Score;
use crate::sheet::{Area, Cell, Content, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{moment, thousands};
use crate::view::{AccountView, View};

pub(super) const NAME: &str = "Accounts";

/// Columns: heading, its style, width.
const COLUMNS: [(&str, Style, f64); 15] = [
    ("Account", Style::Heading, 32.0),
    ("Account id", Style::Heading, 15.0),
    ("Score", Style::HeadingNumber, 11.0),
    ("Standing", Style::Heading, 14.0),
    ("Spend", Style::HeadingNumber, 13.0),
    ("Share of spend", Style::HeadingNumber, 11.0),
    ("Owner", Style::Heading, 28.0),
    ("Executive", Style::Heading, 24.0),
    ("To fix", Style::HeadingNumber, 10.0),
    ("Accepted", Style::HeadingNumber, 10.0),
    ("Not judged", Style::HeadingNumber, 10.0),
    ("Scopes collected", Style::HeadingNumber, 11.0),
    ("Oldest data", Style::Heading, 17.0),
    ("Payer", Style::Heading, 15.0),
    ("Remarks", Style::Heading, 52.0),
];

/// The column of scores.
const SCORE: u16 = 2;

/// Columns that are printed: those behind are details for the screen.
const PRINTED: u16 = 11;

/// Lays out the accounts, the lowest score first.
pub(super) fn sheet(view: &View<'_>) -> Sheet {
    let widths = COLUMNS.iter().map(|column| column.2).collect();
    let mut sheet = Sheet::new(NAME, Tint::Overview, widths);
    sheet.push(Row::of_height(30.0, vec![Cell::text("Accounts", Style::Title)]));
    let subtitle = format!(
        "{} · as of {} UTC · the lowest score first · spend: estimated charges of the period",
        view.subject,
        moment(view.at_ms)
    );
    sheet.push(super::line(&subtitle, Style::Subtitle));
    let first_row = sheet.next_row();
    let labels = COLUMNS.iter().map(|(label, style, _)| Cell::text(label, *style));
    sheet.push(Row::of_height(32.0, labels.collect()));
    sheet.frozen = (sheet.next_row(), 1);
    sheet.repeated_rows = Some((first_row, first_row));
    sheet.printed_columns = PRINTED;
    let all = view.lowest_first();
    let shown = all.len().min(view.limits.rows_max);
    let spend = view.spend_cents();
    for &index in &all[..shown] {
        sheet.push(account_row(&view.accounts[index], spend));
    }
    if shown > 0 {
        let (last_row, last_column) = (sheet.next_row() - 1, sheet.last_column());
        sheet.filter = Some(Area { first_row, first_column: 0, last_row, last_column });
        let (first_row, last_column) = (first_row + 1, SCORE);
        sheet.scored.push(Area { first_row, first_column: SCORE, last_row, last_column });
    }
    if shown < all.len() {
        let text = format!("⚠ Cut: {} more accounts.", thousands((all.len() - shown) as i64));
        sheet.push(super::banner(&text, PRINTED));
    }
    sheet
}

fn account_row(account: &AccountView<'_>, spend: i64) -> Row {
    let state = account.state;
    let score = account.score();
    let counts = |n: i64| match score {
        Score::NotCollected => Cell::new(Content::Empty, Style::Count),
        _ => Cell::count(n, Style::Count),
    };
    let (money, share) = match state.spend_cents {
        None => (Cell::text("no figure", Style::NotCollected), Cell::empty(Style::Share)),
        Some(cents) if spend > 0 => {
            (Cell::money(cents), Cell::number(cents as f64 / spend as f64, Style::Share))
        }
        Some(cents) => (Cell::money(cents), Cell::empty(Style::Share)),
    };
    let text = |text: Option<&str>| match text {
        Some(text) if !text.trim().is_empty() => Cell::text(text, Style::Text),
        _ => Cell::text("nobody", Style::NotCollected),
    };
    Row::new(vec![
        Cell::text(&state.name, Style::Text),
        Cell::text(&state.account, Style::Text),
        score.cell(),
        score.word_cell(),
        money,
        share,
        text(state.owner.as_deref()),
        text(state.executive.as_deref()),
        counts(account.open()),
        counts(account.overall.map_or(0, |state| state.excepted)),
        counts(account.unknown.len() as i64),
        account.scopes_cell(),
        Cell::time(account.oldest_ms(), Style::DateTime),
        Cell::text(&state.payer, Style::Text),
        Cell::wrapped(&account.remarks(), Style::Text, Style::Line),
    ])
}
