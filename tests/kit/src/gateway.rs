//! An HTTP proxy in front of moto that plays AWS on a bad day, and knows every call that was made.

mod answer;
mod call;
mod fault;
pub(crate) mod message;
mod operation;
mod pages;
mod serve;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

pub use call::Call;
use fault::Rule;
pub use fault::{Fault, Injected, Where};
pub use operation::Operation;

/// The proxy. Its threads end on drop.
///
/// Calls are passed on unchanged, and counted, but where a [`Fault`] was injected.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    ending: AtomicBool,
    book: Mutex<Book>,
}

/// What the proxy knows: faults in force, whose the access keys are, calls so far.
#[derive(Debug, Default)]
struct Book {
    rules: Vec<Rule>,
    last: u64,
    /// Account by the access key that STS gave.
    keys: BTreeMap<String, String>,
    calls: BTreeMap<Call, u64>,
}

impl Gateway {
    /// Starts the proxy in front of the server on 127.0.0.1:`upstream`.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub fn start(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding the proxy")?;
        let port = listener.local_addr().context("asking for the proxy's port")?.port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let listener = Some(thread::spawn(move || serve::accept(&listener, upstream, &shared)));
        Ok(Self { port, state, listener })
    }

    /// The endpoint to give to clients: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets a fault befall the calls of a place from now on. Where two are in force the first
    /// injected counts.
    pub fn inject(&self, fault: Fault, place: Where) -> Injected {
        let mut book = self.state.book();
        book.last += 1;
        let id = Injected(book.last);
        book.rules.push(Rule::new(id, fault, place));
        id
    }

    /// Ends a fault; calls that it holds go on.
    pub fn lift(&self, fault: Injected) {
        self.state.book().rules.retain(|rule| rule.id != fault);
    }

    /// Ends all faults, denials included.
    pub fn lift_all(&self) {
        self.state.book().rules.clear();
    }

    /// How many calls a fault in force has befallen.
    pub fn struck(&self, fault: Injected) -> u64 {
        let book = self.state.book();
        book.rules.iter().find(|rule| rule.id == fault).map_or(0, |rule| rule.struck)
    }

    /// Refuses `AssumeRole` into roles of this account from now on.
    pub fn deny_account(&self, account: &str) {
        self.inject(Fault::Denied, entry(account));
    }

    /// Allows `AssumeRole` into roles of this account again.
    pub fn allow_account(&self, account: &str) {
        self.state.book().forget(Fault::Denied, &entry(account));
    }

    /// Refuses an operation in all accounts from now on; names as [`Operation`] gives them.
    pub fn deny_operation(&self, service: &str, operation: &str) {
        self.inject(Fault::Denied, Where::operation(service, operation));
    }

    /// Allows an operation again.
    pub fn allow_operation(&self, service: &str, operation: &str) {
        self.state.book().forget(Fault::Denied, &Where::operation(service, operation));
    }

    /// How often each call was made, whatever it was answered.
    pub fn calls(&self) -> BTreeMap<Call, u64> {
        self.state.book().calls.clone()
    }

    /// How often each operation was called, whatever it was answered.
    pub fn counts(&self) -> BTreeMap<Operation, u64> {
        let mut counts = BTreeMap::new();
        for (call, count) in &self.state.book().calls {
            *counts.entry(call.operation.clone()).or_default() += count;
        }
        counts
    }

    /// How often one operation was called, whatever it was answered.
    pub fn count(&self, service: &str, operation: &str) -> u64 {
        self.counts().get(&Operation::new(service, operation)).copied().unwrap_or(0)
    }

    /// How many calls were made, whatever they were answered.
    pub fn total(&self) -> u64 {
        self.state.book().calls.values().sum()
    }

    /// Starts counting from zero.
    pub fn reset_counts(&self) {
        self.state.book().calls.clear();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.state.ending.store(true, Ordering::SeqCst);
        // Whoever is held is let go.
        self.lift_all();
        // A connection wakes the listener, which then sees that it has to end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// The way into an account.
fn entry(account: &str) -> Where {
    Where::operation("sts", "AssumeRole").account(account)
}

impl State {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no holder of the book panics")
    }
}

impl Book {
    /// Counts a call and gives the fault that befalls it. `strikes` tells whether that fault counts
    /// it as one of its own: that is settled here, so that two calls at once are not both its last.
    fn note(&mut self, call: &Call, strikes: impl Fn(Fault) -> bool) -> Option<(Injected, Fault)> {
        *self.calls.entry(call.clone()).or_default() += 1;
        let rule = self.rules.iter_mut().find_map(|rule| rule.meets(call).then_some(rule))?;
        rule.struck += u64::from(strikes(rule.fault));
        Some((rule.id, rule.fault))
    }

    fn is_in_force(&self, fault: Injected) -> bool {
        self.rules.iter().any(|rule| rule.id == fault)
    }

    fn forget(&mut self, fault: Fault, place: &Where) {
        self.rules.retain(|rule| rule.fault != fault || rule.place != *place);
    }
}
