//! The company's registers: who owns an account, and which risk was accepted.
//!
//! Each register has a pure parser (file's text in, entries and [`Problem`]s out); [`plan`]
//! compares the entries with the table in the log, and [`publish`] appends what differs.
//! **Invariants:** an entry that is gone from a whole register is withdrawn; one that is there but
//! broken keeps its last good version; a register that is missing, empty or unreadable is an error
//! and withdraws nothing.

mod accounts;
mod columns;
mod dates;
mod fields;
mod gather;
mod limits;
mod mutelist;
#[cfg(test)]
mod mutelist_tests;
mod patterns;
mod plan;
mod risks;
#[cfg(test)]
mod risks_tests;
mod tree;
mod yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use columns::RiskColumns;
pub use dates::Zone;
pub use limits::{Days, Longest};
pub use mutelist::Mutelist;
pub use plan::{Change, plan, publish};
use schemas::{AccountRegister, Exception, Requirement, Severity};

/// Bytes of a register's file: some fifty thousand entries as SharePoint exports them.
const REGISTER_BYTES_MAX: u64 = 64 << 20;

/// Bytes of the texts of one entry: sixteen of them fit into a record.
const ENTRY_BYTES_MAX: usize = 64_000;

/// The entries of a register.
#[derive(Clone, Debug, PartialEq)]
pub struct Register<T> {
    /// The good entries in the order of the file.
    pub entries: Vec<T>,
    /// Ids of entries that are there but broken: they keep their last good version.
    pub broken: BTreeSet<String>,
    /// Whether some broken entry has no readable id: then nothing at all may be withdrawn.
    pub anonymous: bool,
    /// What is wrong, and where.
    pub problems: Vec<Problem>,
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            broken: BTreeSet::new(),
            anonymous: false,
            problems: Vec::new(),
        }
    }
}

/// Something in a register that can't be used, or had to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, which all problems of a register share.
    pub file: Arc<Path>,
    /// Where: a line of a table, or an entry of a list.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// Whether it is but a notice: something was mended or ignored, and the entry is taken.
    pub is_notice: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.file.display(), self.place, self.message)
    }
}

/// Why a register can't be used as a whole; the last good version stays in force.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The file can't be read.
    #[error("reading the register {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what its ending says.
    #[error("parsing the register {}: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file holds no entry: more likely a broken export than a company without accounts.
    #[error("the register {} is empty; nothing was withdrawn", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// No entry can be used: more likely another form of file than a register full of mistakes.
    #[error("the register {} has no usable entry; first of {count}: {first}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// How many things are wrong with it.
        count: usize,
        /// The first of them: place and reason.
        first: String,
    },
}

/// Reads the accounts register: CSV, JSON or YAML, by the file's ending.
///
/// # Errors
/// When the file can't be read or parsed, or has no usable entry.
pub fn accounts(path: &Path) -> Result<Register<AccountRegister>, RegisterError> {
    whole(path, accounts::parse)
}

/// What a site says of its exceptions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExceptionOptions {
    /// What the columns of the risk register are called.
    pub columns: RiskColumns,
    /// Where days begin and end.
    pub zone: Zone,
    /// How long an exception may last.
    pub longest: Longest,
    /// The severity of each requirement in force, by its id.
    pub severities: BTreeMap<String, Severity>,
}

/// Reads the risk register: JSON as a SharePoint list exports it.
///
/// # Errors
/// When the file can't be read or parsed, or has no usable entry.
pub fn risks(
    path: &Path,
    options: &ExceptionOptions,
) -> Result<Register<Exception>, RegisterError> {
    whole(path, |path, text| risks::parse(path, text, options))
}

/// Reads a mutelist of Prowler as exceptions from the requirements that its checks feed.
///
/// # Errors
/// When the file can't be read or parsed, or nothing in it can be taken over.
pub fn mutelist(
    list: &Mutelist,
    requirements: &[Requirement],
    options: &ExceptionOptions,
) -> Result<Register<Exception>, RegisterError> {
    whole(&list.path, |path, text| mutelist::parse(path, text, list, requirements, options))
}

impl Register<Exception> {
    /// Adds another register's exceptions; one whose id is there already is not taken.
    pub fn join(&mut self, other: Self) {
        let ids: BTreeSet<String> = self.entries.iter().map(|entry| entry.id.clone()).collect();
        let (double, fresh): (Vec<_>, Vec<_>) =
            other.entries.into_iter().partition(|entry| ids.contains(&entry.id));
        self.entries.extend(fresh);
        self.broken.extend(other.broken);
        self.anonymous |= other.anonymous;
        self.problems.extend(other.problems);
        self.problems.extend(double.into_iter().map(|entry| Problem {
            file: Path::new("registers").into(),
            place: format!("id {}", entry.id),
            message: "two registers have it: the first is taken".to_owned(),
            is_notice: false,
        }));
    }
}

/// Reads a file that is not too long.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(REGISTER_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > REGISTER_BYTES_MAX {
        let reason = format!("it has more than {REGISTER_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// Refuses an entry whose texts are too long together.
fn is_short<'t>(texts: impl IntoIterator<Item = &'t String>) -> Result<(), String> {
    let bytes: usize = texts.into_iter().map(String::len).sum();
    if bytes > ENTRY_BYTES_MAX {
        return Err(format!("its texts have {bytes} bytes, and may have {ENTRY_BYTES_MAX}"));
    }
    Ok(())
}

fn whole<T>(
    path: &Path,
    parse: impl Fn(&Path, &str) -> Result<Register<T>, String>,
) -> Result<Register<T>, RegisterError> {
    let owned = || path.to_owned();
    let bytes = bounded(path).map_err(|source| RegisterError::Read { path: owned(), source })?;
    let wrong = |reason: String| RegisterError::Parse { path: owned(), reason };
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(RegisterError::Empty { path: owned() });
    }
    let register = parse(path, text).map_err(wrong)?;
    if !register.entries.is_empty() {
        return Ok(register);
    }
    let mut errors = register.problems.iter().filter(|problem| !problem.is_notice);
    Err(match errors.next() {
        None => RegisterError::Empty { path: owned() },
        Some(first) => RegisterError::Unusable {
            path: owned(),
            count: 1 + errors.count(),
            first: format!("{}: {}", first.place, first.message),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("accounts.csv");
        let file = File::create(&path).expect("a file");
        file.set_len(REGISTER_BYTES_MAX + 1).expect("a file with a hole");
        let error = accounts(&path).expect_err("too long");
        let RegisterError::Read { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source.to_string(), "it has more than 67108864 bytes");
        file.set_len(REGISTER_BYTES_MAX).expect("a file with a hole");
        assert_eq!(bounded(&path).expect("bytes").len() as u64, REGISTER_BYTES_MAX);
    }
}
