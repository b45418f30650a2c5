//! The first tab for who looks over many owners, printed on one page.

use super::{accounts, alarms, executives, figures, movers, summary};
use crate::changes::ChangeView;
use crate::executives::ExecutiveView;
use crate::relations::RelationView;
use crate::score;
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{moment, thousands};
use crate::view::{RequirementView, View};

/// Rows of each list: all of it stands on one page, and the tabs have the rest.
const ROWS_MAX: usize = 8;

/// Lays out the overview.
pub(super) fn sheet(
    view: &View<'_>,
    executives: Option<&[ExecutiveView<'_, '_>]>,
    relations: &[RelationView<'_, '_>],
    changes: &[ChangeView<'_, '_>],
) -> Sheet {
    let mut sheet = Sheet::new(summary::NAME, Tint::Overview, summary::WIDTHS.to_vec());
    sheet.pages_high = 1;
    sheet.portrait = true;
    let title = Row::of_height(30.0, vec![Cell::text("Cloud security scorecard", Style::Title)]);
    sheet.push(summary::indented(title));
    let subtitle = format!("{} · as of {} UTC", view.subject, moment(view.at_ms));
    sheet.push(summary::indented(super::line(&subtitle, Style::Subtitle)));
    summary::warnings(view, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    figures::standing(view, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    figures::trend(view, changes, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    figures::trust(view, &mut sheet);
    alarms::boxes(view, relations, &mut sheet);
    movers::list(view, &mut sheet);
    if let Some(all) = executives {
        list_executives(view, all, &mut sheet);
    }
    lowest(view, &mut sheet);
    costliest(view, &mut sheet);
    sheet
}

/// A list's heading row: labels with their styles and how many columns each takes.
fn heading(sheet: &mut Sheet, labels: &[(&str, Style, u16)]) {
    let cells = labels.iter().map(|(label, style, columns)| {
        let cell = Cell::text(label, *style);
        cell.over(*columns)
    });
    sheet.push(summary::indented(Row::of_height(32.0, cells.collect())));
}

/// Says how many are not listed, and where they are.
fn rest(sheet: &mut Sheet, all: usize, tab: &str) {
    if all > ROWS_MAX {
        let more = thousands((all - ROWS_MAX) as i64);
        let text = format!("{more} more on the tab {tab}");
        sheet.push(summary::indented(Row::new(vec![
            Cell::link(&text, Some(tab), Style::Link, Style::Plain).over(10),
        ])));
    }
}

fn list_executives(view: &View<'_>, all: &[ExecutiveView<'_, '_>], sheet: &mut Sheet) {
    summary::section(sheet, "Executives", "The lowest score first, weighted by spend.");
    if all.is_empty() {
        let text = "The register names no executive.";
        sheet.push(summary::indented(super::line(text, Style::Plain)));
        return;
    }
    let number = Style::HeadingNumber;
    heading(
        sheet,
        &[
            ("Executive", Style::Heading, 2),
            ("Score", number, 1),
            ("Standing", Style::Heading, 1),
            ("In 7 days", number, 1),
            ("Accounts", number, 1),
            ("To fix", number, 1),
            ("Spend", number, 1),
            ("Remarks", Style::Heading, 2),
        ],
    );
    for executive in all.iter().take(ROWS_MAX) {
        sheet.score_next(3, 3);
        sheet.push(summary::indented(executive_row(view, executive)));
    }
    rest(sheet, all.len(), executives::NAME);
}

fn executive_row(view: &View<'_>, executive: &ExecutiveView<'_, '_>) -> Row {
    let score = executive.score();
    Row::new(vec![
        Cell::text(executive.name, Style::Strong).over(2),
        score.strong_cell(),
        score.word_cell(),
        executives::moved_cell(view, executive, 1),
        Cell::count(executive.sum.accounts, Style::Count),
        Cell::count(executive.open(), Style::Count),
        Cell::money(executive.spend_cents),
        Cell::wrapped(&executive.remark(), Style::Text, Style::Line).over(2),
    ])
}

fn lowest(view: &View<'_>, sheet: &mut Sheet) {
    summary::section(sheet, "Accounts with the lowest scores", "");
    let all = view.lowest_first();
    let number = Style::HeadingNumber;
    heading(
        sheet,
        &[
            ("Account", Style::Heading, 1),
            ("Account id", Style::Heading, 1),
            ("Score", number, 1),
            ("Standing", Style::Heading, 1),
            ("To fix", number, 1),
            ("Spend", number, 2),
            ("Owner", Style::Heading, 2),
            ("Executive", Style::Heading, 1),
        ],
    );
    for &index in all.iter().take(ROWS_MAX) {
        let account = &view.accounts[index];
        let (score, state) = (account.score(), account.state);
        sheet.score_next(3, 3);
        sheet.push(summary::indented(Row::new(vec![
            Cell::text(&state.name, Style::Text),
            Cell::text(&state.account, Style::Text),
            score.cell(),
            score.word_cell(),
            account.count_cell(account.open()),
            Cell::spend(state.spend_cents).over(2),
            Cell::person(state.owner.as_deref()).over(2),
            Cell::person(state.executive.as_deref()),
        ])));
    }
    rest(sheet, all.len(), accounts::NAME);
}

/// What a requirement costs all accounts together.
struct Cost<'t> {
    requirement: RequirementView<'t>,
    /// Points of the risk-weighted score.
    points: f64,
    open: i64,
    accounts: i64,
}

/// Gives the requirements by what they cost, the costliest first.
fn costs<'t>(view: &View<'t>) -> Vec<Cost<'t>> {
    let mut costs: Vec<Cost<'_>> = Vec::new();
    for &requirement in view.requirements.iter().filter(|one| !one.is_penalty()) {
        let mut cost = Cost { requirement, points: 0.0, open: 0, accounts: 0 };
        let mut lost = 0;
        for account in &view.accounts {
            let Some(state) = account.scores.get(requirement.id) else { continue };
            let Some(value) = state.score else { continue };
            lost += state.weight * (schemas::SCORE_ONE - value);
            cost.open += score::open(state);
            cost.accounts += i64::from(score::open(state) > 0);
        }
        cost.points = 100.0 * score::weighted(lost, view.sum.weight).unwrap_or(0.0);
        if cost.open > 0 {
            costs.push(cost);
        }
    }
    // The sort is stable: equal ones stay by severity.
    costs.sort_by(|a, b| b.points.total_cmp(&a.points));
    costs
}

