//! The little HTTP that the kit needs: one request on one connection to a loopback port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::gateway::message::{self, Request};

/// Limit for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// An answer: status, head as text, body.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and header lines.
    pub head: String,
    /// The body, without the framing of chunks.
    pub body: Vec<u8>,
}

/// Sends one request to 127.0.0.1:`port` and reads the answer to its end.
///
/// # Errors
/// When nobody listens, the answer is no HTTP, or takes longer than a minute.
pub fn request(port: u16, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let what = || format!("{method} http://127.0.0.1:{port}{path}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).with_context(what)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT)).with_context(what)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).with_context(what)?;
    stream.write_all(body).with_context(what)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(what)?;
    whole(&answer).with_context(what)
}

/// Waits until `GET path` on the port answers with status 200, at most `limit`.
///
/// # Errors
/// When `still_running` says no, or `limit` has passed.
pub fn wait_until_ok(
    port: u16,
    path: &str,
    limit: Duration,
    mut still_running: impl FnMut() -> bool,
) -> Result<()> {
    let start = Instant::now();
    loop {
        let last = match request(port, "GET", path, "", b"") {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => format!("status {}", answer.status),
            Err(error) => format!("{error:#}"),
        };
        if !still_running() {
            bail!("the server ended before it answered ({last})");
        }
        if start.elapsed() > limit {
            bail!("no answer in {limit:?} ({last})");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Passes a request on to 127.0.0.1:`upstream` and gives the answer as it came, for a client whose
/// connection ends with it.
pub(crate) fn pass(request: &Request, upstream: u16) -> Result<Vec<u8>> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream))?;
    server.write_all(&request.to_bytes())?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    // The server does not say what it was asked for: a client would use the connection again.
    let line = answer.windows(2).position(|two| two == b"\r\n").context("no status line")?;
    answer.splice(line..line, *b"\r\nConnection: close");
    Ok(answer)
}

/// Reads an answer that was read to its end, whatever the framing of its body.
pub(crate) fn whole(answer: &[u8]) -> Result<Answer> {
    let mut answer = parse(answer)?;
    let is_chunked = |line: &str| line.eq_ignore_ascii_case("transfer-encoding: chunked");
    if answer.head.lines().any(is_chunked) {
        answer.body = message::read_chunks(&mut &answer.body[..]).context("reading chunks")?;
    }
    Ok(answer)
}

/// Splits an answer that was read to its end; a chunked body keeps its framing.
pub(crate) fn parse(answer: &[u8]) -> Result<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.context("the answer has no end of its head")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("no status code in {head:?}"))?;
    Ok(Answer { status, head, body: answer[end + 4..].to_vec() })
}
