//! Reports of every source as the tools write them, and the findings that a person read in them.
//!
//! A case is a folder `tests/golden/SOURCE/CASE`: what the tool wrote in `input/`, what is not in
//! it in `options.json`, and `expected.jsonl`: each report's findings and its end, then failures,
//! then problems. What of that is new is written with UPDATE_EXPECT=1, and read by a person.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use producer_findings::{Options, Program, Reports, read, run, sources::by_id};
use serde_json::{Value, json};

/// The source whose reports a program of the user's prints.
const EXEC: &str = "exec";

/// Cases that no report is read for: the whole pipeline's test has them.
const DOCUMENTS: &str = "documents";

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

fn lines(reports: &Reports) -> Vec<Value> {
    let mut lines = Vec::new();
    for report in &reports.reports {
        let account = &report.account;
        lines.extend(report.findings.iter().map(|one| {
            let mut line = json!({"account": account, "check": one.check,
                "subject": one.subject.to_string(), "region": one.region,
                "resource": one.resource, "status": one.status.to_string(),
                "message": one.message});
            if let Some(totals) = one.totals {
                line["totals"] = json!([totals.failing, totals.total]);
            }
            line
        }));
        let (complete, findings) = (report.complete, report.findings.len());
        lines.push(json!({"account": account, "complete": complete, "findings": findings}));
    }
    let failed = reports.failed.iter();
    lines.extend(failed.map(|(of, reason)| json!({"account": of.account, "failed": reason})));
    lines.extend(
        reports.problems.iter().map(
            |one| json!({"file": name(&one.file), "place": one.place, "problem": one.message}),
        ),
    );
    lines
}

fn options(case: &Path) -> Options {
    let given = fs::read_to_string(case.join("options.json")).unwrap_or_else(|_| "{}".to_owned());
    let given: Value = serde_json::from_str(&given).unwrap();
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let partial = given["partial"] == true;
    Options { account: text("account"), partial, check: text("check"), now_ms: 7 }
}

/// Prints the case's file as a user's program would.
fn printed(case: &Path) -> Reports {
    let input = case.join("input/printed.jsonl").to_str().unwrap().to_owned();
    let program = json!({"program": "/bin/cat", "arguments": [input]});
    let program: Program = serde_json::from_value(program).unwrap();
    let mut reports = run(EXEC, &program, &options(case));
    for problem in &mut reports.problems {
        assert_eq!(problem.file, Path::new("/bin/cat"));
        problem.file = "printed.jsonl".into();
    }
    reports
}

#[test]
fn every_case_is_read_as_a_person_reads_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut sources = Vec::new();
    for source in folders(&root).into_iter().filter(|source| name(source) != DOCUMENTS) {
        let id = name(&source).to_owned();
        let cases = folders(&source);
        assert!(!cases.is_empty(), "{id} has no case");
        for case in cases {
            let of = format!("{id}/{}", name(&case));
            let reports = match by_id(&id) {
                Some(known) => read(known, &case.join("input"), &options(&case)).expect("a report"),
                None if id == EXEC => printed(&case),
                None => panic!("no source reads {of}"),
            };
            let got = lines(&reports);
            let file = case.join("expected.jsonl");
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                let text: String = got.iter().map(|line| format!("{line}\n")).collect();
                fs::write(&file, text).unwrap();
            }
            let expected = fs::read_to_string(&file).unwrap();
            let expected: Vec<Value> =
                expected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            for (got, expected) in got.iter().zip(&expected) {
                assert_eq!(got, expected, "{of}");
            }
            assert_eq!(got.len(), expected.len(), "{of}: {:?}", got.get(expected.len()));
        }
        sources.push(id);
    }
    for source in producer_findings::ALL {
        assert!(sources.iter().any(|id| id == source.id), "{} has no case", source.id);
    }
}
