//! Programs of a user's own: what they print, how they end, and what they leave behind.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use producer_findings::{Options, Program, Reports, run};
use serde_json::json;

const A: &str = "111122223333";

/// A shell that runs a script.
fn shell(script: &str) -> Program {
    let program = json!({"program": "/bin/sh", "arguments": ["-c", script]});
    serde_json::from_value(program).expect("settings")
}

fn reports(program: &Program) -> Reports {
    let options = Options { account: Some(A.to_owned()), now_ms: 7, ..Options::default() };
    run("our-scripts", program, &options)
}

#[track_caller]
fn fails(program: &Program, reason: &str) {
    let got = reports(program);
    assert_eq!((got.reports.len(), got.failed.len(), got.problems.len()), (0, 1, 1), "{got:?}");
    let (report, error) = &got.failed[0];
    assert_eq!((&*report.source, &*report.account, &**error), ("our-scripts", A, reason));
    assert_eq!(got.problems[0].message, reason);
}

const ROW: &str = r#"echo '{"check": "c", "status": "pass"}'"#;

#[test]
fn a_program_that_ends_well_is_a_whole_report() {
    let got = reports(&shell(&format!("{ROW}; echo warned >&2")));
    assert_eq!((got.failed.len(), got.problems.len(), got.reports.len()), (0, 0, 1));
    let report = &got.reports[0];
    assert_eq!((&*report.account, report.complete, report.findings.len()), (A, true, 1));
    assert!(report.report.starts_with("1970-01-01T00:00:00.007Z/"), "{}", report.report);
}

#[test]
fn whatever_goes_wrong_is_a_failed_report() {
    let why = "it ended with exit code 3: no token two lines";
    fails(&shell(&format!("{ROW}; printf 'no token\\ntwo lines\\n' >&2; exit 3")), why);
    fails(&shell(&format!("{ROW}; kill -9 $$")), "it was ended by signal 9");
    fails(&shell("true"), "it is empty");
    fails(&shell("printf '\\377'"), "it is not UTF-8");
    let cut = "it is not JSON: EOF while parsing an object at line 3 column 0";
    fails(&shell(&format!("{ROW}; echo '{{'")), cut);
    let absent = "it can't be started: No such file or directory (os error 2)";
    fails(&Program { program: "/no/such/program".into(), ..shell("") }, absent);
}

#[test]
fn the_end_of_what_it_complains_of_is_kept() {
    let script = "i=0; while [ $i -lt 2000 ]; do echo line$i >&2; i=$((i + 1)); done; exit 1";
    let got = reports(&shell(script));
    let error = &got.failed[0].1;
    assert!(error.starts_with("it ended with exit code 1: ") && error.ends_with("line1999"));
    assert!(error.len() < 2_100, "{}", error.len());
}

#[test]
fn a_program_that_never_stops_printing_is_ended() {
    let endless = "while :; do echo '{}'; done";
    let begun = Instant::now();
    for script in [endless.to_owned(), "printf '%01001d' 0".to_owned()] {
        let program = Program { output_bytes_max: 1_000, ..shell(&script) };
        fails(&program, "it printed more than 1000 bytes");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pids, script) = (folder.path().join("pids"), "sleep 600 & echo $! $$ >");
    let script = format!("{script} {}; echo waiting >&2; wait", pids.display());
    let begun = Instant::now();
    let program = Program { timeout_seconds: 1, ..shell(&script) };
    fails(&program, "it did not end within 1 s: waiting");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    all_ended(&pids);
}

#[test]
fn what_a_program_leaves_running_is_ended_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let got = reports(&shell(&format!("{ROW}; sleep 600 & echo $! > {}", pids.display())));
    assert_eq!((got.reports.len(), got.failed.len()), (1, 0), "{got:?}");
    all_ended(&pids);
}

/// Waits until none of the processes whose ids are in a file runs any more.
fn all_ended(pids: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    for pid in fs::read_to_string(pids).expect("ids").split_whitespace() {
        while is_running(pid) {
            assert!(Instant::now() < deadline, "process {pid} still runs");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Tells whether a process runs; one that nobody has reaped yet does not.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[test]
fn the_environment_is_what_is_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, "geheim\n").expect("a file");
    let words = "${HOME-none} ${CARGO_MANIFEST_DIR-none} $SIZE $TOKEN $SCORECARD_ACCOUNT";
    let script =
        format!(r#"echo "{{\"check\": \"c\", \"status\": \"warn\", \"message\": \"{words}\"}}""#);
    let program: Program = serde_json::from_value(json!({
        "program": "/bin/sh", "arguments": ["-c", script], "environment": {"SIZE": "L"},
        "secrets": {"TOKEN": {"file": token}}, "accounts": [A, "444455556666"],
    }))
    .expect("settings");
    let got = run("our-scripts", &program, &Options::default());
    let told = got.reports.iter().map(|one| (&*one.account, &*one.findings[0].message));
    assert_eq!(
        Vec::from_iter(told),
        [
            (A, "none none L geheim 111122223333"),
            ("444455556666", "none none L geheim 444455556666"),
        ]
    );
    let missing = Program {
        secrets: [("TOKEN".to_owned(), stream::secret::Secret::File("no/file".into()))].into(),
        ..shell(ROW)
    };
    let reason = "setting TOKEN wants the file no/file: No such file or directory (os error 2)";
    fails(&missing, reason);
}

#[test]
fn one_account_that_fails_stops_none_of_the_others() {
    let script = format!("test $SCORECARD_ACCOUNT = {A} && exit 1; {ROW}");
    let accounts = vec![A.to_owned(), "444455556666".to_owned()];
    let got = run("our-scripts", &Program { accounts, ..shell(&script) }, &Options::default());
    assert_eq!((&*got.failed[0].0.account, &*got.reports[0].account), (A, "444455556666"));
    let said = got.problems[0].to_string();
    assert_eq!(said, format!("/bin/sh for {A}: it ended with exit code 1"));
}
