//! What becomes of chores is in the log before anything follows them.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::cell::Cell;
use std::collections::BTreeSet;

use schemas::topic::RESOURCE_CHANGE;
use sink_frame::{Courier, Delivery, Encoded, Entry, Failure, Frame, Limits, Part, Target};
use stream::local::{Fault, LocalLog};
use stream::worker::Stop;
use stream::{Outgoing, Position, Record, snapshot};
use world::{ROLE, local, row, write};

/// Notes each letter of its work in the log, in lots of two, and looks at the log after each.
struct Notes<'a> {
    log: &'a LocalLog,
    left: Vec<&'static str>,
    /// What it takes for written.
    written: Vec<&'static str>,
    seen: Vec<usize>,
    is_followed: bool,
}

fn noted(log: &LocalLog) -> usize {
    snapshot::records(log, RESOURCE_CHANGE.spec).unwrap().len()
}

/// What notes letters.
struct Hands;

impl Courier for Hands {
    type Item = &'static str;

    fn deliver(&mut self, entries: Vec<Entry<&'static str>>, _: &[Part]) -> Delivery<&'static str> {
        let mut delivery = Delivery::default();
        for entry in entries {
            let output = Outgoing { topic: RESOURCE_CHANGE.spec, ..row(entry.item, Some("x")) };
            delivery.output(output);
            delivery.written(entry.record);
        }
        delivery
    }
}

impl Target for Notes<'_> {
    type Item = &'static str;
    type Courier = Hands;

    fn courier(&self) -> Hands {
        Hands
    }

    /// Begins again with what the log does not hold.
    fn assigned(&mut self, _: &[Position]) -> Result<(), Failure> {
        self.left.extend(self.written.drain(noted(self.log)..));
        self.is_followed = true;
        Ok(())
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<&'static str>, Failure> {
        let mut encoded = Encoded::default();
        (0..records.len()).for_each(|index| encoded.skipped(index));
        Ok(encoded)
    }

    fn follow_up(&mut self) -> Result<Option<Vec<&'static str>>, Failure> {
        if !self.is_followed {
            self.is_followed = true;
            self.seen.push(noted(self.log));
        }
        Ok(None)
    }

    fn chores(&mut self, _: &BTreeSet<i32>) -> Result<Option<Vec<&'static str>>, Failure> {
        let count = self.left.len().min(2);
        let lot: Vec<_> = self.left.drain(..count).collect();
        self.is_followed = false;
        self.written.extend(&lot);
        Ok((!lot.is_empty()).then_some(lot))
    }
}

#[track_caller]
fn check(aborts: u32, seen: &[usize]) {
    let (_folder, log) = local();
    write(&log, vec![row("a", Some("1"))]);
    let (written, left) = (Vec::new(), vec!["b", "c", "d", "e", "f"]);
    let mut notes = Notes { log: &log, left, written, seen: Vec::new(), is_followed: true };
    let is_set = Cell::new(false);
    let frame = Frame {
        role: &ROLE,
        log: &log,
        slot: "a",
        limits: Limits::default(),
        once: true,
        patience: None,
        tell: &|progress| {
            // The only batch is committed: from now on commits are those of chores.
            if progress.commits == 1 && !is_set.replace(true) {
                log.set_fault(Fault::AbortCommits(aborts));
            }
        },
    };
    let progress = frame.run(&mut notes, &Stop::new()).unwrap();
    assert_eq!((noted(&log), notes.seen.as_slice()), (5, seen));
    assert_eq!(progress.counts.records(), 1);
}

#[test]
fn the_log_holds_a_lot_before_what_follows_it() {
    check(0, &[2, 4, 5]);
}

#[test]
fn a_lot_that_was_aborted_is_due_again() {
    check(1, &[2, 4, 5]);
}
