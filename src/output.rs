//! What a person or another program reads on standard output.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};
use clap::ValueEnum;

/// The argument of every command that tells what it found.
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Form {
    /// How to print what was found
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    output: Output,
}

/// How a command prints what it found.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// One JSON object, or one a line where there are several; members stay, new ones may come
    Json,
}

impl Form {
    /// Tells whether another program reads it.
    pub(crate) fn is_json(self) -> bool {
        self.output == Output::Json
    }
}

/// Writes a line to standard output, as `println!` does, and gives a `Result`: see [`write()`].
macro_rules! say {
    ($($what:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($what)*))) };
}
pub(crate) use say;

/// Writes text to standard output. A reader that has gone (`scorecard coverage | head`) is no
/// error, and does not end work that is under way.
pub(crate) fn write(text: impl Display) -> Result<()> {
    write_on(text).map(|_| ())
}

/// Writes text to standard output, and tells whether somebody still reads it: for work that has no
/// other purpose.
pub(crate) fn write_on(text: impl Display) -> Result<bool> {
    let mut out = stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        done => done.map(|()| true).context("writing to standard output"),
    }
}

/// Gives outside data as it may be printed: a line break or an escape must not forge a line.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_debug().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

/// Adds a line to a text.
pub(crate) fn line(text: &mut String, words: &str) {
    text.push_str(words);
    text.push('\n');
}
