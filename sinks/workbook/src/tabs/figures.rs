//! The key figures at the head of the summary.

use schemas::ExceptionPhase;

use super::summary::indented;
use crate::Subject;
use crate::config::DAY_MS;
use crate::score::Score;
use crate::sheet::{Cell, Row, Sheet};
use crate::style::Style;
use crate::text::{counted, moment, thousands};
use crate::view::{AccountView, View};

/// How many columns each key figure takes: B, C to E, F to H, I to J, K.
const CARDS: [u16; 5] = [1, 3, 3, 2, 1];

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
    cards(
        sheet,
        44.0,
        [
            Card {
                label: "Risk-weighted score",
                value: card_score(score),
                note: format!("{} · {}, requirements by risk", score.word(), whose(view)),
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

/// The figures that say how far the others can be trusted.
pub(super) fn trust(view: &View<'_>, sheet: &mut Sheet) {
    let unknown: i64 = view.accounts.iter().map(|account| account.tally.unknown as i64).sum();
    let (scopes, collected, failed) = view.accounts.iter().fold((0, 0, 0), |sum, account| {
        let scopes = account.scopes();
        (sum.0 + scopes.0, sum.1 + scopes.1, sum.2 + scopes.2)
    });
    let oldest = view.accounts.iter().filter_map(AccountView::oldest_ms).min();
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

/// Says how old something is, in the largest whole unit.
fn age(ms: i64) -> String {
    match ms.max(0) / 60_000 {
        0 => "under a minute".to_owned(),
        minutes @ 1..=119 => counted(minutes, "minute", "minutes"),
        minutes @ 120..=2_879 => counted(minutes / 60, "hour", "hours"),
        minutes => counted(minutes / 1_440, "day", "days"),
    }
}
