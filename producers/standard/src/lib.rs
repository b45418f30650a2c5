//! Reads the security standard: a folder of YAML files, one requirement a file.
//!
//! Reads `*.yaml` and `*.yml` of one folder; other files are left alone. Gives requirements for
//! the topic `requirement`, and every fault with its file, line and column. One broken file never
//! hides the others, and what a broken file said before stays in force.

mod catalogue;
mod check;
mod file;
mod place;
mod report;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use schemas::Requirement;

pub use report::{CaseResult, Report, run_tests};

/// The standard as a folder gives it.
#[derive(Clone, Debug, Default)]
pub struct Standard {
    /// The requirements without a fault, sorted by id.
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

/// Reads a folder.
///
/// Errors: the folder can't be listed. A folder without a requirement is a problem, since a
/// standard that says nothing is a mistake.
pub fn load(dir: &Path) -> Result<Standard, StandardError> {
    Ok(of_files(read(dir)?))
}

/// Gives the standard that ships with this release.
///
/// Its files are part of the program, so that it works from anywhere.
pub fn shipped() -> Standard {
    let text = |file: &include_dir::File<'_>| {
        file.contents_utf8().map(str::to_owned).ok_or_else(|| "it is not UTF-8".to_owned())
    };
    let yaml = SHIPPED.files().filter(|file| is_yaml(file.path()));
    of_files(check_all(
        Path::new("standard"),
        yaml.map(|file| (file.path().to_owned(), text(file))),
    ))
}

static SHIPPED: include_dir::Dir<'_> =
    include_dir::include_dir!("$CARGO_MANIFEST_DIR/../../standard");

/// A file's text, or why there is none.
type Text = Result<String, String>;

/// Files without a fault, sorted by id, and the faults of the others.
type Files = (Vec<check::Checked>, Vec<Problem>);

fn of_files((files, mut problems): Files) -> Standard {
    problems.sort();
    let requirements = files.into_iter().map(|file| file.requirement).collect();
    Standard { requirements, problems }
}

/// Reads a folder's files.
fn read(dir: &Path) -> Result<Files, StandardError> {
    let text = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("it can't be read: {error}"))
    };
    let files = yaml_files(dir)?.into_iter().map(|path| (path.clone(), text(&path)));
    Ok(check_all(dir, files))
}

/// Checks files by themselves and against each other.
fn check_all(dir: &Path, files: impl Iterator<Item = (PathBuf, Text)>) -> Files {
    let mut folder = Folder::default();
    let whole = |file: PathBuf, message: String| Problem { file, line: 0, column: 0, message };
    let mut count = 0;
    for (path, text) in files {
        count += 1;
        match text.map(|text| check::check(&path, &text)) {
            Ok(Ok(checked)) => folder.keep(checked),
            Ok(Err(found)) => folder.problems.extend(found),
            Err(message) => folder.problems.push(whole(path, message)),
        }
    }
    if count == 0 {
        let message = "there is no requirement in this folder".to_owned();
        folder.problems.push(whole(dir.to_owned(), message));
    }
    (folder.by_id.into_values().collect(), folder.problems)
}

/// The files of a folder while they are checked against each other.
#[derive(Default)]
struct Folder {
    by_id: BTreeMap<String, check::Checked>,
    /// By source and check: the requirement that claims it, and whether it shares.
    claims: BTreeMap<(String, String), (String, bool)>,
    problems: Vec<Problem>,
}

impl Folder {
    /// Keeps a requirement unless an earlier file has its id, or claims a check of it alone.
    fn keep(&mut self, checked: check::Checked) {
        let id = checked.requirement.id.clone();
        if let Some(first) = self.by_id.get(&id) {
            let message = format!("{} has the id {id} too", first.id_place.file.display());
            self.problems.push(Problem { message, ..checked.id_place });
            return;
        }
        let disputes: Vec<Problem> =
            checked.claims.iter().filter_map(|claim| self.dispute(claim)).collect();
        if !disputes.is_empty() {
            self.problems.extend(disputes);
            return;
        }
        for claim in &checked.claims {
            let check = (claim.source.clone(), claim.check.clone());
            self.claims.entry(check).or_insert_with(|| (id.clone(), claim.shared));
        }
        self.by_id.insert(id, checked);
    }

    /// Tells of a check that another requirement has, unless both say that they share it.
    fn dispute(&self, claim: &check::Claim) -> Option<Problem> {
        let (first, shared) = self.claims.get(&(claim.source.clone(), claim.check.clone()))?;
        let (source, check) = (&claim.source, &claim.check);
        let message = format!(
            "{first} claims check {check} of {source} too; where both shall, both say shared: true"
        );
        (!(claim.shared && *shared)).then(|| Problem { message, ..claim.place.clone() })
    }
}

fn yaml_files(dir: &Path) -> Result<Vec<PathBuf>, StandardError> {
    let fault = |source| StandardError::List { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if is_yaml(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
