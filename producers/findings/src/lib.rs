//! Reports of outside scanners: files in, one report an account and file out.
//!
//! [`sources`] has one pure parser a scanner; [`read()`] and [`read_bucket`] read the files,
//! [`run`] a program of the user's own; who asks a scanner itself makes an [`AccountReport`] of
//! what it says. [`publish()`] appends the reports. A row that can't be used is a [`Problem`], the
//! others are taken, and the report no longer counts as complete: what it does not say clears
//! nothing. **Invariant:** a file that can't be read or parsed is a failed report, never an empty
//! one; and only a report of the account that was scanned clears anything.

mod arn;
mod bucket;
mod input;
mod json;
mod program;
mod publish;
mod read;
mod regions;
pub mod sources;
mod split;
mod table;

use std::{collections::BTreeSet, fmt, path::PathBuf};

pub use bucket::{Bucket, read_bucket};
pub use input::STANDARD_INPUT;
pub use program::{Program, read_printed, run};
pub use publish::publish;
pub use read::{FindingsError, Options, Reports, read, read_bytes};
use schemas::Finding;
pub use sources::{ALL, Source};
use split::{Home, split};

/// One report about one account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountReport {
    /// The scanner.
    pub source: String,
    /// The report's id: sorts by time within its source and account, and is the same for the same
    /// file.
    pub report: String,
    /// The account.
    pub account: String,
    /// Its rows.
    pub findings: Vec<Finding>,
    /// Whether it holds everything the scanner judges.
    pub complete: bool,
}

impl AccountReport {
    /// Makes the whole report of a scanner that was asked itself, in one account.
    ///
    /// Two rows about the same check and resource are one; of what is too long for a record the row
    /// is left out, and the report is not whole then.
    pub fn of_account(source: &str, report: String, account: &str, rows: Vec<Finding>) -> Self {
        let rows = rows.into_iter().map(|finding| (None, finding)).collect();
        let home = Home { given: Some(account), in_name: None };
        let mut split = split(rows, &BTreeSet::from([account.to_owned()]), home, true);
        let (findings, complete) = split.accounts.remove(account).unwrap_or_default();
        let (source, account) = (source.to_owned(), account.to_owned());
        Self { source, report, account, findings, complete }
    }
}

/// Something in a file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or program.
    pub file: PathBuf,
    /// Where in it: a JSON Pointer or a line; empty for the file as a whole.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "" } else { ":" };
        write!(f, "{}{place}{}: {}", self.file.display(), self.place, self.message)
    }
}
