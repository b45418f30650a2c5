//! Writes HTTP requests from an operation's parameters, protocol by protocol.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::model::{Kind, Location, Member, Operation, Protocol, Service, Shape, Structure};

/// Everything but RFC 3986's unreserved characters, as signatures want it.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Why a request can't be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the API model has no operation {0}")]
    Operation(String),
    #[error("operation {operation} has no parameter {parameter}")]
    Parameter { operation: String, parameter: String },
    #[error("the request is not valid HTTP")]
    Http(#[from] HttpError),
}

/// One call, before it is written.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: String,
    /// Parameters by their names in the API.
    pub(super) parameters: Map<String, Value>,
    /// The bucket, when it is named by the host and not by the path.
    pub(super) host_bucket: Option<String>,
}

/// Writes a call as an unsigned request with a relative URI.
pub(super) fn write(service: &Service, call: &Call) -> Result<HttpRequest, RequestError> {
    let operation = service.operations.get(&call.operation);
    let operation = operation.ok_or_else(|| RequestError::Operation(call.operation.clone()))?;
    check_parameters(service, operation, call)?;
    let parts = match service.protocol {
        Protocol::Json => json(service, operation, call),
        Protocol::Query | Protocol::Ec2 => form(service, operation, call),
        Protocol::RestJson | Protocol::RestXml => rest(service, operation, call),
    };
    let length = parts.body.len();
    let mut request = HttpRequest::new(SdkBody::from(parts.body));
    request.set_method(&operation.method)?;
    request.set_uri(parts.uri)?;
    if length > 0 {
        request.headers_mut().insert("content-length", length.to_string());
    }
    for (name, value) in parts.headers {
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

struct Parts {
    uri: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Misspelt parameters must not widen a call in silence.
fn check_parameters(
    service: &Service,
    operation: &Operation,
    call: &Call,
) -> Result<(), RequestError> {
    let known = input(service, operation);
    let unknown = |name: &&String| known.is_none_or(|s| !s.by_name.contains_key(*name));
    match call.parameters.keys().find(unknown) {
        None => Ok(()),
        Some(name) => Err(RequestError::Parameter {
            operation: operation.name.clone(),
            parameter: name.clone(),
        }),
    }
}

fn input<'a>(service: &'a Service, operation: &Operation) -> Option<&'a Structure> {
    match &service.shapes[operation.input?] {
        Shape::Structure(structure) => Some(structure),
        _ => None,
    }
}

fn json(service: &Service, operation: &Operation, call: &Call) -> Parts {
    let target = format!("{}.{}", service.target_prefix, operation.name);
    let content_type = format!("application/x-amz-json-{}", service.json_version);
    Parts {
        uri: "/".to_owned(),
        headers: vec![
            ("x-amz-target".to_owned(), target),
            ("content-type".to_owned(), content_type),
        ],
        body: Value::Object(call.parameters.clone()).to_string(),
    }
}

fn form(service: &Service, operation: &Operation, call: &Call) -> Parts {
    let mut fields = vec![
        ("Action".to_owned(), operation.name.clone()),
        ("Version".to_owned(), service.version.clone()),
    ];
    if let Some(input) = operation.input {
        let parameters = Value::Object(call.parameters.clone());
        Form { service, fields: &mut fields }.add(Kind::Shape(input), &parameters, "");
    }
    let pairs = fields.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value)));
    Parts {
        uri: "/".to_owned(),
        headers: vec![("content-type".to_owned(), FORM.to_owned())],
        body: pairs.collect::<Vec<_>>().join("&"),
    }
}

/// Flattens nested parameters to the fields of a form.
struct Form<'a> {
    service: &'a Service,
    fields: &'a mut Vec<(String, String)>,
}

impl Form<'_> {
    fn add(&mut self, kind: Kind, value: &Value, prefix: &str) {
        let service = self.service;
        let shape = match kind {
            Kind::Scalar(_) => {
                self.fields.push((prefix.to_owned(), text(value)));
                return;
            }
            Kind::Shape(position) => &service.shapes[position],
        };
        match (shape, value) {
            (Shape::Structure(structure), Value::Object(members)) => {
                for (name, value) in members {
                    let Some(&position) = structure.by_name.get(name) else {
                        continue;
                    };
                    let member = &structure.members[position];
                    let key = join(prefix, &self.key(member));
                    self.add(member.target, value, &key);
                }
            }
            (Shape::List { element, flattened }, Value::Array(items)) => {
                for (number, item) in (1..).zip(items) {
                    let key = if *flattened || service.protocol == Protocol::Ec2 {
                        join(prefix, &number.to_string())
                    } else {
                        join(prefix, &format!("{}.{number}", element.wire()))
                    };
                    self.add(element.target, item, &key);
                }
            }
            (Shape::Map { key, value: of, flattened }, Value::Object(entries)) => {
                for (number, (name, item)) in (1..).zip(entries) {
                    let entry = if *flattened { "" } else { "entry." };
                    let entry = join(prefix, &format!("{entry}{number}"));
                    self.fields.push((join(&entry, key.wire()), name.clone()));
                    self.add(of.target, item, &join(&entry, of.wire()));
                }
            }
            // AWS refuses what has the wrong shape with a clearer message than ours would be.
            (_, value) => self.fields.push((prefix.to_owned(), text(value))),
        }
    }

    /// EC2 writes `queryName`, or the wire name with a capital.
    fn key(&self, member: &Member) -> String {
        if self.service.protocol != Protocol::Ec2 {
            return member.wire().to_owned();
        }
        member.query.clone().unwrap_or_else(|| {
            let mut letters = member.wire().chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        })
    }
}

