//! What a person or another program reads on standard output.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};

/// Writes a line to standard output, as `println!` does, and gives a `Result`: see [`write`].
macro_rules! say {
    ($($what:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($what)*))) };
}
pub(crate) use say;

/// Writes text to standard output. A reader that has gone (`scorecard coverage | head`) is no
/// error, and does not end work that is under way.
pub(crate) fn write(text: impl Display) -> Result<()> {
    let mut out = stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("writing to standard output"),
    }
}
