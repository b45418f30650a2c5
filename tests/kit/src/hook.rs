//! A webhook: keeps what is posted to it, and answers as it is told.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::gateway::message;
pub use crate::gateway::message::Request;

/// The server, on a loopback port; its threads live as long as the process.
#[derive(Debug)]
pub struct Hook {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Request>,
    /// Status codes of the next answers; 200 when there are none.
    answers: VecDeque<u16>,
    /// How many of the next requests hear no answer.
    held: usize,
}

impl Hook {
    /// Starts a server that takes everything.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding the webhook")?;
        let port = listener.local_addr().context("asking for the webhook's port")?.port();
        let shared: Arc<Shared> = Arc::default();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                // A client that goes away ends its own connection and nothing else.
                thread::spawn(move || drop(serving.serve(&client)));
            }
        });
        Ok(Self { port, shared })
    }

    /// Where to post to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Answers the next requests with these status codes.
    pub fn answers(&self, codes: &[u16]) {
        self.shared.state().answers.extend(codes);
    }

    /// Takes the next requests and keeps its answers back, until their clients go away.
    pub fn holds(&self, count: usize) {
        self.shared.state().held = count;
    }

    /// Waits until so many requests are there that nobody has taken; false when not in time.
    pub fn has(&self, count: usize, limit: Duration) -> bool {
        let is_short = |state: &mut State| state.seen.len() < count;
        let waited = self.shared.came.wait_timeout_while(self.shared.state(), limit, is_short);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Gives the requests that came so far, and forgets them.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.state().seen)
    }
}

impl Shared {
    fn serve(&self, mut client: &TcpStream) -> Result<()> {
        let Some(request) = message::read(&mut BufReader::new(client), &mut client)? else {
            return Ok(());
        };
        let code = {
            let mut state = self.state();
            state.seen.push(request);
            self.came.notify_all();
            let is_held = state.held > 0;
            state.held = state.held.saturating_sub(1);
            if is_held { None } else { Some(state.answers.pop_front().unwrap_or(200)) }
        };
        let Some(code) = code else {
            // The end of what the client sends is its end.
            client.read_to_end(&mut Vec::new())?;
            return Ok(());
        };
        let answer =
            format!("HTTP/1.1 {code} So\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell");
        Ok(client.write_all(answer.as_bytes())?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
