//! Builds a resource's document: AWS Config's envelope around the answers of AWS's calls.

use std::collections::BTreeMap;

use schemas::Resource;
use serde_json::{Map, Value};

use crate::account::Account;
use crate::api::CallError;
use crate::organizations::PROVIDER;
use crate::policy;
use crate::scope::CollectError;
use crate::trim;

/// A document before it is stamped with the time at which it was seen.
#[derive(Debug)]
pub(crate) struct Document {
    resource: Resource,
    supplementary: Map<String, Value>,
}

impl Document {
    /// Starts a document from its main answer.
    pub(crate) fn new(
        account: &Account,
        region: &str,
        resource_type: &str,
        id: &str,
        configuration: &Value,
    ) -> Self {
        let resource = Resource {
            provider: PROVIDER.to_owned(),
            account: account.id().to_owned(),
            region: region.to_owned(),
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
            name: id.to_owned(),
            arn: String::new(),
            tags: BTreeMap::new(),
            configuration: configuration.to_string(),
            supplementary: String::new(),
            errors: BTreeMap::new(),
            truncated: Vec::new(),
            captured_ms: 0,
        };
        Self { resource, supplementary: Map::new() }
    }

    /// Sets the name; without one the id stays.
    pub(crate) fn name(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            self.resource.name = name.to_owned();
        }
        self
    }

    /// Sets the ARN.
    pub(crate) fn arn(mut self, arn: impl Into<String>) -> Self {
        self.resource.arn = arn.into();
        self
    }

    /// Sets the tags from AWS's list of `Key` and `Value`.
    pub(crate) fn tags(self, tags: Option<&Value>) -> Self {
        self.named_tags(tags, "Key", "Value")
    }

    /// Sets the tags from a list of `key` and `value`, as ECS writes them.
    pub(crate) fn lowercase_tags(self, tags: Option<&Value>) -> Self {
        self.named_tags(tags, "key", "value")
    }

    fn named_tags(mut self, tags: Option<&Value>, key: &str, value: &str) -> Self {
        let list = tags.and_then(Value::as_array).into_iter().flatten();
        let pairs = list.filter_map(|tag| {
            let text = tag[value].as_str().unwrap_or_default();
            Some((tag[key].as_str()?.to_owned(), text.to_owned()))
        });
        self.resource.tags = pairs.collect();
        self
    }

    /// Adds the answer to a further call under its short name.
    ///
    /// A refusal with one of the codes in `none` is AWS's way to say "there is none": null. Any
    /// other failure goes to the errors, and the name stays absent.
    pub(crate) fn answer(&mut self, name: &str, answer: Result<Value, CallError>, none: &[&str]) {
        match answer {
            Ok(value) => {
                self.supplementary.insert(name.to_owned(), value);
            }
            Err(error) if none.contains(&error.code()) => {
                self.supplementary.insert(name.to_owned(), Value::Null);
            }
            Err(error) => self.error(name, error.summary()),
        }
    }

    /// Adds the one member that is a further call's whole answer, a list or an object.
    ///
    /// The codes in `none` mean that there is none: null. An answer without the member is an error:
    /// what AWS did not say is no empty list.
    pub(crate) fn member(
        &mut self,
        name: &str,
        answer: Result<Value, CallError>,
        member: &str,
        none: &[&str],
    ) {
        match answer.map(|mut answer| answer[member].take()) {
            Ok(Value::Null) => self.error(name, CollectError::missing(member).summary()),
            answer => self.answer(name, answer, none),
        }
    }

    /// Adds a policy that is JSON text in one member of an answer, as an object.
    ///
    /// The codes in `none` and the member's absence mean that there is no policy: null.
    pub(crate) fn policy(
        &mut self,
        name: &str,
        answer: Result<Value, CallError>,
        member: &str,
        none: &[&str],
    ) {
        let parsed = answer.map(|answer| match answer[member].as_str() {
            Some(text) => policy::parse(text),
            None => Ok(Value::Null),
        });
        match parsed {
            Ok(Ok(policy)) => self.answer(name, Ok(policy), &[]),
            Ok(Err(reason)) => {
                self.error(name, format!("UnreadableAnswer: the policy {reason}"));
            }
            Err(error) => self.answer(name, Err(error), none),
        }
    }

    /// Notes that a further call gave nothing that can be used.
    pub(crate) fn error(&mut self, name: &str, summary: String) {
        self.resource.errors.insert(name.to_owned(), summary);
    }

    /// Gives the resource as it was seen at a time in UTC milliseconds; one that is too long for a
    /// record says what was cut off.
    pub(crate) fn stamp(self, captured_ms: i64) -> Resource {
        let supplementary = Value::Object(self.supplementary).to_string();
        let mut resource = Resource { supplementary, captured_ms, ..self.resource };
        trim::fit(&mut resource);
        resource
    }
}
