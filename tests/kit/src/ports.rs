//! Finds loopback ports that nobody listens on.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Ports that this process has handed out: none is given twice.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Returns a TCP port that is free on 127.0.0.1 now and that this process was not given before.
///
/// Another process may take it before its server binds, which is rare: the kernel's choice moves
/// through the range. A server that lost that race fails at its start with its log in the error.
///
/// # Panics
/// When the machine has no free loopback port.
pub fn free() -> u16 {
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a loopback port can be bound")
            .port();
        if GIVEN.lock().expect("no holder of the set of ports panics").insert(port) {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_can_be_bound() {
        let ports: BTreeSet<u16> = (0..50).map(|_| free()).collect();
        assert_eq!(ports.len(), 50);
        for port in ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port can be bound");
        }
    }
}
