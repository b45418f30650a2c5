//! The HTTP server: one thread, four pages, nothing that changes anything.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::{Vitals, exposition};

/// Connections at a time; scrapers are few, and the rest waits.
const CONNECTIONS_MAX: usize = 32;

/// How long a request's head may take to come, also on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after a connection could not be taken (no file left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Text as Prometheus reads it.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

type Answer = Response<Full<Bytes>>;

/// Binds the address and answers on a thread of its own, as long as the process lives; gives the
/// address that it got.
pub(super) fn serve(address: SocketAddr, vitals: Arc<Vitals>) -> std::io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || runtime.block_on(accept(listener, vitals));
    std::thread::Builder::new().name("http".to_owned()).spawn(run)?;
    Ok(bound)
}

async fn accept(listener: std::net::TcpListener, vitals: Arc<Vitals>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "no metrics: the listener can't be used"),
    };
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let vitals = vitals.clone();
                tokio::spawn(async move {
                    connection(stream, vitals).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection can't be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, vitals: Arc<Vitals>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &vitals);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
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
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
