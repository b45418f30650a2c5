//! Reads values without parts from text: numbers, flags, timestamps, policy documents.

use aws_smithy_types::{DateTime, date_time::Format};
use percent_encoding::percent_decode_str;
use serde_json::{Number, Value};

use super::model::{Scalar, Timestamp};
use crate::policy;

/// A text that is not the value it should be.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{text:?} is not a {kind}")]
pub struct ScalarError {
    text: String,
    kind: &'static str,
}

/// Reads a value of XML text or an HTTP header, as botocore's parsers do.
pub(super) fn parse(text: &str, scalar: Scalar) -> Result<Value, ScalarError> {
    match scalar {
        Scalar::String | Scalar::Blob => Ok(Value::from(text)),
        Scalar::Integer => {
            let number = text.trim().parse::<i64>();
            number.map(Value::from).map_err(|_| wrong(text, "whole number"))
        }
        Scalar::Float => {
            let number = text.trim().parse().ok().and_then(Number::from_f64);
            number.map(Value::from).ok_or_else(|| wrong(text, "number"))
        }
        Scalar::Boolean => match text.trim() {
            "true" => Ok(Value::from(true)),
            "false" => Ok(Value::from(false)),
            _ => Err(wrong(text, "flag")),
        },
        Scalar::Policy => Ok(policy(text)),
        Scalar::Timestamp(format) => timestamp(text, format),
    }
}

/// Reads a URL-encoded policy document; one that is not JSON stays as it came, as in botocore, and
/// so does one that is too deep.
pub(super) fn policy(text: &str) -> Value {
    let decoded = percent_decode_str(text).decode_utf8();
    let parsed = decoded.ok().and_then(|text| policy::parse(&text).ok());
    parsed.unwrap_or_else(|| Value::from(text))
}

/// Reads a timestamp of text; ISO 8601 is the default, seconds are taken too.
pub(super) fn timestamp(text: &str, format: Timestamp) -> Result<Value, ScalarError> {
    let trimmed = text.trim();
    let time = match format {
        Timestamp::Unix => DateTime::from_str(trimmed, Format::EpochSeconds),
        Timestamp::Rfc822 => DateTime::from_str(trimmed, Format::HttpDate),
        Timestamp::Default | Timestamp::Iso8601 => {
            DateTime::from_str(trimmed, Format::DateTimeWithOffset)
                .or_else(|_| DateTime::from_str(trimmed, Format::EpochSeconds))
        }
    };
    let text_of = time.ok().and_then(iso);
    text_of.map(Value::from).ok_or_else(|| wrong(text, "timestamp"))
}

/// Reads a timestamp of seconds, rounded to microseconds as Python's `fromtimestamp` does.
pub(super) fn timestamp_of_seconds(seconds: &Number) -> Result<Value, ScalarError> {
    let micros = seconds.as_f64().map(|seconds| (seconds * 1e6).round_ties_even());
    // Floats convert with saturation, so what is out of range fails in the next steps.
    let nanos = micros.and_then(|micros| (micros as i128).checked_mul(1_000));
    let time = nanos.and_then(|nanos| DateTime::from_nanos(nanos).ok());
    let text = time.and_then(iso).map(Value::from);
    text.ok_or_else(|| wrong(&seconds.to_string(), "timestamp"))
}

/// Gives `2026-01-02T03:04:05[.123456]+00:00`, as Python's `isoformat` and the AWS CLI write it.
fn iso(time: DateTime) -> Option<String> {
    let text = time.fmt(Format::DateTime).ok()?;
    let text = text.strip_suffix('Z')?;
    Some(match text.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<6.6}+00:00"),
        None => format!("{text}+00:00"),
    })
}

fn wrong(text: &str, kind: &'static str) -> ScalarError {
    // Enough to recognise it; answers can be long.
    ScalarError { text: text.chars().take(80).collect(), kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_read_as_boto3_reads_them() {
        let time = |format| Scalar::Timestamp(format);
        let cases = [
            (" lead", Scalar::String, Some(json!(" lead"))),
            ("-7", Scalar::Integer, Some(json!(-7))),
            ("", Scalar::Integer, None),
            ("1.50", Scalar::Float, Some(json!(1.5))),
            ("NaN", Scalar::Float, None),
            ("true", Scalar::Boolean, Some(json!(true))),
            ("yes", Scalar::Boolean, None),
            (
                "2026-01-02T03:04:05Z",
                time(Timestamp::Default),
                Some(json!("2026-01-02T03:04:05+00:00")),
            ),
            (
                "2026-01-02T03:04:05.309217Z",
                time(Timestamp::Iso8601),
                Some(json!("2026-01-02T03:04:05.309217+00:00")),
            ),
            (
                "2026-01-02T03:04:05.5+02:00",
                time(Timestamp::Default),
                Some(json!("2026-01-02T01:04:05.500000+00:00")),
            ),
            (
                "Fri, 02 Jan 2026 03:04:05 GMT",
                time(Timestamp::Rfc822),
                Some(json!("2026-01-02T03:04:05+00:00")),
            ),
            ("soon", time(Timestamp::Default), None),
            ("%7B%22a%22%3A%20%22%C3%BC+%2520%22%7D", Scalar::Policy, Some(json!({"a": "ü+%20"}))),
            ("not%20json", Scalar::Policy, Some(json!("not%20json"))),
        ];
        for (text, scalar, expected) in cases {
            assert_eq!(parse(text, scalar).ok(), expected, "{text:?} as {scalar:?}");
        }
    }

    #[test]
    fn seconds_are_rounded_to_microseconds() {
        let cases = [
            (json!(1_767_323_045), "2026-01-02T03:04:05+00:00"),
            (json!(1_767_323_045.044_077_2), "2026-01-02T03:04:05.044077+00:00"),
        ];
        for (seconds, expected) in cases {
            let Value::Number(number) = &seconds else { panic!("a number") };
            assert_eq!(timestamp_of_seconds(number), Ok(json!(expected)), "{seconds}");
        }
        assert!(timestamp_of_seconds(&Number::from_f64(1e300).expect("finite")).is_err());
    }
}
