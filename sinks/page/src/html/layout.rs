//! What all pages have: head, ways to other pages, banners, foot.

use maud::{DOCTYPE, Markup, html};

use crate::html::words::{counted, moment, span};
use crate::routes::Shown;
use crate::view::Scope;

/// The ways to other pages: address and name.
const WAYS: [(&str, &str); 8] = [
    ("/", "Overview"),
    ("/accounts", "Accounts"),
    ("/requirements", "Requirements"),
    ("/heat", "Heat map"),
    ("/actions", "Actions"),
    ("/executives", "Executives"),
    ("/exceptions", "Exceptions"),
    ("/trust", "Trust"),
];

/// Names that a banner holds.
const NAMES_MAX: usize = 5;

/// Puts a page together.
pub(crate) fn page(shown: Shown<'_>, title: &str, body: Markup) -> String {
    let searched = if shown.path == "/search" { shown.parts.get("q") } else { "" };
    frame(
        title,
        html! {
            header.top {
                a.brand href="/" { "scorecard" }
                nav aria-label="Pages" {
                    ul {
                        @for (href, name) in WAYS.iter().filter(|(href, _)| is_seen(shown, href)) {
                            @let here = (shown.path == *href).then_some("page");
                            li {
                                a href=(href) aria-current=[here] { (name) }
                            }
                        }
                    }
                }
                form.search action="/search" role="search" {
                    label.unseen for="search" { "Search resources" }
                    input #search type="search" name="q" value=(searched) maxlength="200"
                        placeholder="id, name, ARN, IP or tag";
                    button { "Search" }
                }
            }
            main #main tabindex="-1" {
                h1 { (title) }
                (banners(shown))
                (body)
            }
            (foot(shown))
        },
    )
}

/// Executives are everybody's: an owner does not see all of their accounts.
fn is_seen(shown: Shown<'_>, href: &str) -> bool {
    *shown.view.scope == Scope::All || href != "/executives"
}

/// The document around everything.
pub(crate) fn frame(title: &str, body: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · scorecard" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                script src="/script.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (body)
            }
        }
    }
    .into_string()
}

/// What must not be overlooked: data that is missing, old, or on its way.
fn banners(shown: Shown<'_>) -> Markup {
    let tables = shown.view.tables;
    let missing: Vec<_> = shown.view.accounts().filter(|one| !one.is_collected()).collect();
    html! {
        @if !tables.reading.is_loaded {
            p.banner role="status" { "The tables are being read; numbers grow until that is done." }
        }
        @if let Some(problem) = &tables.reading.problem {
            p.banner.bad role="status" { "⚠ The log is not followed at present: " (problem) }
        }
        @if !missing.is_empty() {
            p.banner {
                "⚠ " strong { (counted(missing.len() as i64, "account", "accounts")) }
                " never collected: "
                @for (at, one) in missing.iter().take(NAMES_MAX).enumerate() {
                    @if at > 0 { ", " }
                    a href=(crate::links::account(&one.state.account)) { (one.name()) }
                }
                @if missing.len() > NAMES_MAX { ", …" }
                ". Nothing is known of what is in them."
            }
        }
    }
}

fn foot(shown: Shown<'_>) -> Markup {
    let tables = shown.view.tables;
    let oldest = shown.view.accounts().filter_map(|account| account.oldest_ms()).min();
    html! {
        footer {
            p {
                "As of "
                @if tables.at_ms > 0 { (moment(tables.at_ms)) " UTC" } @else { "the start" }
                @if let Some(at_ms) = oldest {
                    "; the oldest data is " (span(tables.at_ms - at_ms)) " old"
                }
                @if tables.reading.unreadable > 0 {
                    "; " (counted(tables.reading.unreadable as i64, "record", "records"))
                    " could not be read"
                }
                ". "
                a href="/api/v1/openapi.json" { "Interface for programs" }
            }
            p #live role="status" data-version=(tables.version) {}
            @if shown.asks {
                form method="post" action="/logout" {
                    @if let Scope::Owner(owner) = shown.view.scope {
                        "Accounts of " (owner) " "
                    }
                    button { "Log out" }
                }
            }
        }
    }
}

/// The form that asks for a token.
pub(crate) fn login(is_wrong: bool) -> String {
    frame(
        "Log in",
        html! {
            header.top { span.brand { "scorecard" } }
            main #main tabindex="-1" {
                h1 { "Log in" }
                @if is_wrong { p.banner.bad role="alert" { "⚠ This token opens nothing." } }
                form.login method="post" action="/login" {
                    label for="token" { "Token" }
                    input #token type="password" name="token" required
                        autocomplete="current-password";
                    button { "Log in" }
                }
            }
        },
    )
}

/// A page that says why there is none.
pub(crate) fn problem(title: &str, words: &str) -> String {
    frame(
        title,
        html! {
            header.top { a.brand href="/" { "scorecard" } }
            main #main tabindex="-1" {
                h1 { (title) }
                p { (words) }
                p { a href="/" { "To the overview" } }
            }
        },
    )
}
