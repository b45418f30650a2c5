//! A proxy that passes everything on and keeps what was asked, so that it can be asked again.

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use crate::gateway::message;
pub use crate::gateway::message::Request;
use crate::http;

/// The proxy, on a loopback port; its thread lives as long as the process.
#[derive(Debug)]
pub struct Recorder {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    /// Starts a proxy before the server on 127.0.0.1:`upstream`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding the proxy")?;
        let port = listener.local_addr().context("asking for the proxy's port")?.port();
        let seen = Arc::default();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                // A client that goes away ends its own connection and nothing else.
                thread::spawn(move || drop(serve(&client, upstream, &seen)));
            }
        });
        Ok(Self { port, seen })
    }

    /// Where clients begin.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Gives the requests that were answered so far, in that order, and forgets them.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes one request on, keeps it, and closes the connection behind its answer.
fn serve(mut client: &TcpStream, upstream: u16, seen: &Mutex<Vec<Request>>) -> Result<()> {
    let Some(request) = message::read(&mut BufReader::new(client), &mut client)? else {
        return Ok(());
    };
    let answer = http::pass(&request, upstream)?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    Ok(client.write_all(&answer)?)
}
