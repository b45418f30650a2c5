//! The forms that a workbook is written in: all of the same sheets of cells.

mod csv;
mod html;
mod json;
mod shown;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Model, Sheet, Subject, WorkbookError, encode, names};

/// A form of a workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// One xlsx file.
    Xlsx,
    /// A folder with a CSV file for each sheet.
    Csv,
    /// One JSON document.
    Json,
    /// One HTML page that needs nothing else.
    Html,
}

/// A word that names no form.
#[derive(Debug, thiserror::Error)]
#[error("there is no form {0:?}: the forms are xlsx, csv, json and html")]
pub struct NoForm(String);

impl Form {
    const ALL: [Self; 4] = [Self::Xlsx, Self::Csv, Self::Json, Self::Html];

    /// Gives the form's name, which ends the names of its files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    /// Gives the name of what a subject has in this form: a file, or a folder of files.
    pub(crate) fn entry(self, subject: &Subject) -> String {
        format!("{}.{self}", names::stem(subject))
    }

    /// Tells whether a name is one that [`Form::entry`] gives to some subject.
    pub(crate) fn is_entry(self, name: &str) -> bool {
        let parts = name.rsplit_once('.');
        parts.is_some_and(|(stem, ending)| ending == self.as_str() && names::is_stem(stem))
    }

    /// Gives the files of a workbook in this form, with their paths in the folder of workbooks.
    ///
    /// # Errors
    /// As [`encode::render`]; the other forms have no limits that could be broken.
    pub(crate) fn files(self, model: &Model) -> Result<Vec<(PathBuf, Vec<u8>)>, WorkbookError> {
        let entry = PathBuf::from(self.entry(&model.subject));
        Ok(match self {
            Self::Xlsx => vec![(entry, encode::render(model)?)],
            Self::Json => vec![(entry, json::document(model))],
            Self::Html => vec![(entry, html::page(model))],
            Self::Csv => {
                let sheets = model.sheets.iter();
                let file = |name: &str| entry.join(format!("{name}.csv"));
                sheets.map(|sheet| (file(&sheet.name), csv::table(sheet))).collect()
            }
        })
    }
}

/// Writes one sheet as comma-separated values, as a folder of the form `csv` has it.
pub fn csv_of(sheet: &Sheet) -> Vec<u8> {
    csv::table(sheet)
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Form {
    type Err = NoForm;

    fn from_str(word: &str) -> Result<Self, NoForm> {
        let form = Self::ALL.into_iter().find(|form| form.as_str() == word);
        form.ok_or_else(|| NoForm(word.to_owned()))
    }
}
