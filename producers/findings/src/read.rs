//! Finds report files and splits each by account.

use std::{
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use schemas::Finding;
use sha2::{Digest, Sha256};

use crate::{
    AccountReport, Problem, Source, arn,
    sources::Parsed,
    split::{Home, split},
};

/// What a file itself does not tell.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The account, where neither a row's ARN nor the path names one.
    pub account: Option<String>,
    /// Whether reports leave out what is in order or suppressed, so that absence clears nothing.
    pub partial: bool,
}

/// Reports, and what could not be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    /// The reports, sorted by file and account.
    pub reports: Vec<AccountReport>,
    /// Reports of which only the failure is known: source, report id, account and reason.
    pub failed: Vec<(AccountReport, String)>,
    /// What is wrong in the files.
    pub problems: Vec<Problem>,
}

impl Reports {
    /// Notes a file that tells nothing: a failed report, where its account is known.
    fn fail(
        &mut self,
        home: Home<'_>,
        of: impl Fn(String, Vec<Finding>, bool) -> AccountReport,
        reason: String,
        fault: &dyn Fn(&str, String) -> Problem,
    ) {
        self.problems.push(fault("", reason.clone()));
        if let Some(account) = home.given.or(home.in_name) {
            self.failed.push((of(account.to_owned(), Vec::new(), false), reason));
        }
    }
}

/// Why reports can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FindingsError {
    /// The path can't be listed.
    #[error("listing the reports of {source_id} in {}", path.display())]
    List {
        /// The scanner.
        source_id: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no report.
    #[error("there is no report of {source_id} in {}", path.display())]
    Empty {
        /// The scanner.
        source_id: &'static str,
        /// The path.
        path: PathBuf,
    },
}

/// Reads a file, or every `.json` file of a folder.
///
/// # Errors
/// When the path can't be listed or holds no report.
pub fn read(source: &Source, path: &Path, options: &Options) -> Result<Reports, FindingsError> {
    let files = files(path).map_err(|error| FindingsError::List {
        source_id: source.id,
        path: path.to_owned(),
        source: error,
    })?;
    if files.is_empty() {
        return Err(FindingsError::Empty { source_id: source.id, path: path.to_owned() });
    }
    let mut all = Reports::default();
    for file in files {
        read_file(source, &file, options, &mut all);
    }
    Ok(all)
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(source: &Source, file: &Path, options: &Options, all: &mut Reports) {
    let fault = |place: &str, message: String| Problem {
        file: file.to_owned(),
        place: place.to_owned(),
        message,
    };
    let in_name = account_in(file);
    let home = Home { given: options.account.as_deref(), in_name: in_name.as_deref() };
    let bytes = std::fs::read(file);
    let report = report_id(file, bytes.as_deref().unwrap_or_default());
    let of = |account: String, findings: Vec<Finding>, complete: bool| AccountReport {
        source: source.id.to_owned(),
        report: report.clone(),
        account,
        findings,
        complete,
    };
    match bytes.map_err(|error| format!("it can't be read: {error}")).and_then(|b| parse(source, b))
    {
        Ok(Parsed { rows, broken }) => {
            let whole = broken.is_empty() && !options.partial;
            let count = broken.len();
            all.problems.extend(broken.into_iter().map(|(place, reason)| fault(&place, reason)));
            if rows.is_empty() {
                let reason = format!("none of its {count} rows can be used");
                return all.fail(home, of, reason, &fault);
            }
            let split = split(rows, home, whole);
            all.problems.extend(split.faults.into_iter().map(|message| fault("", message)));
            let reports = split.accounts.into_iter();
            all.reports.extend(reports.map(|(account, (rows, whole))| of(account, rows, whole)));
        }
        Err(reason) => all.fail(home, of, reason, &fault),
    }
}

/// Reads a file's content; one without any row is a scan that broke off, not a clean account.
fn parse(source: &Source, bytes: Vec<u8>) -> Result<Parsed, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let parsed = (source.parse)(&text)?;
    if parsed.rows.is_empty() && parsed.broken.is_empty() {
        return Err("it holds no result".to_owned());
    }
    Ok(parsed)
}

