//! Why an account has its score, as a whole or under a requirement: what `scorecard explain` says,
//! as a page.

use compliance::explain::{Asked, Explained, Explanation, Judged, Known};
use maud::{Markup, html};
use schemas::{ScoreKey, ScoreStatus, Scoring, Verdict};
use serde_json::Value as Json;
use sink_workbook::Score;

use crate::html::overview::account_trail;
use crate::html::words;
use crate::links;
use crate::routes::Shown;
use crate::view::View;

/// Verdicts that one page shows; the list has all of them.
const VERDICTS_MAX: usize = 100;

/// Explains the account, or one requirement of it with its verdicts where the address names one.
fn explain(shown: Shown<'_>) -> Option<Explanation> {
    let id = shown.parts.get("account");
    let requirement = Some(shown.parts.get("requirement")).filter(|one| !one.is_empty());
    let known = known(shown.view, id, requirement)?;
    let asked = Asked { account: id, requirement, resource: None };
    let mut explanation = Explanation::new(&asked, known, shown.view.tables.at_ms);
    // One whose rows pass by now has none here; the arithmetic is told all the same.
    if let Some(wanted) = &shown.asked.resource {
        for one in &mut explanation.requirements {
            one.verdicts.retain(|row| [&row.resource, &row.name, &row.arn].contains(&wanted));
        }
    }
    let has_answer = requirement.is_none() || !explanation.requirements.is_empty();
    has_answer.then_some(explanation)
}

/// What the tables hold of the account; verdicts and their changes only of the requirement.
fn known(view: View<'_>, id: &str, requirement: Option<&str>) -> Option<Known> {
    let account = view.account(id)?;
    let wanted = |one: &str| requirement.is_none_or(|requirement| requirement == one);
    let scores = view.scores(id).filter(|(one, _)| wanted(one));
    let scores = scores.map(|(one, score)| (ScoreKey::new(id, one), score.clone()));
    let whole = account.overall.map(|score| (ScoreKey::new(id, "*"), score.clone()));
    let verdicts = requirement.into_iter().flat_map(|one| view.verdicts(one, id));
    let requirements = view.requirements().into_iter().filter(|one| wanted(&one.id));
    // The oldest first, so that the last change of each key stays.
    let changes = view.tables.changes.get(id).into_iter().flatten();
    let last = changes.filter(|one| requirement == Some(&one.key.requirement));
    Some(Known {
        account: Some(account.state.clone()),
        scores: whole.into_iter().chain(scores).collect(),
        verdicts: verdicts.map(|(key, row)| (key.clone(), row.clone())).collect(),
        requirements: requirements.map(|one| (one.id.clone(), one.clone())).collect(),
        exceptions: view.exceptions().into_iter().cloned().collect(),
        last: last.map(|one| (one.key.clone(), one.change.clone())).collect(),
    })
}

/// The explanation for programs: failing verdicts and those that could not be judged.
pub(crate) fn json(shown: Shown<'_>) -> Option<Json> {
    serde_json::to_value(explain(shown)?).ok()
}

/// The page of an account: what each requirement takes from its score, the costliest first.
pub(crate) fn account(shown: Shown<'_>) -> Option<(String, Markup)> {
    let explanation = explain(shown)?;
    let account = shown.view.account(&explanation.account)?;
    let (id, value) = (&explanation.account, account.score());
    let facts = html! {
        div { dt { "Score" } dd class=(words::heat(value)) { (words::score(value)) } }
        @if let Some(score) = &explanation.score {
            div { dt { "Weights" } dd { (words::thousands(score.weight)) } }
        }
    };
    Some((
        format!("Why: {}", account.name()),
        html! {
            (account_trail(account.name(), id))
            dl.facts { (facts) }
            h2 { "The arithmetic" }
            p { (whole(value, &explanation)) }
            h2 { "What each requirement costs" }
            ol.verdicts {
                @for one in &explanation.requirements {
                    li { (part(one, shown.view.score_of(id, &one.requirement), id)) }
                }
            }
        },
    ))
}

/// Says how an account's score comes about from those of its requirements.
fn whole(value: Score, of: &Explanation) -> Markup {
    let weight = of.score.as_ref().map_or(0, |score| score.weight);
    html! {
        @match value {
            Score::Scored { .. } => {
                (crate::table::percent(value)) " = Σ weight · score / Σ weight over the \
                requirements that have a score; Σ weight is " (words::thousands(weight)) "."
            },
            _ => "No score: none of its requirements has one.",
        }
    }
}

fn part(one: &Explained, value: Score, account: &str) -> Markup {
    let title = if one.title.is_empty() { &one.requirement } else { &one.title };
    html! {
        p.head {
            strong { (format!("{:.2} points", one.costs * 100.0)) } " "
            a href=(links::explain(account, &one.requirement)) { (title) }
        }
        p { (arithmetic(one, value)) }
    }
}

