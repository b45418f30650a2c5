//! A company's layer of the security standard: a requirement, or a change to one.

use producer_standard::{Layer, load, run_tests};

use super::{USUAL, file, is_a_record};
use crate::Target;

/// What a change may change.
const BASE: &str = r#"
id: base
title: At most {param.days} days
why: so
severity: high
weight: 3
resource_type: AWS::S3::Bucket
scoring: resources
parameters: {days: 30, names: [a, b]}
rule:
  pass: age_days(r.CreationDate, now) < param.days || doc.name in param.names
checks:
  - {source: prowler, check: s3_bucket_object_versioning}
remediation: do it in {param.days} days
"#;

pub(super) const STANDARD: Target = Target {
    name: "standard",
    run,
    seeds: &["standard", "tests/golden/exec/lines/standard"],
    words: &[
        "id: ",
        "title: ",
        "why: ",
        "severity: high\n",
        "weight: 1\n",
        "resource_type: ",
        "scoring: summary\n",
        "parameters:\n",
        "rule:\n",
        "  pass: ",
        "  each:\n",
        "  related:\n",
        "checks:\n",
        "controls:\n",
        "remediation: ",
        "tests:\n",
        "expect: pass",
        "change: base\n",
        "because: so\n",
        "enabled: false\n",
        "release:\n",
        "{param.days}",
        "param.days",
        "&a ",
        "*a",
        ">\n",
        "|\n",
        "'",
        "\"",
        "${X}",
        "  message: '{r}'",
        "unlisted: true",
        "now: ",
    ],
    runs: 500,
    ..USUAL
};

fn run(input: &[u8]) {
    let base = file("base/base.yaml", BASE.as_bytes());
    let own = file("own/own.yaml", input);
    let folder = |path: &std::path::Path| Layer::Folder(path.parent().expect("a folder").into());
    let layers = [folder(&base), folder(&own)];
    let standard = load(&layers).expect("the folders are there");
    // YAML ends lines by either.
    let lines = input.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    for problem in &standard.problems {
        assert!(!problem.message.is_empty(), "{problem:?}");
        assert!(problem.line <= lines + 1, "{problem} of {lines} lines");
    }
    let mut all = compliance::Standard::default();
    for requirement in &standard.requirements {
        is_a_record(requirement);
        all.insert(requirement.clone());
    }
    for entry in all.all() {
        // What is published compiles wherever it is read.
        assert!(!matches!(entry.rule, Some(Err(_))), "{:?}", entry.rule);
    }
    let report = run_tests(&layers).expect("the folders are there");
    assert_eq!(report.problems, standard.problems);
    assert!(!report.to_string().is_empty());
}
