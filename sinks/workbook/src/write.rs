//! Writes the workbooks on all cores, each file whole, and only when it changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::index::Index;
use crate::model::lay_out_from;
use crate::{Form, Limits, Past, Subject, Tables, WorkbookError, parallel};

/// What became of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were new or changed.
    pub written: usize,
    /// Files that already held the same bytes.
    pub unchanged: usize,
    /// Files and folders of owners and payers who have no account any more, and of sheets that are
    /// no more; they are gone now.
    pub removed: usize,
    /// The files: the enterprise's, the payers', the owners'.
    pub files: Vec<PathBuf>,
}

/// Which workbooks are rendered, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whose; everybody's when none.
    pub subjects: Option<Vec<Subject>>,
    /// In which forms.
    pub forms: Vec<Form>,
}

impl Default for Order {
    fn default() -> Self {
        Self { subjects: None, forms: vec![Form::Xlsx] }
    }
}

/// Renders the workbooks of the enterprise, every payer and every owner into a folder; `progress`
/// hears how many of how many are done, on the calling thread.
///
/// # Errors
/// As [`render_order`].
pub fn render_all(
    tables: &Tables,
    past: &Past,
    out_dir: &Path,
    progress: &dyn Fn(usize, usize),
) -> Result<Written, WorkbookError> {
    render_order(tables, past, &Order::default(), out_dir, progress)
}

/// Renders what is ordered, as [`render_all`] does.
///
/// Files of such names in the folder are ours: where everybody's are rendered, those of nobody's
/// are removed in the same forms, unless there is no account at all (tables that are empty by
/// mistake delete nothing, and make nothing).
///
/// # Errors
/// [`WorkbookError::NoAccounts`] before anything is written, when one is ordered for somebody who
/// has none; [`WorkbookError::File`] when a file can't be written; what was written before stays.
pub fn render_order(
    tables: &Tables,
    past: &Past,
    order: &Order,
    out_dir: &Path,
    progress: &dyn Fn(usize, usize),
) -> Result<Written, WorkbookError> {
    fs::create_dir_all(out_dir).map_err(file("making the folder", out_dir))?;
    let index = Index::new(tables, past);
    let all = index.subjects();
    let subjects = order.subjects.as_ref().unwrap_or(&all);
    if let Some(nobody) = subjects.iter().find(|subject| !all.contains(subject)) {
        return Err(WorkbookError::NoAccounts { subject: nobody.to_string() });
    }
    progress(0, subjects.len());
    let index = index.count_for(subjects);
    let write = |subject: &Subject| write_one(&index, subject, &order.forms, out_dir);
    let made = parallel::map(subjects, write, |done| progress(done, subjects.len()))?;
    let mut written = Written::default();
    for one in made {
        written.written += one.written;
        written.unchanged += one.unchanged;
        written.removed += one.removed;
        written.files.extend(one.files);
    }
    if order.subjects.is_none() && !subjects.is_empty() {
        for form in &order.forms {
            let ours = subjects.iter().map(|subject| out_dir.join(form.entry(subject))).collect();
            written.removed += remove_others(out_dir, &ours, &|name| form.is_entry(name))?;
        }
    }
    Ok(written)
}

/// Renders one workbook in all forms.
fn write_one(
    index: &Index<'_>,
    subject: &Subject,
    forms: &[Form],
    out_dir: &Path,
) -> Result<Written, WorkbookError> {
    let model = lay_out_from(index, subject, &Limits::default());
    let mut written = Written::default();
    for form in forms {
        for (path, bytes) in form.files(&model)? {
            let path = out_dir.join(path);
            if write_changed(&path, &bytes)? {
                written.written += 1;
            } else {
                written.unchanged += 1;
            }
            written.files.push(path);
        }
        let folder = out_dir.join(form.entry(subject));
        if *form == Form::Csv {
            // Sheets come and go with accounts.
            let ours = written.files.iter().cloned().collect();
            written.removed += remove_others(&folder, &ours, &|name| name.ends_with(".csv"))?;
        }
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
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file("making the folder", folder))?;
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

/// Removes what has one of our names and is not among ours; tells how many.
fn remove_others(
    folder: &Path,
    ours: &BTreeSet<PathBuf>,
    is_one: &dyn Fn(&str) -> bool,
) -> Result<usize, WorkbookError> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(file("listing", folder))? {
        let path = entry.map_err(file("listing", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_one(&name) && !ours.contains(&path) {
            let result = if path.is_dir() { remove_folder(&path) } else { fs::remove_file(&path) };
            result.map_err(file("removing", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes a folder of sheets; it stays where somebody else put something into it.
fn remove_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            fs::remove_file(path)?;
        }
    }
    fs::remove_dir(folder).or_else(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => Ok(()),
        _ => Err(error),
    })
}

fn file(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WorkbookError {
    let path = path.to_owned();
    move |source| WorkbookError::File { attempted, path, source }
}
