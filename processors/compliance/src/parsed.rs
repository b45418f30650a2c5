//! A resource as rules read it: its texts are parsed once, however many rules look.

use std::cell::OnceCell;

use rules::{Document, Related};
use schemas::Resource;
use serde_json::Value;

/// A resource whose two JSON texts are parsed when the first rule looks.
pub struct Parsed<'a> {
    resource: &'a Resource,
    /// Configuration and supplementary configuration; none when one of them is no JSON.
    texts: OnceCell<Option<[Value; 2]>>,
}

impl<'a> Parsed<'a> {
    /// Takes a resource; nothing is parsed yet.
    pub fn of(resource: &'a Resource) -> Self {
        Self { resource, texts: OnceCell::new() }
    }

    /// Gives the resource.
    pub fn resource(&self) -> &'a Resource {
        self.resource
    }

    /// Gives what a rule judges: the resource's documents, and what it is related to.
    ///
    /// Errors: one of its texts is no JSON.
    pub fn document<'b>(&'b self, related: &'b [Related]) -> Result<Document<'b>, String> {
        match self.texts.get_or_init(|| parse(self.resource)) {
            Some([of, more]) => Ok(document(self.resource, of, more, related)),
            None => Err("the document can't be read".to_owned()),
        }
    }
}

/// Gives what a rule judges of a resource whose texts were parsed elsewhere.
pub fn document<'a>(
    resource: &'a Resource,
    configuration: &'a Value,
    supplementary: &'a Value,
    related: &'a [Related],
) -> Document<'a> {
    Document {
        configuration,
        supplementary,
        errors: &resource.errors,
        account: &resource.account,
        region: &resource.region,
        id: &resource.id,
        name: &resource.name,
        arn: &resource.arn,
        tags: &resource.tags,
        truncated: &resource.truncated,
        related,
    }
}

fn parse(resource: &Resource) -> Option<[Value; 2]> {
    let text = |text: &str| serde_json::from_str(text).ok();
    Some([text(&resource.configuration)?, text(&resource.supplementary)?])
}
