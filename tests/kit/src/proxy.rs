//! A proxy before a Kafka node: cuts, delays and silences connections, and holds single requests.
//!
//! It reads Kafka's frames (four bytes of length, two of the request's kind) and nothing else.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Kinds of requests, by the numbers of Kafka's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum Kind {
    /// Records for partitions.
    Produce = 0,
    /// Offsets of a group become part of a transaction.
    AddOffsetsToTxn = 25,
    /// A transaction ends.
    EndTxn = 26,
    /// Offsets within a transaction.
    TxnOffsetCommit = 28,
}

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From clients to the node.
    Up,
    /// From the node to clients.
    Down,
}

/// A proxy on a loopback port of its own.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    refuses: bool,
    silent: [bool; 2],
    delay: Duration,
    trap: Option<Kind>,
    /// The connection whose request was caught.
    caught: Option<u64>,
    /// Connections by number, while they live.
    open: Vec<(u64, TcpStream, TcpStream)>,
    last: u64,
    /// How many connections it has cut.
    cuts: u64,
}

impl Proxy {
    /// Starts a proxy before a port of this machine; its thread lives as long as the process.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a proxy")?;
        let port = listener.local_addr().context("opening a proxy")?.port();
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { target, state, changed });
        let accepting = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A node that is not there is what the client hears: its connection ends.
                let _ = accepting.connect(client);
            }
        });
        Ok(Self { port, shared })
    }

    /// Where clients connect: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends all connections and takes no new ones, until [`Proxy::heal`].
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        state.refuses = true;
        state.close(|_| true);
        self.shared.changed.notify_all();
    }

    /// Ends all connections once.
    pub fn reset(&self) {
        self.shared.lock().close(|_| true);
        self.shared.changed.notify_all();
    }

    /// Lets nothing through in one way any more, without ending connections: half-open.
    pub fn silence(&self, way: Way) {
        self.shared.lock().silent[way as usize] = true;
    }

    /// Delivers everything so much later.
    pub fn delay(&self, by: Duration) {
        self.shared.lock().delay = by;
    }

    /// Undoes all of it; what was held back is delivered.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        (state.refuses, state.silent, state.delay) = (false, [false; 2], Duration::ZERO);
        (state.trap, state.caught) = (None, None);
        self.shared.changed.notify_all();
    }

    /// Holds the next request of a kind.
    pub fn trap(&self, kind: Kind) {
        let mut state = self.shared.lock();
        (state.trap, state.caught) = (Some(kind), None);
    }

    /// Waits until a request is held; false when none came in time.
    pub fn has_caught(&self, limit: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, limit, |s| s.caught.is_none());
        waited.expect("no holder of the proxy's state panics").0.caught.is_some()
    }

    /// Ends the connection of the request that is held: the node never sees that request.
    pub fn drop_caught(&self) {
        let mut state = self.shared.lock();
        let caught = state.caught.take();
        state.close(|number| Some(number) == caught);
        self.shared.changed.notify_all();
    }

    /// Lets the request through that is held.
    pub fn release_caught(&self) {
        self.shared.lock().caught = None;
        self.shared.changed.notify_all();
    }

    /// How many connections it has ended.
    pub fn cuts(&self) -> u64 {
        self.shared.lock().cuts
    }
}

impl State {
    fn close(&mut self, which: impl Fn(u64) -> bool) {
        for (_, one, other) in self.open.extract_if(.., |(number, ..)| which(*number)) {
            self.cuts += 1;
            // What has ended already needs no end.
            let _ = one.shutdown(Shutdown::Both);
            let _ = other.shutdown(Shutdown::Both);
        }
    }

    /// Ends a connection of which one side has gone.
    fn close_quietly(&mut self, number: u64) {
        let before = self.cuts;
        self.close(|open| open == number);
        self.cuts = before;
    }

