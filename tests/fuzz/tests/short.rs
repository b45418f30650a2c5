//! The short run of every target; see the page "Running the tests".

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{env, path::Path};

use fuzz::{
    corpus::Corpus,
    short::{self, Plan},
    targets,
};

/// Runs one target; `FUZZ_RUNS` and `FUZZ_FROM` say how many inputs are made, and from which
/// number.
fn holds(name: &str) {
    let target = targets::ALL.iter().find(|target| target.name == name).unwrap();
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let plan = Plan {
        from: number("FUZZ_FROM").unwrap_or(0),
        runs: number("FUZZ_RUNS").unwrap_or(target.runs),
    };
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let ran = short::run(target, plan, Path::new(env!("CARGO_BIN_EXE_fuzz")), &kept);
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}

macro_rules! targets {
    ($($test:ident: $name:literal,)+) => {
        $(#[test]
        fn $test() {
            holds($name);
        })+

        #[test]
        fn every_target_is_run() {
            let all: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
            assert_eq!(all, [$($name),+]);
        }
    };
}

targets! {
    accounts_csv: "accounts-csv",
    accounts_json: "accounts-json",
    accounts_yaml: "accounts-yaml",
    avro: "avro",
    avro_foreign: "avro-foreign",
    aws_answers: "aws-answers",
    cloudsploit: "cloudsploit",
    credential_report: "credential-report",
    exec: "exec",
    keys: "keys",
    mutelist: "mutelist",
    page: "page",
    policy: "policy",
    prowler: "prowler",
    risks: "risks",
    rule: "rule",
    s3import: "s3import",
    securityhub: "securityhub",
    standard: "standard",
    trust: "trust",
    trustedadvisor: "trustedadvisor",
}

#[test]
fn every_source_of_findings_is_a_target() {
    for source in producer_findings::ALL {
        let is_there = targets::ALL.iter().any(|target| target.name == source.id);
        assert!(is_there, "{} has no target in tests/fuzz/src/targets/finding.rs", source.id);
    }
}

#[test]
fn every_target_has_a_corpus() {
    for target in targets::ALL {
        let own = Corpus::of(target).seeds;
        let own = own.iter().filter(|seed| !seed.is_ugly).count();
        assert!(own >= 3, "{}: {own} seeds of its own", target.name);
    }
}
