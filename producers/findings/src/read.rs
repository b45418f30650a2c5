//! Finds report files and splits each by account.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use schemas::{Finding, FindingSubject};
use sha2::{Digest, Sha256};

use crate::{AccountReport, Problem, Source, arn, sources::Parsed};

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
    let default = options.account.clone().or_else(|| account_in(file));
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => return all.problems.push(fault("", format!("it can't be read: {error}"))),
    };
    let report = report_id(file, &bytes);
    let text = String::from_utf8_lossy(&bytes);
    match (source.parse)(&text) {
        Ok(parsed) => {
            let (broken, rows) = (parsed.broken, parsed.rows);
            all.problems.extend(broken.iter().map(|(place, reason)| fault(place, reason.clone())));
            let whole = broken.is_empty() && !options.partial;
            let parsed = Parsed { rows, broken };
            split(source, &report, default.as_deref(), whole, parsed, all, &fault);
        }
        Err(reason) => {
            all.problems.push(fault("", reason.clone()));
            if let Some(account) = default {
                let report = AccountReport {
                    source: source.id.to_owned(),
                    report,
                    account,
                    findings: Vec::new(),
                    complete: false,
                };
                all.failed.push((report, reason));
            }
        }
    }
}

fn split(
    source: &Source,
    report: &str,
    default: Option<&str>,
    complete: bool,
    parsed: Parsed,
    all: &mut Reports,
    fault: &dyn Fn(&str, String) -> Problem,
) {
    // Rows that name no account belong to the file's, or to the only one that its ARNs name.
    let mut named: Vec<String> = parsed.rows.iter().filter_map(|(a, _)| a.clone()).collect();
    named.sort();
    named.dedup();
    let only = if named.len() == 1 { named.first().map(String::as_str) } else { None };
    let default = default.or(only).map(str::to_owned);
    let mut accounts: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let mut homeless = 0;
    for (account, mut finding) in parsed.rows {
        let Some(account) = account.or_else(|| default.clone()) else {
            homeless += 1;
            continue;
        };
        if finding.subject == FindingSubject::Account {
            finding.resource = account.clone();
        }
        accounts.entry(account).or_default().push(finding);
    }
    if let Some(account) = &default {
        // A report without a row for its account still says: there is nothing.
        accounts.entry(account.clone()).or_default();
    }
    if homeless > 0 {
        let hint = "name the file after the account, or give `account`";
        all.problems.push(fault("", format!("{homeless} rows name no account: {hint}")));
    }
    let complete = complete && homeless == 0;
    all.reports.extend(accounts.into_iter().map(|(account, findings)| AccountReport {
        source: source.id.to_owned(),
        report: report.to_owned(),
        account,
        findings,
        complete,
    }));
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
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), text).expect("a file");
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
        let named = read_one("444455556666-2026.json", ROWS, &Options::default()).reports;
        let accounts: Vec<_> = named.iter().map(|r| (&*r.account, r.findings.len())).collect();
        assert_eq!(accounts, [("111122223333", 1), ("444455556666", 1)]);
    }

    #[test]
    fn a_report_without_a_home_says_so() {
        let got = read_one("scan.json", r#"[{"plugin":"b","status":"FAIL"}]"#, &Options::default());
        assert_eq!(got.reports, []);
        assert!(got.problems[0].to_string().contains("1 rows name no account"), "{got:?}");
    }

    #[test]
    fn what_is_broken_or_partial_clears_nothing() {
        let broken = read_one("111122223333.json", r#"[{"plugin":"a"}]"#, &Options::default());
        assert!(!broken.reports[0].complete);
        assert_eq!(broken.problems.len(), 1);
        let options = Options { partial: true, ..Options::default() };
        assert!(!read_one("111122223333.json", ROWS, &options).reports[0].complete);
        let torn = read_one("111122223333.json", "[{", &Options::default());
        assert_eq!((torn.reports.len(), torn.failed.len()), (0, 1));
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