    fn is_open(&self, number: u64) -> bool {
        self.open.iter().any(|(open, ..)| *open == number)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the proxy's state panics")
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        if self.lock().refuses {
            return client.shutdown(Shutdown::Both);
        }
        let node = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target))?;
        client.set_nodelay(true)?;
        node.set_nodelay(true)?;
        let number = {
            let mut state = self.lock();
            state.last += 1;
            let number = state.last;
            state.open.push((number, client.try_clone()?, node.try_clone()?));
            number
        };
        self.carry(number, Way::Up, client.try_clone()?, node.try_clone()?);
        self.carry(number, Way::Down, node, client);
        Ok(())
    }

    /// Carries one way of a connection on two threads: what is late must not hold up reading.
    fn carry(self: &Arc<Self>, number: u64, way: Way, from: TcpStream, to: TcpStream) {
        let (sender, receiver) = channel();
        let writing = self.clone();
        thread::spawn(move || read(from, &sender));
        thread::spawn(move || {
            writing.write(number, way, to, &receiver);
            writing.lock().close_quietly(number);
        });
    }

    fn write(&self, number: u64, way: Way, mut to: TcpStream, frames: &Receiver<Frame>) {
        for (read, frame) in frames {
            if !self.may_pass(number, way, read, &frame) || to.write_all(&frame).is_err() {
                return;
            }
        }
    }

    /// Waits until a frame may go on; false when its connection has ended meanwhile.
    fn may_pass(&self, number: u64, way: Way, read: Instant, frame: &[u8]) -> bool {
        let mut state = self.lock();
        if way == Way::Up && state.trap.is_some_and(|kind| kind_of(frame) == Some(kind as i16)) {
            (state.trap, state.caught) = (None, Some(number));
            self.changed.notify_all();
        }
        loop {
            if !state.is_open(number) {
                return false;
            }
            let held = way == Way::Up && state.caught == Some(number);
            let late = (read + state.delay).saturating_duration_since(Instant::now());
            let wait = match held || state.silent[way as usize] {
                true => Duration::from_secs(1),
                false if late.is_zero() => return true,
                false => late,
            };
            let waited = self.changed.wait_timeout(state, wait);
            state = waited.expect("no holder of the proxy's state panics").0;
        }
    }
}

/// When it was read, and a frame with its length.
type Frame = (Instant, Vec<u8>);

/// Reads frames until the connection ends.
fn read(mut from: TcpStream, to: &Sender<Frame>) {
    let mut length = [0; 4];
    while from.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; 4 + u32::from_be_bytes(length) as usize];
        frame[..4].copy_from_slice(&length);
        if from.read_exact(&mut frame[4..]).is_err() || to.send((Instant::now(), frame)).is_err() {
            return;
        }
    }
}

fn kind_of(frame: &[u8]) -> Option<i16> {
    Some(i16::from_be_bytes([*frame.get(4)?, *frame.get(5)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: i16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 2).unwrap();
        [&length.to_be_bytes()[..], &kind.to_be_bytes(), body].concat()
    }

    /// A node that says back whatever it hears.
    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        port
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        stream
    }

    fn hears(stream: &mut TcpStream, wanted: &[u8]) -> bool {
        let mut heard = vec![0; wanted.len()];
        stream.read_exact(&mut heard).is_ok() && heard == wanted
    }

    #[test]
    fn frames_pass_are_silenced_and_come_late() {
        let proxy = Proxy::start(echo()).unwrap();
        let mut stream = client(&proxy);
        let said = frame(3, b"body");
        stream.write_all(&said).unwrap();
        assert!(hears(&mut stream, &said));
        for way in [Way::Up, Way::Down] {
            proxy.silence(way);
            stream.write_all(&said).unwrap();
            assert!(!hears(&mut stream, &said));
            proxy.heal();
            assert!(hears(&mut stream, &said));
        }
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        proxy.delay(Duration::from_millis(300));
        let start = Instant::now();
        stream.write_all(&said).unwrap();
        assert!(hears(&mut stream, &said) && start.elapsed() >= Duration::from_millis(600));
    }

    #[test]
    fn a_request_is_held_and_dropped_or_released() {
        let proxy = Proxy::start(echo()).unwrap();
        let (other, end) = (frame(3, b"other"), frame(Kind::EndTxn as i16, b"end"));
        let mut stream = client(&proxy);
        proxy.trap(Kind::EndTxn);
        stream.write_all(&other).unwrap();
        assert!(hears(&mut stream, &other) && !proxy.has_caught(Duration::from_millis(50)));
        stream.write_all(&end).unwrap();
        assert!(proxy.has_caught(Duration::from_secs(20)) && !hears(&mut stream, &end));
        proxy.release_caught();
        assert!(hears(&mut stream, &end));
        proxy.trap(Kind::EndTxn);
        stream.write_all(&end).unwrap();
        assert!(proxy.has_caught(Duration::from_secs(20)));
        proxy.drop_caught();
        assert!(!hears(&mut stream, &end));
        assert_eq!(proxy.cuts(), 1);
    }

    #[test]
    fn a_cut_ends_connections_and_refuses_new_ones() {
        let proxy = Proxy::start(echo()).unwrap();
        let said = frame(3, b"body");
        let mut stream = client(&proxy);
        stream.write_all(&said).unwrap();
        assert!(hears(&mut stream, &said));
        proxy.cut();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
        let mut refused = client(&proxy);
        // Writing may still work; nothing is ever heard.
        let _ = refused.write_all(&said);
        assert!(!hears(&mut refused, &said));
        proxy.heal();
        let mut again = client(&proxy);
        again.write_all(&said).unwrap();
        assert!(hears(&mut again, &said));
    }
}
