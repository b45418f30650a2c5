//! An HTTP proxy in front of moto that refuses what moto would allow, and counts the calls.

mod answer;
mod message;
mod operation;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use message::Request;
pub use operation::Operation;

/// Limit for one read or write on a connection.
const SOCKET_LIMIT: Duration = Duration::from_secs(60);

/// The proxy. Its threads end on drop.
///
/// Everything is passed on unchanged but: `AssumeRole` into a denied account, and denied
/// operations, which get AWS's access-denied answer in the form of their protocol.
#[derive(Debug)]
pub struct Denier {
    port: u16,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    ending: AtomicBool,
    policy: Mutex<Policy>,
}

#[derive(Debug, Default)]
struct Policy {
    denied_accounts: BTreeSet<String>,
    denied_operations: BTreeSet<Operation>,
    counts: BTreeMap<Operation, u64>,
}

impl Denier {
    /// Starts the proxy in front of the server on 127.0.0.1:`upstream`.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub fn start(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding the proxy")?;
        let port = listener.local_addr().context("asking for the proxy's port")?.port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let listener = Some(thread::spawn(move || accept(&listener, upstream, &shared)));
        Ok(Self { port, state, listener })
    }

    /// The endpoint to give to clients: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Refuses `AssumeRole` into roles of this account from now on.
    pub fn deny_account(&self, account: &str) {
        self.policy().denied_accounts.insert(account.to_owned());
    }

    /// Allows `AssumeRole` into roles of this account again.
    pub fn allow_account(&self, account: &str) {
        self.policy().denied_accounts.remove(account);
    }

    /// Refuses an operation in all accounts from now on; names as [`Operation`] gives them.
    pub fn deny_operation(&self, service: &str, operation: &str) {
        self.policy().denied_operations.insert(Operation::new(service, operation));
    }

    /// Allows an operation again.
    pub fn allow_operation(&self, service: &str, operation: &str) {
        self.policy().denied_operations.remove(&Operation::new(service, operation));
    }

    /// How often each operation was called, refused calls included.
    pub fn counts(&self) -> BTreeMap<Operation, u64> {
        self.policy().counts.clone()
    }

    /// How often one operation was called, refused calls included.
    pub fn count(&self, service: &str, operation: &str) -> u64 {
        self.policy().counts.get(&Operation::new(service, operation)).copied().unwrap_or(0)
    }

    /// Starts counting from zero.
    pub fn reset_counts(&self) {
        self.policy().counts.clear();
    }

    fn policy(&self) -> MutexGuard<'_, Policy> {
        self.state.policy.lock().expect("no holder of the policy panics")
    }
}

impl Drop for Denier {
    fn drop(&mut self) {
        self.state.ending.store(true, Ordering::SeqCst);
        // A connection wakes the listener, which then sees that it has to end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Policy {
    /// Counts the request and tells whether it is refused.
    fn refuses(&mut self, operation: &Operation, request: &Request) -> bool {
        *self.counts.entry(operation.clone()).or_default() += 1;
        if self.denied_operations.contains(operation) {
            return true;
        }
        let role = request.form_value("RoleArn").unwrap_or_default();
        let account = role.split(':').nth(4).unwrap_or_default();
        operation.operation == "AssumeRole" && self.denied_accounts.contains(account)
    }
}

/// Serves each connection in a thread of its own until the proxy ends.
fn accept(listener: &TcpListener, upstream: u16, state: &Arc<State>) {
    for connection in listener.incoming() {
        if state.ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(connection) = connection else { continue };
        let state = Arc::clone(state);
        thread::spawn(move || {
            // A client that goes away ends its own connection and nothing else.
            if let Err(error) = serve(connection, upstream, &state) {
                eprintln!("denier: a connection ended: {error}");
            }
        });
    }
}

/// Answers one request and closes the connection, which HTTP/1.1 clients take in their stride.
fn serve(mut client: TcpStream, upstream: u16, state: &State) -> io::Result<()> {
    client.set_read_timeout(Some(SOCKET_LIMIT))?;
    client.set_write_timeout(Some(SOCKET_LIMIT))?;
    let Some(request) = message::read(&mut client)? else {
        return Ok(());
    };
    let operation = Operation::of(&request);
    let refused = {
        let mut policy = state.policy.lock().expect("no holder of the policy panics");
        policy.refuses(&operation, &request)
    };
    if refused {
        return client.write_all(&answer::access_denied(&operation, &request));
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream))?;
    server.set_read_timeout(Some(SOCKET_LIMIT))?;
    server.write_all(&request.to_bytes())?;
    relay(&mut server, &mut client)
}

/// Copies the answer as it comes, to its end.
fn relay(server: &mut TcpStream, client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 65_536];
    loop {
        match server.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}
