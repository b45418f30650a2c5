//! A document in the envelope that AWS Config and Antiope write.

use std::collections::BTreeMap;

use schemas::Resource;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What tags may look like: a map, or the list of pairs that AWS's own answers have.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    Map(BTreeMap<String, String>),
    List(Vec<Tag>),
}

#[derive(Deserialize)]
struct Tag {
    #[serde(alias = "key")]
    #[serde(rename = "Key")]
    key: String,
    #[serde(alias = "value")]
    #[serde(default, rename = "Value")]
    value: String,
}

/// The envelope; members that are not named here say nothing about a verdict.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    aws_account_id: String,
    #[serde(default)]
    aws_region: Option<String>,
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    resource_name: Option<String>,
    #[serde(default, rename = "ARN", alias = "arn")]
    arn: Option<String>,
    #[serde(default)]
    tags: Option<Tags>,
    configuration: Map<String, Value>,
    #[serde(default)]
    supplementary_configuration: Option<Map<String, Value>>,
    #[serde(default)]
    errors: Option<BTreeMap<String, String>>,
    #[serde(default)]
    truncated: Vec<String>,
}

/// Reads a document.
///
/// Shape: one line of JSON. Errors: it is no JSON, too deep, or lacks a member that it must have.
pub(super) fn read(line: &[u8]) -> Result<Resource, serde_json::Error> {
    let envelope: Envelope = serde_json::from_slice(line)?;
    let tags = match envelope.tags {
        None => BTreeMap::new(),
        Some(Tags::Map(tags)) => tags,
        Some(Tags::List(tags)) => tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    };
    let supplementary = envelope.supplementary_configuration.unwrap_or_default();
    Ok(Resource {
        provider: "aws".to_owned(),
        account: envelope.aws_account_id,
        region: envelope.aws_region.unwrap_or_else(|| "global".to_owned()),
        resource_type: envelope.resource_type,
        name: envelope.resource_name.unwrap_or_else(|| envelope.resource_id.clone()),
        id: envelope.resource_id,
        arn: envelope.arn.unwrap_or_default(),
        tags,
        configuration: Value::Object(envelope.configuration).to_string(),
        supplementary: Value::Object(supplementary).to_string(),
        errors: envelope.errors.unwrap_or_default(),
        truncated: envelope.truncated,
        captured_ms: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_with_what_it_has() {
        let whole = r#"{"ARN":"arn:x","awsAccountId":"1","awsRegion":"r","resourceType":"T",
            "resourceId":"i","resourceName":"n","tags":[{"Key":"team","Value":"web"},{"key":"x"}],
            "configuration":{"A":1},"supplementaryConfiguration":{"B":[]},
            "errors":{"Policy":"AccessDenied: no"},"truncated":["/configuration/A"],"more":7}"#;
        let resource = read(whole.as_bytes()).unwrap();
        assert_eq!((&*resource.arn, &*resource.name, &*resource.region), ("arn:x", "n", "r"));
        assert_eq!(resource.tags["team"], "web");
        assert_eq!((&*resource.tags["x"], &*resource.configuration), ("", r#"{"A":1}"#));
        assert_eq!(resource.supplementary, r#"{"B":[]}"#);
        assert_eq!(resource.errors["Policy"], "AccessDenied: no");
        let least = r#"{"awsAccountId":"1","resourceType":"T","resourceId":"i",
            "configuration":{}}"#;
        let resource = read(least.as_bytes()).unwrap();
        assert_eq!((&*resource.region, &*resource.name), ("global", "i"));
        assert_eq!(resource.supplementary, "{}");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = format!(r#"{{"configuration":{}"#, "[".repeat(10_000));
        for line in ["", "[]", "{}", r#"{"awsAccountId":1}"#, deep.as_str()] {
            assert!(read(line.as_bytes()).is_err(), "{line:.40}");
        }
    }
}
