//! Serves connections: passes calls on, and does to them what the faults in force say.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::message::{self, Request};
use super::{Call, Fault, Injected, State, answer, pages};
use crate::http::{self, Answer};

/// Limit for one read or write on a connection.
const SOCKET_LIMIT: Duration = Duration::from_secs(60);

/// Time between two looks at what a held call waits for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How far a request's time may be from AWS's: S3 is more patient.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);
const SKEW_MAX_S3: SignedDuration = SignedDuration::from_mins(15);

/// Serves each connection in a thread of its own until the proxy ends.
pub(super) fn accept(listener: &TcpListener, upstream: u16, state: &Arc<State>) {
    for connection in listener.incoming() {
        if state.ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(connection) = connection else { continue };
        let state = Arc::clone(state);
        thread::spawn(move || {
            // A client that goes away ends its own connection and nothing else.
            if let Err(error) = serve(&connection, upstream, &state) {
                eprintln!("gateway: a connection ended: {error}");
            }
        });
    }
}

/// Answers one request and closes the connection, which HTTP/1.1 clients take in their stride.
fn serve(mut client: &TcpStream, upstream: u16, state: &State) -> io::Result<()> {
    client.set_read_timeout(Some(SOCKET_LIMIT))?;
    client.set_write_timeout(Some(SOCKET_LIMIT))?;
    let Some(request) = message::read(&mut BufReader::new(client), &mut client)? else {
        return Ok(());
    };
    let call = Call::of(&request, &state.book().keys);
    let visit = Visit { state, upstream, request, call, came_at: Timestamp::now() };
    let met = state.book().note(&visit.call, |fault| !visit.is_spared(fault));
    match visit.answer(met, client)? {
        Some(answer) => client.write_all(&answer),
        None => Ok(()),
    }
}

/// One call on its way.
struct Visit<'a> {
    state: &'a State,
    upstream: u16,
    request: Request,
    call: Call,
    came_at: Timestamp,
}

