//! Reads report files and makes reports of what they hold.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{
    AccountReport, Problem, Source, arn,
    input::{self, Found, REPORT_BYTES_MAX, STANDARD_INPUT},
    regions::distrust_parts,
    sources::{Document, Parsed},
    split::{Home, split},
};

/// Rows of a report that can't be used and are told one by one.
const BROKEN_TOLD_MAX: usize = 100;

/// What a report itself does not tell.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The account, where neither a row nor the path names one; whatever a report names then, it
    /// is whole for no other.
    pub account: Option<String>,
    /// Whether reports leave out what is in order or suppressed, so that absence clears nothing.
    pub partial: bool,
    /// The check that a report is about, where its format does not say; the file's name else.
    pub check: Option<String>,
    /// Now, in milliseconds since 1970: the time of what has none of its own.
    pub now_ms: i64,
}

/// Reports, and what could not be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    /// The reports, sorted by file and account.
    pub reports: Vec<AccountReport>,
    /// Reports of which only the failure is known, and the reason.
    pub failed: Vec<(AccountReport, String)>,
    /// What is wrong in the files.
    pub problems: Vec<Problem>,
}

/// Where a report is from, and what is known of it without its content.
pub(crate) struct Origin<'a> {
    /// The scanner.
    pub(crate) source: &'a str,
    /// The file or program.
    pub(crate) path: &'a Path,
    /// The report's id.
    pub(crate) report: String,
    /// The account.
    pub(crate) home: Home<'a>,
    /// Whether absence clears nothing.
    pub(crate) partial: bool,
}

impl Reports {
    /// Takes a report that was read, or why it can't be.
    pub(crate) fn take(&mut self, origin: &Origin<'_>, parsed: Result<Parsed, String>) {
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(reason) => return self.fail(origin, reason),
        };
        let count = parsed.broken.len();
        let broken = parsed.broken.into_iter().take(BROKEN_TOLD_MAX);
        self.problems.extend(broken.map(|(place, reason)| origin.problem(place, reason)));
        if let Some(more @ 1..) = count.checked_sub(BROKEN_TOLD_MAX) {
            let message = format!("{more} more rows can't be used");
            self.problems.push(origin.problem(String::new(), message));
        }
        if parsed.rows.is_empty() && parsed.accounts.is_empty() {
            let none = format!("none of its {count} rows can be used");
            return self.fail(origin, if count == 0 { "it holds no result".into() } else { none });
        }
        let whole = count == 0 && parsed.missing.is_none() && !origin.partial;
        if let Some(missing) = parsed.missing.filter(|_| !origin.partial) {
            self.problems
                .push(origin.problem(String::new(), format!("it clears nothing: {missing}")));
        }
        let split = split(parsed.rows, &parsed.accounts, origin.home, whole);
        let faults = split.faults.into_iter();
        self.problems.extend(faults.map(|message| origin.problem(String::new(), message)));
        for (account, (findings, complete)) in split.accounts {
            self.reports.push(AccountReport { findings, complete, ..origin.report(account) });
        }
    }

    /// Notes a report that tells nothing: a failed one, where its account is known.
    fn fail(&mut self, origin: &Origin<'_>, reason: String) {
        self.problems.push(origin.problem(String::new(), reason.clone()));
        if let Some(account) = origin.home.given.or(origin.home.in_name) {
            self.failed.push((origin.report(account.to_owned()), reason));
        }
    }
}

