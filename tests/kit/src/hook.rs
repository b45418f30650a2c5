//! A webhook: keeps what is posted to it, and answers as it is told.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use crate::gateway::message;
pub use crate::gateway::message::Request;

/// The server, on a loopback port; its thread lives as long as the process.
#[derive(Debug)]
pub struct Hook {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Request>,
    /// Status codes of the next answers; 200 when there are none.
    answers: VecDeque<u16>,
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
        let state = Arc::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client that goes away ends its own connection and nothing else.
                drop(serve(&client, &shared));
            }
        });
        Ok(Self { port, state })
    }

    /// Where to post to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Answers the next requests with these status codes.
    pub fn answers(&self, codes: &[u16]) {
        locked(&self.state).answers.extend(codes);
    }

    /// Gives the requests that came so far, and forgets them.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut locked(&self.state).seen)
    }
}

fn serve(mut client: &TcpStream, state: &Mutex<State>) -> Result<()> {
    let Some(request) = message::read(&mut BufReader::new(client), &mut client)? else {
        return Ok(());
    };
    let code = {
        let mut state = locked(state);
        state.seen.push(request);
        state.answers.pop_front().unwrap_or(200)
    };
    let answer =
        format!("HTTP/1.1 {code} So\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell");
    Ok(client.write_all(answer.as_bytes())?)
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
