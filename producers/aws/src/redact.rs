//! Keeps secrets in the collector: values that may be secret leave it only as a keyed digest.

use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use schemas::Resource;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

/// Bytes of a digest that are kept: enough to tell values apart, useless to guess them.
const DIGEST_BYTES: usize = 12;

/// What stands for a value when there is no key for a digest.
const HIDDEN: &str = "redacted";

/// A place in documents of one type that may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretField {
    /// The resource type in AWS Config's words.
    pub resource_type: String,
    /// Where: a JSON Pointer from `/configuration` or `/supplementary` (RFC 6901), in which `*`
    /// stands for every item of a list or every member of an object.
    pub path: String,
}

/// Places that may hold secrets in what the collectors see, or what is known of persons.
///
/// Source: the API references' own warnings: what users put into environments and commands, and the
/// contacts of domains.
pub const SECRET_FIELDS: &[(&str, &str)] = &[
    (
        SERVICE,
        "/configuration/deployments/*/serviceConnectConfiguration/logConfiguration/options/*",
    ),
    (TASK, "/configuration/overrides/containerOverrides/*/command/*"),
    (TASK, "/configuration/overrides/containerOverrides/*/environment/*/value"),
    (DEFINITION, "/configuration/containerDefinitions/*/command/*"),
    (DEFINITION, "/configuration/containerDefinitions/*/dockerLabels/*"),
    (DEFINITION, "/configuration/containerDefinitions/*/entryPoint/*"),
    (DEFINITION, "/configuration/containerDefinitions/*/environment/*/value"),
    (DEFINITION, "/configuration/containerDefinitions/*/firelensConfiguration/options/*"),
    (DEFINITION, "/configuration/containerDefinitions/*/healthCheck/command/*"),
    (DEFINITION, "/configuration/containerDefinitions/*/logConfiguration/options/*"),
    (DEFINITION, "/configuration/proxyConfiguration/properties/*/value"),
    (DEFINITION, "/configuration/volumes/*/dockerVolumeConfiguration/driverOpts/*"),
    (DOMAIN, "/supplementary/Detail/*/AddressLine1"),
    (DOMAIN, "/supplementary/Detail/*/AddressLine2"),
    (DOMAIN, "/supplementary/Detail/*/City"),
    (DOMAIN, "/supplementary/Detail/*/Email"),
    (DOMAIN, "/supplementary/Detail/*/ExtraParams/*/Value"),
    (DOMAIN, "/supplementary/Detail/*/Fax"),
    (DOMAIN, "/supplementary/Detail/*/FirstName"),
    (DOMAIN, "/supplementary/Detail/*/LastName"),
    (DOMAIN, "/supplementary/Detail/*/PhoneNumber"),
    (DOMAIN, "/supplementary/Detail/*/ZipCode"),
];

const SERVICE: &str = "AWS::ECS::Service";
const TASK: &str = "AWS::ECS::Task";
const DEFINITION: &str = "AWS::ECS::TaskDefinition";
const DOMAIN: &str = "AWS::Route53Domains::Domain";

/// Replaces secrets in documents.
pub(crate) struct Redactor {
    fields: Vec<SecretField>,
    key: Option<Vec<u8>>,
}

impl std::fmt::Debug for Redactor {
    /// Shows the places, never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Makes a redactor of the known places and those that a company adds.
    ///
    /// With a key, equal values have equal digests, so that a change of a secret is still a change;
    /// without one, every value becomes the same word.
    pub(crate) fn new(added: &[SecretField], key: Option<&str>) -> Self {
        let known = SECRET_FIELDS.iter().map(|(resource_type, path)| SecretField {
            resource_type: (*resource_type).to_owned(),
            path: (*path).to_owned(),
        });
        let fields = known.chain(added.iter().cloned()).collect();
        Self { fields, key: key.map(|key| key.as_bytes().to_vec()) }
    }

    /// Replaces what may be secret in a document.
    pub(crate) fn apply(&self, resource: &mut Resource) {
        let of_type = |field: &&SecretField| field.resource_type == resource.resource_type;
        let paths: Vec<&str> = self.fields.iter().filter(of_type).map(|f| &*f.path).collect();
        if paths.is_empty() {
            return;
        }
        self.replace_in(&mut resource.configuration, "/configuration", &paths);
        self.replace_in(&mut resource.supplementary, "/supplementary", &paths);
    }

    fn replace_in(&self, text: &mut String, root: &str, paths: &[&str]) {
        let inside: Vec<_> = paths.iter().filter_map(|path| path.strip_prefix(root)).collect();
        if inside.is_empty() || text.is_empty() {
            return;
        }
        let mut document: Value =
            serde_json::from_str(text).expect("a document is JSON of our own writing");
        for path in inside {
            let steps: Vec<String> = path.split('/').skip(1).map(unescape).collect();
            self.replace(&mut document, &steps);
        }
        *text = document.to_string();
    }

