//! One tab an account: every non-compliant resource, what could not be judged, and the coverage.

use schemas::{ComplianceState, Credit, ExceptionPhase, percent};

use crate::console::Place;
use crate::score::Score;
use crate::sheet::{Area, Cell, Row, Sheet};
use crate::style::Style;
use crate::text::{counted, day, moment, thousands};
use crate::trend;
use crate::view::{AccountView, VerdictRow, View};

/// Columns of the lists, with their widths in characters.
const COLUMNS: [(&str, f64); 12] = [
    ("Severity", 11.0),
    ("Requirement", 29.0),
    ("Resource", 24.0),
    ("Part", 22.0),
    ("Region", 14.0),
    ("Since", 12.0),
    ("Exception", 30.0),
    ("Evidence", 36.0),
    ("How to mend", 40.0),
    ("Resource id", 50.0),
    ("Type", 26.0),
    ("Source", 12.0),
];

/// The columns that are printed; ids that nobody types from paper stay on the screen.
const PRINTED_COLUMNS: u16 = 9;

/// An error of the collection reaches from the column Exception to How to mend.
const ERROR_COLUMNS: u16 = 3;

/// Lays out an account's tab.
pub(super) fn sheet(view: &View<'_>, account: &AccountView<'_>) -> Sheet {
    let score = account.score();
    let widths = COLUMNS.map(|(_, width)| width).to_vec();
    let mut sheet = Sheet::new(&account.sheet, score.tint(), widths);
    sheet.printed_columns = PRINTED_COLUMNS;
    sheet.push(Row::of_height(30.0, vec![Cell::text(&account.state.name, Style::Title)]));
    sheet.push(super::line(&subtitle(view, account), Style::Subtitle));
    let back = Cell::link("← Summary", Some(super::summary::NAME), Style::Link, Style::Plain);
    sheet.push(Row::of_height(20.0, vec![back]));
    figures(view, account, &mut sheet);
    sheet.push(Row::of_height(8.0, vec![]));
    failing(view, account, &mut sheet);
    unknown(view, account, &mut sheet);
    links_line(view, account, &mut sheet);
    coverage(account, &mut sheet);
    sheet
}

fn subtitle(view: &View<'_>, account: &AccountView<'_>) -> String {
    let state = account.state;
    let mut facts = vec![format!("{} account {}", state.provider.to_uppercase(), state.account)];
    facts.extend((!state.payer.is_empty()).then(|| format!("payer {}", state.payer)));
    facts.push(match &state.owner {
        Some(owner) => format!("owner {owner}"),
        None => "no owner".to_owned(),
    });
    let executive = state.executive.as_ref();
    facts.extend(executive.map(|executive| format!("executive {executive}")));
    facts.push(format!("as of {} UTC", moment(view.at_ms)));
    facts.join(" · ")
}

/// The account's key figures as a small table.
fn figures(view: &View<'_>, account: &AccountView<'_>, sheet: &mut Sheet) {
    let score = account.score();
    let (scopes, collected, failed) = account.scopes();
    let labels =
        ["Score", "Standing", "To fix", "Accepted", "Not judged", "Oldest data", "Data", "Trend"];
    sheet.push(super::headings(&labels, Style::HeadingNumber));
    let data = match scopes {
        0 => "no scope was ever tried".to_owned(),
        _ => format!(
            "{} of {} scopes collected, last scan failed in {}",
            thousands(collected),
            thousands(scopes),
            thousands(failed)
        ),
    };
    let counts = |n: i64| match score {
        Score::NotCollected => Cell::empty(Style::Figure),
        _ => Cell::count(n, Style::Figure),
    };
    sheet.score_next(0, 0);
    sheet.push(Row::of_height(
        32.0,
        vec![
            score.strong_cell(),
            score.word_cell(),
            counts(account.open()),
            counts(account.overall.map_or(0, |state| state.excepted)),
            counts(account.rows.unknown.len() as i64),
            Cell::time(account.oldest_ms(), Style::Date),
            Cell::text(&data, Style::Text),
            Cell::text(&moved(view, account), Style::Text),
        ],
    ));
}