fn costliest(view: &View<'_>, sheet: &mut Sheet) {
    let all = costs(view);
    let remark = "How many points of the risk-weighted score would come back. A point is 1 %.";
    summary::section(sheet, "Requirements that cost the most", remark);
    if all.is_empty() {
        let text = "None: no resource is non-compliant without an exception.";
        sheet.push(summary::indented(super::line(text, Style::Plain)));
        return;
    }
    let number = Style::HeadingNumber;
    heading(
        sheet,
        &[
            ("Requirement", Style::Heading, 2),
            ("Severity", Style::Heading, 1),
            ("Points", number, 1),
            ("To fix", number, 1),
            ("Accounts", number, 1),
            ("How", Style::Heading, 4),
        ],
    );
    for cost in all.iter().take(ROWS_MAX) {
        let severity = cost.requirement.severity();
        let how = cost.requirement.text.map_or("", |text| &text.remediation);
        sheet.push(summary::indented(Row::new(vec![
            Cell::text(cost.requirement.title(), Style::Text).over(2),
            Cell::text(severity.as_str(), severity.into()),
            Cell::number(cost.points, Style::Points),
            Cell::count(cost.open, Style::Count),
            Cell::count(cost.accounts, Style::Count),
            Cell::text(&crate::text::short(how, 160), Style::Text).over(4),
        ])));
    }
    rest(sheet, all.len(), super::scores::NAME);
}
