//! The span of a request: what was asked for by pattern, and never whose or which.

use stream::span::TARGET;
use tracing::{Span, field::Empty, info_span};

use crate::http::{Answer, Request};
use crate::page::API;
use crate::routes;

/// Begins a request's span: a trace of its own. Names are those of OpenTelemetry's conventions.
///
/// The stream of events has none: it lasts as long as somebody looks at the page.
pub(crate) fn request(request: &Request) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "page request",
        http.request.method = method(&request.method),
        http.route = route(&request.path),
        http.response.status_code = Empty,
    )
}

/// Says how a request was answered.
pub(crate) fn answered(span: &Span, answer: &Answer) {
    span.record("http.response.status_code", i64::from(answer.status));
}

/// Gives the method; one that the page never answers is whatever the client made up.
fn method(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "_OTHER",
    }
}

/// Gives the pattern of what answers a path; none where there is no such thing.
fn route(path: &str) -> Option<String> {
    const OTHERS: [&str; 6] =
        ["/login", "/logout", "/style.css", "/script.js", "/icon.svg", "/api/v1/openapi.json"];
    if OTHERS.contains(&path) {
        return Some(path.to_owned());
    }
    let (begin, rest) = match path.strip_prefix(API) {
        Some("") => (API, "/"),
        Some(rest) => (API, rest),
        None => ("", path),
    };
    routes::find(rest).map(|(route, _)| format!("{begin}{}", route.pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_by_its_pattern() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(route(path).as_deref(), expected, "{path}");
        };
        check("/", Some("/"));
        check("/account/111122223333/s3-public", Some("/account/{account}/{requirement}"));
        check("/api/v1/failing/111122223333", Some("/api/v1/failing/{account}"));
        check("/api/v1", Some("/api/v1/"));
        check("/api/v1/", Some("/api/v1/"));
        check("/api/v1/openapi.json", Some("/api/v1/openapi.json"));
        check("/style.css", Some("/style.css"));
        check("/account/111122223333/x/y", None);
        check("/wp-login.php", None);
        assert_eq!((method("HEAD"), method("get"), method("BREW")), ("HEAD", "_OTHER", "_OTHER"));
    }
}
