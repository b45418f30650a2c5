//! The rows of the matrix that are run here: one function a row, a file for those of one kind.

mod brokers;
mod input;
mod processes;

use anyhow::Result;

use crate::line::Round;

/// A row.
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Round) -> Result<()>,
}

/// Every row that is run here, in the order of a soak.
pub(crate) const ROWS: &[Row] = &[
    Row { number: 1, name: "processes are killed", run: processes::killed },
    Row { number: 3, name: "the only broker is killed", run: brokers::killed },
    Row { number: 6, name: "workers come and go", run: processes::storm },
    Row { number: 7, name: "input comes twice", run: input::twice },
    Row { number: 9, name: "poison", run: input::poison },
];

/// Gives what runs a row.
pub(crate) fn run_of(number: u32) -> Option<fn(&mut Round) -> Result<()>> {
    ROWS.iter().find(|row| row.number == number).map(|row| row.run)
}

/// Gives a row's name.
pub(crate) fn name(number: u32) -> &'static str {
    ROWS.iter().find(|row| row.number == number).map_or("", |row| row.name)
}
