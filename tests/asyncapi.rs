//! The AsyncAPI document: it is valid, it tells of every topic, and the one in the docs is current.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;
use std::process::Command;

use schemas::topic;
use serde_json::{Value, json};

fn printed(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    let done = command.arg("asyncapi").args(args).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn document(args: &[&str]) -> Value {
    serde_json::from_str(&printed(args)).unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_document_in_the_docs_is_current() {
    let path = "docs/src/asyncapi.json";
    assert!(read(path) == printed(&[]), "write it anew: scorecard asyncapi > {path}");
}

/// By AsyncAPI's own JSON Schema.
#[test]
fn the_document_is_valid() {
    let schema: Value = serde_json::from_str(&read("tests/fixtures/asyncapi/3.0.0.json")).unwrap();
    let schema = jsonschema::draft7::new(&schema).unwrap();
    let document = document(&[]);
    let problems: Vec<String> =
        schema.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");

    let spoiled = |pointer: &str, value: Value| {
        let mut document = document.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        !schema.is_valid(&document)
    };
    assert!(spoiled("/asyncapi", json!("2.6.0")));
    assert!(spoiled("/channels/tick/bindings/kafka/partitions", json!("twelve")));
    assert!(spoiled("/operations/tick/action", json!("publish")));
    assert!(spoiled("/components/messages/tick/bindings/kafka", json!({ "keys": {} })));
}

#[test]
fn every_topic_is_told_of_with_its_schema_key_and_settings() {
    let document = document(&[]);
    for part in ["channels", "operations"] {
        assert_eq!(document[part].as_object().unwrap().len(), topic::ALL.len(), "{part}");
    }
    for spec in topic::ALL {
        let channel = &document["channels"][spec.name];
        assert_eq!(channel["address"], spec.full_name("scorecard"));
        let policy = &channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"];
        let compacted = spec.cleanup == schemas::Cleanup::Compact;
        assert_eq!(policy, &json!([if compacted { "compact" } else { "delete" }]), "{}", spec.name);
        let message = &document["components"]["messages"][spec.name];
        assert_eq!(message["bindings"]["kafka"]["key"]["description"], spec.key);
    }
    for (name, _) in topic::value_schemas() {
        let expected: Value =
            serde_json::from_str(&read(&format!("schemas/avsc/{name}.avsc"))).unwrap();
        let payload = &document["components"]["messages"][name]["payload"];
        assert_eq!(payload["schema"], expected, "{name}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document(&[]);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() >= 4 * topic::ALL.len(), "only {} references", found.len());
    for reference in found {
        let target = document.pointer(reference.strip_prefix('#').unwrap());
        assert!(target.is_some(), "{reference}");
    }
}

#[test]
fn a_configuration_gives_prefix_brokers_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("scorecard.yaml");
    let text = "prefix: acme\npartitions: 5\nlog: {kafka: {bootstrap: 'k1:9092', \
                retention_days: 2, history_retention_days: null}}\n";
    std::fs::write(&config, text).unwrap();
    let document = document(&["--config", config.to_str().unwrap()]);
    assert_eq!(document["servers"]["kafka"]["host"], "k1:9092");
    let kafka = |topic: &str| document["channels"][topic]["bindings"]["kafka"].clone();
    assert_eq!(kafka("tick")["topic"], "acme.tick.v1");
    assert_eq!(kafka("tick")["partitions"], 5);
    assert_eq!(kafka("tick")["topicConfiguration"]["retention.ms"], 2 * 24 * 3_600_000);
    assert_eq!(kafka("siem.event")["topicConfiguration"]["retention.ms"], -1);
}
