//! Differences between two documents of a resource.

use schemas::{Difference, Resource};
use serde_json::Value;

/// More differences than this are cut: the whole documents are in the log.
const DIFFERENCES_MAX: usize = 200;

/// Lists what differs between two observations of a resource, apart from when they were made.
///
/// Shape: JSON Pointers below the envelope (`/configuration/Rules/0`), sorted; lists are compared
/// place by place. Empty when nothing differs. Errors: none; a document that is no JSON is compared
/// as text. Source: RFC 6901.
pub fn differences(before: &Resource, after: &Resource) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", &envelope(before), &envelope(after), &mut found);
    found.truncate(DIFFERENCES_MAX);
    found
}

fn envelope(resource: &Resource) -> Value {
    serde_json::json!({
        "arn": resource.arn,
        "configuration": parse(&resource.configuration),
        "errors": resource.errors,
        "name": resource.name,
        "supplementaryConfiguration": parse(&resource.supplementary),
        "tags": resource.tags,
        "truncated": resource.truncated,
    })
}

fn parse(document: &str) -> Value {
    serde_json::from_str(document).unwrap_or_else(|_| Value::String(document.to_owned()))
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    if before == after || found.len() >= DIFFERENCES_MAX {
        return;
    }
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<_> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                member(&format!("{path}/{}", token(name)), a.get(name), b.get(name), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for i in 0..a.len().max(b.len()) {
                member(&format!("{path}/{i}"), a.get(i), b.get(i), found);
            }
        }
        _ => member_differs(path, Some(before), Some(after), found),
    }
}

fn member(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(path, before, after, found),
        _ => member_differs(path, before, after, found),
    }
}

fn member_differs(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    found.push(Difference {
        path: path.to_owned(),
        before: before.map(Value::to_string),
        after: after.map(Value::to_string),
    });
}

fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn resource(configuration: &str) -> Resource {
        Resource {
            provider: "aws".into(),
            account: "1".into(),
            region: "r".into(),
            resource_type: "T".into(),
            id: "i".into(),
            name: "n".into(),
            arn: String::new(),
            tags: BTreeMap::new(),
            configuration: configuration.into(),
            supplementary: "{}".into(),
            errors: BTreeMap::new(),
            truncated: vec![],
            captured_ms: 0,
        }
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
        let found = differences(&resource(before), &resource(after));
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.path.as_str(), d.before.as_deref(), d.after.as_deref()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_what_came_went_and_changed() {
        check(r#"{"a":1}"#, r#"{"a":1}"#, &[]);
        check(
            r#"{"a":1,"b":[1,2],"c/d":null}"#,
            r#"{"a":2,"b":[1],"e":{}}"#,
            &[
                ("/configuration/a", Some("1"), Some("2")),
                ("/configuration/b/1", Some("2"), None),
                ("/configuration/c~1d", Some("null"), None),
                ("/configuration/e", None, Some("{}")),
            ],
        );
        check(
            r#"{"a":[]}"#,
            "not JSON",
            &[("/configuration", Some(r#"{"a":[]}"#), Some(r#""not JSON""#))],
        );
    }

    #[test]
    fn the_time_of_capture_is_no_difference() {
        let later = Resource { captured_ms: 9, ..resource("{}") };
        assert_eq!(differences(&resource("{}"), &later), []);
    }
}
