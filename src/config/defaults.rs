//! What goes without saying: the schema of the configuration, and its defaults put into a document.

use serde_json::Value as Json;

use super::{
    Config,
    document::{Node, Origin, Value},
};

/// Gives the JSON Schema (draft 2020-12) of the configuration.
pub(crate) fn schema() -> Json {
    let mut schema = Json::from(schemars::schema_for!(Config));
    schema["title"] = "Configuration of scorecard".into();
    schema
}

/// Adds to a document what goes without saying in the sections that it has.
pub(crate) fn fill(document: &mut Node, schema: &Json) {
    fill_in(document, schema, schema);
}

fn fill_in(node: &mut Node, schema: &Json, root: &Json) {
    let schema = resolved(schema, root);
    match &mut node.value {
        Value::Leaf(_) => {}
        Value::List(values) => {
            for value in values {
                fill_in(value, &schema["items"], root);
            }
        }
        Value::Map(values) => {
            let Some(properties) = schema["properties"].as_object() else { return };
            for (name, property) in properties {
                if let Some((_, value)) = values.iter_mut().find(|(key, _)| key == name) {
                    fill_in(value, property, root);
                } else if let Some(usual) = usual(property, root) {
                    values.push((name.clone(), usual));
                }
            }
        }
    }
}

/// Gives what a property is when nobody says it; none for what is then not there.
fn usual(property: &Json, root: &Json) -> Option<Node> {
    if let Some(default) = property.get("default") {
        return of_json(default);
    }
    if is_absent(property) {
        return None;
    }
    let section = resolved(property, root);
    // A section that must not be named is there with its own defaults.
    let is_optional = section["properties"].is_object() && section.get("required").is_none();
    let mut node = Node { value: Value::Map(Vec::new()), origin: Origin::Usual };
    fill_in(&mut node, section, root);
    let is_empty = matches!(&node.value, Value::Map(values) if values.is_empty());
    (is_optional && !is_empty).then_some(node)
}

fn of_json(json: &Json) -> Option<Node> {
    let value = match json {
        Json::Null => return None,
        Json::Array(items) => Value::List(items.iter().filter_map(of_json).collect()),
        Json::Object(values) => {
            let values = values.iter();
            Value::Map(values.filter_map(|(key, one)| Some((key.clone(), of_json(one)?))).collect())
        }
        Json::String(text) => return Some(Node::leaf(text, Origin::Usual)),
        scalar => Value::Leaf(scalar.to_string()),
    };
    Some(Node { value, origin: Origin::Usual })
}

/// Tells whether a property may be nothing, which it then is.
fn is_absent(property: &Json) -> bool {
    let choices = property["anyOf"].as_array();
    choices.is_some_and(|all| all.iter().any(|one| one["type"] == "null"))
}

/// Follows a reference, also that of a section which may be absent.
fn resolved<'s>(schema: &'s Json, root: &'s Json) -> &'s Json {
    let choices = schema["anyOf"].as_array();
    let section = choices.and_then(|all| all.iter().find(|one| one.get("$ref").is_some()));
    let schema = section.unwrap_or(schema);
    let reference = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
    reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::config::document;

    fn shown(text: &str) -> String {
        let mut node = document::parse(text, &BTreeMap::new()).unwrap();
        fill(&mut node, &schema());
        node.yaml(true)
    }

    #[test]
    fn what_goes_without_saying_is_put_in() {
        let text = shown("log: {local: ./log}\naws: {role: r, payers: []}\nworkers: 3\n");
        let line = |start: &str| text.lines().find(|line| line.trim().starts_with(start));
        let words = |start: &str| {
            let line = line(start).unwrap_or_else(|| panic!("{start}: {text}"));
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(words("workers:"), ["workers:", "3", "#", "line", "3"]);
        assert_eq!(words("prefix:"), ["prefix:", "scorecard", "#", "default"]);
        assert_eq!(words("connect_ms:"), ["connect_ms:", "5000", "#", "default"]);
        assert_eq!(words("local:"), ["local:", "./log", "#", "line", "1"]);
        for absent in ["kafka:", "siem:", "elasticsearch:", "digest_key:"] {
            assert_eq!(line(absent), None, "what is not configured is not there");
        }
    }

    #[test]
    fn what_is_shown_says_the_same() {
        let text = "log: {kafka: {bootstrap: \"a:1,b:2\", properties: {security.protocol: SSL}}}\n\
                    aws: {role: r, payers: [{account: 012345678901}]}\nstandard: shipped\n";
        let config: Config = serde_saphyr::from_str(&shown(text)).unwrap();
        assert_eq!(config.aws.unwrap().payers[0].account, "012345678901");
        let kafka = config.log.kafka.unwrap();
        assert_eq!(
            (&*kafka.bootstrap, &*kafka.properties["security.protocol"]),
            ("a:1,b:2", "SSL")
        );
    }

    /// Collects the names of all keys that a schema knows.
    fn keys(schema: &Json, found: &mut BTreeSet<String>) {
        if !schema.is_object() {
            return;
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            found.insert(name.clone());
            keys(property, found);
        }
        let parts = schema["$defs"].as_object().into_iter().flat_map(|all| all.values());
        let choices = ["anyOf", "oneOf"].map(|name| schema[name].as_array().into_iter().flatten());
        let within = ["items", "additionalProperties"].map(|name| &schema[name]);
        parts.chain(choices.into_iter().flatten()).chain(within).for_each(|one| keys(one, found));
    }

    #[test]
    fn the_manual_tells_every_key() {
        let manual = include_str!("../../docs/src/configuration.md");
        let told: BTreeSet<&str> = manual
            .split('`')
            .skip(1)
            .step_by(2)
            .flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            .collect();
        let mut all = BTreeSet::new();
        keys(&schema(), &mut all);
        assert!(all.len() > 80, "{all:?}");
        let missing: Vec<_> = all.iter().filter(|key| !told.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "not in the manual: {missing:?}");
    }
}
