//! The second tab: every requirement's score in every account.

use crate::score::{POOR, Score};
use crate::sheet::{Area, Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{self, moment, thousands};
use crate::view::{AccountView, RequirementView, View};

pub(super) const NAME: &str = "Scores";

/// Widths of the columns before the accounts: requirement, severity, weight, to fix, oldest data,
/// all accounts.
const LEFT_WIDTHS: [f64; 6] = [46.0, 10.0, 8.0, 8.0, 11.0, 10.0];

/// The column of all accounts together.
const ALL_COLUMN: u16 = 5;

/// Width of an account's column: `100.0%` with its mark, or `collected`.
const ACCOUNT_WIDTH: f64 = 9.5;

/// Accounts side by side on a printed page.
const ACCOUNTS_A_PAGE: usize = 20;

/// Lays out the matrix.
pub(super) fn sheet(view: &View<'_>) -> Sheet {
    let accounts = view.shown();
    let mut widths = LEFT_WIDTHS.to_vec();
    widths.extend(std::iter::repeat_n(ACCOUNT_WIDTH, accounts.len()));
    let mut sheet = Sheet::new(NAME, Tint::Overview, widths);
    sheet.push(Row::of_height(
        30.0,
        vec![Cell::text("Scores by requirement and account", Style::Title)],
    ));
    let subtitle = format!("{} · as of {} UTC", view.subject, moment(view.at_ms));
    sheet.push(super::line(&subtitle, Style::Subtitle));
    cut_line(view, &mut sheet);
    names(accounts, &mut sheet);
    ages(view, accounts, &mut sheet);
    account_scores(view, accounts, &mut sheet);
    matrix(view, accounts, &mut sheet);
    penalties(view, accounts, &mut sheet);
    sheet.repeated_columns = LEFT_WIDTHS.len() as u16;
    sheet.pages_wide = accounts.len().div_ceil(ACCOUNTS_A_PAGE).clamp(1, 100) as u16;
    sheet
}

fn cut_line(view: &View<'_>, sheet: &mut Sheet) {
    let (shown, all) = (view.shown().len(), view.accounts.len());
    if shown < all {
        let (shown, all) = (thousands(shown as i64), thousands(all as i64));
        let text = format!("⚠ Cut: the first {shown} of {all} accounts by name have a column.");
        sheet.push(super::banner(&text, LEFT_WIDTHS.len() as u16));
    }
}

/// The row of accounts' names, with the legend beside them.
fn names(accounts: &[AccountView<'_>], sheet: &mut Sheet) {
    let legend = format!(
        "✓ all in order   ! below 100 %   ✗ below {:.0} %\n\
         *  some region was never collected\n\
         N/A  nothing to judge\n\
         not collected  no data: never a pass, in no score\n\
         Score = 1 − (non-compliant − accepted) ÷ total.\n\
         The darker a cell, the lower the score.",
        POOR * 100.0
    );
    let mut cells = vec![Cell::text(&legend, Style::Legend)];
    cells.extend(std::iter::repeat_n(Cell::empty(Style::Plain), LEFT_WIDTHS.len() - 1));
    let turned = accounts
        .iter()
        .map(|account| Cell::text(&text::short(&account.state.name, 40), Style::HeadingTurned));
    cells.extend(turned);
    sheet.push(Row::of_height(132.0, cells));
}

/// The row that says how old the data behind each account's scores is.
fn ages(view: &View<'_>, accounts: &[AccountView<'_>], sheet: &mut Sheet) {
    let mut cells = vec![Cell::text("Oldest data, collected so long ago", Style::Text)];
    cells.extend(std::iter::repeat_n(Cell::empty(Style::Text), LEFT_WIDTHS.len() - 2));
    let oldest = view.oldest_ms();
    cells.push(age_cell(view, oldest));
    cells.extend(accounts.iter().map(|account| age_cell(view, account.oldest_ms())));
    sheet.push(Row::of_height(30.0, cells));
}

fn age_cell(view: &View<'_>, collected_ms: Option<i64>) -> Cell {
    match collected_ms {
        Some(ms) => Cell::text(&text::age(view.at_ms - ms), Style::Age),
        None => Cell::text("not collected", Style::NotCollected),
    }
}

fn account_scores(view: &View<'_>, accounts: &[AccountView<'_>], sheet: &mut Sheet) {
    let open = view.sum.noncompliant - view.sum.excepted;
    let mut cells = vec![
        Cell::text("Account score, weighted by risk", Style::Strong),
        Cell::empty(Style::Text),
        Cell::empty(Style::Text),
        Cell::count(open, Style::Count),
        Cell::empty(Style::Text),
        view.score().strong_cell(),
    ];
    cells.extend(accounts.iter().map(|account| account.score().strong_cell()));
    sheet.score_next(ALL_COLUMN, sheet.last_column());
    sheet.push(Row::of_height(30.0, cells));
}

