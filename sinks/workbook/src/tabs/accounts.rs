//! Every account with its score and what is spent in it.

use super::{List, trend};
use crate::past::WEEKS;
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::moment;
use crate::view::{AccountView, View};

pub(super) const NAME: &str = "Accounts";

/// Columns: heading, its style, width.
const COLUMNS: [(&str, Style, f64); 17] = [
    ("Account", Style::Heading, 32.0),
    ("Account id", Style::Heading, 15.0),
    ("Score", Style::HeadingNumber, 11.0),
    ("Standing", Style::Heading, 14.0),
    ("In 7 days", Style::HeadingNumber, 12.0),
    ("In 13 weeks", Style::HeadingNumber, 12.0),
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

const LIST: List<'_> = List { columns: &COLUMNS, scores: Some(2), noun: "accounts", none: "None." };

/// Columns that are printed: those behind are details for the screen.
const PRINTED: u16 = 13;

/// Lays out the accounts, the lowest score first.
pub(super) fn sheet(view: &View<'_>) -> Sheet {
    let mut sheet = Sheet::new(NAME, Tint::Overview, LIST.widths());
    sheet.push(Row::of_height(30.0, vec![Cell::text("Accounts", Style::Title)]));
    let subtitle = format!(
        "{} · as of {} UTC · the lowest score first · spend: estimated charges of the period",
        view.subject,
        moment(view.at_ms)
    );
    sheet.push(super::line(&subtitle, Style::Subtitle));
    sheet.printed_columns = PRINTED;
    let spend = view.spend_cents();
    LIST.add(&mut sheet, &view.lowest_first(), view.limits.rows_max, |&index| {
        account_row(view, &view.accounts[index], spend)
    });
    sheet
}

/// Gives the cell of how far an account's score moved in some weeks.
fn moved_cell(view: &View<'_>, account: &AccountView<'_>, weeks: i64) -> Cell {
    let then = view.weeks_ago(weeks).map(|cut| account.score_in(cut));
    trend::moved_cell(account.score().value(), then)
}

fn account_row(view: &View<'_>, account: &AccountView<'_>, spend: i64) -> Row {
    let state = account.state;
    let score = account.score();
    let share = state.spend_cents.filter(|_| spend > 0);
    let share = match share {
        Some(cents) => Cell::number(cents as f64 / spend as f64, Style::Share),
        None => Cell::empty(Style::Share),
    };
    Row::new(vec![
        Cell::text(&state.name, Style::Text),
        Cell::text(&state.account, Style::Text),
        score.cell(),
        score.word_cell(),
        moved_cell(view, account, 1),
        moved_cell(view, account, WEEKS),
        Cell::spend(state.spend_cents),
        share,
        Cell::person(state.owner.as_deref()),
        Cell::person(state.executive.as_deref()),
        account.count_cell(account.open()),
        account.count_cell(account.overall.map_or(0, |state| state.excepted)),
        account.count_cell(account.tally.unknown as i64),
        account.scopes_cell(),
        Cell::time(account.oldest_ms(), Style::DateTime),
        Cell::text(&state.payer, Style::Text),
        Cell::wrapped(&account.remarks(), Style::Text, Style::Line),
    ])
}
