//! moto answers, and its users can be old; seen with boto3.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

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
fn a_failing_script_shows_its_standard_error() {
    let error = kit::python("tests/kit/moto/probe.py", &[]).unwrap_err().to_string();
    assert!(error.contains("IndexError"), "{error}");
}
