//! Answers requests: checks who asks, finds what answers, and gives it in the form that is asked
//! for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemas::{ResourceKey, ResourceState, headers::rfc3339};
use serde_json::json;
use stream::LogError;

use crate::Live;
use crate::config::{Config, ConfigError};
use crate::forms::{self, FILE_ROWS_MAX};
use crate::guard::{COOKIE, Guard, Refusal};
use crate::html;
use crate::http::{Answer, Request};
use crate::openapi;
use crate::query::{Asked, Form, pairs};
use crate::routes::{self, Parts, Route, Shown, What};
use crate::spans;
use crate::table::{List, Table};
use crate::tables::Tables;
use crate::view::{Scope, View};

/// What programs' addresses begin with.
pub(crate) const API: &str = "/api/v1";

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/script.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// How old the figures of open pages may be: who looks at the same accounts shares them, since
/// hundreds of pages may be open while every second brings changes.
const FIGURES_AGE_MAX: Duration = Duration::from_secs(1);

/// The page of one log.
pub struct Page {
    live: Arc<Live>,
    guard: Guard,
    /// What open pages were told last; one entry for each token that the configuration names.
    told: Mutex<BTreeMap<Scope, Told>>,
}

/// Figures as open pages get them.
struct Told {
    since: Instant,
    version: u64,
    event: String,
}

impl Page {
    /// Makes the page that is served at an address.
    ///
    /// # Errors
    /// When a token can't be read, is short, or is another's too.
    pub fn new(live: Arc<Live>, config: &Config, at: SocketAddr) -> Result<Self, ConfigError> {
        Ok(Self { live, guard: Guard::new(config, at)?, told: Mutex::default() })
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request) -> Answer {
        let span = spans::request(request);
        let answer = span.in_scope(|| self.checked(request));
        spans::answered(&span, &answer);
        answer
    }

    fn checked(&self, request: &Request) -> Answer {
        let is_api = request.path.starts_with(API);
        if let Err(refusal) = self.guard.check(request) {
            return refused(refusal, is_api);
        }
        if let Some(answer) = asset(&request.path) {
            return answer;
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/login") => return self.log_in(request),
            ("POST", _) => return moved("/login").with("set-cookie", cookie("", request, 0)),
            (_, "/login") => return Answer::html(200, html::layout::login(false)),
            _ => {}
        }
        let Some(scope) = self.guard.scope(request) else { return unknown(is_api) };
        // The tables are not held while the log is asked.
        let place = place(&self.live.tables(), &scope, request);
        let document = place.map(|place| self.live.document(place)).transpose();
        let document = document.map(Option::flatten);
        let tables = self.live.tables();
        let answered =
            Answered { tables: &tables, scope: &scope, asks: self.guard.asks(), document };
        let made = answered.answer(request);
        // A large file is written when the tables are free again: changes would wait for it, and
        // every other answer behind them.
        drop(tables);
        made.into()
    }

    /// Tells whether a request asks for the stream of events, and what it may see.
    ///
    /// # Errors
    /// The answer to give instead, when it may not.
    pub fn listens(&self, request: &Request) -> Option<Result<Scope, Box<Answer>>> {
        if request.path != "/events" || request.method != "GET" {
            return None;
        }
        Some(match self.guard.check(request) {
            Err(refusal) => Err(Box::new(refused(refusal, true))),
            Ok(()) => self.guard.scope(request).ok_or_else(|| Box::new(unknown(true))),
        })
    }

