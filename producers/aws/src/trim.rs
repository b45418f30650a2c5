//! Cuts a document to what a record holds, and says what was cut off.

use schemas::Resource;
use serde_json::{Map, Value};

/// Bytes of a document: twice as many, what was and what is, fit into a record of a change.
const DOCUMENT_BYTES_MAX: usize = 400_000;

/// Cuts a document that is too long: the ends of its longest lists, or whole members.
///
/// What was cut off is named in `truncated`, by JSON Pointers below the envelope: rules take it for
/// unknown, never for absent. A list keeps its beginning, and the first item that is gone is named.
pub(crate) fn fit(resource: &mut Resource) {
    if length(resource) <= DOCUMENT_BYTES_MAX {
        return;
    }
    let read = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let mut parts = [read(&resource.configuration), read(&resource.supplementary)];
    let mut excess = length(resource) - DOCUMENT_BYTES_MAX;
    while excess > 0 {
        let Some((part, name, bytes)) = longest(&parts) else { break };
        let members = &mut parts[part];
        let (left, cut) = shorten(members, &name, excess);
        let root = ["/configuration", "/supplementary"][part];
        resource.truncated.push(format!("{root}/{}{cut}", token(&name)));
        excess = excess.saturating_sub(bytes - left);
    }
    let [configuration, supplementary] = parts;
    resource.configuration = Value::Object(configuration).to_string();
    resource.supplementary = Value::Object(supplementary).to_string();
}

fn length(resource: &Resource) -> usize {
    resource.configuration.len() + resource.supplementary.len()
}

/// Finds the longest member: its part, its name, and its bytes.
fn longest(parts: &[Map<String, Value>; 2]) -> Option<(usize, String, usize)> {
    let of = |(part, members): (usize, &Map<String, Value>)| {
        let sizes = members.iter().map(|(name, value)| (name.clone(), size(name, value)));
        sizes.max_by_key(|(_, bytes)| *bytes).map(|(name, bytes)| (part, name, bytes))
    };
    parts.iter().enumerate().filter_map(of).max_by_key(|(.., bytes)| *bytes)
}

fn size(name: &str, value: &Value) -> usize {
    Value::from(name).to_string().len() + value.to_string().len() + 2
}

/// Cuts a member by so many bytes, or off; gives the bytes that are left of it, and what the path
/// of what is gone has behind its name.
fn shorten(members: &mut Map<String, Value>, name: &str, excess: usize) -> (usize, String) {
    if let Some(Value::Array(items)) = members.get_mut(name) {
        let (mut gone, mut kept) = (0, items.len());
        while gone < excess && kept > 0 {
            kept -= 1;
            gone += items[kept].to_string().len() + 1;
        }
        if kept > 0 {
            items.truncate(kept);
            return (size(name, &members[name]), format!("/{kept}"));
        }
    }
    members.remove(name);
    (0, String::new())
}

/// Writes a name as a step of a JSON Pointer (RFC 6901).
fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn resource(configuration: &Value, supplementary: &Value) -> Resource {
        Resource {
            provider: "aws".into(),
            account: "111122223333".into(),
            region: "global".into(),
            resource_type: "AWS::Route53::HostedZone".into(),
            id: "Z".into(),
            name: "Z".into(),
            arn: String::new(),
            tags: BTreeMap::new(),
            configuration: configuration.to_string(),
            supplementary: supplementary.to_string(),
            errors: BTreeMap::new(),
            truncated: Vec::new(),
            captured_ms: 0,
        }
    }

    fn fitted(configuration: &Value, supplementary: &Value) -> (Value, Value, Vec<String>) {
        let mut resource = resource(configuration, supplementary);
        fit(&mut resource);
        assert!(length(&resource) <= DOCUMENT_BYTES_MAX, "{} bytes", length(&resource));
        let read = |text: &str| serde_json::from_str(text).expect("still JSON");
        (read(&resource.configuration), read(&resource.supplementary), resource.truncated)
    }

    #[test]
    fn the_longest_list_loses_its_end() {
        // A zone as large as Route 53 lets it become by itself.
        let record = |at: u32| {
            json!({"Name": format!("{at:05}.example.com."), "Type": "A",
            "TTL": 300, "ResourceRecords": [{"Value": "192.0.2.1"}]})
        };
        let records: Vec<Value> = (0..10_000).map(record).collect();
        let (zone, tags) = (json!({"Id": "Z", "Name": "example.com."}), json!([{"Key": "a"}]));
        let more = json!({"ResourceRecordSets": records, "Tags": tags});
        assert!(more.to_string().len() > 900_000);
        let (configuration, supplementary, truncated) = fitted(&zone, &more);
        assert_eq!((&configuration, &supplementary["Tags"]), (&zone, &tags));
        let kept = supplementary["ResourceRecordSets"].as_array().expect("a list");
        assert_eq!(kept[..], records[..kept.len()]);
        assert_eq!(truncated, [format!("/supplementary/ResourceRecordSets/{}", kept.len())]);
        let one = records[0].to_string().len() + 1;
        let all = zone.to_string().len() + supplementary.to_string().len();
        assert!(all + one > DOCUMENT_BYTES_MAX, "no more than needed is cut: {all}");
    }

    #[test]
    fn what_is_no_list_goes_as_a_whole() {
        let long = "x".repeat(390_000);
        let (configuration, supplementary, truncated) =
            fitted(&json!({"a/b": long, "c": 1}), &json!({"d": "x".repeat(380_000), "e": [long]}));
        assert_eq!(
            (configuration, supplementary),
            (json!({"c": 1}), json!({"d": "x".repeat(380_000)}))
        );
        assert_eq!(truncated, ["/supplementary/e", "/configuration/a~1b"]);
    }

    #[test]
    fn what_fits_stays() {
        let rows = vec![json!({"user": "x"}); 30_000];
        let (configuration, _, truncated) = fitted(&json!({"rows": rows}), &json!({}));
        assert_eq!(
            (configuration["rows"].as_array().map(Vec::len), truncated),
            (Some(30_000), vec![])
        );
    }
}
