//! What stands above an account's tables: its figures, its score over time, what moved it.

use maud::{Markup, html};
use schemas::Verdict;
use sink_workbook::Account;

use crate::html::overview::account_trail;
use crate::html::svg::{self, Mark};
use crate::html::{table, words};
use crate::links;
use crate::lists;
use crate::routes::Shown;
use crate::table::percent;
use crate::tables::Change;
use crate::view::{View, remarks};

/// Changes that are drawn on the line.
const MARKS_MAX: usize = 60;

/// Changes that are listed.
const CHANGES: usize = 10;

/// Columns that they are listed with.
const COLUMNS: [&str; 6] = ["at", "before", "after", "requirement", "resource", "cause"];

/// Above the requirements of an account.
pub(crate) fn above(shown: Shown<'_>) -> Markup {
    let view = shown.view;
    let Some(account) = view.account(shown.parts.get("account")) else { return Markup::default() };
    let id = &account.state.account;
    let marks = marks(view, id);
    html! {
        (account_trail(account.name(), id))
        (facts(account))
        section aria-labelledby="line" {
            h2 #line { "90 days, and what moved the score" }
            (svg::chart(&view.days_of(id), &marks, "Score of the last 90 days"))
            p.more {
                a href=(links::path(&["days", id])) { "The score of each day as a table" }
            }
        }
        @if let Some(changes) = lists::changes(view, shown.parts) {
            section aria-labelledby="changes" {
                h2 #changes { "What moved it" }
                (table::short(changes, CHANGES, &COLUMNS, &links::path(&["changes", id])))
            }
        }
        p.more {
            a href=(links::path(&["failing", id])) { "Everything that fails in this account" }
        }
    }
}

fn facts(account: Account<'_>) -> Markup {
    let state = account.state;
    let nobody = "nobody that the register knows";
    let remarks = remarks(account);
    html! {
        dl.facts {
            div { dt { "Score" } dd class=(words::heat(account.score())) {
                (percent(account.score())) " " (account.score().word())
            } }
            div { dt { "Why" } dd { a href=(links::why(&state.account)) { "Explain this score" } } }
            div { dt { "To fix" } dd { (words::thousands(account.open())) } }
            div { dt { "Id" } dd { (state.account) } }
            div { dt { "Owner" } dd { (state.owner.as_deref().unwrap_or(nobody)) } }
            @if let Some(executive) = &state.executive {
                div { dt { "Executive" } dd { (executive) } }
            }
            @if !state.payer.is_empty() { div { dt { "Payer" } dd { (state.payer) } } }
            @if !state.units.is_empty() { div { dt { "Units" } dd { (state.units.join(" / ")) } } }
            @if let Some(at_ms) = account.oldest_ms() {
                div { dt { "Oldest data" } dd { (words::moment(at_ms)) " UTC" } }
            }
            @if !remarks.is_empty() { div { dt { "Remarks" } dd { (remarks) } } }
        }
    }
}

fn marks(view: View<'_>, account: &str) -> Vec<Mark> {
    let fails = |standing: Option<schemas::Standing>| {
        standing.is_some_and(|one| one.verdict != Verdict::Pass)
    };
    let mark = |one: &Change| Mark {
        at_ms: one.change.at_ms,
        is_better: !fails(one.change.after),
        words: format!(
            "{}: {} {}",
            schemas::headers::rfc3339(one.change.at_ms),
            view.requirement(&one.key.requirement).map_or(&*one.key.requirement, |r| &*r.title),
            if one.name.is_empty() { &one.key.resource } else { &one.name }
        ),
    };
    view.changes(account).take(MARKS_MAX).map(mark).collect()
}

/// Above the rows of a requirement in an account.
pub(crate) fn above_rows(shown: Shown<'_>) -> Markup {
    let (id, requirement) = (shown.parts.get("account"), shown.parts.get("requirement"));
    let Some(account) = shown.view.account(id) else { return Markup::default() };
    let score = shown.view.score_of(id, requirement);
    let state = shown.view.counts(id, requirement);
    let text = shown.view.requirement(requirement);
    html! {
        (account_trail(account.name(), id))
        dl.facts {
            div { dt { "Score" } dd class=(words::heat(score)) {
                (percent(score)) " " (score.word())
            } }
            @if let Some(state) = state {
                @let passing = state.total - state.noncompliant;
                div { dt { "Pass" } dd {
                    (words::thousands(passing)) " of " (words::thousands(state.total))
                } }
                div { dt { "Why" } dd {
                    a href=(links::explain(id, requirement)) { "Explain this score" }
                } }
            }
            div { dt { "Requirement" } dd {
                a href=(links::requirement(requirement)) { (requirement) }
            } }
            @if let Some(text) = text { div { dt { "How to mend" } dd { (text.remediation) } } }
        }
    }
}
