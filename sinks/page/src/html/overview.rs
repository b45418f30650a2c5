//! The first page: how things stand, what moved, and what to do next.

use maud::{Markup, html};
use serde_json::{Value as Json, json};
use sink_workbook::Score;

use crate::forms::moment;
use crate::html::{svg, table, words};
use crate::links;
use crate::lists;
use crate::routes::{ListOf, Parts, Shown};
use crate::table::{HEAD_COLUMNS, PAGE_COLUMNS, percent};
use crate::view::{Scope, View};

/// Rows of each list on the page.
const ROWS: usize = 8;

/// Accounts on the page's piece of the heat map.
const HEAT_ROWS: usize = 12;

/// The columns of each list on the page.
const MOVERS: [&str; 4] = ["name", "before", "score", "points"];
const ACTIONS: [&str; 4] = ["requirement", "account", "resources", "points"];
const EXECUTIVES: [&str; 4] = ["executive", "score", "days", "spend"];
const EXCEPTIONS: [&str; 4] = ["exception", "phase", "days_left", "credited"];

/// What the page says in figures.
struct Figures {
    score: Score,
    accounts: usize,
    not_collected: usize,
    open: i64,
    accepted: i64,
    unknown: i64,
}

fn figures(view: View<'_>) -> Figures {
    let mut figures = Figures {
        score: view.score(),
        accounts: 0,
        not_collected: 0,
        open: 0,
        accepted: 0,
        unknown: 0,
    };
    for account in view.accounts() {
        figures.accounts += 1;
        figures.not_collected += usize::from(!account.is_collected());
        let Some(state) = account.overall.filter(|_| account.state.is_scored()) else { continue };
        figures.open += state.noncompliant - state.excepted;
        figures.accepted += state.excepted;
        figures.unknown += state.unknown;
    }
    figures
}

/// What a page that is open hears of when it changes: text by the name of its place.
pub(crate) fn live(view: View<'_>) -> Json {
    let figures = figures(view);
    json!({
        "version": view.tables.version,
        "score": percent(figures.score),
        "standing": standing(figures.score),
        "open": words::thousands(figures.open),
        "accepted": words::thousands(figures.accepted),
        "unknown": words::thousands(figures.unknown),
    })
}

/// The same for programs.
pub(crate) fn json(shown: Shown<'_>) -> Option<Json> {
    let figures = figures(shown.view);
    let days = shown.view.days().into_iter().filter_map(|(_, score)| score).collect::<Vec<_>>();
    Some(json!({
        "at": moment(shown.view.tables.at_ms),
        "score": figures.score.value(),
        "grade": figures.score.grade(),
        "standing": figures.score.word(),
        "accounts": figures.accounts,
        "not_collected": figures.not_collected,
        "open": figures.open,
        "accepted": figures.accepted,
        "unknown": figures.unknown,
        "days": days,
    }))
}

/// Says how the score stands, its grade, and what the star behind it means.
fn standing(score: Score) -> String {
    let is_partial = matches!(score, Score::Scored { partial: true, .. });
    let grade = score.grade().map(|grade| format!("grade {grade}"));
    let partial = is_partial.then(|| "* some data is missing".to_owned());
    let words = [Some(score.word().to_owned()), grade, partial];
    words.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The page.
pub(crate) fn page(shown: Shown<'_>) -> Option<(String, Markup)> {
    let title = match shown.view.scope {
        Scope::All => "Cloud security scorecard".to_owned(),
        Scope::Owner(owner) => format!("Scorecard of {owner}"),
    };
    Some((
        title,
        html! {
            (cards(&figures(shown.view)))
            section aria-labelledby="line" {
                h2 #line { "90 days" }
                (svg::chart(&shown.view.days(), &[], "Score of the last 90 days"))
                p.more { a href="/days" { "The score of each day as a table" } }
            }
            div.columns {
                (part(shown, "Movers", "/movers", lists::movers, &MOVERS))
                (part(shown, "Next best actions", "/actions", lists::actions, &ACTIONS))
            }
            (heat(shown))
            div.columns {
                (part(shown, "Executives by spend", "/executives", lists::executives, &EXECUTIVES))
                (part(shown, "Exceptions", "/exceptions", lists::exceptions, &EXCEPTIONS))
            }
            (pipeline(shown.view))
        },
    ))
}

fn cards(figures: &Figures) -> Markup {
    let count = |name: &'static str, label: &'static str, n: i64, note: &'static str| {
        html! {
            div.card {
                dt { (label) }
                dd { span.figure data-live=(name) { (words::thousands(n)) } span.note { (note) } }
            }
        }
    };
    html! {
        dl.cards {
            div.card.main {
                dt { "Score" }
                dd class=(words::heat(figures.score)) {
                    span.figure data-live="score" { (percent(figures.score)) }
                    span.note data-live="standing" { (standing(figures.score)) }
                }
            }
            (count("open", "To fix", figures.open, "failing, without exception"))
            (count("accepted", "Accepted", figures.accepted, "failing, with a live exception"))
            (count("unknown", "Unknown", figures.unknown, "could not be judged"))
            (count("accounts", "Accounts", figures.accounts as i64, "in the register or listed"))
        }
    }
}