/// The page of a requirement in an account.
pub(crate) fn page(shown: Shown<'_>) -> Option<(String, Markup)> {
    let explanation = explain(shown)?;
    let id = &explanation.account;
    let one = explanation.requirements.first()?;
    let title =
        format!("Why: {}", if one.title.is_empty() { &one.requirement } else { &one.title });
    let value = shown.view.score_of(id, &one.requirement);
    Some((
        title,
        html! {
            (account_trail(&explanation.name, id))
            dl.facts {
                div { dt { "Score" } dd class=(words::heat(value)) { (words::score(value)) } }
                div { dt { "Severity" } dd class=(one.severity.as_str()) { (one.severity) } }
                div { dt { "Costs the account" } dd {
                    (format!("{:.2} points", one.costs * 100.0))
                } }
                div { dt { "Requirement" } dd {
                    a href=(links::requirement(&one.requirement)) { (one.requirement) }
                } }
            }
            h2 { "The arithmetic" }
            p { (arithmetic(one, value)) }
            p { (coverage(one, explanation.at_ms)) }
            @for because in &one.changes { p { "Changed from what ships: " (because) } }
            h2 { "The verdicts" }
            @if let Some(resource) = &shown.asked.resource {
                p {
                    "Of " strong { (resource) } " alone; if it is not here, it passes or is gone. "
                    a href=(shown.path) { "Of all resources" }
                }
            }
            (verdicts(one, id, explanation.at_ms))
        },
    ))
}

/// Says how the score comes about, in the numbers that were counted.
fn arithmetic(one: &Explained, value: Score) -> Markup {
    let score = &one.score;
    let votes = match one.scoring {
        Scoring::AllOrNothing => "account",
        Scoring::Findings | Scoring::Penalty if score.total == 1 => "finding",
        Scoring::Findings | Scoring::Penalty => "findings",
        Scoring::Resources | Scoring::Summary if score.total == 1 => "resource",
        Scoring::Resources | Scoring::Summary => "resources",
    };
    html! {
        @match score.status {
            ScoreStatus::Scored => {
                (crate::table::percent(value)) " = 1 − (" (words::thousands(score.noncompliant))
                " failing − " (words::thousands(score.excepted)) " accepted) / "
                (words::thousands(score.total)) " " (votes)
                @if score.unknown > 0 {
                    "; " (words::thousands(score.unknown))
                    " could not be judged and count on neither side"
                }
                @if one.scoring == Scoring::Penalty {
                    "; a penalty, not part of the account's score"
                } @else {
                    "; weight " (score.weight)
                }
            },
            ScoreStatus::NotApplicable if score.unknown > 0 => {
                "No score: " (words::counted(score.unknown, "vote", "votes"))
                " could not be judged, and there are no others."
            },
            ScoreStatus::NotApplicable => "No score: there is nothing here that it concerns.",
            ScoreStatus::NotCollected => "No score: nothing that it needs was ever collected.",
        }
    }
}

fn coverage(one: &Explained, at_ms: i64) -> String {
    let score = &one.score;
    let collected = format!("{} of {} scopes were collected", score.scopes_collected, score.scopes);
    match score.oldest_ms {
        Some(oldest) => {
            format!("{collected}; the oldest data is {} old.", words::span(at_ms - oldest))
        }
        None => format!("{collected}."),
    }
}

fn verdicts(one: &Explained, account: &str, at_ms: i64) -> Markup {
    let passing = one.score.total - one.score.noncompliant;
    html! {
        @if passing > 0 {
            p { (words::counted(passing, "vote passes", "votes pass")) "; those are not listed." }
        }
        @if one.verdicts.is_empty() {
            p.empty { "Nothing fails, and everything could be judged." }
        }
        ol.verdicts {
            @for judged in one.verdicts.iter().take(VERDICTS_MAX) {
                li { (verdict(judged, at_ms)) }
            }
        }
        @if one.verdicts.len() > VERDICTS_MAX {
            p.more { a href=(links::rows(account, &one.requirement)) {
                "All " (words::thousands(one.verdicts.len() as i64)) " as a table"
            } }
        }
    }
}

fn verdict(one: &Judged, at_ms: i64) -> Markup {
    let name = if one.name.is_empty() { &one.resource } else { &one.name };
    html! {
        p.head {
            strong { (crate::lists::verdict_words(one.verdict, one.credit)) } " "
            (name) @if *name != one.resource { " (" (one.resource) ")" }
            " in " (one.region) @if !one.part.is_empty() { ", part " (one.part) }
        }
        @if !one.evidence.is_empty() { p { (one.evidence) } }
        p.faint {
            "Judged by " (one.source) ", for " (words::span(at_ms - one.since_ms))
            @if one.held { "; kept, because newer data could not tell" }
            @if one.stale { "; its source has told nothing for long" }
        }
        @if let Some(id) = &one.exception {
            p {
                "Exception " a href={ "/exceptions?q=" (links::escaped(id)) } { (id) } ": "
                (one.credit)
                @if let Some(end) = one.exception_expires_ms { ", until " (words::moment(end)) }
                @if let Some(reason) = &one.exception_reason { ". " (reason) }
            }
        }
        @for near in &one.missed {
            p {
                "Exception " (near.exception) " (" (near.phase) ") just misses it: its "
                (near.part) " is another."
            }
        }
        @if let Some(moved) = &one.last {
            p.faint {
                @match moved.before {
                    None => "New since ",
                    Some(Verdict::Pass) => "It passed until ",
                    Some(Verdict::Fail) => "It failed until ",
                    Some(_) => "It could not be judged until ",
                }
                (words::moment(moved.at_ms)) ": record " (moved.cause)
            }
        }
    }
}
