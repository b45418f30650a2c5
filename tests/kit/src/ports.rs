//! Finds loopback ports that nobody listens on.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Ports that are handed out: below those that Linux takes for outgoing connections (from 32768),
/// which would now and then be in use by the time a server binds.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// Ports that this process has handed out: none is given twice.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Returns a TCP port that is free on 127.0.0.1 now and that this process was not given before.
///
/// Processes begin at different places of the range. Another one may still take the port before its
/// server binds; a server that lost that race fails at its start with its log in the error.
///
/// # Panics
/// When the machine has no free loopback port.
pub fn free() -> u16 {
    let mut given = GIVEN.lock().expect("no holder of the set of ports panics");
    let count = RANGE.end - RANGE.start;
    let start = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(count))
        .expect("below the count");
    let port = (0..count)
        .map(|step| RANGE.start + (start + step) % count)
        .find(|port| !given.contains(port) && is_free(*port))
        .expect("a loopback port is free");
    given.insert(port);
    port
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn ports_differ_and_can_be_bound() {
        let ports: BTreeSet<u16> = (0..50).map(|_| free()).collect();
        assert_eq!(ports.len(), 50);
        for port in ports {
            // A process that another test is starting right now holds copies of our sockets, those
            // of a look included, until it runs its own program.
            let start = Instant::now();
            while !is_free(port) {
                assert!(start.elapsed() < Duration::from_secs(5), "port {port} can't be bound");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}