    fn replace(&self, value: &mut Value, steps: &[String]) {
        let Some((step, rest)) = steps.split_first() else {
            *value = Value::String(self.digest(value));
            return;
        };
        match value {
            Value::Array(items) if step == "*" => {
                items.iter_mut().for_each(|item| self.replace(item, rest));
            }
            Value::Object(members) if step == "*" => {
                members.values_mut().for_each(|member| self.replace(member, rest));
            }
            Value::Array(items) => {
                let item = step.parse::<usize>().ok().and_then(|at| items.get_mut(at));
                item.into_iter().for_each(|item| self.replace(item, rest));
            }
            Value::Object(members) => {
                members.get_mut(step).into_iter().for_each(|member| self.replace(member, rest));
            }
            _ => {}
        }
    }

    /// Gives what stands for a value: `hmac-sha256:` with the start of its digest in hex.
    fn digest(&self, value: &Value) -> String {
        let Some(key) = &self.key else { return HIDDEN.to_owned() };
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        match value {
            Value::String(text) => mac.update(text.as_bytes()),
            other => mac.update(other.to_string().as_bytes()),
        }
        let digest = mac.finalize().into_bytes();
        let hex = digest[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}"));
        format!("hmac-sha256:{}", hex.collect::<String>())
    }
}

/// Undoes a JSON Pointer's escapes.
fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task_definition(configuration: &Value) -> Resource {
        Resource {
            provider: "aws".into(),
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            resource_type: "AWS::ECS::TaskDefinition".into(),
            id: "t".into(),
            name: "t".into(),
            arn: String::new(),
            tags: Default::default(),
            configuration: configuration.to_string(),
            supplementary: json!({"a/b": {"x": 1, "y": "z"}}).to_string(),
            errors: Default::default(),
            truncated: vec![],
            captured_ms: 0,
        }
    }

    fn redacted(redactor: &Redactor) -> (Value, Value) {
        let mut resource = task_definition(&json!({"family": "f", "containerDefinitions": [
            {"name": "one", "environment": [
                {"name": "A", "value": "hunter2"}, {"name": "B", "value": "hunter2"}]},
            {"name": "two", "environment": [{"name": "C", "value": "other"}], "command": ["-p"]},
            {"name": "three", "environment": "not a list"},
        ]}));
        redactor.apply(&mut resource);
        let read = |text: &str| serde_json::from_str(text).expect("still JSON");
        (read(&resource.configuration), read(&resource.supplementary))
    }

    #[test]
    fn equal_values_have_equal_digests_and_the_rest_stays() {
        let (found, _) = redacted(&Redactor::new(&[], Some("Jefe")));
        // printf hunter2 | openssl dgst -sha256 -hmac Jefe
        let expected = "hmac-sha256:9697f0c13755071ef9000a28";
        let container = &found["containerDefinitions"];
        assert_eq!(container[0]["environment"][0], json!({"name": "A", "value": expected}));
        assert_eq!(container[0]["environment"][1]["value"], expected);
        assert_ne!(container[1]["environment"][0]["value"], expected);
        assert_eq!(container[2], json!({"name": "three", "environment": "not a list"}));
        assert_eq!(found["family"], "f");
        assert!(!found.to_string().contains("hunter2"));
        let (other, _) = redacted(&Redactor::new(&[], Some("another key")));
        assert_ne!(other, found);
    }

    #[test]
    fn without_a_key_nothing_of_a_value_is_told() {
        let (found, _) = redacted(&Redactor::new(&[], None));
        assert_eq!(found["containerDefinitions"][1]["environment"][0]["value"], "redacted");
        assert_eq!(found["containerDefinitions"][1]["command"], json!(["redacted"]));
    }

    #[test]
    fn a_document_with_the_deepest_policy_is_read_again() {
        let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let policy = |depth| crate::policy::parse(&deep(depth));
        let answers = json!({"a": [{"b": [{"c": [{"d": [{"Policy": policy(64).unwrap()}]}]}]}]});
        let added = SecretField {
            resource_type: "AWS::ECS::TaskDefinition".into(),
            path: "/configuration/a/0/b/*/x".into(),
        };
        let mut resource = task_definition(&answers);
        Redactor::new(&[added], None).apply(&mut resource);
        assert_eq!(serde_json::from_str::<Value>(&resource.configuration).unwrap(), answers);
        assert!(policy(65).is_err());
    }

    #[test]
    fn a_company_adds_places() {
        let added = SecretField {
            resource_type: "AWS::ECS::TaskDefinition".into(),
            path: "/supplementary/a~1b/*".into(),
        };
        let (_, found) = redacted(&Redactor::new(&[added], None));
        assert_eq!(found, json!({"a/b": {"x": "redacted", "y": "redacted"}}));
    }
}