/// The beginning of a list; nothing where the viewer has none.
fn part(shown: Shown<'_>, title: &str, href: &str, list: ListOf, columns: &[&str]) -> Markup {
    let id = href.trim_start_matches('/');
    html! {
        @if let Some(rows) = list(shown.view, &Parts::default()) {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) }
                (table::short(rows, ROWS, columns, href))
            }
        }
    }
}

fn heat(shown: Shown<'_>) -> Markup {
    let Some(map) = lists::heat(shown.view, &Parts::default()) else { return Markup::default() };
    // A requirement that has no score anywhere would be a column of nothing.
    let scored = lists::scored(shown.view);
    let kept = scored.iter().take(PAGE_COLUMNS - HEAD_COLUMNS);
    let head = map.columns.iter().take(HEAD_COLUMNS).map(|column| column.name.to_string());
    let names: Vec<String> = head.chain(kept.map(|one| one.id.clone())).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (rows, columns) = (map.rows.len(), map.columns.len() - HEAD_COLUMNS);
    let (shown_rows, shown_columns) = (rows.min(HEAT_ROWS), names.len() - HEAD_COLUMNS);
    html! {
        section aria-labelledby="heat" {
            h2 #heat { "Accounts by requirements" }
            p.remark {
                "The lowest scores and the gravest requirements first; each field leads to what \
                 fails there."
                @if shown_rows < rows || shown_columns < columns {
                    " These are " (shown_rows) " of " (words::counted(rows as i64, "account",
                    "accounts")) " and " (shown_columns) " of "
                    (words::counted(columns as i64, "requirement", "requirements")) "."
                }
            }
            (table::short(map, HEAT_ROWS, &names, "/heat"))
        }
    }
}

/// How far the pipeline is behind, and how the page itself reads.
fn pipeline(view: View<'_>) -> Markup {
    let tables = view.tables;
    html! {
        section aria-labelledby="pipeline" {
            h2 #pipeline { "Pipeline" }
            ul.strip {
                @if let Some(pipeline) = &tables.pipeline {
                    @for (name, lag) in &pipeline.lags {
                        li { strong { (name) } " " @if *lag == 0 { "● up to date" } @else {
                            "▲ " (words::counted(*lag, "record", "records")) " behind"
                        } }
                    }
                    li { strong { "dead letters" } " " @if pipeline.dead == 0 { "● none" } @else {
                        "▲ " (words::thousands(pipeline.dead))
                    } }
                } @else {
                    li { "Not known yet." }
                }
                li { strong { "past" } " "
                    @if tables.reading.knows_past { "● read" } @else { "▲ is being read" } }
            }
        }
    }
}

/// The way from an account's page back.
pub(crate) fn trail(ways: &[(&str, String)]) -> Markup {
    html! {
        nav.trail aria-label="Where this is" {
            ol { @for (name, href) in ways { li { a href=(href) { (name) } } } }
        }
    }
}

/// Where an explanation leads back to.
pub(crate) fn account_trail(name: &str, id: &str) -> Markup {
    trail(&[("Accounts", "/accounts".to_owned()), (name, links::account(id))])
}
