//! Finds reports where they lie: a file, the files of a folder, or standard input.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The path that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// Bytes of a report: a scan of a hundred thousand resources takes half of it.
pub(crate) const REPORT_BYTES_MAX: u64 = 1 << 30;

/// Reports of a folder, or below a prefix: each is read again in every round, so that a history of
/// reports is a mistake.
pub(crate) const REPORTS_MAX: usize = 20_000;

/// Endings of reports' names in a folder.
const ENDINGS: &[&str] = &[".asff", ".csv", ".json", ".jsonl", ".ndjson"];

/// What is found in one place.
pub(crate) struct Found {
    /// Where.
    pub(crate) path: PathBuf,
    /// When it was written, in milliseconds since 1970; none where nobody knows.
    pub(crate) at_ms: Option<i64>,
    /// Its bytes, or why they can't be had.
    pub(crate) bytes: Result<Vec<u8>, String>,
}

/// Lists the reports of a source at a path, in the order of their names.
pub(crate) fn list(path: &Path, source: &str) -> io::Result<Vec<PathBuf>> {
    if path == Path::new(STANDARD_INPUT) || !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if is_report(&path, source) {
            files.push(path);
        }
        if files.len() > REPORTS_MAX {
            return Err(io::Error::other(too_many()));
        }
    }
    files.sort();
    Ok(files)
}

/// Tells whether a file of a folder is a report of a source. Prowler writes its findings once more
/// for Security Hub, beside its own.
pub(crate) fn is_report(path: &Path, source: &str) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    name.is_some_and(|name| {
        let is_asff = name.ends_with(".asff") || name.contains(".asff.");
        ENDINGS.iter().any(|ending| name.ends_with(ending)) && (!is_asff || source == "securityhub")
    })
}

/// Reads one of the listed reports.
pub(crate) fn read(path: &Path) -> Found {
    let found = if path == Path::new(STANDARD_INPUT) {
        bounded(io::stdin().lock(), REPORT_BYTES_MAX)
    } else {
        File::open(path)
            .map_err(|error| unreadable(&error))
            .and_then(|file| bounded(file, REPORT_BYTES_MAX))
    };
    Found { path: path.to_owned(), at_ms: modified_ms(path), bytes: found }
}

fn bounded(from: impl Read, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(max + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > max {
        return Err(too_long(max));
    }
    Ok(bytes)
}

pub(crate) fn too_many() -> String {
    format!("it holds more than {REPORTS_MAX} reports")
}

pub(crate) fn too_long(max: u64) -> String {
    format!("it has more than {max} bytes")
}

fn unreadable(error: &io::Error) -> String {
    format!("it can't be read: {error}")
}

fn modified_ms(path: &Path) -> Option<i64> {
    let modified = fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_searched_for_reports_by_their_endings() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["a.ocsf.json", "b.CSV", "c.html", "d.asff.json", "e.asff", "f.jsonl", "g"];
        for name in names {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        let listed = |source: &str| {
            let files = list(folder.path(), source).expect("files");
            let names = files.iter().filter_map(|file| file.file_name()?.to_str());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(listed("prowler"), ["a.ocsf.json", "b.CSV", "f.jsonl"]);
        let all = ["a.ocsf.json", "b.CSV", "d.asff.json", "e.asff", "f.jsonl"];
        assert_eq!(listed("securityhub"), all);
        let one = folder.path().join("c.html");
        assert_eq!(list(&one, "prowler").expect("a file"), [one], "whoever names a file wants it");
    }

    #[test]
    fn a_history_of_reports_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for at in 0..=REPORTS_MAX {
            fs::write(folder.path().join(format!("{at}.json")), "").expect("a file");
        }
        let error = list(folder.path(), "prowler").expect_err("too many");
        assert_eq!(error.to_string(), "it holds more than 20000 reports");
        fs::remove_file(folder.path().join("7.json")).expect("a file");
        assert_eq!(list(folder.path(), "prowler").expect("files").len(), REPORTS_MAX);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert_eq!(bounded(&b"abc"[..], 3), Ok(b"abc".to_vec()));
        assert_eq!(bounded(&b"abcd"[..], 3), Err("it has more than 3 bytes".to_owned()));
        assert!(bounded(io::repeat(b'x'), 1_000).is_err(), "one that never ends");
    }

    #[test]
    fn a_file_that_is_not_there_says_so() {
        let found = read(Path::new("no/such/file.json"));
        assert_eq!(found.at_ms, None);
        assert!(found.bytes.is_err_and(|reason| reason.starts_with("it can't be read: ")));
    }
}
