//! The first tab: how the owner stands, what to fix first, what expires, and his accounts.

use super::{changes, figures};
use crate::Subject;
use crate::actions::{self, Action};
use crate::changes::ChangeView;
use crate::config::DAY_MS;
use crate::exceptions::ExceptionView;
use crate::score::{self, Score};
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{counted, moment, thousands};
use crate::view::{AccountView, SumCheck, View};

pub(super) const NAME: &str = "Summary";

/// Widths of the columns A to K, in characters; A is a margin.
pub(super) const WIDTHS: [f64; 11] =
    [2.0, 36.0, 16.0, 11.0, 15.0, 11.0, 11.0, 11.0, 12.0, 17.0, 52.0];

/// Up to so many accounts the summary is printed on one page.
const ONE_PAGE_ACCOUNTS: usize = 20;

/// Lays out the summary.
pub(super) fn sheet(view: &View<'_>, all: &[ChangeView<'_, '_>]) -> Sheet {
    let mut sheet = Sheet::new(NAME, Tint::Overview, WIDTHS.to_vec());
    // What fits on one page is printed on one.
    sheet.portrait = view.accounts.len() <= ONE_PAGE_ACCOUNTS;
    sheet.pages_high = u16::from(sheet.portrait);
    sheet.push(indented(Row::of_height(
        30.0,
        vec![Cell::text("Cloud security scorecard", Style::Title)],
    )));
    let subtitle = format!("{} · as of {} UTC", view.subject, moment(view.at_ms));
    sheet.push(indented(super::line(&subtitle, Style::Subtitle)));
    warnings(view, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    figures::standing(view, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    figures::trend(view, all, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    figures::trust(view, &mut sheet);
    changes::list(view, all, &mut sheet);
    fix_first(view, &mut sheet);
    expiring(view, &mut sheet);
    accounts(view, &mut sheet);
    sheet
}

/// Puts the margin before a row.
pub(super) fn indented(mut row: Row) -> Row {
    row.cells.insert(0, Cell::empty(Style::Plain));
    row
}

/// Says what is missing before any figure is read.
pub(super) fn warnings(view: &View<'_>, sheet: &mut Sheet) {
    let missing = view.accounts.iter().filter(|account| !account.is_collected());
    let names: Vec<&str> = missing.map(|account| account.state.name.as_str()).collect();
    let mut texts = Vec::new();
    if !names.is_empty() {
        let shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        texts.push(format!(
            "No data from {} of {}: {shown}{more}. They are in no score.",
            thousands(names.len() as i64),
            counted(view.accounts.len() as i64, "account", "accounts"),
        ));
    }
    if let Some(read_ms) = view.tables.read_ms {
        texts.push(format!(
            "An earlier time: scores and verdicts are those of {} UTC; names, owners, spend, what \
             was collected and trust are those of {} UTC.",
            moment(view.at_ms),
            moment(read_ms)
        ));
    }
    if view.sum_check == SumCheck::Differs {
        texts.push(
            "The sum over the accounts is older than the accounts' own scores: figures may differ \
             until the next workbook."
                .to_owned(),
        );
    }
    if view.shown().len() < view.accounts.len() {
        let where_all_are = match view.subject {
            Subject::Owner(_) => "a tab and a column in the scores; all are listed below",
            Subject::Enterprise | Subject::Payer(_) => {
                "a column in the scores; all are on the tab Accounts"
            }
        };
        texts.push(format!(
            "Only the first {} of {} have {where_all_are}.",
            thousands(view.shown().len() as i64),
            counted(view.accounts.len() as i64, "account", "accounts"),
        ));
    }
    for text in texts {
        let cell = Cell::text(&format!("⚠ {text}"), Style::Warning).over(10);
        sheet.push(indented(Row::new(vec![cell])));
    }
}

/// Begins a section; what explains it stands below its title.
pub(super) fn section(sheet: &mut Sheet, title: &str, remark: &str) {
    sheet.push(Row::of_height(10.0, vec![]));
    sheet.push(indented(Row::of_height(22.0, vec![Cell::text(title, Style::Section).over(10)])));
    if !remark.is_empty() {
        sheet.push(indented(super::line(remark, Style::Remark)));
    }
}

fn fix_first(view: &View<'_>, sheet: &mut Sheet) {
    section(
        sheet,
        "What to fix first",
        "Most points of your risk-weighted score for the fewest resources. A point is 1 % of the \
         score.",
    );
    let actions = actions::best(view);
    if actions.is_empty() {
        let text = match view.score() {
            Score::Scored { .. } => "Nothing: no resource is non-compliant without an exception.",
            _ => "Nothing can be said: there is no score yet.",
        };
        sheet.push(indented(super::line(text, Style::Plain)));
        return;
    }
    let numbers = Style::HeadingNumber;
    sheet.push(indented(Row::of_height(
        32.0,
        vec![
            Cell::text("Requirement", Style::Heading),
            Cell::text("Account", Style::Heading).over(2),
            Cell::text("Severity", Style::Heading),
            Cell::text("To mend", numbers),
            Cell::text("Points", numbers),
            Cell::text("Score after", numbers),
            Cell::text("How", Style::Heading).over(3),
        ],
    )));
    for action in &actions {
        sheet.score_next(7, 7);
        sheet.push(indented(action_row(view, action)));
    }
    let gain: f64 = actions.iter().map(|action| action.gain).sum();
    let weighted_gain: i64 = actions.iter().map(|action| action.weighted_gain).sum();
    let mend: i64 = actions.iter().map(|action| action.to_mend).sum();
    sheet.score_next(7, 7);
    sheet.push(indented(Row::new(vec![
        Cell::text("All of these together", Style::Strong),
        Cell::empty(Style::Text).over(2),
        Cell::empty(Style::Text),
        Cell::count(mend, Style::Count),
        Cell::number(gain * 100.0, Style::Points),
        after(view, weighted_gain),
        Cell::empty(Style::Text).over(3),
    ])));
}

/// Gives the cell of the score when the sum of weight times score has grown by so much.
fn after(view: &View<'_>, weighted_gain: i64) -> Cell {
    let score = score::weighted(view.sum.weighted_score + weighted_gain, view.sum.weight);
    score.map_or_else(|| Cell::empty(Style::Score), |score| Cell::number(score, Style::Score))
}

fn action_row(view: &View<'_>, action: &Action<'_, '_>) -> Row {
    let requirement = action.requirement;
    let how = crate::text::short(&requirement.remediation, 500);
    let account = &action.account.state.name;
    let sheet = view.sheet_of(action.index);
    Row::new(vec![
        Cell::text(action.title(), Style::Text),
        Cell::link(account, sheet, Style::TableLink, Style::Text).over(2),
        Cell::text(requirement.severity.as_str(), requirement.severity.into()),
        Cell::count(action.to_mend, Style::Count),
        Cell::number(action.gain * 100.0, Style::Points),
        after(view, action.weighted_gain),
        Cell::text(&how, Style::Text).over(3),
    ])
}

fn expiring(view: &View<'_>, sheet: &mut Sheet) {
    let days = view.limits.expiring_within_ms / DAY_MS;
    let title = format!("Exceptions that expire within {days} days");
    section(sheet, &title, "From that day on their resources count as non-compliant again.");
    let soon = view.expiring();
    if soon.is_empty() {
        sheet.push(indented(super::line("None.", Style::Plain)));
        return;
    }
    let numbers = Style::HeadingNumber;
    sheet.push(indented(Row::of_height(
        32.0,
        vec![
            Cell::text("Reason", Style::Heading),
            Cell::text("Exception", Style::Heading),
            Cell::text("Expires", Style::Heading),
            Cell::text("Days left", numbers),
            Cell::text("Resources credited", numbers),
            Cell::text("Requirement", Style::Heading).over(2),
            Cell::text("Resource", Style::Heading).over(3),
        ],
    )));
    for expiring in soon.iter().take(view.limits.expiring_max) {
        sheet.push(indented(expiring_row(view, expiring)));
    }
    let more = soon.len().saturating_sub(view.limits.expiring_max);
    if more > 0 {
        let text = format!("{more} more: see the tab Exceptions.");
        sheet.push(indented(super::banner(&text, 10)));
    }
}

fn expiring_row(view: &View<'_>, expiring: &ExceptionView<'_>) -> Row {
    let exception = expiring.exception;
    let requirements = exception.requirements.join(", ");
    let left_ms = exception.expires_ms.unwrap_or(view.at_ms) - view.at_ms;
    Row::new(vec![
        Cell::text(&exception.reason, Style::Text),
        Cell::text(&exception.id, Style::Text),
        Cell::time(exception.expires_ms, Style::Date),
        Cell::count(left_ms / DAY_MS, Style::Count),
        Cell::count(expiring.credited as i64, Style::Count),
        Cell::text(&requirements, Style::Text).over(2),
        Cell::text(&exception.resource, Style::Text).over(3),
    ])
}

fn accounts(view: &View<'_>, sheet: &mut Sheet) {
    section(sheet, "Your accounts", "The lowest score first. A name leads to the account's tab.");
    if view.accounts.is_empty() {
        sheet.push(indented(super::line("None.", Style::Plain)));
        return;
    }
    let labels = [
        ("Account", Style::Heading),
        ("Account id", Style::Heading),
        ("Score", Style::HeadingNumber),
        ("Standing", Style::Heading),
        ("To fix", Style::HeadingNumber),
        ("Accepted", Style::HeadingNumber),
        ("Not judged", Style::HeadingNumber),
        ("Scopes collected", Style::HeadingNumber),
        ("Oldest data", Style::Heading),
        ("Remarks", Style::Heading),
    ];
    let labels = labels.iter().map(|(label, style)| Cell::text(label, *style));
    sheet.push(indented(Row::of_height(32.0, labels.collect())));
    let order = view.lowest_first();
    let rows_max = view.limits.rows_max;
    for &index in order.iter().take(rows_max) {
        sheet.score_next(3, 3);
        let account = &view.accounts[index];
        sheet.push(indented(account_row(account, view.sheet_of(index))));
    }
    if order.len() > rows_max {
        let text = format!("Cut: {} more accounts.", thousands((order.len() - rows_max) as i64));
        sheet.push(indented(super::banner(&text, 10)));
    }
}

fn account_row(account: &AccountView<'_>, sheet: Option<&str>) -> Row {
    let score = account.score();
    let remarks = account.remarks();
    Row::new(vec![
        Cell::link(&account.state.name, sheet, Style::TableLink, Style::Text),
        Cell::text(&account.state.account, Style::Text),
        score.cell(),
        score.word_cell(),
        account.count_cell(account.open()),
        account.count_cell(account.overall.map_or(0, |state| state.excepted)),
        account.count_cell(account.tally.unknown as i64),
        account.scopes_cell(),
        Cell::time(account.oldest_ms(), Style::DateTime),
        Cell::wrapped(&remarks, Style::Text, Style::Line),
    ])
}