    /// Gives the event for who has seen a version already, with the version that it is of; none
    /// when there is nothing new, or when what is new is told a little later.
    pub fn event(&self, scope: &Scope, seen: Option<u64>) -> Option<(u64, String)> {
        if seen == Some(self.live.version()) {
            return None;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(scope).is_none_or(|one| one.since.elapsed() >= FIGURES_AGE_MAX) {
            told.insert(scope.clone(), self.figures(scope));
        }
        let told = told.get(scope)?;
        (seen != Some(told.version)).then(|| (told.version, told.event.clone()))
    }

    fn figures(&self, scope: &Scope) -> Told {
        let tables = self.live.tables();
        let figures = html::overview::live(View { tables: &tables, scope });
        let event = format!("event: figures\ndata: {figures}\n\n");
        Told { since: Instant::now(), version: tables.version, event }
    }

    fn log_in(&self, request: &Request) -> Answer {
        let body = std::str::from_utf8(&request.body).unwrap_or_default();
        let fields = pairs(body).unwrap_or_default();
        let token = fields.iter().find(|(name, _)| name == "token").map(|(_, token)| token);
        match token.and_then(|token| self.guard.log_in(token)) {
            Some(session) => moved("/").with("set-cookie", cookie(&session, request, 7 * 86_400)),
            None => Answer::html(401, html::layout::login(true)),
        }
    }
}

/// An answer, or all that one is made of.
enum Made {
    Answer(Answer),
    File { table: Table, at_ms: i64, form: Form },
}

impl From<Made> for Answer {
    fn from(made: Made) -> Self {
        match made {
            Made::Answer(answer) => answer,
            Made::File { table, at_ms, form } => file(&table, at_ms, form),
        }
    }
}

/// What an answer is made from.
struct Answered<'t> {
    tables: &'t Tables,
    scope: &'t Scope,
    asks: bool,
    /// The document that is asked for, as far as one is.
    document: Result<Option<ResourceState>, LogError>,
}

/// Gives where the document lies that a request asks for; none when it asks for none, or for one
/// that is not the asker's.
fn place(tables: &Tables, scope: &Scope, request: &Request) -> Option<(i32, i64)> {
    let path = request.path.strip_prefix(API).unwrap_or(&request.path);
    let (route, parts) = routes::find(path)?;
    if !matches!(route.what, What::Document) {
        return None;
    }
    let key = resource(&parts);
    View { tables, scope }.account(&key.account)?;
    Some(tables.resources.get(&key)?.place)
}

/// Gives the resource that the parts of an address name.
fn resource(parts: &Parts) -> ResourceKey {
    let part = |name| parts.get(name);
    ResourceKey::new(part("account"), part("region"), part("type"), part("id"))
}

impl Answered<'_> {
    fn answer(&self, request: &Request) -> Made {
        let (path, usual) = match request.path.strip_prefix(API) {
            Some("/openapi.json") => {
                return Made::Answer(Answer::json(200, &openapi::document()));
            }
            // The whole is asked for as `/api/v1/` or without its last stroke.
            Some("") => ("/", Form::Json),
            Some(path) => (path, Form::Json),
            None => (request.path.as_str(), Form::Html),
        };
        let is_api = usual == Form::Json;
        let asked = match Asked::read(&request.query) {
            Ok(asked) => asked,
            Err(words) => return Made::Answer(problem(400, "Not understood", &words, is_api)),
        };
        let Some((route, mut parts)) = routes::find(path) else {
            return Made::Answer(missing(is_api));
        };
        parts.set("q", asked.query.holds.clone());
        let shown = Shown {
            view: View { tables: self.tables, scope: self.scope },
            parts: &parts,
            asked: &asked,
            path,
            asks: self.asks,
        };
        let form = asked.form.unwrap_or(usual);
        self.routed(route, shown, form).unwrap_or_else(|| Made::Answer(missing(is_api)))
    }

    /// Gives what is behind an address; none where there is no such thing.
    fn routed(&self, route: &Route, shown: Shown<'_>, form: Form) -> Option<Made> {
        Some(Made::Answer(match &route.what {
            What::List { table, above } => {
                let table = table(shown.view, shown.parts)?;
                return Some(listed(shown, table, *above, form, true));
            }
            What::Search { table, above } => {
                let table = table(shown.view, shown.parts)?;
                return Some(listed(shown, table, *above, form, false));
            }
            What::Whole { html, json, .. } => match form {
                Form::Html => {
                    let (title, body) = html(shown)?;
                    Answer::html(200, html::layout::page(shown, &title, body))
                }
                Form::Json => Answer::json(200, &json(shown)?),
                Form::Csv | Form::Xlsx => no_table(form),
            },
            What::Document => self.document(shown, form)?,
        }))
    }

    /// Gives a resource's document.
    fn document(&self, shown: Shown<'_>, form: Form) -> Option<Answer> {
        let key = resource(shown.parts);
        let state = match &self.document {
            Ok(state) => state.as_ref().filter(|state| state.resource.key() == key)?,
            Err(error) => return Some(failed(error)),
        };
        Some(match form {
            Form::Html => {
                let (title, body) = html::resource::page(shown, &key, state);
                Answer::html(200, html::layout::page(shown, &title, body))
            }
            Form::Json => Answer::json(200, &html::resource::json(state)),
            Form::Csv | Form::Xlsx => no_table(form),
        })
    }
}

