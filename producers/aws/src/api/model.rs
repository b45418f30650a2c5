//! The trimmed API model: how the operations' requests are written and their answers read.
//!
//! `model_text` reads it from `model/model.json`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::model_text;

/// How deep the answers of a model may be; those of the embedded one are 13 deep.
pub(super) const MODEL_DEPTH_MAX: usize = 20;

/// What is wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is not JSON of the model's format.
    #[error("reading the API model")]
    Format(#[from] serde_json::Error),
    /// It names a shape that it does not describe.
    #[error("the API model of {service} names shape {shape} and does not describe it")]
    Shape {
        /// The service.
        service: String,
        /// The shape.
        shape: String,
    },
    /// It does not know a service that a collector calls.
    #[error("the API model does not know service {0}")]
    Service(String),
}

/// All services of a model.
#[derive(Debug)]
pub struct Model {
    services: BTreeMap<String, Arc<Service>>,
}

impl Model {
    /// Reads the model that is part of the program.
    ///
    /// # Errors
    /// When it is damaged, which a test excludes.
    pub fn embedded() -> Result<Self, ModelError> {
        Self::parse(include_str!("../../model/model.json"))
    }

    /// Reads a model from its text.
    ///
    /// # Errors
    /// When it is not of the format, or names shapes that it does not describe.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let services = model_text::parse(text)?;
        let services = services.into_iter().map(|service| (service.name.clone(), service.into()));
        Ok(Self { services: services.collect() })
    }

    /// Gives all services, sorted by name.
    pub fn services(&self) -> impl Iterator<Item = Arc<Service>> {
        self.services.values().cloned()
    }

    /// Gives a service by its name in botocore, for example `ec2`.
    ///
    /// # Errors
    /// When the model does not have it.
    pub fn service(&self, name: &str) -> Result<Arc<Service>, ModelError> {
        let found = self.services.get(name).cloned();
        found.ok_or_else(|| ModelError::Service(name.to_owned()))
    }
}

/// One service.
#[derive(Debug)]
pub struct Service {
    /// Its name in botocore.
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) version: String,
    /// The name that signatures use.
    pub(super) sign: String,
    pub(super) target_prefix: String,
    pub(super) json_version: String,
    /// Where it answers, by partition.
    pub(super) endpoints: BTreeMap<String, EndpointRule>,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: Vec<Shape>,
}

impl Service {
    /// Gives its name in botocore.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the names of its operations, sorted.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(String::as_str)
    }
}

#[cfg(test)]
impl Service {
    /// Tells whether the model has an operation.
    pub(crate) fn has(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }
}

/// How a service's requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// A JSON body, the operation in a header.
    Json,
    /// A JSON body, the operation in method and path.
    RestJson,
    /// A form, an XML answer with a result element.
    Query,
    /// EC2's dialect of `Query`.
    Ec2,
    /// The operation in method and path, an XML answer.
    RestXml,
}

/// Where a service answers in one partition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointRule {
    /// A URL, with `{region}` when the service is regional.
    pub(super) url: String,
    /// The one signing region of a global service; the call's region when absent.
    pub(super) sign: Option<String>,
    /// Regions that differ.
    #[serde(default)]
    pub(super) exceptions: BTreeMap<String, FixedEndpoint>,
}

/// Where a service answers in one region.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedEndpoint {
    pub(super) url: String,
    pub(super) sign: String,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) method: String,
    /// Path and fixed query; `{Member}` and `{Member+}` stand for parameters.
    pub(super) uri: String,
    pub(super) input: Option<usize>,
    pub(super) output: Option<usize>,
    /// The element in a query answer that holds the result.
    pub(super) wrapper: Option<String>,
    /// What the root element of a REST XML answer is called.
    pub(super) roots: Vec<String>,
    /// The output's member that is the root element's own text.
    pub(super) root_text: Option<String>,
    pub(super) paging: Option<Paging>,
}

/// How an operation's answers come in pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// Parameters that take the tokens of the page before.
    pub(super) input: Vec<String>,
    /// Members that hold the tokens, in the order of `input`.
    pub(super) output: Vec<String>,
    /// Lists that the pages share.
    pub(super) result: Vec<String>,
    /// Other members that the joined answer keeps.
    pub(super) keep: Vec<String>,
    /// The flag that says whether another page follows; a token says it when absent.
    pub(super) more: Option<String>,
}

