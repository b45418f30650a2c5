//! `scorecard asyncapi`: every topic as an AsyncAPI document, for other programs and their authors.

use anyhow::Result;
use schemas::{
    Placement, TopicSpec,
    headers::NAMES,
    topic::{self, DEADLETTER, SIEM_EVENT},
};
use serde_json::{Map, Value, json};
use stream::{
    kafka::KafkaConfig,
    worker::{
        DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, DLQ_TIME, DLQ_TOPIC, DLQ_VALUE_BYTES,
    },
};

use crate::{config::OptionalConfigFile, output};

/// The version of the Kafka bindings that are used.
const BINDING: &str = "0.5.0";

/// What an Avro schema is called in a message's payload.
const AVRO: &str = "application/vnd.apache.avro+json;version=1.9.0";

const DESCRIPTION: &str = "Topics of scorecard: what collectors saw, the tables that stages make \
    of it, and the events that follow. Values are Avro: with a schema registry in Confluent's wire \
    format under the subject <topic>-value, without one in single-object encoding. A null value is \
    a tombstone: the key is gone. Keys are paths of UTF-8 text; in a part, %, / and control \
    characters are percent-encoded. A record lies in the partition murmur2(account) mod N, as \
    Kafka's own partitioner would have it. Headers are CloudEvents in Kafka's binary mode. Each \
    topic has one writer: do not write to these topics.";

/// Prints every topic as an AsyncAPI 3.0 document in JSON
///
/// Channels with their settings on Kafka, messages with their Avro schema, keys and headers.
/// The configuration gives prefix, brokers and settings. Without one it tells of the usual ones, as
/// `docs/src/asyncapi.json` does.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: OptionalConfigFile,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let prefix = config.as_ref().map_or("scorecard", |config| &config.prefix);
    let mut kafka = config.as_ref().and_then(|config| config.log.kafka.clone());
    let kafka = kafka.get_or_insert_with(|| KafkaConfig::new("localhost:9092"));
    if let Some(config) = &config {
        kafka.partitions = config.partitions();
    }
    output::write(format!("{:#}\n", document(prefix, kafka)))
}

/// Makes the document.
fn document(prefix: &str, kafka: &KafkaConfig) -> Value {
    let schemas = topic::value_schemas();
    let each = |make: &dyn Fn(&TopicSpec) -> Value| -> Value {
        topic::ALL
            .iter()
            .map(|spec| (spec.name.to_owned(), make(spec)))
            .collect::<Map<_, _>>()
            .into()
    };
    let message = |spec: &TopicSpec| {
        let schema = schemas.iter().find(|(name, _)| *name == spec.name);
        message(spec, schema.map(|(_, schema)| schema))
    };
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "scorecard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/avro",
        "servers": {
            "kafka": { "host": kafka.bootstrap, "protocol": "kafka" },
        },
        "channels": each(&|spec| channel(spec, prefix, kafka)),
        "operations": each(&operation),
        "components": {
            "messages": each(&message),
            "messageTraits": { "cloudEvent": { "headers": cloud_event() } },
        },
    })
}

fn channel(spec: &TopicSpec, prefix: &str, kafka: &KafkaConfig) -> Value {
    let settings = kafka.topic_settings(spec);
    let mut configuration = Map::new();
    for (name, value) in &settings {
        let value = match *name {
            "cleanup.policy" => json!([value]),
            "retention.ms" | "delete.retention.ms" | "max.message.bytes" => {
                json!(value.parse::<i64>().expect("these settings are whole numbers"))
            }
            // What only brokers care for.
            _ => continue,
        };
        configuration.insert((*name).to_owned(), value);
    }
    let name = spec.name;
    json!({
        "address": spec.full_name(prefix),
        "title": name,
        "description": format!("{}.", placement(spec)),
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
        "bindings": {
            "kafka": {
                "topic": spec.full_name(prefix),
                "partitions": kafka.partitions,
                "replicas": kafka.replication_factor,
                "topicConfiguration": configuration,
                "bindingVersion": BINDING,
            },
        },
    })
}

fn placement(spec: &TopicSpec) -> &'static str {
    match spec.placement {
        Placement::Keyed => "A record lies in the partition of its account or sum",
        Placement::Broadcast => "Every partition holds every record",
        Placement::Local => "A record lies in the partition of the record that caused it",
    }
}

fn operation(spec: &TopicSpec) -> Value {
    let name = spec.name;
    json!({
        "action": "send",
        "summary": format!("Written by: {}", spec.writer),
        "channel": { "$ref": format!("#/channels/{name}") },
        "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }],
    })
}

fn message(spec: &TopicSpec, avro: Option<&String>) -> Value {
    let mut message = json!({
        "name": spec.name,
        "title": spec.name,
        "summary": spec.value,
        "traits": [{ "$ref": "#/components/messageTraits/cloudEvent" }],
        "bindings": {
            "kafka": {
                "key": { "type": "string", "description": spec.key },
                "bindingVersion": BINDING,
            },
        },
    });
    if let Some(schema) = avro {
        let schema: Value = serde_json::from_str(schema).expect("a derived schema is JSON");
        message["payload"] = json!({ "schemaFormat": AVRO, "schema": schema });
    } else if spec.name == SIEM_EVENT.name {
        message["contentType"] = json!("application/json");
        message["payload"] = siem_event();
    } else if spec.name == DEADLETTER.name {
        message["contentType"] = json!("application/octet-stream");
        message["headers"] = dead_letter();
    } else {
        message["description"] = json!("For its writer alone: it changes without notice.");
    }
    message
}

/// What all events for SIEMs have; the classes themselves are OCSF's.
fn siem_event() -> Value {
    let required = [
        "activity_id",
        "category_uid",
        "class_uid",
        "cloud",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
    ];
    json!({
        "type": "object",
        "required": required,
        "properties": {
            "class_uid": {
                "enum": [2003, 5023],
                "description": "Compliance Finding, or Cloud Resources Inventory Info",
            },
            "time": { "type": "integer", "description": "UTC milliseconds" },
        },
        "externalDocs": { "url": "https://schema.ocsf.io/1.8.0" },
    })
}

fn cloud_event() -> Value {
    texts(&NAMES, &["ce_specversion", "ce_id", "ce_type", "ce_source"])
}

fn dead_letter() -> Value {
    let always = [DLQ_TOPIC, DLQ_PARTITION, DLQ_OFFSET, DLQ_REASON, DLQ_STAGE, DLQ_TIME];
    texts(&[&always[..], &[DLQ_VALUE_BYTES]].concat(), &always)
}

/// The schema of headers that are texts.
fn texts(names: &[&str], required: &[&str]) -> Value {
    let text = |name: &&str| ((*name).to_owned(), json!({ "type": "string" }));
    json!({
        "type": "object",
        "required": required,
        "properties": names.iter().map(text).collect::<Map<_, _>>(),
    })
}