/// Gives a list in the form that is asked for.
fn listed(
    shown: Shown<'_>,
    table: List<'_>,
    above: fn(Shown<'_>) -> maud::Markup,
    form: Form,
    can_filter: bool,
) -> Made {
    let mut query = shown.asked.query.clone();
    if !can_filter {
        query.holds.clear();
    }
    let known = |name: &str| table.columns.iter().any(|column| column.name == name);
    if let Some((column, _)) = query.sort.as_ref().filter(|(name, _)| !known(name)) {
        let words = format!("sort: there is no column {column:?}");
        return Made::Answer(problem(400, "Not understood", &words, form == Form::Json));
    }
    let at_ms = shown.view.tables.at_ms;
    Made::Answer(match form {
        Form::Html => {
            let title = table.title.clone();
            let paged = table.paged(&query);
            let list = html::table::whole(paged, shown.asked, shown.path, can_filter);
            let body = maud::html! { (above(shown)) (list) };
            Answer::html(200, html::layout::page(shown, &title, body))
        }
        Form::Json => Answer::json(200, &forms::json(&table.paged(&query), at_ms)),
        Form::Csv | Form::Xlsx => {
            return Made::File { table: table.sifted(&query, FILE_ROWS_MAX), at_ms, form };
        }
    })
}

fn file(table: &Table, at_ms: i64, form: Form) -> Answer {
    let day = rfc3339(at_ms).split('T').next().unwrap_or_default().to_owned();
    let name = |ending: &str| format!("attachment; filename=\"{}-{day}.{ending}\"", table.name);
    if form == Form::Csv {
        let answer = Answer::new(200, "text/csv; charset=utf-8; header=present", forms::csv(table));
        return answer.with("content-disposition", name("csv"));
    }
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    match forms::xlsx(table, at_ms) {
        Ok(bytes) => Answer::new(200, XLSX, bytes).with("content-disposition", name("xlsx")),
        Err(error) => failed(&error),
    }
}

fn asset(path: &str) -> Option<Answer> {
    let (kind, text) = match path {
        "/style.css" => ("text/css; charset=utf-8", STYLE),
        "/script.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/icon.svg" => ("image/svg+xml", ICON),
        _ => return None,
    };
    Some(Answer::new(200, kind, text).with("cache-control", "no-cache"))
}

fn no_table(_: Form) -> Answer {
    problem(400, "Not understood", "format: this is no table; html or json", true)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Answer {
    tracing::error!(error, "a page could not be made");
    problem(503, "Not at present", "what was asked for could not be read or made", true)
}

fn missing(is_api: bool) -> Answer {
    problem(404, "Not found", "There is no such thing, or it is not yours to see.", is_api)
}

fn unknown(is_api: bool) -> Answer {
    if is_api {
        let answer = problem(401, "Who asks?", "a token is wanted", true);
        return answer.with("www-authenticate", "Bearer");
    }
    Answer::html(401, html::layout::login(false))
}

fn refused(refusal: Refusal, is_api: bool) -> Answer {
    let (status, words) = match refusal {
        Refusal::Host => (403, "This page does not answer to that name: see `page.hosts`."),
        Refusal::Origin => (403, "Another site asked."),
        Refusal::Method => (405, "This page is only read."),
        Refusal::TooLong => (414, "The address is too long."),
        Refusal::TooLarge => (413, "The body is too large."),
    };
    let answer = problem(status, "Refused", words, is_api);
    if refusal == Refusal::Method { answer.with("allow", "GET, HEAD") } else { answer }
}

/// Says what is wrong: to programs as RFC 9457 has it.
fn problem(status: u16, title: &str, words: &str, is_api: bool) -> Answer {
    if is_api {
        let body = json!({ "status": status, "title": title, "detail": words });
        return Answer::new(status, "application/problem+json", body.to_string());
    }
    Answer::html(status, html::layout::problem(title, words))
}

fn moved(to: &str) -> Answer {
    Answer::html(303, "").with("location", to)
}

/// The cookie of a session: not for scripts, and not for what other sites send.
fn cookie(session: &str, request: &Request, seconds: i64) -> String {
    let secure = if request.is_https { "; Secure" } else { "" };
    format!("{COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "paging_tests.rs"]
mod paging;
