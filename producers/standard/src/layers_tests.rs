//! Tests of layers: a company's folders on a standard, by files on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rules::{Document, Judgement, Verdict};
use schemas::{Requirement, Severity};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A requirement of a first layer.
const AGE: &str = "id: age
title: Keys are not older than {param.days} days
why: Because
severity: low
weight: 3
resource_type: AWS::IAM::User
scoring: findings
parameters: {days: 90, states: [Active], ratio: 1.5}
rule:
  each: {in: s.Keys, key: item.Id}
  applies: item.Status in param.states
  pass: age_days(item.Made, now) <= param.days && item.Ratio < param.ratio
  message: \"{item.Id} is older than {param.days} days\"
checks:
  - {source: prowler, check: iam_rotate_access_key_90_days}
  - {source: our-scripts, check: age, warn_passes: true}
remediation: Change it every {param.days} days
tests:
  - name: old and new
    now: \"2026-04-02T00:00:00Z\"
    s: {Keys: [{Id: a, Status: Active, Made: \"2026-01-01T00:00:00Z\", Ratio: 1}, \
  {Id: b, Status: Active, Made: \"2026-03-01T00:00:00Z\", Ratio: 1}]}
    expect: {a: fail, b: pass}
  - {name: not read, s: {}, expect: unknown}
";

/// Another one, that only checks feed.
const CHECKED: &str = "id: checked
title: A title
why: Because
severity: high
weight: 5
resource_type: AWS::IAM::User
scoring: resources
checks: [{source: our-scripts, check: one}]
remediation: Mend it
";

/// A company's change.
const CHANGE: &str = "change: age
because: The board wants it
weight: 9
parameters: {days: 20}
tests:
  - name: a month is too long
    now: \"2026-04-01T00:00:00Z\"
    s: {Keys: [{Id: a, Status: Active, Made: \"2026-03-01T00:00:00Z\", Ratio: 1}]}
    expect: {a: fail}
";

/// Folders of files, by name and text.
struct Folders(TempDir, Vec<Layer>);

impl Folders {
    fn new(layers: &[&[(&str, &str)]]) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let mut all = Vec::new();
        for (number, files) in layers.iter().enumerate() {
            let folder = dir.path().join(number.to_string());
            fs::create_dir(&folder).expect("a folder is made");
            for (name, text) in *files {
                fs::write(folder.join(name), text).expect("a file is written");
            }
            all.push(Layer::Folder(folder));
        }
        Self(dir, all)
    }

    fn load(&self) -> Standard {
        load(&self.1).expect("the folders are there")
    }

    /// Gives the faults: file below the folders, line, column, message.
    fn faults(&self) -> Vec<(String, usize, usize, String)> {
        let name =
            |path: &Path| path.strip_prefix(self.0.path()).map(|path| path.display().to_string());
        let problems = self.load().problems.into_iter();
        problems
            .map(|one| (name(&one.file).unwrap_or_default(), one.line, one.column, one.message))
            .collect()
    }
}

/// Two layers: the requirements above, and a company's files.
fn changed(files: &[(&str, &str)]) -> Folders {
    Folders::new(&[&[("age.yaml", AGE), ("checked.yaml", CHECKED)], files])
}

fn only(standard: &Standard, id: &str) -> Requirement {
    let found = standard.requirements.iter().find(|one| one.id == id);
    found.unwrap_or_else(|| panic!("{id}: {:?}", standard.problems)).clone()
}

fn ids(standard: &Standard) -> Vec<&str> {
    standard.requirements.iter().map(|one| &*one.id).collect()
}

struct Nobody;

impl rules::Context for Nobody {
    fn is_known_account(&self, _: &str) -> bool {
        false
    }
}

/// Judges a document by a requirement as the topic carries it.
fn judge(requirement: &Requirement, s: &Value, now: &str) -> Vec<Judgement> {
    let text = requirement.rule.as_ref().expect("it has a rule");
    let parameters = rules::parameters(&requirement.parameters).expect("they are parameters");
    let rule = compliance::compile(text, &parameters);
    let none = BTreeMap::new();
    let document = Document {
        configuration: &json!({}),
        supplementary: s,
        errors: &none,
        account: "111122223333",
        region: "global",
        id: "AIDA1",
        name: "alice",
        arn: "",
        tags: &none,
        truncated: &[],
        related: &[],
    };
    let now_ms = rules::parse_instant(now).expect("an instant");
    rule.expect("it compiles").evaluate(&document, &Nobody, now_ms)
}

#[test]
fn a_company_adds_changes_and_switches_off_what_ships() {
    let own = CHECKED.replace("id: checked", "id: our-agents");
    let age = "change: iam-access-key-age\nbecause: Our policy 7\nparameters: {days: 60}\n";
    let weight =
        "change: iam-root\nbecause: It is all or nothing\nweight: 77\nseverity: critical\n";
    let off = "change: zone-spf\nbecause: We send no mail\nenabled: false\n";
    let files = [("a.yaml", &*own), ("b.yaml", age), ("c.yaml", weight), ("d.yaml", off)];
    let folders = Folders::new(&[&files]);
    let layers = [&[Layer::Shipped], folders.1.as_slice()].concat();
    let (standard, shipped) = (load(&layers).expect("the folder is there"), shipped());
    assert_eq!(standard.problems, []);

    let mut expected = ids(&shipped);
    expected.retain(|id| *id != "zone-spf");
    expected.push("our-agents");
    expected.sort_unstable();
    assert_eq!(ids(&standard), expected);
    let root = only(&standard, "iam-root");
    assert_eq!((root.weight, root.severity), (77, Severity::Critical));
    assert_eq!(root.changes, ["It is all or nothing"]);
    for one in &standard.requirements {
        if !["iam-access-key-age", "iam-root", "our-agents"].contains(&&*one.id) {
            assert_eq!(*one, only(&shipped, &one.id));
        }
    }

    // A key of 75 days: as it ships it is not old.
    let s = json!({"AccessKeys": [
        {"AccessKeyId": "A", "Status": "Active", "CreateDate": "2026-01-01T00:00:00Z"}]});
    let now = "2026-03-17T00:00:00Z";
    let before = judge(&only(&shipped, "iam-access-key-age"), &s, now);
    let after = judge(&only(&standard, "iam-access-key-age"), &s, now);
    assert_eq!((before[0].verdict, after[0].verdict), (Verdict::Pass, Verdict::Fail));
    assert!(after[0].evidence.ends_with("more than 60 days ago"), "{after:?}");
    assert!(only(&standard, "iam-access-key-age").title.ends_with("older than 60 days"));
    let report = run_tests(&layers).expect("the folder is there");
    assert!(report.is_ok(), "{report}");
}

#[test]
fn a_change_is_told_and_its_cases_are_run_with_it() {
    let folders = changed(&[("x.yaml", CHANGE)]);
    let standard = folders.load();
    assert_eq!(standard.problems, []);
    let age = only(&standard, "age");
    assert_eq!((age.weight, age.severity), (9, Severity::Low));
    assert_eq!(age.title, "Keys are not older than 20 days");
    assert_eq!(age.remediation, "Change it every 20 days");
    assert_eq!(age.parameters, r#"{"days":20,"ratio":1.5,"states":["Active"]}"#);
    assert_eq!(age.changes, ["The board wants it"]);
    assert_eq!(only(&standard, "checked").changes, [""; 0]);

    let report = run_tests(&folders.1).expect("the folders are there");
    let names: Vec<_> = report.cases.iter().map(|case| (&*case.name, case.is_ok)).collect();
    assert_eq!(names, [("old and new", true), ("not read", true), ("a month is too long", true)]);
    let wrong = CHANGE.replace("expect: {a: fail}", "expect: {a: pass}");
    let report = run_tests(&changed(&[("x.yaml", &wrong)]).1).expect("the folders are there");
    let failed: Vec<_> = report.cases.iter().filter(|case| !case.is_ok).collect();
    let [one] = failed.as_slice() else { panic!("{report}") };
    assert!(one.place.file.ends_with("1/x.yaml") && one.place.line == 6, "{}", one.place);
}

#[test]
fn checks_are_added_and_released() {
    let text = "change: age\nbecause: B\nchecks: [{source: prowler, check: iam_root_mfa_enabled}]\n\
        release: [{source: our-scripts, check: age}]\n";
    let checks = |files: &[(&str, &str)]| {
        let checks = only(&changed(files).load(), "age").checks.into_iter();
        checks.map(|one| (one.check, one.warn_passes)).collect::<Vec<_>>()
    };
    let name = |name: &str, warn_passes| (name.to_owned(), warn_passes);
    let rotate = name("iam_rotate_access_key_90_days", false);
    assert_eq!(checks(&[("x.yml", CHANGE)]), [rotate.clone(), name("age", true)]);
    assert_eq!(checks(&[("x.yml", text)]), [rotate, name("iam_root_mfa_enabled", false)]);

    // What is switched off or let go of claims nothing any more.
    let own = CHECKED.replace("id: checked", "id: own");
    let taken = vec![(
        "1/own.yaml".to_owned(),
        8,
        39,
        "checked claims check one of our-scripts too; \
        where both shall, both say shared: true"
            .to_owned(),
    )];
    assert_eq!(changed(&[("own.yaml", &own)]).faults(), taken);
    let off = "change: checked\nbecause: B\nenabled: false\n";
    let standard = changed(&[("own.yaml", &own), ("x.yaml", off)]).load();
    assert_eq!((ids(&standard), &standard.problems), (vec!["age", "own"], &vec![]));
}

#[test]
fn later_layers_have_the_last_word() {
    let base: &[(&str, &str)] = &[("age.yaml", AGE), ("checked.yaml", CHECKED)];
    let group: &[(&str, &str)] = &[
        ("age.yaml", CHANGE),
        ("checked.yaml", "change: checked\nbecause: Not here\nenabled: false\n"),
    ];
    let company: &[(&str, &str)] = &[
        ("age.yaml", "change: age\nbecause: Even faster\nparameters: {days: 10, states: []}\n"),
        ("checked.yaml", "change: checked\nbecause: But here\nenabled: true\nweight: 0\n"),
    ];
    let standard = Folders::new(&[base, group]).load();
    assert_eq!((ids(&standard), &standard.problems), (vec!["age"], &vec![]));
    let standard = Folders::new(&[base, group, company]).load();
    assert_eq!((ids(&standard), &standard.problems), (vec!["age", "checked"], &vec![]));
    let age = only(&standard, "age");
    assert_eq!((age.weight, &*age.title), (9, "Keys are not older than 10 days"));
    assert_eq!(age.parameters, r#"{"days":10,"ratio":1.5,"states":[]}"#);
    assert_eq!(age.changes, ["The board wants it", "Even faster"]);
    assert_eq!(only(&standard, "checked").weight, 0);
}

/// A change's text, and what is wrong with it: line, column, message.
const FAULTS: &[(&str, usize, usize, &str)] = &[
    (
        "change: aged\nbecause: B\nweight: 1",
        1,
        9,
        "no earlier layer has a requirement aged; did you mean age?",
    ),
    (
        "change: nothing-like-it\nbecause: B\nweight: 1",
        1,
        9,
        "no earlier layer has a requirement nothing-like-it",
    ),
    (
        "change: age\nbecause: B\nparameters: {day: 1}",
        3,
        19,
        "age has no parameter day; did you mean days?",
    ),
    (
        "change: age\nbecause: B\nparameters: {days: soon}",
        3,
        20,
        "days of age is an int, not a string",
    ),
    (
        "change: age\nbecause: B\nparameters: {days: 1.5}",
        3,
        20,
        "days of age is an int, not a double",
    ),
    (
        "change: age\nbecause: B\nparameters: {states: Active}",
        3,
        22,
        "states of age is a list of strings, not a string",
    ),
    (
        "change: age\nbecause: B\nparameters: {states: [1]}",
        3,
        22,
        "states of age is a list of strings, not a list of ints",
    ),
    (
        "change: age\nbecause: B\nparameters: {days: {a: 1}}",
        3,
        20,
        "days is no bool, int, double, string, or list of values of one such kind",
    ),
    ("change: checked\nbecause: B\nparameters: {days: 1}", 3, 20, "checked has no parameter days"),
    ("change: age\nbecause: B", 1, 9, "nothing is changed"),
    ("change: age\nbecause: B\ntests: [{name: n, expect: {}}]", 1, 9, "nothing is changed"),
    ("change: age\nbecause: \" \"\nweight: 1", 2, 10, "because is empty"),
    ("change: age\nbecause: B\nweight: 1001", 3, 9, "the weight is not between 0 and 1000"),
    (
        "change: age\nbecause: B\nenabled: false\nweight: 1",
        1,
        9,
        "what is switched off has nothing else to change",
    ),
    ("change: age\nbecause: B\nremediation: \"\"", 3, 14, "remediation is empty"),
    (
        "change: age\nbecause: B\nremediation: In {param.hours} hours",
        3,
        14,
        "there is no parameter 'hours'",
    ),
    (
        "change: age\nbecause: B\nchecks: [{source: prowler, check: nope}]",
        3,
        35,
        "there is no check \"nope\" of prowler 5.40",
    ),
    (
        "change: age\nbecause: B\nchecks: [{source: our-scripts, check: age}]",
        3,
        39,
        "check age of our-scripts feeds age already",
    ),
    (
        "change: age\nbecause: B\nrelease: [{source: our-scripts, check: aged}]",
        3,
        40,
        "check aged of our-scripts does not feed age; did you mean age?",
    ),
    (
        "change: checked\nbecause: B\nrelease: [{source: our-scripts, check: one}]",
        1,
        9,
        "no check is left to feed the requirement, which has no rule",
    ),
    (
        "change: checked\nbecause: B\nweight: 1\ntests: [{name: n, expect: {}}]",
        1,
        9,
        "there is a test but no rule",
    ),
    (
        "change: age\nbecause: B\nweight: 1\n\
        tests: [{name: n, expect: {}}, {name: n, expect: {}}]",
        4,
        39,
        "two tests are called \"n\"",
    ),
];

#[test]
fn faults_of_changes_have_their_place() {
    for (text, line, column, message) in FAULTS {
        let folders = changed(&[("x.yaml", text)]);
        let expected = ("1/x.yaml".to_owned(), *line, *column, (*message).to_owned());
        assert_eq!(folders.faults(), [expected], "{text}");
        // What it was before stays in force: it is not published as it ships.
        let id = text["change: ".len()..].lines().next().unwrap_or_default();
        assert!(!ids(&folders.load()).contains(&id), "{text}");
        assert!(!folders.load().requirements.is_empty(), "{text}");
    }
}

#[test]
fn what_is_not_of_a_changes_form_has_a_place_too() {
    let table = [
        ("change: age\nweight: 1", 2),
        ("change: age\nbecause: B\ntitle: Another", 3),
        ("change: age\nid: age\nbecause: B\nweight: 1", 2),
        ("change: age\nbecause: B\nseverity: lo", 3),
        ("change: age\nbecause: B\nenabled: perhaps", 3),
    ];
    for (text, line) in table {
        let folders = changed(&[("x.yaml", text)]);
        let faults = folders.faults();
        assert_eq!((faults.len(), faults[0].1), (1, line), "{text}: {faults:?}");
        assert_eq!(ids(&folders.load()), ["checked"], "{text}");
    }
}

#[test]
fn files_of_layers_fit_each_other() {
    let message = |folders: &Folders| -> Vec<(String, usize, usize, String)> {
        let root = format!("{}/", folders.0.path().display());
        let faults = folders.faults().into_iter();
        faults.map(|(file, line, at, text)| (file, line, at, text.replace(&root, ""))).collect()
    };
    let fault = |file: &str, line, column, message: &str| {
        (file.to_owned(), line, column, message.to_owned())
    };
    let again = changed(&[("y.yaml", AGE)]);
    let expected = "0/age.yaml has the id age too; write `change: age` to change it";
    assert_eq!(message(&again), [fault("1/y.yaml", 1, 5, expected)]);
    let twice = changed(&[("x.yaml", CHANGE), ("y.yaml", CHANGE)]);
    assert_eq!(message(&twice), [fault("1/y.yaml", 1, 9, "1/x.yaml changes age too")]);
    let own = [
        ("own.yaml", &*CHECKED.replace("checked", "own").replace("one", "two")),
        ("x.yaml", "change: own\nbecause: B\nweight: 1\n"),
    ];
    let expected = "own is in the same layer; change its own file";
    assert_eq!(message(&changed(&own)), [fault("1/x.yaml", 1, 9, expected)]);
    let first = Folders::new(&[&[("x.yaml", CHANGE)]]);
    assert_eq!(
        message(&first),
        [fault("0/x.yaml", 1, 9, "no earlier layer has a requirement age")]
    );
    let all_off = [
        ("a.yaml", "change: age\nbecause: B\nenabled: false\n"),
        ("b.yaml", "change: checked\nbecause: B\nenabled: false\n"),
    ];
    assert_eq!(message(&changed(&all_off)), [fault("1", 0, 0, "no requirement is in force")]);
    let empty = changed(&[]);
    assert_eq!(message(&empty), [fault("1", 0, 0, "there is no requirement in this folder")]);
    assert_eq!(ids(&empty.load()), [""; 0], "nothing is published as it ships");
    assert_eq!(load(&[]).expect("nothing is listed").problems.len(), 1);
}

#[test]
fn a_file_that_tells_nothing_may_be_the_change_of_any() {
    let own = CHECKED.replace("id: checked", "id: own").replace("check: one", "check: two");
    let folders = changed(&[("a.yaml", "change: age\nweight: ["), ("own.yaml", &own)]);
    let standard = folders.load();
    assert_eq!((ids(&standard), standard.problems.len()), (vec!["own"], 1));
    // In the first layer it may only be a requirement.
    let folders = Folders::new(&[&[("a.yaml", "weight: ["), ("age.yaml", AGE)]]);
    let standard = folders.load();
    assert_eq!((ids(&standard), standard.problems.len()), (vec!["age"], 1));
    // A fault is told once: a change to what is broken says nothing more.
    let broken = AGE.replace("weight: 3", "weight: -3");
    let folders = Folders::new(&[&[("age.yaml", &*broken)], &[("x.yaml", CHANGE)]]);
    let faults = folders.faults();
    assert_eq!((faults.len(), &*faults[0].0), (1, "0/age.yaml"), "{faults:?}");
}

#[test]
fn parameters_of_a_requirement_are_checked() {
    let table = [
        (
            "days: 90",
            "days: null",
            8,
            20,
            "days is no bool, int, double, string, or list of values of one such kind",
        ),
        ("days: 90", "days: 90, more: 1", 8, 30, "no text of the rule uses param.more"),
        ("days: 90", "days: 90, \"a b\": 1", 8, 31, "\"a b\" can't be the name of a parameter"),
        ("<= param.days", "<= param.dys", 12, 42, "there is no parameter 'dys'"),
        (
            "than {param.days} days\nwhy",
            "than {param.dys} days\nwhy",
            2,
            8,
            "there is no parameter 'dys'",
        ),
    ];
    for (from, to, line, column, message) in table {
        assert!(AGE.contains(from), "{from}");
        let folders = Folders::new(&[&[("age.yaml", &*AGE.replacen(from, to, 1))]]);
        let faults = folders.faults();
        let found: Vec<_> = faults.iter().map(|one| (one.1, one.2, &*one.3)).collect();
        assert_eq!(found, [(line, column, message)], "{to}");
    }
    let text = CHECKED.replace("remediation", "parameters: {days: 1}\nremediation");
    let faults = Folders::new(&[&[("checked.yaml", &*text)]]).faults();
    assert_eq!(faults[0].3, "no text of the rule uses param.days");
}

#[test]
fn a_changed_value_may_not_break_the_rule() {
    let network = CHECKED.replacen(
        "checks:",
        "parameters: {office: 10.0.0.0/8}\nrule: {pass: 'cidr_contains(param.office, r.Range)'}\n\
         checks:",
        1,
    );
    let change = "change: checked\nbecause: B\nparameters: {office: 10.0.0.0/99}\n";
    let faults = Folders::new(&[&[("a.yaml", &*network)], &[("x.yaml", change)]]).faults();
    let message = "with these parameters the rule has a fault: pass, line 1, column 20: \
        \"10.0.0.0/99\" can't be read";
    assert_eq!(faults, [("1/x.yaml".to_owned(), 1, 9, message.to_owned())]);
}
