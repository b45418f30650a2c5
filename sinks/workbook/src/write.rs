//! Writes the workbooks one after another, each file whole, and only when it changed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Past, Tables, WorkbookError, file_name, lay_out, names, render, subjects};

/// What became of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were new or changed.
    pub written: usize,
    /// Files that already held the same bytes.
    pub unchanged: usize,
    /// Files of owners and payers who have no account any more, and which are gone now.
    pub removed: usize,
    /// The files: the enterprise's, the payers', the owners'.
    pub files: Vec<PathBuf>,
}

/// Renders the workbooks of the enterprise, every payer and every owner into a folder; `progress`
/// hears how many of how many are done.
///
/// Files of such names in the folder are ours: those of nobody's are removed, unless there is no
/// account at all (tables that are empty by mistake delete nothing, and make nothing).
///
/// # Errors
/// [`WorkbookError::File`] when a file can't be written; what was written before stays.
pub fn render_all(
    tables: &Tables,
    past: &Past,
    out_dir: &Path,
    progress: &dyn Fn(usize, usize),
) -> Result<Written, WorkbookError> {
    fs::create_dir_all(out_dir).map_err(file("making the folder", out_dir))?;
    let subjects = subjects(tables);
    let mut written = Written::default();
    progress(0, subjects.len());
    for (done, subject) in (1..).zip(&subjects) {
        let bytes = render(&lay_out(tables, past, subject))?;
        let path = out_dir.join(file_name(subject));
        if write_changed(&path, &bytes)? {
            written.written += 1;
        } else {
            written.unchanged += 1;
        }
        written.files.push(path);
        progress(done, subjects.len());
    }
    if !subjects.is_empty() {
        written.removed = remove_others(out_dir, &written.files)?;
    }
    Ok(written)
}

/// Writes a file whole or not at all, and only when its bytes differ; tells whether it did.
fn write_changed(path: &Path, bytes: &[u8]) -> Result<bool, WorkbookError> {
    match fs::read(path) {
        Ok(old) if old == bytes => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(file("reading", path)(error)),
    }
    // Readers see the old file or the new one: the name moves when the bytes are safe.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let result = write_through(&part, bytes)
        .map_err(file("writing", &part))
        .and_then(|()| fs::rename(&part, path).map_err(file("renaming to", path)));
    if result.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&part);
    }
    result.map(|()| true)
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut out = File::create(path)?;
    out.write_all(bytes)?;
    out.sync_all()
}

fn remove_others(out_dir: &Path, ours: &[PathBuf]) -> Result<usize, WorkbookError> {
    let mut removed = 0;
    for entry in fs::read_dir(out_dir).map_err(file("listing", out_dir))? {
        let path = entry.map_err(file("listing", out_dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if names::is_ours(&name) && !ours.contains(&path) {
            fs::remove_file(&path).map_err(file("removing", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn file(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WorkbookError {
    let path = path.to_owned();
    move |source| WorkbookError::File { attempted, path, source }
}