/// The heading row that can be filtered; below an account's name stands the end of its id.
fn heading(sheet: &mut Sheet, accounts: &[AccountView<'_>], total: &str) {
    let mut cells = vec![
        Cell::text("Requirement", Style::Heading),
        Cell::text("Severity", Style::Heading),
        Cell::text("Weight", Style::HeadingNumber),
        Cell::text("To fix", Style::HeadingNumber),
        Cell::text("Oldest data", Style::HeadingNumber),
        Cell::text(total, Style::HeadingNumber),
    ];
    cells.extend(accounts.iter().map(|account| {
        let id = &account.state.account;
        let from = id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        let mark = if from > 0 { "…" } else { "" };
        Cell::text(&format!("{mark}{}", &id[from..]), Style::HeadingNumber)
    }));
    sheet.push(Row::of_height(32.0, cells));
}

fn matrix(view: &View<'_>, accounts: &[AccountView<'_>], sheet: &mut Sheet) {
    let first_row = sheet.next_row();
    heading(sheet, accounts, "All, mean");
    sheet.frozen = (sheet.next_row(), 1);
    sheet.repeated_rows = Some((first_row - 3, first_row));
    let rows: Vec<RequirementView> =
        view.requirements.iter().copied().filter(|view| !view.is_penalty()).collect();
    let shown = rows.len().min(view.limits.rows_max);
    for requirement in &rows[..shown] {
        sheet.push(requirement_row(view, accounts, *requirement));
    }
    if shown > 0 {
        let (last_row, last_column) = (sheet.next_row() - 1, sheet.last_column());
        sheet.filter = Some(Area { first_row, first_column: 0, last_row, last_column });
        sheet.scored.push(Area {
            first_row: first_row + 1,
            first_column: ALL_COLUMN,
            last_row,
            last_column,
        });
    }
    if shown < rows.len() {
        let text = format!("⚠ Cut: {} more requirements.", thousands((rows.len() - shown) as i64));
        sheet.push(super::banner(&text, LEFT_WIDTHS.len() as u16));
    }
}

/// Gives the failing votes without credit of a requirement over all accounts.
fn open(view: &View<'_>, requirement: RequirementView<'_>) -> i64 {
    let states = view.accounts.iter().filter_map(|account| account.scores.get(requirement.id));
    states.map(|state| crate::score::open(state)).sum()
}

fn left(view: &View<'_>, requirement: RequirementView<'_>) -> Vec<Cell> {
    let severity = requirement.severity();
    let states = view.accounts.iter().filter_map(|account| account.scores.get(requirement.id));
    vec![
        Cell::wrapped(requirement.title(), Style::Text, Style::Line),
        Cell::text(severity.as_str(), severity.into()),
        Cell::count(requirement.text.map_or(0, |text| text.weight), Style::Count),
        Cell::count(open(view, requirement), Style::Count),
        age_cell(view, states.filter_map(|state| state.oldest_ms).min()),
    ]
}

fn requirement_row(
    view: &View<'_>,
    accounts: &[AccountView<'_>],
    requirement: RequirementView<'_>,
) -> Row {
    let mut cells = left(view, requirement);
    cells.push(mean(view, requirement).strong_cell());
    cells.extend(accounts.iter().map(|account| account.score_of(requirement).cell()));
    Row::of_height(30.0, cells)
}

/// Gives the mean of the accounts' scores: what the requirement brings to the owner's score.
fn mean(view: &View<'_>, requirement: RequirementView<'_>) -> Score {
    let scores: Vec<Score> =
        view.accounts.iter().map(|account| account.score_of(requirement)).collect();
    let values: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
    if values.is_empty() {
        let nothing = scores.contains(&Score::NotApplicable);
        return if nothing { Score::NotApplicable } else { Score::NotCollected };
    }
    Score::Scored {
        value: values.iter().sum::<f64>() / values.len() as f64,
        partial: scores.iter().any(|score| {
            matches!(score, Score::Scored { partial: true, .. } | Score::NotCollected)
        }),
    }
}

/// Penalty points below the scores: lower is better, in no score.
fn penalties(view: &View<'_>, accounts: &[AccountView<'_>], sheet: &mut Sheet) {
    let rows: Vec<RequirementView> =
        view.requirements.iter().copied().filter(|view| view.is_penalty()).collect();
    if rows.is_empty() {
        return;
    }
    sheet.push(Row::blank());
    let title = "Penalty points (open failures × weight): lower is better, in no score";
    sheet.push(Row::of_height(
        22.0,
        vec![Cell::text(title, Style::Section).over(LEFT_WIDTHS.len() as u16)],
    ));
    heading(sheet, accounts, "All, sum");
    for requirement in rows.into_iter().take(view.limits.rows_max) {
        let mut cells = left(view, requirement);
        let points = open(view, requirement) * requirement.text.map_or(0, |text| text.weight);
        cells.push(Cell::count(points, Style::Penalty));
        cells.extend(accounts.iter().map(|account| account.score_of(requirement).cell()));
        sheet.push(Row::of_height(30.0, cells));
    }
}