fn rest(service: &Service, operation: &Operation, call: &Call) -> Parts {
    let (path, fixed) = operation.uri.split_once('?').unwrap_or((&operation.uri, ""));
    // In the host the bucket is gone from the path.
    let path =
        if call.host_bucket.is_some() { path.replacen("/{Bucket}", "", 1) } else { path.into() };
    let mut path = if path.is_empty() { "/".to_owned() } else { path };
    let mut query: Vec<String> =
        fixed.split('&').filter(|q| !q.is_empty()).map(Into::into).collect();
    let (mut headers, mut rest) = (Vec::new(), Map::new());
    for (name, value) in &call.parameters {
        let Some(member) = input(service, operation)
            .and_then(|structure| Some(&structure.members[*structure.by_name.get(name)?]))
        else {
            continue;
        };
        match member.location {
            Some(Location::Uri) => path = fill(&path, member.wire(), &text(value)),
            Some(Location::Querystring) => {
                query.push(format!("{}={}", encode(member.wire()), encode(&text(value))));
            }
            Some(Location::Header | Location::Headers) => {
                headers.push((member.wire().to_lowercase(), text(value)));
            }
            Some(Location::StatusCode) | None => {
                rest.insert(member.wire().to_owned(), value.clone());
            }
        }
    }
    let mut body = String::new();
    if service.protocol == Protocol::RestJson && operation.method != "GET" {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        body = Value::Object(rest).to_string();
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    Parts { uri: path + &query, headers, body }
}

/// Puts a parameter in the path; `{name+}` keeps its slashes.
fn fill(path: &str, name: &str, value: &str) -> String {
    let greedy = format!("{{{name}+}}");
    if path.contains(&greedy) {
        let segments: Vec<String> = value.split('/').map(encode).collect();
        return path.replace(&greedy, &segments.join("/"));
    }
    path.replace(&format!("{{{name}}}"), &encode(value))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &ENCODED).to_string()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::super::model::Model;
    use super::*;
    use serde_json::json;

    /// Gives method, URI and body of a call.
    fn written(
        service: &str,
        operation: &str,
        parameters: Value,
        host_bucket: Option<&str>,
    ) -> String {
        let model = Model::embedded().expect("the embedded model is whole");
        let service = model.service(service).expect("it is in the model");
        let Value::Object(parameters) = parameters else { panic!("parameters are an object") };
        let operation = operation.to_owned();
        let host_bucket = host_bucket.map(Into::into);
        match write(&service, &Call { operation, parameters, host_bucket }) {
            Ok(request) => {
                let body = request.body().bytes().unwrap_or_default();
                let body = String::from_utf8_lossy(body);
                format!("{} {} {body}", request.method(), request.uri())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn requests_are_written_as_botocore_writes_them() {
        // The forms were taken from botocore's serializers for the same parameters.
        let filters = json!({"Filters": [{"Name": "group-name", "Values": ["a b", "ü&="]}],
            "MaxResults": 5});
        let expected = "POST / Action=DescribeSecurityGroups&Version=2016-11-15\
            &Filter.1.Name=group-name&Filter.1.Value.1=a%20b&Filter.1.Value.2=%C3%BC%26%3D\
            &MaxResults=5";
        assert_eq!(written("ec2", "DescribeSecurityGroups", filters, None), expected);

        let expected = "POST / Action=GetAccountAuthorizationDetails&Version=2010-05-08\
            &Filter.member.1=User&Filter.member.2=Role";
        let parameters = json!({"Filter": ["User", "Role"]});
        assert_eq!(written("iam", "GetAccountAuthorizationDetails", parameters, None), expected);

        let bucket = json!({"Bucket": "a.b"});
        assert_eq!(written("s3", "GetBucketAcl", bucket, None), "GET /a.b?acl ");
        let bucket = json!({"Bucket": "bucket"});
        assert_eq!(written("s3", "GetBucketAcl", bucket, Some("bucket")), "GET /?acl ");
        let tokens = json!({"MaxBuckets": 3, "ContinuationToken": "a/b="});
        let expected = "GET /?continuation-token=a%2Fb%3D&max-buckets=3 ";
        assert_eq!(written("s3", "ListBuckets", tokens, None), expected);
    }

    #[test]
    fn a_misspelt_call_is_an_error() {
        assert_eq!(
            written("s3", "GetBucketAcl", json!({"bucket": "b"}), None),
            "operation GetBucketAcl has no parameter bucket"
        );
        assert_eq!(
            written("s3", "GetAcl", json!({}), None),
            "the API model has no operation GetAcl"
        );
    }
}
