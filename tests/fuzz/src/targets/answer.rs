//! AWS's answers: documents, refusals, and the credential report.

use std::sync::LazyLock;

use aws_smithy_types::base64;
use producer_aws::{
    api::{Answer, DOCUMENT_DEPTH_MAX, Fault, Model, Service},
    collectors::credential_report,
};
use serde_json::Value;

use super::USUAL;
use crate::Target;

/// Bytes of what a refusal says, as it is kept.
const TOLD_BYTES_MAX: usize = 5_000;

pub(super) const ANSWERS: Target = Target {
    name: "aws-answers",
    run: answer,
    words: &[
        "iam GetAccountAuthorizationDetails 200\n\n",
        "ec2 DescribeInstances 200\n\n",
        "s3 GetBucketAcl 200\n\n",
        "ecs DescribeServices 200\n\n",
        " 403\n",
        " 500\n",
        "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
        "<![CDATA[",
        "]]>",
        "<!-- ",
        " -->",
        "<?xml version=\"1.0\"?>",
        "&#x0;",
        "&#xd800;",
        "&#1114112;",
        "&lt;",
        "<item/>",
        "</member>",
        "xsi:type=\"Group\"",
        "xmlns=\"x\"",
        "__type",
        "message",
        "x-amzn-errortype: Denied:http://x\n",
        "x-amz-bucket-region: eu-west-1\n",
        "2026-01-02T03:04:05.123456Z",
        "1767323045.5",
        "Fri, 02 Jan 2026 03:04:05 GMT",
        "%7B%22Version%22%3A%5B",
        "nextToken",
        "IsTruncated",
    ],
    ..USUAL
};

pub(super) const CREDENTIAL_REPORT: Target = Target {
    name: "credential-report",
    run: report,
    words: &[
        "user,",
        "arn,",
        "mfa_active",
        "<root_account>",
        "N/A",
        "no_information",
        "true",
        "\"",
        "2026-01-02T03:04:05+00:00",
        "base64:",
    ],
    ..USUAL
};

/// Every operation of the model.
static OPERATIONS: LazyLock<Vec<(std::sync::Arc<Service>, String)>> = LazyLock::new(|| {
    let model = Model::embedded().expect("the embedded model is whole");
    let services = model.services();
    let of = |service: std::sync::Arc<Service>| {
        let names: Vec<String> = service.operations().map(str::to_owned).collect();
        names.into_iter().map(move |name| (std::sync::Arc::clone(&service), name))
    };
    services.flat_map(of).collect()
});

/// An input is a line `SERVICE OPERATION STATUS`, headers, an empty line and a body.
fn answer(input: &[u8]) {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (&[][..], input),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (service, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let status = words.next().and_then(|word| word.parse().ok()).unwrap_or(200);
    let (service, name) = operation(service, name, body);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let answer = Answer { status, headers, body: body.to_vec() };
    match service.read(name, answer) {
        Ok(document) => {
            let depth = depth(&document);
            assert!(depth <= DOCUMENT_DEPTH_MAX, "a document of depth {depth}");
            let text = document.to_string();
            // It is read again by whoever reads the record, in an envelope.
            let enveloped = format!("{{\"configuration\":{{\"x\":[{text}]}}}}");
            serde_json::from_str::<Value>(&enveloped).expect("a document can be read again");
        }
        Err(fault) => refused(&fault),
    }
}

/// Finds an operation of the model; what names none stands for some one.
fn operation(service: &str, name: &str, body: &[u8]) -> (&'static Service, &'static str) {
    let known = |of: &&(std::sync::Arc<Service>, String)| of.0.name() == service && of.1 == name;
    let found = OPERATIONS.iter().find(known);
    let found = found.unwrap_or_else(|| &OPERATIONS[body.len() % OPERATIONS.len()]);
    (&found.0, &found.1)
}

fn refused(fault: &Fault) {
    assert!(!fault.to_string().is_empty(), "{fault:?}");
    if let Fault::Refused { code, message, .. } = fault {
        let bytes = code.len() + message.len();
        assert!(bytes <= TOLD_BYTES_MAX, "a refusal of {bytes} bytes");
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// An input is the report's text, or what stands for it behind `base64:`.
fn report(input: &[u8]) {
    let content = match input.strip_prefix(b"base64:") {
        Some(content) => String::from_utf8_lossy(content).into_owned(),
        None => base64::encode(input),
    };
    match credential_report(&content) {
        Ok(rows) => {
            let members = |row: &Value| row.as_object().map(|row| row.len());
            let first = rows.first().and_then(members);
            for row in &rows {
                assert!(row.get("user").is_some_and(Value::is_string), "{row}");
                assert_eq!(members(row), first, "rows of one table");
            }
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
}
