//! Reads HTTP answers: documents from successes, codes and messages from refusals.

use std::fmt;

use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use http_body_util::Limited;
use serde_json::{Map, Value};

use super::decode_json::{self, JsonError};
use super::decode_xml::{self, XmlError};
use super::error::Fault;
use super::model::{
    Kind, Location, MODEL_DEPTH_MAX, Operation, Protocol, Service, Shape, Structure,
};
use super::scalar::{self, ScalarError};
use crate::policy::POLICY_DEPTH_MAX;

/// Answers above this size are broken off. The largest pages known are some megabytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// How much of an answer without a message is shown in its place.
const EXCERPT_CHARS: usize = 200;

/// Characters of a refusal's code and message that are kept: they go into documents and scopes.
const CODE_CHARS_MAX: usize = 200;
const MESSAGE_CHARS_MAX: usize = 1_000;

/// How deep a document may be: as the model's answers, with a policy in them.
pub const DOCUMENT_DEPTH_MAX: usize = MODEL_DEPTH_MAX + POLICY_DEPTH_MAX;

/// An answer of success that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// As JSON.
    #[error("reading JSON")]
    Json(#[from] JsonError),
    /// As XML.
    #[error("reading XML")]
    Xml(#[from] XmlError),
    /// A header.
    #[error("reading header {header}")]
    Header {
        /// The header's name.
        header: String,
        /// Why.
        #[source]
        source: ScalarError,
    },
    /// Nothing came where a document should be.
    #[error("the answer is empty")]
    Empty,
    /// Text that is not UTF-8.
    #[error("the answer is not UTF-8")]
    Utf8(#[from] std::str::Utf8Error),
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A refusal; AWS's retry classifiers read its code.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    bucket_region: Option<String>,
    meta: ErrorMetadata,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.meta.code().unwrap_or_default(), self.message())
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

impl Refusal {
    pub(super) fn into_fault(self) -> Fault {
        Fault::Refused {
            status: self.status,
            code: self.meta.code().unwrap_or_default().to_owned(),
            message: self.message().to_owned(),
            request_id: self.meta.extra("aws_request_id").map(str::to_owned),
            bucket_region: self.bucket_region,
        }
    }

    fn message(&self) -> &str {
        self.meta.message().unwrap_or_default()
    }
}

/// Takes the answer off the wire; what it says is read later, when the operation is known.
#[derive(Debug)]
pub(super) struct Deserializer {
    pub(super) protocol: Protocol,
}

/// Puts a limit on the body of an answer: one that is longer breaks off.
pub(crate) fn bound(response: &mut HttpResponse) {
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, BODY_BYTES_MAX));
}

impl DeserializeResponse for Deserializer {
    /// Puts a limit on the body before it is read.
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _config: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        bound(response);
        None
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let headers = response.headers().iter();
        let raw = Answer {
            status: response.status().as_u16(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: response.body().bytes().unwrap_or_default().to_vec(),
        };
        if response.status().is_success() {
            return Ok(Output::erase(raw));
        }
        Err(OrchestratorError::operation(Error::erase(refusal(self.protocol, &raw))))
    }
}

impl Service {
    /// Reads an answer of an operation, as the client does with one that has just come.
    ///
    /// Shape: the document that boto3 gives, not deeper than [`DOCUMENT_DEPTH_MAX`].
    ///
    /// # Errors
    /// A refusal, an answer that can't be read, an operation that the model does not have.
    pub fn read(&self, operation: &str, answer: Answer) -> Result<Value, Fault> {
        let unknown = || Fault::Request(format!("the model has no {operation}").into());
        let found = self.operations.get(operation).ok_or_else(unknown)?;
        if (200..300).contains(&answer.status) {
            return read(self, found, &answer);
        }
        Err(refusal(self.protocol, &answer).into_fault())
    }
}