/// Says where the account's score went.
fn moved(view: &View<'_>, account: &AccountView<'_>) -> String {
    let since = view.past.since.as_ref();
    let then = since.and_then(|cut| Some((cut.at_ms, account.score_in(cut)?)));
    match (then, trend::points(account.score().value(), then.map(|(_, score)| score))) {
        (Some((at_ms, score)), Some(points)) => {
            let (words, day) = (trend::moved(points), day(at_ms));
            format!("{words} since {day} ({} then)", percent(score))
        }
        _ => "no earlier score".to_owned(),
    }
}

/// The list that answers "why not 100 %".
fn failing(view: &View<'_>, account: &AccountView<'_>, sheet: &mut Sheet) {
    let heading_row = sheet.next_row();
    sheet.push(super::headings(&COLUMNS.map(|(label, _)| label), Style::Heading));
    sheet.frozen = (sheet.next_row(), 0);
    sheet.repeated_rows = Some((heading_row, heading_row));
    let rows_max = view.limits.rows_max;
    for (at, row) in account.rows.failing.iter().take(rows_max).enumerate() {
        sheet.push(verdict_row(row, at < view.limits.console_links_max));
    }
    let last_row = sheet.next_row() - 1;
    if last_row > heading_row {
        sheet.filter = Some(Area {
            first_row: heading_row,
            first_column: 0,
            last_row,
            last_column: sheet.last_column(),
        });
    }
    match account.score() {
        Score::NotCollected => {
            let text = "⚠ This account was never collected: nothing is known of its resources.";
            sheet.push(super::banner(text, PRINTED_COLUMNS));
        }
        _ if account.rows.failing.is_empty() => {
            let text = "Nothing to fix: every resource that could be judged is in order.";
            sheet.push(super::line(text, Style::Plain));
        }
        _ => {}
    }
    cut_line(account.rows.failing.len(), rows_max, sheet);
    if account.rows.held > 0 {
        let verdicts = counted(account.rows.held as i64, "verdict is", "verdicts are");
        let text = format!("{verdicts} kept from older data, because newer data could not tell.");
        sheet.push(super::line(&text, Style::Remark));
    }
}

fn cut_line(all: usize, rows_max: usize, sheet: &mut Sheet) {
    if all > rows_max {
        let text = format!(
            "⚠ Cut: the first {} of {} rows are shown, the gravest first.",
            thousands(rows_max as i64),
            thousands(all as i64)
        );
        sheet.push(super::banner(&text, PRINTED_COLUMNS));
    }
}

/// Says where links to the console end: Excel drops all links of a sheet that has too many.
fn links_line(view: &View<'_>, account: &AccountView<'_>, sheet: &mut Sheet) {
    let (rows_max, links_max) = (view.limits.rows_max, view.limits.console_links_max);
    let rows = account.rows.failing.len().min(rows_max) + account.rows.unknown.len().min(rows_max);
    if rows > links_max {
        let links = thousands(links_max as i64);
        let text = format!("⚠ Cut: only the first {links} resources lead to the console.");
        sheet.push(super::banner(&text, PRINTED_COLUMNS));
    }
}

fn unknown(view: &View<'_>, account: &AccountView<'_>, sheet: &mut Sheet) {
    if account.rows.unknown.is_empty() {
        return;
    }
    sheet.push(Row::blank());
    let title = format!("Could not be judged ({})", thousands(account.rows.unknown.len() as i64));
    sheet
        .push(Row::of_height(22.0, vec![Cell::text(&title, Style::Section).over(PRINTED_COLUMNS)]));
    let remark =
        "Data was missing or a rule failed. They count neither as in order nor as failing.";
    sheet.push(super::line(remark, Style::Remark));
    sheet.push(super::headings(&COLUMNS.map(|(label, _)| label), Style::Heading));
    let rows_max = view.limits.rows_max;
    let above = account.rows.failing.len().min(rows_max);
    for (at, row) in account.rows.unknown.iter().take(rows_max).enumerate() {
        sheet.push(verdict_row(row, above + at < view.limits.console_links_max));
    }
    cut_line(account.rows.unknown.len(), rows_max, sheet);
}

/// The styles of a row: italic with live credit, red italic when the exception lapsed.
struct RowStyles {
    text: Style,
    link: Style,
    line: Style,
    date: Style,
}

