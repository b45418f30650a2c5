//! Tests of reading a folder, and of the standard that ships.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schemas::{Scoring, Severity};
use tempfile::TempDir;

use super::*;

const GOOD: &str = "id: good
title: A title
why: Because
severity: low
weight: 3
resource_type: AWS::S3::Bucket
scoring: all_or_nothing
rule:
  each: {in: s.List, key: item.Id}
  applies: item.On
  pass: >-
    item.Size <= 3 &&
      !item.Bad
  message: \"{item.Id} is bad\"
checks: [{source: cloudsploit, check: openSSH, warn_passes: true}]
remediation: Mend it
tests:
  - {name: all, s: {List: [{Id: a, On: true, Size: 1, Bad: false}, {Id: b, On: true, Size: 4}]}, \
    expect: {a: pass, b: fail}}
  - {name: not read, s: {}, expect: unknown}
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("a file is written");
    }
    dir
}

fn at(dir: &Path) -> Layer {
    Layer::Folder(dir.to_owned())
}

fn problems(text: &str) -> Vec<(usize, usize, String)> {
    let dir = folder(&[("x.yaml", text)]);
    let found = load(&[at(dir.path())]).expect("the folder is there");
    assert!(found.requirements.is_empty() || found.problems.is_empty(), "{:?}", found.problems);
    found.problems.into_iter().map(|one| (one.line, one.column, one.message)).collect()
}

fn check(from: &str, to: &str, expected: &[(usize, usize, &str)]) {
    assert!(GOOD.contains(from), "{from}");
    let found = problems(&GOOD.replacen(from, to, 1));
    let found: Vec<(usize, usize, &str)> =
        found.iter().map(|(line, column, message)| (*line, *column, &**message)).collect();
    assert_eq!(found, expected, "{to}");
}

#[test]
fn a_file_is_read_whole() {
    let dir = folder(&[("good.yaml", GOOD), ("notes.txt", "not yaml: [")]);
    let standard = load(&[at(dir.path())]).expect("the folder is there");
    assert_eq!(standard.problems, []);
    let [one] = standard.requirements.as_slice() else { panic!("one requirement") };
    assert_eq!((&*one.id, &*one.title, &*one.why), ("good", "A title", "Because"));
    assert_eq!((one.severity, one.weight), (Severity::Low, 3));
    assert_eq!((&*one.resource_type, one.scoring), ("AWS::S3::Bucket", Scoring::AllOrNothing));
    let rule = one.rule.as_ref().expect("a rule");
    assert_eq!((rule.each.as_deref(), rule.part.as_deref()), (Some("s.List"), Some("item.Id")));
    assert_eq!(rule.applies.as_deref(), Some("item.On"));
    assert_eq!(rule.pass, "item.Size <= 3 &&\n  !item.Bad");
    assert_eq!(rule.message.as_deref(), Some("{item.Id} is bad"));
    assert_eq!((&*one.checks[0].source, &*one.checks[0].check), ("cloudsploit", "openSSH"));
    assert!(one.checks[0].warn_passes);
    assert_eq!(one.remediation, "Mend it");
}

#[test]
fn faults_have_their_place() {
    check("item.Bad", "itm.Bad", &[(13, 8, "unknown name 'itm'")]);
    check("s.List", "q.List", &[(9, 14, "unknown name 'q'")]);
    check("item.Id}", "itm.Id}", &[(9, 27, "unknown name 'itm'")]);
    check("item.On", "item.On && on", &[(10, 23, "unknown name 'on'")]);
    check("{item.Id} is", "é {nobody} is", &[(14, 16, "unknown name 'nobody'")]);
    check("weight: 3", "weight: 1001", &[(5, 9, "the weight is not between 0 and 1000")]);
    check("A title", "\"\"", &[(2, 8, "title is empty")]);
    check(
        "id: good",
        "id: not good",
        &[(1, 5, "an id has only letters, digits, '-', '_' and '.'")],
    );
    check("name: not read", "name: all", &[(19, 12, "two tests are called \"all\"")]);
    check("name: not read,", "name: n, now: 7,", &[(19, 20, "\"7\" is no instant")]);
    check(
        "weight: 3\nresource_type: AWS::S3::Bucket",
        "weight: -1\nresource_type: \" \"",
        &[(5, 9, "the weight is not between 0 and 1000"), (6, 16, "resource_type is empty")],
    );
}

