//! What a collector got, read by the types of the OTLP protocol.

use std::collections::{BTreeMap, BTreeSet};

use kit::otlp::Request;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
};
use prost::Message;
use serde_json::{Value, json};

/// OTLP's number of a span that serves somebody.
pub(crate) const SERVER: i32 = 2;

/// OTLP's number of the status of what failed.
pub(crate) const ERROR: i32 = 2;

/// A span as a collector got it.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) status: i32,
    /// Ids of trace and span in hexadecimal digits.
    pub(crate) ids: (String, String),
    pub(crate) parent: String,
    pub(crate) nanoseconds: u64,
    pub(crate) attributes: BTreeMap<String, Value>,
    pub(crate) resource: BTreeMap<String, Value>,
}

impl Span {
    /// Gives a number among its attributes; 0 when it is not there.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.attributes.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Gives a text among its attributes; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Gives the names of its attributes.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.attributes.keys().map(String::as_str).collect()
    }
}

/// Reads the spans of requests.
pub(crate) fn of(requests: &[Request]) -> Vec<Span> {
    let mut spans = Vec::new();
    for request in requests {
        assert_eq!((&*request.method, &*request.target), ("POST", "/v1/traces"));
        assert_eq!(header(request, "content-type"), ["application/x-protobuf"]);
        let export = ExportTraceServiceRequest::decode(&*request.body).unwrap();
        for group in export.resource_spans {
            let resource = attributes(&group.resource.unwrap().attributes);
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Span {
                    name: span.name,
                    kind: span.kind,
                    status: span.status.map_or(0, |status| status.code),
                    ids: (hex(&span.trace_id), hex(&span.span_id)),
                    parent: hex(&span.parent_span_id),
                    nanoseconds: span.end_time_unix_nano - span.start_time_unix_nano,
                    attributes: attributes(&span.attributes),
                    resource: resource.clone(),
                });
            }
        }
    }
    spans
}

/// Gives the values of a header.
pub(crate) fn header<'r>(request: &'r Request, name: &str) -> Vec<&'r str> {
    let headers = request.headers.iter();
    let headers = headers.filter(|(other, _)| other.eq_ignore_ascii_case(name));
    headers.map(|(_, value)| value.as_str()).collect()
}

fn attributes(list: &[KeyValue]) -> BTreeMap<String, Value> {
    let mut attributes = BTreeMap::new();
    for attribute in list {
        let value = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Any::StringValue(text)) => json!(text),
            Some(Any::IntValue(number)) => json!(number),
            Some(Any::BoolValue(word)) => json!(word),
            other => panic!("{}: {other:?}", attribute.key),
        };
        let before = attributes.insert(attribute.key.clone(), value);
        assert_eq!(before, None, "{} is there twice", attribute.key);
    }
    attributes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
