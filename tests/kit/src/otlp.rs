//! A collector of telemetry by OTLP over HTTP: keeps what is sent to it, unless it is in no mood.

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::gateway::message;
pub use crate::gateway::message::Request;

/// Time between two looks at what came.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What becomes of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// They are taken, and answered with an empty message.
    #[default]
    Takes,
    /// They are refused with this status.
    Refuses(u16),
    /// They are read and never answered.
    Hangs,
}

/// The server, on a loopback port; its threads live as long as the process.
#[derive(Debug)]
pub struct Collector {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    /// What came, whatever became of it.
    seen: Vec<Request>,
    /// Connections that nobody closes while their clients wait.
    hanging: Vec<TcpStream>,
}

impl Collector {
    /// Starts a collector that takes everything.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.context("binding the collector")?;
        let port = listener.local_addr().context("asking for the collector's port")?.port();
        let state = Arc::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away ends its own connection and nothing else.
                thread::spawn(move || drop(serve(client, &state)));
            }
        });
        Ok(Self { port, state })
    }

    /// Where to send to, without the signal's path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes what becomes of requests from now on.
    pub fn set(&self, mood: Mood) {
        locked(&self.state).mood = mood;
    }

    /// Gives the requests that came so far, and forgets them.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut locked(&self.state).seen)
    }

    /// Waits until so many requests have come, at most `limit`.
    ///
    /// # Errors
    /// When they have not.
    pub fn wait_for(&self, requests: usize, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while locked(&self.state).seen.len() < requests {
            if start.elapsed() >= limit {
                bail!("the collector got fewer than {requests} requests in {limit:?}");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

/// Serves the requests of one connection.
fn serve(client: TcpStream, state: &Mutex<State>) -> Result<()> {
    let mut input = BufReader::new(client.try_clone()?);
    while let Some(request) = message::read(&mut input, &mut &client)? {
        let mood = {
            let mut state = locked(state);
            state.seen.push(request);
            if state.mood == Mood::Hangs {
                state.hanging.push(client.try_clone()?);
            }
            state.mood
        };
        let status = match mood {
            Mood::Takes => 200,
            Mood::Refuses(status) => status,
            Mood::Hangs => return Ok(()),
        };
        let answer = format!(
            "HTTP/1.1 {status} So\r\nContent-Type: application/x-protobuf\r\n\
             Content-Length: 0\r\n\r\n"
        );
        (&client).write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