/// Finds an account's id in a path's last part: twelve digits between other characters.
fn account_in(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let mut runs = name.split(|c: char| !c.is_ascii_digit());
    runs.find(|run| arn::is_account(run)).map(str::to_owned)
}

/// Names a report by its file's time and content: the same file again is the same report.
fn report_id(file: &Path, bytes: &[u8]) -> String {
    let modified = std::fs::metadata(file).and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0);
    let digest = Sha256::digest(bytes);
    let short: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}/{short}", schemas::headers::rfc3339(ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::by_id;

    fn read_one(name: &str, text: &str, options: &Options) -> Reports {
        read_bytes(name, text.as_bytes(), options)
    }

    fn read_bytes(name: &str, bytes: &[u8], options: &Options) -> Reports {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), bytes).expect("a file");
        read(by_id("cloudsploit").expect("the source"), folder.path(), options).expect("reports")
    }

    const ROWS: &str = r#"[
        {"plugin":"a","status":"OK","resource":"arn:aws:rds:r:111122223333:db:x"},
        {"plugin":"b","status":"FAIL"}]"#;

    #[test]
    fn rows_go_to_the_account_that_they_name() {
        let reports = read_one("scan.json", ROWS, &Options::default()).reports;
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].account, "111122223333");
        assert_eq!(reports[0].findings[1].resource, "111122223333", "an account's own row");
        assert!(reports[0].complete);
    }

    #[test]
    fn a_report_without_a_home_says_so() {
        let got = read_one("scan.json", r#"[{"plugin":"b","status":"FAIL"}]"#, &Options::default());
        assert_eq!(got.reports, []);
        assert!(got.problems[0].to_string().contains("1 rows name no account"), "{got:?}");
    }

    #[test]
    fn what_is_broken_or_partial_clears_nothing() {
        let one = r#"[{"plugin":"a"},{"plugin":"b","status":"OK"}]"#;
        let broken = read_one("111122223333.json", one, &Options::default());
        assert_eq!((broken.reports[0].complete, broken.reports[0].findings.len()), (false, 1));
        let said = broken.problems[0].to_string();
        assert!(said.ends_with("111122223333.json:/0: `status` is missing"), "{said}");
        let none = read_one("111122223333.json", r#"[{"plugin":"a"}, 7]"#, &Options::default());
        assert_eq!((none.reports.len(), none.problems.len()), (0, 3));
        assert_eq!(none.failed[0].1, "none of its 2 rows can be used");
        let options = Options { partial: true, ..Options::default() };
        assert!(!read_one("111122223333.json", ROWS, &options).reports[0].complete);
    }

    #[test]
    fn a_file_that_says_nothing_is_a_failed_report() {
        let deep = "[".repeat(100_000);
        for (text, reason) in [
            (&b"[{"[..], "it is not JSON: EOF while parsing an object at line 1 column 2"),
            (b"", "it is not JSON: EOF while parsing a value at line 1 column 0"),
            (b"[]", "it holds no result"),
            (b"{\"resultsData\":[]}", "it holds no result"),
            (b"[{\"plugin\":\"\xff\"}]", "it is not UTF-8"),
            (deep.as_bytes(), "it is not JSON: recursion limit exceeded at line 1 column 128"),
        ] {
            let got = read_bytes("111122223333.json", text, &Options::default());
            assert_eq!((got.reports.len(), got.failed.len()), (0, 1), "{reason}");
            let (report, error) = &got.failed[0];
            assert_eq!((&*report.account, &**error), ("111122223333", reason));
            assert!(got.problems[0].to_string().ends_with(reason), "{:?}", got.problems);
        }
    }

    #[test]
    fn the_same_file_is_the_same_report() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("111122223333.json");
        std::fs::write(&path, ROWS).expect("a file");
        let source = by_id("cloudsploit").expect("the source");
        let once = read(source, &path, &Options::default()).expect("reports");
        assert_eq!(once, read(source, &path, &Options::default()).expect("reports"));
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = by_id("cloudsploit").expect("the source");
        assert!(read(source, folder.path(), &Options::default()).is_err());
        assert!(read(source, &folder.path().join("no"), &Options::default()).is_err());
    }
}