/// Reads an answer of success into the document that boto3 gives.
///
/// An error document under a status of success is a refusal; S3 is known to send such.
pub(super) fn read(service: &Service, operation: &Operation, raw: &Answer) -> Result<Value, Fault> {
    match document(service, operation, raw) {
        Ok(document) => Ok(document),
        Err(DecodeError::Xml(error @ XmlError::Root { .. })) => {
            match error_code(service.protocol, raw).0 {
                Some(_) => Err(refusal(service.protocol, raw).into_fault()),
                None => Err(DecodeError::Xml(error).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn document(service: &Service, operation: &Operation, raw: &Answer) -> Result<Value, DecodeError> {
    let Some(output) = operation.output else {
        return Ok(Value::Object(Map::new()));
    };
    let Shape::Structure(structure) = &service.shapes[output] else {
        return Ok(Value::Object(Map::new()));
    };
    let mut document = match structure.payload.map(|position| &structure.members[position]) {
        Some(payload) => {
            let body = match payload.target {
                Kind::Shape(shape) => body(service, operation, shape, raw)?,
                Kind::Scalar(_) if raw.body.is_empty() => return Err(DecodeError::Empty),
                Kind::Scalar(_) => Value::from(std::str::from_utf8(&raw.body)?),
            };
            Map::from_iter([(payload.name.clone(), body)])
        }
        None => match body(service, operation, output, raw)? {
            Value::Object(document) => document,
            _ => Map::new(),
        },
    };
    read_headers(structure, raw, &mut document)?;
    Ok(Value::Object(document))
}

fn body(
    service: &Service,
    operation: &Operation,
    shape: usize,
    raw: &Answer,
) -> Result<Value, DecodeError> {
    if raw.body.is_empty() {
        return Err(DecodeError::Empty);
    }
    match service.protocol {
        Protocol::Json | Protocol::RestJson => Ok(decode_json::decode(service, shape, &raw.body)?),
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            Ok(decode_xml::decode(service, operation, shape, &raw.body)?)
        }
    }
}

fn read_headers(
    structure: &Structure,
    raw: &Answer,
    document: &mut Map<String, Value>,
) -> Result<(), DecodeError> {
    let in_headers = structure.members.iter().filter(|m| m.location == Some(Location::Header));
    for member in in_headers {
        let (Some(text), Kind::Scalar(kind)) = (raw.header(member.wire()), member.target) else {
            continue;
        };
        let value = scalar::parse(text, kind)
            .map_err(|source| DecodeError::Header { header: member.wire().to_owned(), source })?;
        document.insert(member.name.clone(), value);
    }
    Ok(())
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn refusal(protocol: Protocol, raw: &Answer) -> Refusal {
    let (code, message) = error_code(protocol, raw);
    let cut = |text: String, max: usize| text.chars().take(max).collect::<String>();
    let mut meta = ErrorMetadata::builder()
        .code(cut(code.unwrap_or_else(|| raw.status.to_string()), CODE_CHARS_MAX))
        .message(cut(message.unwrap_or_else(|| excerpt(&raw.body)), MESSAGE_CHARS_MAX));
    let id = raw.header("x-amzn-requestid").or_else(|| raw.header("x-amz-request-id"));
    if let Some(id) = id {
        meta = meta.custom("aws_request_id", id.to_owned());
    }
    let bucket_region = raw.header("x-amz-bucket-region").map(str::to_owned);
    Refusal { status: raw.status, bucket_region, meta: meta.build() }
}

/// Finds code and message of a refusal.
///
/// Source: JSON has them in `x-amzn-errortype` (`Code:http://...`) or in `__type`
/// (`namespace#Code`) and `message`; XML in `Code` and `Message` under `Error`.
fn error_code(protocol: Protocol, raw: &Answer) -> (Option<String>, Option<String>) {
    let members = match protocol {
        Protocol::Json | Protocol::RestJson => {
            serde_json::from_slice(&raw.body).unwrap_or_default()
        }
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => decode_xml::error_members(&raw.body),
    };
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| members.get(*name)?.as_str());
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let code = raw.header("x-amzn-errortype").map(str::to_owned);
    let code = code.or_else(|| text(&["__type", "code", "Code"]));
    let code = code.map(|code| {
        let start = code.rfind('#').map_or(0, |at| at + 1);
        code[start..].split(':').next().unwrap_or_default().to_owned()
    });
    (code, text(&["message", "Message", "errorMessage"]))
}

/// Gives the start of an answer on one line, where there is no message to show.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT_CHARS)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(EXCERPT_CHARS).collect()
}
