//! moto answers, its users can be old, and the denier refuses what it is told to; seen with boto3.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use kit::denier::Denier;
use kit::moto::{Moto, Options};
use serde_json::Value;

/// Runs `tests/kit/moto/probe.py` against an endpoint and reads the JSON that it prints.
fn probe(endpoint: &str) -> Value {
    let output = kit::python("tests/kit/moto/probe.py", &[endpoint]).unwrap();
    serde_json::from_str(&output).unwrap()
}

#[test]
fn moto_answers_with_the_ages_and_facts_asked_for() {
    let options = Options::default().keys_age_days("old-", 400).root_mfa("111111111111");
    let moto = Moto::start_with(&options).unwrap();
    let seen = probe(&moto.endpoint());
    assert_eq!(seen["accounts"], serde_json::json!(["111111111111", "222222222222"]));
    assert_eq!(seen["key_age_days"], serde_json::json!({ "new-user": 0, "old-user": 400 }));
    assert_eq!(seen["root_mfa"], serde_json::json!([1, 0]));
    assert_eq!(seen["buckets"], serde_json::json!(["probe-bucket"]));
    assert_eq!(seen["body"], "hello");

    moto.reset().unwrap();
    let answer = kit::http::request(moto.port(), "GET", "/", "", b"").unwrap();
    assert!(!String::from_utf8_lossy(&answer.body).contains("probe-bucket"), "{answer:?}");
}

#[test]
fn the_denier_refuses_and_counts_and_passes_the_rest() {
    let moto = Moto::start().unwrap();
    let denier = Denier::start(moto.port()).unwrap();
    let direct = probe(&moto.endpoint());
    moto.reset().unwrap();
    let open = probe(&denier.endpoint());
    assert_eq!(open, direct, "the proxy changes nothing by itself");
    assert_eq!(denier.count("sts", "AssumeRole"), 2);
    assert_eq!(denier.count("s3", "PUT /bucket/key"), 1);
    assert_eq!(denier.count("s3", "GET /"), 1);

    moto.reset().unwrap();
    denier.reset_counts();
    denier.deny_account("222222222222");
    denier.deny_operation("s3", "GET /");
    denier.deny_operation("iam", "GetAccountSummary");
    let denied = probe(&denier.endpoint());
    let codes = serde_json::json!(["111111111111", "AccessDenied"]);
    assert_eq!(denied["accounts"], codes);
    assert_eq!(denied["buckets"], "AccessDenied");
    assert_eq!(denied["root_mfa"], serde_json::json!(["AccessDenied"]));
    assert_eq!(denied["body"], "hello");
    assert_eq!(denier.count("sts", "AssumeRole"), 2);

    moto.reset().unwrap();
    denier.allow_account("222222222222");
    denier.allow_operation("s3", "GET /");
    denier.allow_operation("iam", "GetAccountSummary");
    assert_eq!(probe(&denier.endpoint()), direct);
}

#[test]
fn denied_json_and_ec2_calls_have_their_protocols_codes() {
    let moto = Moto::start().unwrap();
    let denier = Denier::start(moto.port()).unwrap();
    denier.deny_operation("organizations", "ListAccounts");
    denier.deny_operation("ec2", "DescribeSecurityGroups");
    let output = kit::python("tests/kit/moto/probe.py", &[&denier.endpoint(), "denied"]).unwrap();
    let seen: Value = serde_json::from_str(&output).unwrap();
    let expected = serde_json::json!({
        "organizations": "AccessDeniedException",
        "ec2": "UnauthorizedOperation",
    });
    assert_eq!(seen, expected);
}

#[test]
fn a_failing_script_shows_its_standard_error() {
    let error = kit::python("tests/kit/moto/probe.py", &[]).unwrap_err().to_string();
    assert!(error.contains("IndexError"), "{error}");
}