impl Visit<'_> {
    /// Gives the bytes to send, or none for a client that has gone.
    fn answer(
        self,
        met: Option<(Injected, Fault)>,
        client: &TcpStream,
    ) -> io::Result<Option<Vec<u8>>> {
        let Some((id, fault)) = met else {
            return self.pass().map(Some);
        };
        if self.is_spared(fault) {
            return self.spare(fault).map(Some);
        }
        match fault {
            Fault::Silent => {
                let is_there = self.hold(id, client)?;
                return if is_there { self.pass().map(Some) } else { Ok(None) };
            }
            Fault::Endless => {
                let number = pages::asked(&self.request) + 1;
                return self.page(number).map(Some);
            }
            Fault::Garbled => return self.half(true).map(Some),
            Fault::Torn => return self.half(false).map(Some),
            _ => {}
        }
        Ok(answer::refusal(fault, &self.call.operation, &self.request, &self.date(fault)))
    }

    /// Tells whether a fault of the call's place leaves this very call alone: a clock that is off
    /// by little, and the page before a bad one.
    fn is_spared(&self, fault: Fault) -> bool {
        match fault {
            Fault::Skewed(by_s) => self.is_in_time(skewed(self.came_at, by_s)),
            Fault::BadPage => pages::asked(&self.request) == 0,
            _ => false,
        }
    }

    /// Answers a call that a fault leaves alone.
    fn spare(self, fault: Fault) -> io::Result<Vec<u8>> {
        match fault {
            Fault::Skewed(_) => Ok(dated(&self.pass()?, &self.date(fault))),
            _ => self.page(1),
        }
    }

    /// The date that an answer bears.
    fn date(&self, fault: Fault) -> String {
        http_date(match fault {
            Fault::Skewed(by_s) => skewed(self.came_at, by_s),
            _ => self.came_at,
        })
    }

    /// Gives the server's answer as it is, and notes the key that it may hold.
    fn pass(&self) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.upstream))?;
        server.set_read_timeout(Some(SOCKET_LIMIT))?;
        server.write_all(&self.request.to_bytes())?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        if let Some(key) = self.call.key_given(&answer) {
            self.state.book().keys.insert(key, self.call.account.clone());
        }
        Ok(answer)
    }

    /// Gives the server's first page, which names page `next`.
    fn page(mut self, next: u64) -> io::Result<Vec<u8>> {
        if next > 1 {
            pages::first(&mut self.request);
        }
        let answer = parsed(&self.pass()?)?;
        let body = pages::name_next(&self.call.operation.service, &answer.body, next);
        Ok(written(&answer.head, &body, body.len()))
    }

    /// Gives the first half of the server's answer under its own length, or under the whole one's.
    fn half(&self, own_length: bool) -> io::Result<Vec<u8>> {
        let answer = parsed(&self.pass()?)?;
        let (whole, half) = (answer.body.len(), &answer.body[..answer.body.len() / 2]);
        Ok(written(&answer.head, half, if own_length { half.len() } else { whole }))
    }

    /// Waits until the fault is lifted; false when the client has gone before.
    fn hold(&self, id: Injected, client: &TcpStream) -> io::Result<bool> {
        client.set_nonblocking(true)?;
        let is_there = loop {
            if !self.state.book().is_in_force(id) {
                break true;
            }
            match client.peek(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(1..) => {}
                _ => break false,
            }
            thread::sleep(LOOK_EVERY);
        };
        client.set_nonblocking(false)?;
        Ok(is_there)
    }

    /// Tells whether the request was signed near enough to AWS's time.
    fn is_in_time(&self, now: Timestamp) -> bool {
        let limit = if self.call.operation.service == "s3" { SKEW_MAX_S3 } else { SKEW_MAX };
        let signed = self.request.header("x-amz-date").unwrap_or_default();
        let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", signed)
            .and_then(|at| TimeZone::UTC.to_timestamp(at));
        signed.is_ok_and(|at| now.duration_since(at).abs() <= limit)
    }
}

fn skewed(at: Timestamp, by_s: i64) -> Timestamp {
    at + SignedDuration::from_secs(by_s)
}

fn parsed(answer: &[u8]) -> io::Result<Answer> {
    http::parse(answer).map_err(io::Error::other)
}

/// Writes an answer whose head says `length`.
fn written(head: &str, body: &[u8], length: usize) -> Vec<u8> {
    let head = with_header(head, "Content-Length", &length.to_string());
    let mut bytes = format!("{head}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Dates an answer anew.
fn dated(answer: &[u8], date: &str) -> Vec<u8> {
    let Ok(answer) = http::parse(answer) else {
        return answer.to_vec();
    };
    let head = with_header(&answer.head, "Date", date);
    let mut bytes = format!("{head}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(&answer.body);
    bytes
}

/// Replaces a header line, or adds it.
fn with_header(head: &str, name: &str, value: &str) -> String {
    let is_other = |line: &&str| {
        !line.split(':').next().is_some_and(|other| other.trim().eq_ignore_ascii_case(name))
    };
    let lines = head.split("\r\n").filter(is_other);
    lines.map(|line| format!("{line}\r\n")).collect::<String>() + &format!("{name}: {value}")
}

/// Source: RFC 9110, 5.6.7.
fn http_date(at: Timestamp) -> String {
    let printed = DateTimePrinter::new().timestamp_to_rfc9110_string(&at);
    printed.expect("the times of a test lie within four-digit years")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        let at = Timestamp::from_second(784_111_777).unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        let answer = b"HTTP/1.1 200 OK\r\ndate: x\r\nServer: y\r\n\r\nbody";
        let expected: &[u8] = b"HTTP/1.1 200 OK\r\nServer: y\r\n\
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nbody";
        assert_eq!(dated(answer, &http_date(at)), expected);
    }
}
