//! The rows of the matrix that are run here: one function a row, a file for those of one kind.

mod brokers;
mod disk;
mod exceptions;
mod input;
mod network;
mod processes;
mod registry;

use anyhow::Result;

use crate::line::Round;

/// A row.
pub(crate) struct Row {
    /// The row's number in the matrix; a letter where it is run in more than one way.
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Round) -> Result<()>,
}

impl Row {
    const fn new(id: &'static str, name: &'static str, run: fn(&mut Round) -> Result<()>) -> Self {
        Self { id, name, run }
    }
}

/// Every row that is run here, in the order of a soak.
pub(crate) const ROWS: &[Row] = &[
    Row::new("1", "processes are killed", processes::killed),
    Row::new("1b", "a process is killed while it commits", network::killed_at_the_end),
    Row::new("1c", "the program that ships is killed", processes::program_killed),
    Row::new("2", "a process sleeps and wakes", processes::asleep),
    Row::new("3", "the only broker is killed", brokers::killed),
    Row::new("3b", "one of three brokers is killed", brokers::parts_killed),
    Row::new("4", "the network fails", network::fails),
    Row::new("5", "the coordinator is gone", network::coordinator_gone),
    Row::new("6", "workers come and go", processes::storm),
    Row::new("7", "input comes twice", input::twice),
    Row::new("8", "input comes late", input::late),
    Row::new("9", "poison", input::poison),
    Row::new("10", "the schema registry is down", registry::down),
    Row::new("11", "exceptions come and go", exceptions::interleaved),
    Row::new("12", "the disk is full", disk::full),
    Row::new("13", "tables on disk are damaged or foreign", disk::damaged),
    Row::new("14", "tables on disk are old", disk::old),
    Row::new("14b", "tombstones are gone", disk::tombstones_gone),
    Row::new("15", "the clock jumps", input::clock_jumps),
];
