//! What can go wrong when workbooks are made.

use std::path::PathBuf;

/// A failure to make or write a workbook: what was attempted and on what; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// A sheet can't be put into the workbook.
    #[error("laying out sheet {sheet:?} of the workbook of {subject}")]
    Sheet {
        /// The sheet's name.
        sheet: String,
        /// Whose workbook.
        subject: String,
        /// Why.
        #[source]
        source: rust_xlsxwriter::XlsxError,
    },
    /// The workbook can't be packed into a file.
    #[error("packing the workbook of {subject}")]
    Pack {
        /// Whose workbook.
        subject: String,
        /// Why.
        #[source]
        source: rust_xlsxwriter::XlsxError,
    },
    /// A workbook was ordered for somebody who has no account.
    #[error("no account belongs to {subject}")]
    NoAccounts {
        /// Whose workbook.
        subject: String,
    },
    /// A file or folder can't be read, written or removed.
    #[error("{attempted} {}", path.display())]
    File {
        /// What was attempted: `writing`, `renaming to`, ...
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