impl RowStyles {
    fn of(credit: Credit) -> Self {
        let (text, link, line, date) = match credit {
            Credit::None => (Style::Text, Style::TableLink, Style::Line, Style::Date),
            Credit::Live => {
                (Style::CreditedText, Style::CreditedLink, Style::CreditedLine, Style::CreditedDate)
            }
            Credit::Lapsed => {
                (Style::LapsedText, Style::LapsedLink, Style::LapsedLine, Style::LapsedDate)
            }
        };
        Self { text, link, line, date }
    }
}

fn verdict_row(row: &VerdictRow<'_>, linked: bool) -> Row {
    let (key, state, requirement) = (&row.key, &row.state, row.requirement());
    let styles = RowStyles::of(state.credit);
    let text = |text: &str| Cell::wrapped(text, styles.text, styles.line);
    let severity = requirement.severity();
    let remediation = requirement.text.map_or("", |text| &text.remediation);
    let id = if state.arn.is_empty() { &key.resource } else { &state.arn };
    let name = if state.name.is_empty() { &key.resource } else { &state.name };
    let link = linked.then(|| Place::of(key, &state.name, &state.arn).link(&state.resource_type));
    let evidence = if state.held {
        format!("{} (kept: newer data could not tell)", state.evidence)
    } else {
        state.evidence.clone()
    };
    Row::new(vec![
        Cell::text(severity.as_str(), severity.into()),
        text(requirement.title()),
        match link.flatten() {
            Some(link) => Cell::console(name, link, styles.link),
            None => text(name),
        },
        text(&key.part),
        text(&key.region),
        Cell::time((state.since_ms > 0).then_some(state.since_ms), styles.date),
        text(&annotation(state)),
        text(&evidence),
        text(remediation),
        text(id),
        text(&state.resource_type),
        text(&state.source),
    ])
}

/// Says what an exception does for a row.
fn annotation(state: &ComplianceState) -> String {
    let reason = state.exception_reason.as_deref().unwrap_or("no reason given");
    let id = state.exception.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
    let until = state.exception_expires_ms.map(moment);
    match (state.credit, until) {
        (Credit::None, _) => String::new(),
        (Credit::Live, Some(until)) => format!("credited until {until}: {reason}{id}"),
        (Credit::Live, None) => format!("credited without an end: {reason}{id}"),
        (Credit::Lapsed, until) => {
            let why = match (state.exception_phase, until) {
                (Some(ExceptionPhase::Waiting), _) => "not begun".to_owned(),
                (Some(ExceptionPhase::Rejected), _) => "rejected".to_owned(),
                (Some(ExceptionPhase::Withdrawn), _) => "withdrawn".to_owned(),
                // Rows of older releases do not tell where their exception stood.
                (Some(ExceptionPhase::Asked), _) | (None, None) => "not approved".to_owned(),
                (_, until) => format!("expired {}", until.unwrap_or_default()),
            };
            format!("{why}: no credit: {reason}{id}")
        }
    }
}

fn coverage(account: &AccountView<'_>, sheet: &mut Sheet) {
    sheet.push(Row::blank());
    sheet.push(Row::of_height(
        22.0,
        vec![Cell::text("What was collected", Style::Section).over(PRINTED_COLUMNS)],
    ));
    if account.state.coverage.is_empty() {
        sheet.push(super::banner("⚠ Nothing was ever tried.", PRINTED_COLUMNS));
        return;
    }
    let labels = ["State", "Type", "Scopes", "Collected", "Failed", "Oldest", "Error"];
    let mut headings = super::headings(&labels, Style::HeadingNumber);
    headings.cells[6].columns = ERROR_COLUMNS;
    sheet.push(headings);
    for kind in &account.state.coverage {
        sheet.push(Row::new(vec![
            match kind.collected {
                0 => Cell::text("none", Style::NotCollected),
                n if n < kind.scopes => Cell::text("partly", Style::Fair),
                _ if kind.failed > 0 => Cell::text("stale", Style::Fair),
                _ => Cell::text("all", Style::Good),
            },
            Cell::text(&kind.resource_type, Style::Text),
            Cell::count(kind.scopes, Style::Figure),
            Cell::count(kind.collected, Style::Figure),
            Cell::count(kind.failed, Style::Figure),
            Cell::time(kind.oldest_ms, Style::Date),
            Cell::wrapped(kind.error.as_deref().unwrap_or(""), Style::Text, Style::Line)
                .over(ERROR_COLUMNS),
        ]));
    }
}