#[test]
fn what_is_not_of_the_form_has_a_place_too() {
    let table = [
        ("severity: low", "severity: lo", 4),
        ("weight: 3", "weight: much", 5),
        ("scoring: all_or_nothing", "scoring: some", 7),
        ("remediation: Mend it", "remedy: Mend it", 16),
        ("expect: unknown", "expect: maybe", 19),
        ("s: {}", "q: {}", 19),
        ("title: A title", "title: A title\ntitle: Another", 3),
        ("why: Because", "why: [", 3),
    ];
    for (from, to, line) in table {
        let found = problems(&GOOD.replacen(from, to, 1));
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert_eq!(found[0].0, line, "{to}: {found:?}");
        assert!(found[0].1 > 0 && !found[0].2.contains('\n'), "{to}: {found:?}");
    }
    let found = problems(&GOOD.replacen("weight: 3\n", "", 1));
    assert!(found[0].2.contains("weight"), "{found:?}");
}

#[test]
fn a_broken_file_hides_no_other() {
    let other = GOOD.replacen("id: good", "id: other", 1).replacen("openSSH", "openRDP", 1);
    let files = [
        ("a.yaml", "{"),
        ("b.yaml", GOOD),
        ("c.yaml", GOOD),
        ("d.yml", other.as_str()),
        ("e.yaml", ""),
    ];
    let dir = folder(&files);
    let standard = load(&[at(dir.path())]).expect("the folder is there");
    let ids: Vec<&str> = standard.requirements.iter().map(|one| &*one.id).collect();
    assert_eq!(ids, ["good", "other"]);
    let of_file: Vec<String> = standard
        .problems
        .iter()
        .map(|one| one.file.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    assert_eq!(of_file, ["a.yaml", "c.yaml", "e.yaml"]);
    assert!(standard.problems[1].message.ends_with("b.yaml has the id good too"));
    assert_eq!((standard.problems[1].line, standard.problems[1].column), (1, 5));
}

#[test]
fn an_empty_or_missing_folder_is_a_fault() {
    let dir = folder(&[]);
    let standard = load(&[at(dir.path())]).expect("the folder is there");
    assert_eq!(standard.problems.len(), 1);
    assert!(load(&[at(&dir.path().join("nowhere"))]).is_err());
    let report = run_tests(&[at(dir.path())]).expect("the folder is there");
    assert!(!report.is_ok());
}

#[test]
fn a_requirement_needs_something_to_feed_it() {
    let start = GOOD.find("rule:").expect("a rule");
    let end = GOOD.find("remediation").expect("a remediation");
    let text = format!("{}{}", &GOOD[..start], &GOOD[end..]);
    let found = problems(&text);
    let messages: Vec<&str> = found.iter().map(|(.., message)| &**message).collect();
    let expected = [
        "there is neither a rule nor a check to feed the requirement",
        "there is a test but no rule",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn what_outside_tools_do_not_have_is_a_fault() {
    let checks = "checks: [{source: cloudsploit, check: openSSH, warn_passes: true}]";
    let no_check = "there is no check \"openssh\" of cloudsploit 4b5bbd8";
    check("check: openSSH", "check: openssh", &[(15, 39, no_check)]);
    check("{source: cloudsploit, check: openSSH", "{source: our-scripts, check: any", &[]);
    check("openSSH, warn_passes: true", "openToTheMoon, unlisted: true", &[]);
    let no_check = "there is no check \"openToTheMoon\" of cloudsploit 4b5bbd8";
    check("openSSH, warn_passes: true", "openToTheMoon, unlisted: false", &[(15, 39, no_check)]);
    let with = |controls: &str| format!("{checks}\ncontrols: {controls}");
    check(
        checks,
        &with("{cis: [\"1.14\", \"9.9\"], fsbp: [IAM.3, IAM.99]}"),
        &[
            (16, 26, "there is no control \"9.9\" of CIS AWS 3.0.0"),
            (16, 48, "there is no control \"IAM.99\" of securityhub of 2026-08"),
        ],
    );
    let text = GOOD.replacen(checks, &with("{fsbp: [IAM.3], cis: [\"1.14\"]}"), 1);
    let dir = folder(&[("good.yaml", &text)]);
    let standard = load(&[at(dir.path())]).expect("the folder is there");
    assert_eq!(standard.requirements[0].controls, ["CIS AWS 3.0.0 1.14", "FSBP IAM.3"]);
}

#[test]
fn what_is_scored_by_summary_is_fed_by_who_sums_up() {
    let silent = |who: &str| format!("{who} tells no totals, which `summary` counts");
    let (rule, cloudsploit) = (silent("a rule"), silent("cloudsploit"));
    check("all_or_nothing", "summary", &[(12, 5, &*rule), (15, 19, &*cloudsploit)]);
    let start = GOOD.find("rule:").expect("a rule");
    let end = GOOD.find("checks:").expect("checks");
    let without_rule = GOOD[..start].to_owned() + &GOOD[end..];
    let text = &without_rule[..without_rule.find("tests:").expect("tests")];
    let text = text.replacen("all_or_nothing", "summary", 1);
    assert_eq!(problems(&text), [(8, 19, cloudsploit)]);
    for (source, of) in [("trustedadvisor", "HCP4007jGY"), ("s3import", "c"), ("ours", "c")] {
        let text =
            text.replacen("cloudsploit, check: openSSH", &format!("{source}, check: {of}"), 1);
        assert_eq!(problems(&text), [], "{source}");
    }
}

#[test]
fn a_check_has_one_requirement_unless_both_share_it() {
    let shared = |text: &str| text.replacen("warn_passes: true", "shared: true", 1);
    let other = GOOD.replacen("id: good", "id: other", 1);
    let message =
        "good claims check openSSH of cloudsploit too; where both shall, both say shared: true";
    let table = [
        (GOOD.to_owned(), other.clone(), Some(message)),
        (shared(GOOD), other.clone(), Some(message)),
        (GOOD.to_owned(), shared(&other), Some(message)),
        (shared(GOOD), shared(&other), None),
    ];
    for (first, second, expected) in table {
        let dir = folder(&[("a.yaml", &first), ("b.yaml", &second)]);
        let standard = load(&[at(dir.path())]).expect("the folder is there");
        let found: Vec<_> = standard.problems.iter().map(|one| (one.line, &*one.message)).collect();
        let expected: Vec<_> = expected.map(|message| (15, message)).into_iter().collect();
        assert_eq!(found, expected);
        assert_eq!(standard.requirements.len(), 2 - expected.len(), "the first one stays");
    }
}

#[test]
fn tests_are_run_and_differences_told() {
    let dir = folder(&[("good.yaml", GOOD)]);
    let report = run_tests(&[at(dir.path())]).expect("the folder is there");
    assert!(report.is_ok(), "{report}");
    assert_eq!((report.cases.len(), report.warnings.len()), (2, 0));

    let wrong = GOOD.replacen("b: fail", "b: pass, c: pass", 1).replacen(
        "expect: unknown",
        "expect: fail",
        1,
    );
    let dir = folder(&[("good.yaml", &wrong)]);
    let report = run_tests(&[at(dir.path())]).expect("the folder is there");
    assert!(!report.is_ok());
    let failed: Vec<(usize, &str)> = report
        .cases
        .iter()
        .filter(|case| !case.is_ok)
        .map(|case| (case.place.line, &*case.place.message))
        .collect();
    assert_eq!(failed[0].0, 18);
    assert!(failed[0].1.contains("\"b\": Fail") && failed[0].1.contains("b is bad"), "{failed:?}");
    assert_eq!(failed[1].0, 19);
    assert!(failed[1].1.contains("s.List is absent"), "{failed:?}");
    assert_eq!(report.warnings.len(), 1);
    assert_eq!(report.warnings[0].message, "no test of this rule expects unknown");
    assert!(report.to_string().ends_with("2 cases, 2 failed, 0 faults in files"));
}

#[test]
fn a_fault_of_the_rule_is_no_expected_unknown() {
    let text = GOOD.replacen("s: {}, expect: unknown", "s: {List: 5}, expect: unknown", 1);
    let dir = folder(&[("good.yaml", &text)]);
    let report = run_tests(&[at(dir.path())]).expect("the folder is there");
    let failed: Vec<&str> =
        report.cases.iter().filter(|case| !case.is_ok).map(|case| &*case.place.message).collect();
    assert_eq!(failed, ["the rule is at fault: s.List is an int, not a list"]);
}

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../standard")
}

#[test]
fn the_shipped_standard_holds() {
    let standard = load(&[at(&shipped())]).expect("the standard's folder");
    assert_eq!(standard.problems, []);
    let ids: BTreeSet<&str> = standard.requirements.iter().map(|one| &*one.id).collect();
    // Exceptions and history refer to them.
    let from_the_start = [
        "cloudtrail-enabled",
        "ec2-admin-ports",
        "iam-access-key-age",
        "iam-console-mfa",
        "iam-role-trust",
        "iam-root",
        "rds-encryption",
        "s3-encryption",
        "s3-public-access",
    ];
    assert!(BTreeSet::from(from_the_start).is_subset(&ids), "{ids:?}");
    assert!(ids.len() >= 45, "{} requirements", ids.len());
    let report = run_tests(&[at(&shipped())]).expect("the standard's folder");
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.warnings, [], "every rule has a case that passes, fails and is unknown");
    assert!(report.cases.len() > 300, "{} cases", report.cases.len());
}

#[test]
fn what_is_too_long_for_a_record_is_a_fault() {
    let id = "i".repeat(201);
    check("id: good", &format!("id: {id}"), &[(1, 5, "an id has at most 200 characters")]);
    let long = "x".repeat(16_001);
    let told = "why has more than 16000 bytes";
    check("why: Because", &format!("why: {long}"), &[(3, 6, told)]);
    let parameters = |value: &str| format!("weight: 3\nparameters: {{a: {value}}}");
    let told = "a has more than 4000 bytes";
    check("weight: 3", &parameters(&"x".repeat(3_999)), &[(6, 17, told)]);
    let many = format!("checks: [{}]", "{source: ours, check: c}, ".repeat(1_001));
    let told = "a file maps at most 1000 checks";
    let found = problems(&GOOD.replace("checks: [{source: cloudsploit", &format!("{many}\n#")));
    assert_eq!(found.iter().map(|(.., message)| &**message).collect::<Vec<_>>(), [told]);
    let case = "  - {name: all, s: {}, expect: unknown}\n".repeat(1_000);
    let found = problems(&format!("{GOOD}{case}"));
    let told = "a file has at most 1000 tests";
    assert_eq!(found.iter().map(|(.., message)| &**message).collect::<Vec<_>>(), [told]);
}

#[test]
fn a_sentence_with_its_parameters_is_short() {
    let sentence = "{param.a} ".repeat(17);
    let of = |bytes: usize| {
        let value = "x".repeat(bytes);
        let text = GOOD.replace("weight: 3", &format!("weight: 3\nparameters: {{a: {value}}}"));
        let text = text.replace("item.On\n", "item.On && item.Name != param.a\n");
        problems(&text.replace("why: Because", &format!("why: \"{sentence}\"")))
    };
    assert_eq!(of(3_700), []);
    let told = "with its parameters the sentence has more than 64000 bytes";
    assert_eq!(of(3_990), [(3, 6, told.to_owned())]);
}

#[test]
fn a_file_that_is_too_long_is_told() {
    let dir = folder(&[("a.yaml", GOOD)]);
    let long = format!("{GOOD}# {}\n", "x".repeat(512 << 10));
    std::fs::write(dir.path().join("b.yaml"), long).expect("a file");
    let found = load(&[at(dir.path())]).expect("the folder is there");
    let told: Vec<&str> = found.problems.iter().map(|one| &*one.message).collect();
    assert_eq!(told, ["it can't be read: it has more than 524288 bytes"]);
    assert_eq!(found.requirements.len(), 1, "the others count");
}
