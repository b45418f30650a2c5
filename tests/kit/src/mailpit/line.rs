//! A line before a mail server that cuts connections and keeps answers back, where it hurts most.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// What happens to messages that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection ends when the client wants to hand over a text: the server has nothing.
    CutsBeforeText,
    /// The connection ends when the server has the text: the client hears no answer.
    CutsAfterText,
    /// The server has the text, and its answer is kept back while the connection stays.
    HoldsAnswer,
    /// No connection comes about.
    Down,
}

/// A line on a loopback port of its own; its threads live as long as the process.
#[derive(Debug)]
pub struct Line {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    /// The fault, for how many messages it is, and how many met it.
    state: Mutex<(Fault, usize, usize)>,
    changed: Condvar,
}

impl Line {
    /// Starts a line to a port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a line")?;
        let port = listener.local_addr().context("opening a line")?.port();
        let state = Mutex::new((Fault::None, 0, 0));
        let shared = Arc::new(Shared { target, state, changed: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is not there is what the client hears: its connection ends.
                let _ = accepting.connect(client);
            }
        });
        Ok(Self { port, shared })
    }

    /// The port on 127.0.0.1 that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next `count` messages, or connections, meet this fault.
    pub fn fails(&self, fault: Fault, count: usize) {
        let mut state = self.shared.state.lock().expect("no holder of the state panics");
        *state = (fault, count, state.2);
    }

    /// Waits until `count` messages or connections have met a fault; false when not in time.
    pub fn has_failed(&self, count: usize, limit: Duration) -> bool {
        let state = self.shared.state.lock().expect("no holder of the state panics");
        let waited = self.shared.changed.wait_timeout_while(state, limit, |s| s.2 < count);
        waited.expect("no holder of the state panics").0.2 >= count
    }
}

impl Shared {
    /// Takes one of the faults of a kind, when one is left.
    fn meets(&self, is_kind: impl Fn(Fault) -> bool) -> Option<Fault> {
        let mut state = self.state.lock().expect("no holder of the state panics");
        if state.1 == 0 || !is_kind(state.0) {
            return None;
        }
        state.1 -= 1;
        state.2 += 1;
        self.changed.notify_all();
        Some(state.0)
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        if self.meets(|fault| fault == Fault::Down).is_some() {
            return client.shutdown(Shutdown::Both);
        }
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target))?;
        let is_held = Arc::new(AtomicBool::new(false));
        let (from, to, held) = (server.try_clone()?, client.try_clone()?, is_held.clone());
        thread::spawn(move || carry_down(from, to, &held));
        let line = self.clone();
        thread::spawn(move || {
            // Whichever end goes, the other one hears it.
            let _ = line.carry_up(&client, &server, &is_held);
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    fn carry_up(
        &self,
        client: &TcpStream,
        server: &TcpStream,
        held: &AtomicBool,
    ) -> io::Result<()> {
        let (mut client, mut server) = (client, server);
        let (mut buffer, mut last) = (vec![0; 64 * 1024], Vec::new());
        loop {
            let count = client.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            let bytes = &buffer[..count];
            if bytes.eq_ignore_ascii_case(b"DATA\r\n")
                && self.meets(|fault| fault == Fault::CutsBeforeText).is_some()
            {
                return Ok(());
            }
            last.extend_from_slice(bytes);
            let is_whole = last.ends_with(b"\r\n.\r\n");
            let kept = last.len().saturating_sub(5);
            last.drain(..kept);
            let after = |fault| matches!(fault, Fault::CutsAfterText | Fault::HoldsAnswer);
            let fault = if is_whole { self.meets(after) } else { None };
            held.store(fault.is_some(), Ordering::SeqCst);
            server.write_all(bytes)?;
            if fault == Some(Fault::CutsAfterText) {
                // The server answers once it has the message: so long it has to be given.
                thread::sleep(Duration::from_millis(500));
                return Ok(());
            }
        }
    }
}

fn carry_down(mut from: TcpStream, mut to: TcpStream, is_held: &AtomicBool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            break;
        }
        if !is_held.load(Ordering::SeqCst) && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // The client hears that the server has gone, unless it shall hear nothing.
    if !is_held.load(Ordering::SeqCst) {
        let _ = to.shutdown(Shutdown::Both);
    }
}
