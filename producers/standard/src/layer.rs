//! Layers: where a standard's files come from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::StandardError;
use crate::yaml::FILE_BYTES_MAX;

/// Files of a folder.
const FILES_MAX: usize = 10_000;

/// The word for the standard that ships.
const SHIPPED_WORD: &str = "shipped";

/// Its files are part of the program, so that it works from anywhere.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../standard");

/// A source of requirements, and of changes to those of earlier layers.
///
/// In text it is the word `shipped` or a folder; a folder of that name is `./shipped`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(with = "String")]
pub enum Layer {
    /// The standard that ships with this release.
    Shipped,
    /// A folder of YAML files.
    Folder(PathBuf),
}

impl From<String> for Layer {
    fn from(text: String) -> Self {
        if text == SHIPPED_WORD { Self::Shipped } else { Self::Folder(text.into()) }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped => out.write_str(SHIPPED_WORD),
            Self::Folder(path) => path.display().fmt(out),
        }
    }
}

/// A file's text, or why there is none.
pub(crate) type Text = Result<String, String>;

impl Layer {
    /// Gives where faults of the layer as a whole are.
    pub(crate) fn place(&self) -> &Path {
        match self {
            Self::Shipped => Path::new("standard"),
            Self::Folder(path) => path,
        }
    }

    /// Reads the files, sorted by path.
    pub(crate) fn files(&self) -> Result<Vec<(PathBuf, Text)>, StandardError> {
        let mut files = match self {
            Self::Shipped => shipped(),
            Self::Folder(dir) => {
                folder(dir).map_err(|source| StandardError::List { path: dir.clone(), source })?
            }
        };
        files.sort();
        Ok(files)
    }
}

fn shipped() -> Vec<(PathBuf, Text)> {
    let text = |file: &include_dir::File<'_>| {
        file.contents_utf8().map(str::to_owned).ok_or_else(|| "it is not UTF-8".to_owned())
    };
    let yaml = SHIPPED.files().filter(|file| is_yaml(file.path()));
    yaml.map(|file| (file.path().to_owned(), text(file))).collect()
}

fn folder(dir: &Path) -> io::Result<Vec<(PathBuf, Text)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if is_yaml(&path) {
            let text = bounded(&path).map_err(|error| format!("it can't be read: {error}"));
            files.push((path, text));
        }
        if files.len() > FILES_MAX {
            return Err(io::Error::other(format!("it holds more than {FILES_MAX} files")));
        }
    }
    Ok(files)
}

/// Reads a file that is not too long.
fn bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let reason = format!("it has more than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
