//! A proxy before Elasticsearch that refuses a part of a bulk's items or whole requests, or cuts.

use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::gateway::message::{self, Request};
use crate::http::{self, pass};

/// What befalls bulk requests while it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One item of so many is refused with this status; the others reach the server.
    Items {
        /// The status, such as 429 or 503.
        status: u16,
        /// Every so-manieth item.
        one_in: u64,
    },
    /// The whole request is refused.
    Requests {
        /// The status, such as 429, 503 or 413.
        status: u16,
        /// Seconds of the answer's `Retry-After`.
        retry_after_s: Option<u64>,
    },
    /// Requests with more bytes are too large.
    TooLarge {
        /// The most that is let through.
        bytes_max: usize,
    },
    /// The server does what is asked, and the connection ends before anybody hears of it.
    Cut,
    /// The server does what is asked, and the answer does not come as long as the client waits.
    Hold,
}

/// The proxy, on a loopback port; its thread lives as long as the process.
#[derive(Debug)]
pub struct Front {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// How many more requests it befalls; none: until it is lifted.
    left: Option<u64>,
    seen_items: u64,
    refused_items: u64,
    struck: u64,
    held: u64,
    bulks: Vec<usize>,
}

impl Front {
    /// Starts a proxy before the server on 127.0.0.1:`upstream` that passes everything on.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding the proxy")?;
        let port = listener.local_addr().context("asking for the proxy's port")?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away ends its own connection and nothing else.
                thread::spawn(move || drop(serve(&client, upstream, &state)));
            }
        });
        Ok(Self { port, state })
    }

    /// Where clients begin.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets a fault befall bulk requests from now on, at most so many.
    pub fn inject(&self, fault: Fault, requests: Option<u64>) {
        let mut state = lock(&self.state);
        (state.fault, state.left) = (Some(fault), requests);
    }

    /// Passes everything on again.
    pub fn lift(&self) {
        lock(&self.state).fault = None;
    }

    /// How many items were refused.
    pub fn refused_items(&self) -> u64 {
        lock(&self.state).refused_items
    }

    /// How many requests a fault has befallen.
    pub fn struck(&self) -> u64 {
        lock(&self.state).struck
    }

    /// How many answers were held back ([`Fault::Hold`]): the server has done what they are to.
    pub fn held(&self) -> u64 {
        lock(&self.state).held
    }

    /// The bytes of each bulk request so far.
    pub fn bulks(&self) -> Vec<usize> {
        lock(&self.state).bulks.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Notes a bulk request and gives the fault that befalls it.
    fn meet(&mut self, request: &Request) -> Option<Fault> {
        self.bulks.push(request.body.len());
        let fault = self.fault?;
        if matches!(fault, Fault::TooLarge { bytes_max } if request.body.len() <= bytes_max) {
            return None;
        }
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        self.struck += 1;
        Some(fault)
    }
}

/// Answers one request and closes the connection.
fn serve(mut client: &TcpStream, upstream: u16, state: &Mutex<State>) -> Result<()> {
    let Some(request) = message::read(&mut BufReader::new(client), &mut client)? else {
        return Ok(());
    };
    let is_bulk = request.path().ends_with("/_bulk");
    let fault = is_bulk.then(|| lock(state).meet(&request)).flatten();
    let answer = match fault {
        None => pass(&request, upstream)?,
        Some(Fault::Items { status, one_in }) => {
            part(request, upstream, status, |n| n.is_multiple_of(one_in), state)?
        }
        Some(Fault::Requests { status, retry_after_s }) => refusal(status, retry_after_s),
        Some(Fault::TooLarge { .. }) => refusal(413, None),
        Some(Fault::Cut) => {
            pass(&request, upstream)?;
            return Ok(client.shutdown(Shutdown::Both)?);
        }
        Some(Fault::Hold) => {
            pass(&request, upstream)?;
            lock(state).held += 1;
            // Nothing more is sent by a client that waits: this ends when it goes away.
            client.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
    };
    Ok(client.write_all(&answer)?)
}

/// Passes a bulk on without some of its items, and puts their refusals where they belong.
fn part(
    mut request: Request,
    upstream: u16,
    status: u16,
    is_refused: impl Fn(u64) -> bool,
    state: &Mutex<State>,
) -> Result<Vec<u8>> {
    let (mut kept, mut refusals) = (Vec::new(), Vec::new());
    let body = std::mem::take(&mut request.body);
    let mut lines = body.split_inclusive(|byte| *byte == b'\n');
    while let Some(action) = lines.next() {
        let named: Value = serde_json::from_slice(action).context("reading an action")?;
        let (verb, meta) = named.as_object().and_then(|map| map.iter().next()).context("a verb")?;
        let source = if verb == "delete" { &[][..] } else { lines.next().unwrap_or_default() };
        let mut state = lock(state);
        state.seen_items += 1;
        if is_refused(state.seen_items) {
            state.refused_items += 1;
            let kind = match status {
                429 => "es_rejected_execution_exception",
                _ => "unavailable_shards_exception",
            };
            refusals.push(Some(json!({verb: {"_index": meta["_index"], "_id": meta["_id"],
                "status": status, "error": {"type": kind, "reason": "refused for a test"}}})));
        } else {
            kept.extend_from_slice(action);
            kept.extend_from_slice(source);
            refusals.push(None);
        }
    }
    let mut items = Vec::new();
    if !kept.is_empty() {
        request.body = kept;
        let answer = http::whole(&pass(&request, upstream)?)?;
        let answer: Value = serde_json::from_slice(&answer.body).context("reading the answer")?;
        items = answer["items"].as_array().context("a bulk's items")?.clone();
    }
    let mut real = items.into_iter();
    let merged: Vec<Value> =
        refusals.into_iter().map(|refused| refused.or_else(|| real.next()).into()).collect();
    Ok(written(200, "", &json!({"took": 1, "errors": true, "items": merged})))
}

fn refusal(status: u16, retry_after_s: Option<u64>) -> Vec<u8> {
    let header = retry_after_s.map(|s| format!("Retry-After: {s}\r\n")).unwrap_or_default();
    let error = json!({"type": "refused", "reason": "refused for a test"});
    written(status, &header, &json!({"error": error, "status": status}))
}

fn written(status: u16, headers: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}
