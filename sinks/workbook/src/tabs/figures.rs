//! The key figures at the head of the summary.

use schemas::{ExceptionPhase, percent};

use super::summary::indented;
use crate::changes::{ChangeKind, ChangeView};
use crate::config::DAY_MS;
use crate::past::Cut;
use crate::score::Score;
use crate::sheet::{Cell, Row, Sheet};
use crate::style::Style;
use crate::text::{age, counted, moment, thousands};
use crate::view::View;
use crate::{Subject, trend};

/// How many columns each key figure takes: B, C to E, F to H, I to J, K.
const CARDS: [u16; 5] = [1, 3, 3, 2, 1];

/// The column of the last key figure, which is one cell: programs draw in a merged one's first.
const LAST_COLUMN: u16 = 10;

/// One key figure: label, value and what explains it.
struct Card {
    label: &'static str,
    value: Cell,
    note: String,
}

fn cards(sheet: &mut Sheet, value_height: f64, cards: [Card; 5]) {
    let columns = CARDS.iter().copied();
    let row = |cells: Vec<Cell>| {
        let cells = cells.into_iter().zip(columns.clone());
        cells.map(|(cell, columns)| cell.over(columns)).collect::<Vec<_>>()
    };
    let labels = cards.iter().map(|card| Cell::text(card.label, Style::CardLabel)).collect();
    let values = cards.iter().map(|card| card.value.clone()).collect();
    let notes = cards.iter().map(|card| Cell::text(&card.note, Style::CardNote)).collect();
    sheet.push(indented(Row::of_height(18.0, row(labels))));
    sheet.push(indented(Row::of_height(value_height, row(values))));
    sheet.push(indented(Row::of_height(32.0, row(notes))));
}

/// The figures that say how he stands.
pub(super) fn standing(view: &View<'_>, sheet: &mut Sheet) {
    let (sum, score) = (view.sum, view.score());
    let open = sum.noncompliant - sum.excepted;
    let in_order = if sum.total > 0 {
        let value = crate::score::ratio(sum.total, sum.noncompliant, sum.excepted);
        Cell::number(value, Style::CardScore)
    } else {
        Cell::text(score.word(), Style::CardText)
    };
    let missing = view.accounts.iter().filter(|account| !account.is_collected()).count();
    let value_row = sheet.next_row() + 1;
    let by = format!("by risk, over {}", whose(view));
    cards(
        sheet,
        44.0,
        [
            Card {
                label: "Risk-weighted score",
                value: card_score(score),
                note: match score.grade() {
                    Some(grade) => format!("grade {grade} · {} · {by}", score.word()),
                    None => format!("{} · {by}", score.word()),
                },
            },
            Card {
                label: "Resources in order",
                value: in_order,
                note: format!(
                    "{} of {} votes pass or are accepted; each counts the same",
                    thousands(sum.total - open),
                    thousands(sum.total)
                ),
            },
            Card {
                label: "Still to fix",
                value: Cell::count(open, Style::CardCount),
                note: format!("of {} non-compliant votes", thousands(sum.noncompliant)),
            },
            Card {
                label: "Accepted risk",
                value: Cell::count(sum.excepted, Style::CardCount),
                note: "non-compliant votes credited by a live exception".to_owned(),
            },
            Card {
                label: "Accounts",
                value: Cell::count(view.accounts.len() as i64, Style::CardCount),
                note: match missing {
                    0 => "all collected".to_owned(),
                    n => format!("{} not collected", thousands(n as i64)),
                },
            },
        ],
    );
    for column in [1, 2] {
        sheet.scored.push(crate::sheet::Area {
            first_row: value_row,
            first_column: column,
            last_row: value_row,
            last_column: column,
        });
    }
}