/// The structure of a value.
#[derive(Debug)]
pub(super) enum Shape {
    Structure(Structure),
    List { element: Member, flattened: bool },
    Map { key: Member, value: Member, flattened: bool },
}

/// A structure's members, found by either name.
#[derive(Debug)]
pub(super) struct Structure {
    pub(super) members: Vec<Member>,
    /// Positions by the name in documents.
    pub(super) by_name: BTreeMap<String, usize>,
    /// Positions by the name on the wire.
    pub(super) by_wire: BTreeMap<String, usize>,
    /// The member that is the whole body.
    pub(super) payload: Option<usize>,
}

/// A member of a structure, or the element, key or value of a collection.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// `locationName`.
    pub(super) wire: Option<String>,
    /// `queryName`: EC2's name in requests.
    pub(super) query: Option<String>,
    pub(super) location: Option<Location>,
    pub(super) attribute: bool,
    pub(super) flattened: bool,
    pub(super) target: Kind,
}

impl Member {
    /// Gives the name on the wire.
    pub(super) fn wire(&self) -> &str {
        self.wire.as_deref().unwrap_or(&self.name)
    }
}

/// Where in the HTTP message a member goes when not in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Location {
    Uri,
    Querystring,
    Header,
    Headers,
    StatusCode,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    /// A structure, list or map, by its position in the service's shapes.
    Shape(usize),
}

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    String,
    Integer,
    Float,
    Boolean,
    /// Bytes, kept as Base64 text.
    Blob,
    /// A URL-encoded JSON document in a string.
    Policy,
    Timestamp(Timestamp),
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timestamp {
    /// As the protocol has it: ISO 8601 in XML, seconds in JSON.
    Default,
    Unix,
    Rfc822,
    Iso8601,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_model_has_what_collectors_call() {
        let model = Model::embedded().expect("the embedded model is whole");
        let iam = model.service("iam").expect("iam is in it");
        assert_eq!(iam.protocol, Protocol::Query);
        assert!(iam.operations.contains_key("GetAccountAuthorizationDetails"));
        assert!(matches!(model.service("none"), Err(ModelError::Service(name)) if name == "none"));
    }

    /// Gives how deep the values of a shape are; `above` are the shapes that it lies in.
    fn depth(service: &Service, kind: Kind, above: &mut Vec<usize>) -> usize {
        let Kind::Shape(at) = kind else { return 0 };
        assert!(!above.contains(&at), "{}: a shape of itself", service.name);
        above.push(at);
        let inner: Vec<Kind> = match &service.shapes[at] {
            Shape::Structure(of) => of.members.iter().map(|member| member.target).collect(),
            Shape::List { element, .. } => vec![element.target],
            Shape::Map { value, .. } => vec![value.target],
        };
        let inner = inner.into_iter().map(|kind| depth(service, kind, above)).max();
        above.pop();
        1 + inner.unwrap_or(0)
    }

    #[test]
    fn answers_of_the_embedded_model_are_not_deep() {
        let model = Model::embedded().expect("the embedded model is whole");
        let mut deepest = 0;
        for service in model.services() {
            for operation in service.operations.values() {
                let output = operation.output.map(Kind::Shape);
                let depth = output.map_or(0, |output| depth(&service, output, &mut Vec::new()));
                deepest = deepest.max(depth);
            }
        }
        assert_eq!(deepest, 13);
        assert!(deepest <= MODEL_DEPTH_MAX);
    }

    #[test]
    fn damage_is_an_error() {
        let cases = [
            ("{", "reading the API model"),
            (r#"{"notice": "n"}"#, "reading the API model"),
            (
                r#"{"notice": "n", "services": {"x": {"protocol": "json", "version": "1",
                "sign": "x", "endpoints": {}, "operations": {}, "shapes":
                {"A": {"members": {"M": "B"}}}}}}"#,
                "the API model of x names shape B and does not describe it",
            ),
        ];
        for (text, expected) in cases {
            let error = Model::parse(text).expect_err(text).to_string();
            assert_eq!(error, expected, "{text}");
        }
    }
}