impl Origin<'_> {
    fn problem(&self, place: String, message: String) -> Problem {
        Problem { file: self.path.to_owned(), place, message }
    }

    /// Makes the report of an account, as yet without findings.
    fn report(&self, account: String) -> AccountReport {
        AccountReport {
            source: self.source.to_owned(),
            report: self.report.clone(),
            account,
            findings: Vec::new(),
            complete: false,
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
    /// The bucket can't be listed.
    #[error("listing the reports of {source_id} in {place}")]
    Bucket {
        /// The scanner.
        source_id: &'static str,
        /// Bucket and prefix.
        place: String,
        /// What S3 said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
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

/// Reads a file, every report of a folder, or standard input (`-`).
///
/// # Errors
/// When the path can't be listed or holds no report.
pub fn read(source: &Source, path: &Path, options: &Options) -> Result<Reports, FindingsError> {
    let files = input::list(path, source.id).map_err(|error| FindingsError::List {
        source_id: source.id,
        path: path.to_owned(),
        source: error,
    })?;
    let mut all = Reports::default();
    let mut count = 0;
    for file in files {
        let found = input::read(&file);
        // Whoever pipes nothing has no report; it would be a failed one every time it is read.
        if file != Path::new(STANDARD_INPUT) || found.bytes.as_ref().is_ok_and(|b| !b.is_empty()) {
            take(source, &found, options, &mut all);
            count += 1;
        }
    }
    match count {
        0 => Err(FindingsError::Empty { source_id: source.id, path: path.to_owned() }),
        _ => {
            distrust_parts(&mut all, path);
            Ok(all)
        }
    }
}

/// Reads a report that somebody has in memory; its path names it in problems, and perhaps its
/// account.
///
/// A report of more bytes than a file may have is a failed one.
pub fn read_bytes(source: &Source, path: &Path, bytes: &[u8], options: &Options) -> Reports {
    let bytes = match bytes.len() as u64 {
        0..=REPORT_BYTES_MAX => Ok(bytes.to_vec()),
        _ => Err(input::too_long(REPORT_BYTES_MAX)),
    };
    let mut all = Reports::default();
    let found = Found { path: path.to_owned(), at_ms: None, bytes };
    take(source, &found, options, &mut all);
    all
}

/// Takes what was found in one place.
pub(crate) fn take(source: &Source, found: &Found, options: &Options, all: &mut Reports) {
    let path = found.path.as_path();
    let in_path = account_in(path);
    let bytes = found.bytes.as_deref().unwrap_or_default();
    let origin = Origin {
        source: source.id,
        path,
        report: report_id(found.at_ms.unwrap_or(options.now_ms), bytes),
        home: Home { given: options.account.as_deref(), in_name: in_path.as_deref() },
        partial: options.partial,
    };
    let stem =
        path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != STANDARD_INPUT);
    let check = options.check.as_deref().or(stem);
    let text = found.bytes.as_deref().map_err(Clone::clone).and_then(text);
    all.take(&origin, text.and_then(|text| (source.parse)(&Document { text, check })));
}

/// Gives a report's text without a byte order mark; an empty one is a scan that broke off, not a
/// clean account.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text) }
}

/// Finds an account's id in a path, twelve digits between other characters: in the file's name, or
/// in its folder's. A bucket's name tells who owns the bucket.
fn account_in(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    let key = path.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let mut parts = key.map_or(path, |(_, key)| key).rsplit('/');
    parts.by_ref().take(2).find_map(|part| {
        let mut runs = part.split(|c: char| !c.is_ascii_digit());
        runs.find(|run| arn::is_account(run)).map(str::to_owned)
    })
}

/// Names a report by its time and content: the same file again is the same report.
pub(crate) fn report_id(at_ms: i64, bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let short: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}/{short}", schemas::headers::rfc3339(at_ms))
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
    fn of_many_broken_rows_some_are_told() {
        let rows = format!("[{}7]", "7,".repeat(BROKEN_TOLD_MAX + 6));
        let got = read_one("111122223333.json", &rows, &Options::default());
        let said = got.problems.iter().map(|one| &*one.message).skip(BROKEN_TOLD_MAX);
        let expected = ["7 more rows can't be used", "none of its 107 rows can be used"];
        assert_eq!(Vec::from_iter(said), expected);
    }

    #[test]
    fn a_file_that_says_nothing_is_a_failed_report() {
        let deep = "[".repeat(100_000);
        for (text, reason) in [
            (&b"[{"[..], "it is not JSON: EOF while parsing an object at line 1 column 2"),
            (b"\xef\xbb\xbf \r\n", "it is empty"),
            (b"", "it is empty"),
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
    fn a_mark_before_the_text_and_folders_of_accounts_are_understood() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = folder.path().join("111122223333");
        std::fs::create_dir(&of).expect("a folder");
        let text = "\u{feff}[{\"plugin\":\"b\",\"status\":\"FAIL\"}]\r\n";
        std::fs::write(of.join("2026-11-28-results.json"), text).expect("a file");
        let source = by_id("cloudsploit").expect("the source");
        let reports = read(source, &of, &Options::default()).expect("reports").reports;
        assert_eq!((reports.len(), &*reports[0].account), (1, "111122223333"));
    }

    #[test]
    fn the_account_is_in_the_name_or_the_folders() {
        for (path, expected) in [
            ("a/scan-111122223333-1.json", Some("111122223333")),
            ("111122223333/2026-11-28.json", Some("111122223333")),
            ("111122223333/444455556666.json", Some("444455556666")),
            ("111122223333/results/x.json", None),
            ("s3://audit-111122223333/x.json", None),
            ("s3://audit-111122223333/444455556666/x.json", Some("444455556666")),
            ("1111222233334.json", None),
            ("-", None),
        ] {
            assert_eq!(account_in(Path::new(path)).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_a_report_says_is_missing_keeps_it_from_clearing() {
        let folder = tempfile::tempdir().expect("a folder");
        let finding = r#"{"AwsAccountId":"111122223333","GeneratorId":"g/EC2.13",
            "Resources":[{"Id":"sg-1"}],"Compliance":{"Status":"PASSED"}}"#;
        let page = format!(r#"{{"Findings":[{finding}],"NextToken":"more"}}"#);
        let path = folder.path().join("page.json");
        std::fs::write(&path, page).expect("a file");
        let source = by_id("securityhub").expect("the source");
        let got = read(source, &path, &Options::default()).expect("reports");
        assert!(!got.reports[0].complete);
        let said = got.problems[0].to_string();
        assert!(
            said.ends_with("page.json: it clears nothing: its last page is not the last"),
            "{said}"
        );
        // Who knows that reports are not whole need not be told of each.
        let options = Options { partial: true, ..Options::default() };
        assert_eq!(read(source, &path, &options).expect("reports").problems, []);
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = by_id("cloudsploit").expect("the source");
        assert!(read(source, folder.path(), &Options::default()).is_err());
        assert!(read(source, &folder.path().join("no"), &Options::default()).is_err());
    }
}
