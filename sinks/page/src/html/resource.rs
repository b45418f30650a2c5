//! A resource's page: its document as it was last seen, and what fails of it.

use maud::{Markup, html};
use schemas::{ResourceKey, ResourceState};
use serde_json::{Value as Json, json};

use crate::html::overview::account_trail;
use crate::html::words;
use crate::links;
use crate::routes::Shown;

/// Characters of a document that the page shows; programs get all of it.
const SHOWN_CHARS_MAX: usize = 60_000;

/// The page.
pub(crate) fn page(shown: Shown<'_>, key: &ResourceKey, state: &ResourceState) -> (String, Markup) {
    let one = &state.resource;
    let title = if one.name.is_empty() { &one.id } else { &one.name };
    let account = shown.view.account(&key.account);
    let body = html! {
        @if let Some(account) = account { (account_trail(account.name(), &key.account)) }
        dl.facts {
            div { dt { "Type" } dd { (one.resource_type) } }
            div { dt { "Id" } dd { (one.id) } }
            @if !one.arn.is_empty() { div { dt { "ARN" } dd { (one.arn) } } }
            div { dt { "Region" } dd { (one.region) } }
            div { dt { "First seen" } dd { (words::moment(state.first_seen_ms)) } }
            div { dt { "As of" } dd { (words::moment(one.captured_ms)) } }
        }
        (failing(shown, key))
        @if !one.tags.is_empty() {
            h2 { "Tags" }
            dl.facts { @for (name, value) in &one.tags { div { dt { (name) } dd { (value) } } } }
        }
        h2 { "Configuration" }
        (document(&one.configuration))
        @if one.supplementary.len() > 2 {
            h2 { "Further answers" }
            (document(&one.supplementary))
        }
        @if !one.errors.is_empty() {
            h2 { "What could not be asked" }
            dl.facts { @for (name, value) in &one.errors { div { dt { (name) } dd { (value) } } } }
        }
    };
    (title.clone(), body)
}

fn failing(shown: Shown<'_>, key: &ResourceKey) -> Markup {
    let ids: Vec<&str> = shown
        .view
        .judged()
        .into_iter()
        .filter(|id| {
            shown
                .view
                .verdicts(id, &key.account)
                .any(|(row, _)| row.resource == key.id && row.region == key.region)
        })
        .collect();
    html! {
        h2 { "What fails or could not be judged" }
        @if ids.is_empty() { p.empty { "Nothing." } }
        ul {
            @for id in ids {
                @let explain = links::explain(&key.account, id);
                li { a href={ (explain) "?resource=" (links::escaped(&key.id)) } {
                    (shown.view.title(id))
                } }
            }
        }
    }
}

fn document(text: &str) -> Markup {
    let parsed: Option<Json> = serde_json::from_str(text).ok();
    let pretty = parsed.and_then(|json| serde_json::to_string_pretty(&json).ok());
    let pretty = pretty.unwrap_or_else(|| text.to_owned());
    let cut: String = pretty.chars().take(SHOWN_CHARS_MAX).collect();
    html! {
        pre.document tabindex="0" { code { (cut) } }
        @if cut.len() < pretty.len() { p { "The rest is left out here; programs get all of it." } }
    }
}

/// The same for programs.
pub(crate) fn json(state: &ResourceState) -> Json {
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or(Json::String(text.to_owned()));
    let one = &state.resource;
    json!({
        "account": one.account,
        "region": one.region,
        "type": one.resource_type,
        "id": one.id,
        "name": one.name,
        "arn": one.arn,
        "tags": one.tags,
        "configuration": parsed(&one.configuration),
        "supplementary": parsed(&one.supplementary),
        "errors": one.errors,
        "truncated": one.truncated,
        "captured_ms": one.captured_ms,
        "first_seen_ms": state.first_seen_ms,
    })
}

/// What programs can rely on.
pub(crate) const MEMBERS: [&str; 5] = ["account", "region", "type", "id", "configuration"];
