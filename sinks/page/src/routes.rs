//! Every address of the page: one table, from which answers and the OpenAPI document are made.

use std::collections::BTreeMap;

use maud::Markup;
use serde_json::Value as Json;

use crate::html;
use crate::links::unescaped;
use crate::lists;
use crate::query::Asked;
use crate::table::List;
use crate::view::View;

/// The most characters of a part of an address.
pub(crate) const PART_CHARS_MAX: usize = 512;

/// The named parts of an address, and `q`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts(BTreeMap<&'static str, String>);

impl Parts {
    /// Gives a part; empty when the address has none of that name.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets a part.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.0.insert(name, value);
    }
}

/// What a page is made from.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// What the viewer sees.
    pub(crate) view: View<'a>,
    /// The parts of the address.
    pub(crate) parts: &'a Parts,
    /// What stands behind `?`.
    pub(crate) asked: &'a Asked,
    /// The path as it was asked for.
    pub(crate) path: &'a str,
    /// Whether there are tokens, so that somebody may log out.
    pub(crate) asks: bool,
}

/// An address.
pub(crate) struct Route {
    /// Its path, with parts in braces.
    pub(crate) pattern: &'static str,
    /// What it is, in a sentence.
    pub(crate) summary: &'static str,
    /// What is behind it.
    pub(crate) what: What,
}

/// Makes a list of what somebody sees; none where there is no such thing.
pub(crate) type ListOf = for<'t> fn(View<'t>, &Parts) -> Option<List<'t>>;

/// What is behind an address.
pub(crate) enum What {
    /// A table, and what stands above it on its page.
    List { table: ListOf, above: fn(Shown<'_>) -> Markup },
    /// A table of what `q` asks for.
    Search { table: ListOf, above: fn(Shown<'_>) -> Markup },
    /// A page of its own and the same for programs; none where there is no such thing.
    Whole {
        html: fn(Shown<'_>) -> Option<(String, Markup)>,
        json: fn(Shown<'_>) -> Option<Json>,
        /// The members that programs can rely on.
        members: &'static [&'static str],
    },
    /// A resource's document, which is read from the log.
    Document,
}

fn nothing(_: Shown<'_>) -> Markup {
    Markup::default()
}

/// All addresses; the first that fits answers.
pub(crate) const ROUTES: [Route; 20] = [
    Route {
        pattern: "/",
        summary: "The score over all accounts, what moved it, and what to do next",
        what: What::Whole {
            html: html::overview::page,
            json: html::overview::json,
            members: &["at", "score", "standing", "accounts", "open", "not_collected"],
        },
    },
    list("/accounts", "Accounts, the lowest score first", lists::accounts),
    list("/requirements", "The standard with its scores", lists::requirements),
    list("/heat", "Accounts by requirements", lists::heat),
    list("/movers", "Accounts whose score moved", lists::movers),
    list("/actions", "Next best actions", lists::actions),
    list("/executives", "Executives by spend", lists::executives),
    list("/exceptions", "The risk register", lists::exceptions),
    list("/days", "The score of each day", lists::days),
    Route {
        pattern: "/trust",
        summary: "Who may act in the accounts",
        what: What::List { table: lists::trust, above: html::trust::above },
    },
    Route {
        pattern: "/search",
        summary: "Resources by id, name, ARN, IP address or tag",
        what: What::Search { table: lists::search, above: html::search::above },
    },
    Route {
        pattern: "/account/{account}",
        summary: "An account: its score over time and its requirements",
        what: What::List { table: lists::of_account, above: html::account::above },
    },
    Route {
        pattern: "/account/{account}/{requirement}",
        summary: "What fails under a requirement in an account",
        what: What::List { table: lists::rows, above: html::account::above_rows },
    },
    list("/failing/{account}", "What fails in an account", lists::failing),
    list("/changes/{account}", "What moved an account's score", lists::changes),
    list("/days/{account}", "An account's score of each day", lists::days_of),
    Route {
        pattern: "/requirement/{requirement}",
        summary: "A requirement and the accounts under it",
        what: What::List { table: lists::of_requirement, above: html::requirement::above },
    },
    Route {
        pattern: "/explain/{account}",
        summary: "Why an account has its score: what each requirement costs",
        what: What::Whole {
            html: html::explain::account,
            json: html::explain::json,
            members: &["at_ms", "account", "name", "score", "requirements"],
        },
    },
    Route {
        pattern: "/explain/{account}/{requirement}",
        summary: "Why an account has its score under a requirement",
        what: What::Whole {
            html: html::explain::page,
            json: html::explain::json,
            members: &["at_ms", "account", "name", "requirements"],
        },
    },
    Route {
        pattern: "/resource/{account}/{region}/{type}/{id}",
        summary: "A resource's document as it was last seen",
        what: What::Document,
    },
];

const fn list(pattern: &'static str, summary: &'static str, table: ListOf) -> Route {
    Route { pattern, summary, what: What::List { table, above: nothing } }
}

/// Finds what answers a path, with the parts of it.
pub(crate) fn find(path: &str) -> Option<(&'static Route, Parts)> {
    ROUTES.iter().find_map(|route| Some((route, matched(route.pattern, path)?)))
}

fn matched(pattern: &'static str, path: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut given = path.split('/');
    for wanted in pattern.split('/') {
        let part = given.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None if part == wanted => {}
            None => return None,
            Some(name) => {
                let value = unescaped(part)?;
                if value.is_empty() || value.chars().count() > PART_CHARS_MAX {
                    return None;
                }
                parts.set(name, value);
            }
        }
    }
    given.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_answer() {
        let check = |path: &str, pattern: Option<&str>| {
            assert_eq!(find(path).map(|(route, _)| route.pattern), pattern, "{path}");
        };
        check("/", Some("/"));
        check("/accounts", Some("/accounts"));
        check("/accounts/", None);
        check("/account/1", Some("/account/{account}"));
        check("/account/", None);
        check("/account/1/s3%2Fx", Some("/account/{account}/{requirement}"));
        check("/account/1/2/3", None);
        check("/account/%ff", None);
        check("", None);
        check("/nothing", None);
        let (_, parts) = find("/resource/1/r/AWS%3A%3AS3/a%2Fb").unwrap();
        assert_eq!((parts.get("type"), parts.get("id")), ("AWS::S3", "a/b"));
        for (at, route) in ROUTES.iter().enumerate() {
            let twice = ROUTES[..at].iter().any(|other| other.pattern == route.pattern);
            assert!(!twice, "{}", route.pattern);
        }
    }
}
