//! The page over HTTP: requests become values, answers become bytes, events a stream.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN},
};
use sink_page::{Answer, BODY_BYTES_MAX, Config, Live, Page, Request, Scope, security_headers};
use tokio::sync::Semaphore;

use super::{
    server::{self, Content, Events, Service, Whole},
    tls::Tls,
};

/// Connections at a time: a browser takes up to six, one of them for its events.
const CONNECTIONS_MAX: usize = 256;

/// Streams of events at a time; who comes later has a page that stands still.
const STREAMS_MAX: usize = 64;

/// The page as the server knows it.
struct Served {
    page: Arc<Page>,
    streams: Arc<Semaphore>,
    /// Whether the page has TLS itself.
    is_secured: bool,
    runtime: tokio::runtime::Handle,
}

/// Binds the page's address and answers on a thread of its own, as long as the process lives; gives
/// its own address as browsers take it.
///
/// `any_port` takes another port where the address is in use: for who asked for no certain one.
pub(crate) fn serve(live: Arc<Live>, config: &Config, any_port: bool) -> Result<String> {
    config.validate()?;
    let bound = server::bind(config.listen);
    let bound = match bound {
        Err(error) if any_port && error.kind() == std::io::ErrorKind::AddrInUse => {
            server::bind(SocketAddr::new(config.listen.ip(), 0))
        }
        bound => bound,
    };
    let listener = bound.with_context(|| format!("serving the page at {}", config.listen))?;
    let at = listener.local_addr()?;
    let page = Arc::new(Page::new(live, config, at)?);
    let tls = config.tls.as_ref().map(Tls::read).transpose().context("page.tls")?;
    let is_secured = tls.is_some();
    let streams = Arc::new(Semaphore::new(STREAMS_MAX));
    server::serve("page-http", listener, CONNECTIONS_MAX, tls, |runtime| Served {
        page,
        streams,
        is_secured,
        runtime,
    })?;
    Ok(format!("{}://{at}", if is_secured { "https" } else { "http" }))
}

impl Service for Served {
    const BODY_BYTES_MAX: usize = BODY_BYTES_MAX;

    fn answer(&self, request: Whole) -> Response<Content> {
        let is_head = request.method() == hyper::Method::HEAD;
        let mut request = value(request);
        request.is_https |= self.is_secured;
        match self.page.listens(&request) {
            Some(Ok(scope)) => self.stream(scope),
            Some(Err(answer)) => bytes(*answer, is_head),
            None => bytes(self.page.answer(&request), is_head),
        }
    }
}

impl Served {
    fn stream(&self, scope: Scope) -> Response<Content> {
        let Ok(place) = self.streams.clone().try_acquire_owned() else {
            let mut full = Response::new(Content::Whole(Full::default()));
            *full.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return full;
        };
        let (page, mut seen) = (self.page.clone(), None);
        let next = move || {
            let (version, event) = page.event(&scope, seen)?;
            seen = Some(version);
            Some(event)
        };
        // The interval belongs to the runtime that the server runs on.
        let _entered = self.runtime.enter();
        let mut answer = Response::new(Content::Events(Events::new(next, place)));
        let kind = [("content-type", "text/event-stream"), ("cache-control", "no-store")];
        let kind = kind.map(|(name, value)| (name, value.to_owned()));
        put(&mut answer, kind.into_iter().chain(security_headers()));
        answer
    }
}

/// Gives what the page looks at.
fn value(request: Whole) -> Request {
    let header = |name: HeaderName| {
        let value = request.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let forwarded = header(HeaderName::from_static("x-forwarded-proto"));
    Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        host: header(HOST).or_else(|| request.uri().authority().map(|host| host.to_string())),
        origin: header(ORIGIN),
        authorization: header(AUTHORIZATION),
        cookie: header(COOKIE),
        is_https: forwarded.as_deref() == Some("https"),
        body: request.body().to_vec(),
    }
}

fn bytes(answer: Answer, is_head: bool) -> Response<Content> {
    let length = answer.body.len();
    let body = if is_head { Full::default() } else { Full::new(answer.body.into()) };
    let mut response = Response::new(Content::Whole(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    put(&mut response, answer.headers.into_iter());
    if is_head {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}

fn put(response: &mut Response<Content>, headers: impl Iterator<Item = (&'static str, String)>) {
    for (name, value) in headers {
        // Names are constants; a value with a line break would be a header of somebody else's.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}
