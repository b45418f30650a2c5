//! Metrics and health over HTTP: four pages, nothing that changes anything.

use std::{net::SocketAddr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};

use super::{
    Vitals, exposition,
    server::{self, Content, Service, Whole},
};

/// Connections at a time; scrapers are few, and the rest waits.
const CONNECTIONS_MAX: usize = 32;

/// Text as Prometheus reads it.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

type Answer = Response<Content>;

/// Metrics and health of this process.
struct Health(Arc<Vitals>);

impl Service for Health {
    const BODY_BYTES_MAX: usize = 0;

    fn answer(&self, request: Whole) -> Answer {
        answer(request.method(), request.uri().path(), &self.0)
    }
}

/// Binds the address and answers on a thread of its own, as long as the process lives; gives the
/// address that it got.
pub(super) fn serve(address: SocketAddr, vitals: Arc<Vitals>) -> std::io::Result<SocketAddr> {
    let listener = server::bind(address)?;
    let bound = listener.local_addr()?;
    server::serve("http", listener, CONNECTIONS_MAX, None, |_| Health(vitals))?;
    Ok(bound)
}

fn answer(method: &Method, path: &str, vitals: &Vitals) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/metrics" => body(StatusCode::OK, PROMETHEUS, exposition::text(vitals)),
        "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => ready(&vitals.missing()),
        "/tasks" => match serde_json::to_string(&vitals.view()) {
            Ok(json) => body(StatusCode::OK, "application/json", json),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz, /readyz and /tasks\n".to_owned(),
        ),
    }
}

fn ready(missing: &[String]) -> Answer {
    if missing.is_empty() {
        return text(StatusCode::OK, "ready\n".to_owned());
    }
    text(StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
}

fn text(status: StatusCode, text: String) -> Answer {
    body(status, "text/plain; charset=utf-8", text)
}

fn body(status: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Content::Whole(Full::new(Bytes::from(text))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
