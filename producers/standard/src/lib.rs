//! Reads the security standard: folders of YAML files, one requirement or one change a file.
//!
//! Reads `*.yaml` and `*.yml` of each folder; other files are left alone. Gives requirements for
//! the topic `requirement`, and every fault with its file, line and column. One broken file never
//! hides the others, and what a broken file said before stays in force.

mod catalogue;
mod change;
mod check;
mod file;
mod layer;
mod layers;
mod parameter;
mod place;
mod report;
mod yaml;

use std::fmt;
use std::path::PathBuf;

use schemas::Requirement;

pub use layer::Layer;
pub use report::{CaseResult, Report, run_tests};

/// The standard as its layers give it.
#[derive(Clone, Debug, Default)]
pub struct Standard {
    /// The requirements in force without a fault, sorted by id.
    pub requirements: Vec<Requirement>,
    /// Every fault, sorted by place.
    pub problems: Vec<Problem>,
}

/// A fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when it is the file as a whole.
    pub line: usize,
    /// The column, in characters from 1; 0 when it is the file as a whole.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

/// Why a folder can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum StandardError {
    /// The folder can't be listed.
    #[error("list the standard's folder {path}")]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Reads a standard: its layers in order, each adding requirements and changing those of earlier
/// ones.
///
/// Errors: a folder can't be listed. A folder without a requirement is a problem, since a standard
/// that says nothing is a mistake.
pub fn load(layers: &[Layer]) -> Result<Standard, StandardError> {
    let (checked, mut problems) = layers::read(layers)?;
    problems.sort();
    let requirements = checked.into_iter().map(check::Checked::finish).collect();
    Ok(Standard { requirements, problems })
}

/// Gives the standard that ships with this release.
pub fn shipped() -> Standard {
    load(&[Layer::Shipped]).expect("no folder is listed: the files are part of the program")
}

#[cfg(test)]
mod layers_tests;
#[cfg(test)]
mod tests;
