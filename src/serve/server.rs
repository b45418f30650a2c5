//! The HTTP server that metrics and the page share: one thread, a bound on connections, and whole
//! requests before anybody looks at them.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Interval, MissedTickBehavior},
};

use super::tls::Tls;

/// How long the beginning of TLS may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request's head may take to come, also on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request's body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a connection could not be taken (no file left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How often a stream looks for something new.
const EVENT_EVERY: Duration = Duration::from_secs(2);

/// Looks without anything new after which a comment is sent, so that nobody between closes.
const QUIET_MAX: u32 = 8;

/// A request whose body has come.
pub(super) type Whole = Request<Bytes>;

/// What answers.
pub(super) trait Service: Send + Sync + 'static {
    /// The most bytes of a body; a longer one is refused.
    const BODY_BYTES_MAX: usize;

    /// Answers; may take its time, on a thread of its own.
    fn answer(&self, request: Whole) -> Response<Content>;
}

/// The body of an answer.
pub(super) enum Content {
    /// All of it.
    Whole(Full<Bytes>),
    /// Events, until the other side goes.
    Events(Events),
}

/// A stream of events.
pub(super) struct Events {
    next: Box<dyn FnMut() -> Option<String> + Send + Sync>,
    every: Interval,
    quiet: u32,
    /// A stream holds its place among all streams as long as it lasts.
    _place: OwnedSemaphorePermit,
}

impl Events {
    /// Makes a stream of what `next` gives.
    pub(super) fn new(
        next: impl FnMut() -> Option<String> + Send + Sync + 'static,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let mut every = tokio::time::interval(EVENT_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { next: Box::new(next), every, quiet: 0, _place: place }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            std::task::ready!(self.every.poll_tick(context));
            if let Some(event) = (self.next)() {
                self.quiet = 0;
                return Poll::Ready(event.into());
            }
            self.quiet += 1;
            if self.quiet >= QUIET_MAX {
                self.quiet = 0;
                return Poll::Ready(Bytes::from_static(b": still here\n\n"));
            }
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Content::Whole(body) => Pin::new(body).poll_frame(context),
            Content::Events(events) => {
                events.poll(context).map(|bytes| Some(Ok(Frame::data(bytes))))
            }
        }
    }
}

/// Binds an address.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers at a listener on a thread of its own, as long as the process lives; by TLS where it has
/// any.
pub(super) fn serve<S: Service>(
    name: &str,
    listener: std::net::TcpListener,
    connections_max: usize,
    tls: Option<Tls>,
    service: impl FnOnce(tokio::runtime::Handle) -> S,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let service = Arc::new(service(runtime.handle().clone()));
    let run =
        move || runtime.block_on(accept(listener, connections_max, tls.map(Arc::new), service));
    std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(())
}

async fn accept<S: Service>(
    listener: std::net::TcpListener,
    connections_max: usize,
    tls: Option<Arc<Tls>>,
    service: Arc<S>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::error!(%error, "nothing is served: the listener can't be used");
        }
    };
    let free = Arc::new(Semaphore::new(connections_max));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (tls, service) = (tls.clone(), service.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => secured(stream, &tls, service).await,
                        None => connection(stream, service).await,
                    }
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

async fn secured<S: Service>(stream: TcpStream, tls: &Tls, service: Arc<S>) {
    let begun = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream)).await;
    match begun {
        Ok(Ok(stream)) => connection(stream, service).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection did not become one of TLS"),
        Err(_) => tracing::debug!("a connection took too long to become one of TLS"),
    }
}

async fn connection<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Arc<S>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(request, service).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer<S: Service>(request: Request<Incoming>, service: Arc<S>) -> Response<Content> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, S::BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return closing(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return closing(StatusCode::REQUEST_TIMEOUT),
    };
    let request = Request::from_parts(head, body);
    // A page may take a while: others are answered meanwhile.
    let answered = tokio::task::spawn_blocking(move || service.answer(request)).await;
    answered.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be made");
        closing(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// An answer without a body, after which nothing more is read.
fn closing(status: StatusCode) -> Response<Content> {
    let mut answer = Response::new(Content::Whole(Full::default()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
