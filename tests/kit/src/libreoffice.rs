//! Looks at a workbook with LibreOffice: every page as a picture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process;

/// Limit for one conversion; the first start of LibreOffice makes its profile.
const CONVERT_LIMIT: Duration = Duration::from_secs(180);

/// Resolution of the pictures, in dots an inch: text of 10 points is readable.
const DOTS_PER_INCH: &str = "80";

/// Prints `workbook` to PDF and each page to a PNG file in `folder`, in the order of the pages.
///
/// # Errors
/// When `soffice` or `pdftoppm` is missing or fails, or the workbook has no page.
pub fn to_png(workbook: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let pdf = to_pdf(workbook, folder)?;
    let stem = pdf.with_extension("");
    let mut command = Command::new("pdftoppm");
    command.args(["-r", DOTS_PER_INCH, "-png"]).arg(&pdf).arg(&stem);
    process::run(command, CONVERT_LIMIT).context("poppler-utils (pdftoppm) is needed")?;
    let name = stem.file_name().context("a PDF without a name")?.to_string_lossy().into_owned();
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry.context("reading a folder entry")?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        // pdftoppm pads page numbers to one width, so that names sort as pages.
        if file.starts_with(&format!("{name}-")) && file.ends_with(".png") {
            pages.push(path);
        }
    }
    if pages.is_empty() {
        bail!("{} has no page to print", workbook.display());
    }
    pages.sort();
    Ok(pages)
}

/// Prints `workbook` to a PDF of the same name in `folder`.
fn to_pdf(workbook: &Path, folder: &Path) -> Result<PathBuf> {
    // A profile of its own: two LibreOffices with one profile wait for each other.
    let profile = tempfile::tempdir().context("making a profile for LibreOffice")?;
    let mut command = Command::new("soffice");
    command
        .arg(format!("-env:UserInstallation=file://{}", profile.path().display()))
        .args(["--headless", "--norestore", "--convert-to", "pdf", "--outdir"])
        .arg(folder)
        .arg(workbook);
    let said =
        process::run(command, CONVERT_LIMIT).context("libreoffice-calc (soffice) is needed")?;
    let stem = workbook.file_stem().context("a workbook without a name")?;
    let pdf = folder.join(stem).with_extension("pdf");
    if !pdf.is_file() {
        bail!("LibreOffice made no {}: {said}", pdf.display());
    }
    Ok(pdf)
}
