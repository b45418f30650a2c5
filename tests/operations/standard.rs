//! `scorecard test` and `evaluate`: a standard's cases, and documents judged without a log.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

fn program(arguments: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scorecard"))
        .args(arguments)
        .current_dir(kit::setup::repository())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("it reads")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

fn lines(output: &Output) -> Result<Vec<Value>> {
    let text = str::from_utf8(&output.stdout)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

const RULE: &str = "id: b-public
title: Buckets are closed
why: They hold data
severity: high
weight: 5
resource_type: AWS::S3::Bucket
scoring: resources
rule:
  pass: \"!r.Public\"
  message: \"bucket {doc.name} is open\"
remediation: Close them
tests:
  - {name: open, r: {Public: true}, expect: fail}
  - {name: closed & quiet, r: {Public: false}, expect: EXPECTED}
  - {name: not read, r: {}, expect: unknown}
";

#[test]
fn a_standard_is_tested_and_build_servers_can_read_how() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (rule, junit) = (folder.path().join("b-public.yaml"), folder.path().join("junit.xml"));
    let dir = folder.path().to_str().context("UTF-8")?;
    let arguments = ["test", dir, "--junit", junit.to_str().context("UTF-8")?];
    std::fs::write(&rule, RULE.replace("EXPECTED", "pass"))?;
    let good = program(&arguments, "")?;
    let said = String::from_utf8_lossy(&good.stdout);
    ensure!(good.status.success(), "{good:?}");
    ensure!(said.ends_with("3 cases: 3 as expected, 0 not; 0 faults of files\n"), "{said}");
    std::fs::write(&rule, RULE.replace("EXPECTED", "fail"))?;
    let bad = program(&arguments, "")?;
    let said = String::from_utf8_lossy(&bad.stdout);
    ensure!(!bad.status.success(), "{said}");
    ensure!(said.contains("failed: b-public / closed & quiet\n"), "{said}");
    ensure!(said.contains("b-public.yaml:14:"), "the place is told: {said}");
    // Python's parser reads the report; the failing case is the one that it names.
    let script = "import sys, xml.etree.ElementTree as E\n\
        cases = E.parse(sys.argv[1]).getroot().iter('testcase')\n\
        print([c.get('name') for c in cases if c.find('failure') is not None])";
    let python = &kit::setup::get()?.python;
    let read = Command::new(python).args(["-c", script]).arg(&junit).output()?;
    assert_eq!(String::from_utf8_lossy(&read.stdout), "['closed & quiet']\n");
    Ok(())
}

#[test]
fn documents_are_judged_without_a_log() -> Result<()> {
    let document = |account: &str, principal: &str| {
        format!(
            r#"{{"awsAccountId":"{account}","awsRegion":"global","resourceType":"AWS::IAM::Role",
            "resourceId":"AROA{account}","resourceName":"web","configuration":{{"RoleName":"web",
            "AssumeRolePolicyDocument":{{"Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",
            "Principal":{{"AWS":"arn:aws:iam::{principal}:root"}}}}]}}}}}}"#
        )
        .replace('\n', " ")
    };
    let input = [
        document("111111111111", "222222222222"),
        String::new(),
        document("222222222222", "999988887777"),
    ]
    .join("\n");
    let arguments = ["evaluate", "--standard", "standard", "--requirement", "iam-role-trust"];
    let judged = program(&arguments, &input)?;
    ensure!(judged.status.success(), "{judged:?}");
    let verdict = |line: &Value| -> (String, String) {
        (line["account"].to_string(), line["verdict"].to_string())
    };
    let verdicts: Vec<_> = lines(&judged)?.iter().map(verdict).collect();
    let expected = [("\"111111111111\"", "\"pass\""), ("\"222222222222\"", "\"fail\"")];
    assert_eq!(verdicts, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let more = [&arguments[..], &["--known-account", "999988887777"]].concat();
    let judged = program(&more, &input)?;
    ensure!(lines(&judged)?.iter().all(|line| line["verdict"] == "pass"), "{judged:?}");
    // Bad lines are named; the others are judged all the same.
    let judged = program(&arguments, &format!("nonsense\n{input}\n{{}}"))?;
    let said = String::from_utf8_lossy(&judged.stderr);
    assert_eq!(lines(&judged)?.len(), 2);
    ensure!(!judged.status.success(), "{said}");
    ensure!(said.contains("line 1: ") && said.contains("line 5: missing field"), "{said}");
    let unknown = program(&["evaluate", "--requirement", "none-such"], "")?;
    let said = String::from_utf8_lossy(&unknown.stderr);
    ensure!(said.contains("no requirement none-such"), "{said}");
    Ok(())
}
