//! `scorecard test`, `validate` and `evaluate`: a standard's cases and layers, and documents judged
//! without a log.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use schemas::{
    Codec,
    topic::{self, SCORE_STATE},
};
use serde_json::Value;
use stream::snapshot;

use crate::site::Site;

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

/// A user with one key, made 75 days before the instant of `JUDGED_AT`.
const USER: &str = r#"{"awsAccountId":"111111111111","awsRegion":"global",
    "resourceType":"AWS::IAM::User","resourceId":"AIDA1","resourceName":"alice",
    "configuration":{"UserName":"alice"},
    "supplementaryConfiguration":{"AccessKeys":[{"AccessKeyId":"AKIA1","Status":"Active",
    "CreateDate":"2026-01-01T00:00:00Z"}]}}"#;
const JUDGED_AT: &str = "2026-03-17T00:00:00Z";

/// Writes the files of the manual's example of a company's layer; gives its folder.
fn example(folder: &Path) -> Result<PathBuf> {
    let page = include_str!("../../docs/src/adding-a-requirement.md");
    let ours = folder.join("ours");
    std::fs::create_dir(&ours)?;
    for block in page.split("```yaml\n# ours/").skip(1) {
        let (name, rest) = block.split_once('\n').context("the first line names the file")?;
        let (text, _) = rest.split_once("```").context("the block ends")?;
        std::fs::write(ours.join(name), text)?;
    }
    Ok(ours)
}

#[test]
fn a_companys_layer_changes_what_ships() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = example(folder.path())?;
    let dir = ours.to_str().context("UTF-8")?;
    let tested = program(&["test", "shipped", dir, "--verbose"], "")?;
    let said = String::from_utf8_lossy(&tested.stdout);
    ensure!(tested.status.success(), "{said}");
    ensure!(said.contains("ok: iam-access-key-age / a key of 61 days\n"), "{said}");

    let judge = |layers: &[&str], more: &[&str]| -> Result<Output> {
        let layers = layers.iter().flat_map(|layer| ["--standard", layer]);
        let rest = ["--at", JUDGED_AT].into_iter().chain(more.iter().copied());
        let arguments: Vec<&str> = ["evaluate"].into_iter().chain(layers).chain(rest).collect();
        program(&arguments, &USER.replace('\n', " "))
    };
    let key_age = ["--requirement", "iam-access-key-age"];
    let verdict = |output: &Output| -> Result<(Value, Value)> {
        let all = lines(output)?;
        let one = all.first().with_context(|| format!("a verdict: {output:?}"))?;
        Ok((one["verdict"].clone(), one["evidence"].clone()))
    };
    for layers in [&[][..], &["shipped"], &["standard"]] {
        assert_eq!(verdict(&judge(layers, &key_age)?)?, ("pass".into(), "".into()), "{layers:?}");
    }
    let old = "key AKIA1 of alice was made on 2026-01-01T00:00:00Z, more than 60 days ago";
    let judged = verdict(&judge(&["shipped", dir], &key_age)?)?;
    assert_eq!(judged, ("fail".into(), old.into()));
    // What is switched off is not there, and the folder alone has nothing to change.
    let off = judge(&["shipped", dir], &["--requirement", "zone-spf"])?;
    ensure!(String::from_utf8_lossy(&off.stderr).contains("no requirement zone-spf"), "{off:?}");
    let alone = judge(&[dir], &[])?;
    let said = String::from_utf8_lossy(&alone.stderr);
    ensure!(!alone.status.success(), "{said}");
    let fault = "zone-spf.yaml:1:9: no earlier layer has a requirement zone-spf";
    ensure!(said.contains(fault), "{said}");
    Ok(())
}

#[test]
fn a_configurations_layers_are_validated() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = example(folder.path())?;
    let path = folder.path().join("scorecard.yaml");
    std::fs::write(&path, "log: {local: ./log}\nstandard: [shipped, ./ours]\n")?;
    let arguments = ["validate", "--config", path.to_str().context("UTF-8")?];
    let good = program(&arguments, "")?;
    ensure!(good.status.success(), "{good:?}");
    let wrong = "change: s3-encryption\nbecause: B\nparameters: {algorithm: [AES256]}\n";
    std::fs::write(ours.join("s3-encryption.yaml"), wrong)?;
    let bad = program(&arguments, "")?;
    let said = String::from_utf8_lossy(&bad.stderr);
    let fault = "s3-encryption.yaml:3:25: s3-encryption has no parameter algorithm; did you mean \
        algorithms?";
    ensure!(!bad.status.success() && said.contains(fault), "{said}");
    Ok(())
}

#[test]
fn a_layer_takes_effect_and_stays_when_it_breaks() -> Result<()> {
    let site = Site::local(2)?;
    site.fill(4, 1)?;
    site.process()?;
    let scored = |id: &str| -> Result<usize> {
        let scores = snapshot::table(&*site.open()?, &Codec::default(), &site.prefix, &SCORE_STATE);
        Ok(scores?.keys().filter(|key| key.requirement == id).count())
    };
    ensure!(scored("zone-spf")? > 0, "what ships is in force");

    let ours = example(site.folder())?;
    let config = std::fs::read_to_string(site.file())?;
    std::fs::write(site.file(), format!("{config}standard: [shipped, ./ours]\n"))?;
    site.run(&["collect"])?;
    site.process()?;
    assert_eq!(scored("zone-spf")?, 0, "what is switched off goes");
    ensure!(scored("our-agent")? > 0, "what is added is in force");
    let explained = || -> Result<String> {
        let accounts = snapshot::table(
            &*site.open()?,
            &Codec::default(),
            &site.prefix,
            &topic::ACCOUNT_STATE,
        )?;
        let account = &accounts.first_key_value().context("an account")?.0.account;
        site.run(&["explain", "--account", account, "--requirement", "iam-access-key-age"])
    };
    let changed = "Access keys are not older than 60 days\n  changed from what ships: Policy 7.2";
    let said = explained()?;
    ensure!(said.contains(changed) && said.contains("weight 8"), "{said}");

    // It is not published as it ships, and what is switched off stays off.
    let wrong = "change: iam-access-key-age\nbecause: B\nparameters: {days: many}\n";
    std::fs::write(ours.join("iam-access-key-age.yaml"), wrong)?;
    let ended = site.end_of(&["collect"])?;
    let fault = "iam-access-key-age.yaml:3:20: days of iam-access-key-age is an int, not a string";
    let told = format!("{}{}", ended.stdout, ended.stderr);
    ensure!(told.contains(fault), "{told}");
    site.process()?;
    let said = explained()?;
    ensure!(said.contains(changed), "{said}");
    assert_eq!(scored("zone-spf")?, 0);
    Ok(())
}