fn whose(view: &View<'_>) -> &'static str {
    match view.subject {
        Subject::Owner(_) => "all your accounts",
        Subject::Enterprise | Subject::Payer(_) => "all accounts",
    }
}

fn card_score(score: Score) -> Cell {
    match score {
        Score::Scored { value, .. } => Cell::number(value, Style::CardScore),
        _ => Cell::text(score.word(), Style::CardText),
    }
}

/// The figures that say where it goes.
pub(super) fn trend(view: &View<'_>, all: &[ChangeView<'_, '_>], sheet: &mut Sheet) {
    let count = |kind| all.iter().filter(|change| change.kind == kind).count() as i64;
    let counted = |kind| match view.before() {
        Some(_) => Cell::count(count(kind), Style::CardCount),
        None => Cell::text("not known", Style::CardText),
    };
    let line = super::trend::sparkline_at(view, sheet.next_row() + 1, LAST_COLUMN);
    cards(
        sheet,
        32.0,
        [
            moved(view),
            Card {
                label: "Newly failing",
                value: counted(ChangeKind::NewlyFailing),
                note: "in order then, or not there".to_owned(),
            },
            Card {
                label: "Fixed",
                value: counted(ChangeKind::Fixed),
                note: "failing then, mended now or gone".to_owned(),
            },
            Card {
                label: "Credit lapsed",
                value: counted(ChangeKind::Lapsed),
                note: "accepted then, without credit now".to_owned(),
            },
            Card {
                label: "Last 13 weeks",
                value: match line {
                    Some(_) => Cell::empty(Style::CardText),
                    None => Cell::text(NO_SCORE, Style::CardText),
                },
                note: extremes(view),
            },
        ],
    );
    sheet.drawings.extend(line);
}

/// What is said where the log keeps no score of the time.
const NO_SCORE: &str = "no earlier score";

fn moved(view: &View<'_>) -> Card {
    let (score, before) = (view.score(), view.before());
    let value = match (trend::points(score.value(), before), score.value()) {
        (Some(points), _) => trend::moved(points),
        (None, Some(_)) => NO_SCORE.to_owned(),
        (None, None) => score.word().to_owned(),
    };
    let note = match (&view.past.since, before) {
        (Some(since), Some(before)) => since_then(view, since, before),
        (Some(_), None) => "none of these accounts had one".to_owned(),
        (None, _) => "the log keeps none".to_owned(),
    };
    Card { label: "Trend", value: Cell::text(&value, Style::CardText), note }
}

fn since_then(view: &View<'_>, since: &Cut, before: f64) -> String {
    let then = format!("since {} UTC, {} then", moment(since.at_ms), percent(before));
    match view.without_score_in(since).count() as i64 {
        0 => then,
        n => format!("{then}; {} since", counted(n, "account came", "accounts came")),
    }
}

/// Says between what the scores of the weeks and of now lie.
fn extremes(view: &View<'_>) -> String {
    let weeks = view.past.weeks.iter().filter_map(|week| view.score_in(week));
    let all: Vec<f64> = weeks.chain(view.score().value()).collect();
    if view.past.weeks.is_empty() || all.is_empty() {
        return String::new();
    }
    let (low, high) = all
        .iter()
        .fold((1.0_f64, 0.0_f64), |(low, high), &score| (low.min(score), high.max(score)));
    format!("from {} to {}; the tab Trend has all", percent(low), percent(high))
}

/// The figures that say how far the others can be trusted.
pub(super) fn trust(view: &View<'_>, sheet: &mut Sheet) {
    let unknown: i64 = view.accounts.iter().map(|account| account.tally.unknown as i64).sum();
    let (scopes, collected, failed) = view.accounts.iter().fold((0, 0, 0), |sum, account| {
        let scopes = account.scopes();
        (sum.0 + scopes.0, sum.1 + scopes.1, sum.2 + scopes.2)
    });
    let oldest = view.oldest_ms();
    let soon = view.expiring().len() as i64;
    let expired = view.exceptions.iter();
    let expired =
        expired.filter(|view| view.phase == ExceptionPhase::Expired && view.uncredited > 0);
    cards(
        sheet,
        26.0,
        [
            Card {
                label: "Could not be judged",
                value: Cell::count(unknown, Style::CardCount),
                note: "data was missing; in no score".to_owned(),
            },
            Card {
                label: "Collected",
                value: match scopes {
                    0 => Cell::text("nothing yet", Style::CardText),
                    _ => Cell::text(
                        &format!("{} of {} scopes", thousands(collected), thousands(scopes)),
                        Style::CardText,
                    ),
                },
                note: format!(
                    "a scope is a resource type in a region; {} failed last time",
                    thousands(failed)
                ),
            },
            Card {
                label: "Oldest data",
                value: match oldest {
                    Some(ms) => Cell::text(&age(view.at_ms - ms), Style::CardText),
                    None => Cell::text("none", Style::CardText),
                },
                note: oldest.map_or_else(String::new, |ms| format!("collected {} UTC", moment(ms))),
            },
            Card {
                label: "Exceptions expiring",
                value: Cell::count(soon, Style::CardCount),
                note: format!("within {} days", view.limits.expiring_within_ms / DAY_MS),
            },
            Card {
                label: "Expired exceptions in use",
                value: Cell::count(expired.count() as i64, Style::CardCount),
                note: "still noted at resources, without credit".to_owned(),
            },
        ],
    );
}
