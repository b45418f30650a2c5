//! Requests and answers as values: the server that carries them is the binary's.

/// What of a request the page looks at.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `HEAD`, `POST`, ...
    pub method: String,
    /// The path as it was sent, escaped.
    pub path: String,
    /// What stands behind `?`, as it was sent; empty when nothing does.
    pub query: String,
    /// The header `Host`.
    pub host: Option<String>,
    /// The header `Origin`.
    pub origin: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `Cookie`.
    pub cookie: Option<String>,
    /// Whether a proxy in front says that it was asked over TLS (`X-Forwarded-Proto: https`).
    pub is_https: bool,
    /// The body, of a login alone.
    pub body: Vec<u8>,
}

#[cfg(test)]
impl Request {
    /// Asks for a path, with what stands behind `?` if anything does.
    pub(crate) fn of(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: "GET".into(), path: path.into(), query: query.into(), ..Self::default() }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status: 200, 404, ...
    pub status: u16,
    /// Headers, `Content-Type` among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The most bytes of a path and of a query: 128 characters in an escaped name are 1,536.
pub const TARGET_BYTES_MAX: usize = 16_384;

/// The most bytes of a login's body.
pub const BODY_BYTES_MAX: usize = 4_096;

/// What browsers are asked to hold every answer to. Nothing is loaded from elsewhere, nothing is
/// inline, nobody frames it, and what it is read by stays alone.
const SECURITY: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
         object-src 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

impl Answer {
    /// Makes an answer that nobody keeps.
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = vec![("content-type", kind.to_owned())];
        headers.push(("cache-control", "no-store".to_owned()));
        headers.extend(security_headers());
        Self { status, headers, body: body.into() }
    }

    /// Makes an answer of a page.
    pub(crate) fn html(status: u16, html: impl Into<String>) -> Self {
        Self::new(status, "text/html; charset=utf-8", html.into())
    }

    /// Makes an answer for programs.
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Gives the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Gives the headers that every answer has, a stream of events too.
pub fn security_headers() -> impl Iterator<Item = (&'static str, String)> {
    SECURITY.iter().map(|(name, value)| (*name, (*value).to_owned()))
}
