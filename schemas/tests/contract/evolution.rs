//! Older and newer writers, other orders and other types: read by the rules, or refused.

use schemas::{AvroError, Codec, Key, Observation, Severity, Spend, Topic, Value};
use serde_json::{Map, Value as Json, json};

use crate::{
    data::{Datum, every_choice},
    every_topic,
    golden::golden,
    registry::InMemory,
    schema::Kind,
};

/// Reads all that a writer of this schema may write; `expected` turns its JSON into ours.
fn read_all<V: Value>(schema: &Json, expected: impl Fn(Json) -> Json) {
    let schema = schema.to_string();
    for datum in every_choice(&Kind::parse(&schema)) {
        let value: V = read(&schema, &datum).unwrap_or_else(|e| panic!("{e:?} for {schema}"));
        assert!(
            serde_json::to_value(&value).unwrap() == expected(datum.json()),
            "{value:.500?} for {schema}"
        );
    }
}

fn read<V: Value>(schema: &str, datum: &Datum) -> Result<V, AvroError> {
    let registry = InMemory::default();
    let head = registry.foreign(schema);
    Codec::with_registry(registry).decode(&[head, datum.bytes()].concat())
}

fn schema_of(name: &str) -> Json {
    serde_json::from_str(&golden(name)).unwrap()
}

fn fields(record: &mut Json) -> &mut Vec<Json> {
    record["fields"].as_array_mut().unwrap()
}

/// Changes every schema within a schema, the innermost first.
fn change(schema: &mut Json, how: &impl Fn(&mut Json)) {
    match schema {
        Json::Array(parts) => parts.iter_mut().for_each(|part| change(part, how)),
        Json::Object(entries) => {
            let parts = ["type", "items", "values", "fields"];
            let parts = entries.iter_mut().filter(|(key, _)| parts.contains(&key.as_str()));
            parts.for_each(|(_, part)| change(part, how));
        }
        _ => {}
    }
    how(schema);
}

/// Puts declarations where names are used first, after fields were moved or left out.
fn declare_where_first_used(schema: &mut Json, all: &Map<String, Json>, seen: &mut Vec<String>) {
    let full = |name: &Json| match name.as_str() {
        Some(name) if name.contains('.') => name.to_owned(),
        Some(name) => format!("scorecard.{name}"),
        None => String::new(),
    };
    let name = if schema.is_string() { full(schema) } else { full(&schema["name"]) };
    if all.contains_key(&name) && (schema.is_string() || schema.get("type").is_some()) {
        if seen.contains(&name) {
            *schema = json!(name);
            return;
        }
        if schema.is_string() {
            *schema = all[&name].clone();
        }
        seen.push(name);
    }
    match schema {
        Json::Array(members) => {
            members.iter_mut().for_each(|member| declare_where_first_used(member, all, seen));
        }
        Json::Object(entries) => {
            for part in ["items", "values"] {
                if let Some(part) = entries.get_mut(part) {
                    declare_where_first_used(part, all, seen);
                }
            }
            if let Some(Json::Array(fields)) = entries.get_mut("fields") {
                for field in fields {
                    declare_where_first_used(&mut field["type"], all, seen);
                }
            }
        }
        _ => {}
    }
}

/// The same for a whole schema; `before` holds all declarations.
fn redeclared(mut schema: Json, before: &Json) -> Json {
    fn collect(schema: &Json, all: &mut Map<String, Json>) {
        match schema {
            Json::Array(parts) => parts.iter().for_each(|part| collect(part, all)),
            Json::Object(entries) => {
                if entries.contains_key("fields") || entries.contains_key("symbols") {
                    let name = entries["name"].as_str().unwrap();
                    let name = name.strip_prefix("scorecard.").unwrap_or(name);
                    all.insert(format!("scorecard.{name}"), schema.clone());
                }
                entries.values().for_each(|part| collect(part, all));
            }
            _ => {}
        }
    }
    let mut all = Map::new();
    collect(before, &mut all);
    declare_where_first_used(&mut schema, &all, &mut Vec::new());
    schema
}

#[test]
fn an_older_writer_lacks_fields() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let today = schema_of(topic.spec.name);
        for field in today["fields"].as_array().unwrap() {
            let (name, Some(default)) = (field["name"].as_str().unwrap(), field.get("default"))
            else {
                continue;
            };
            let mut older = today.clone();
            fields(&mut older).retain(|field| field["name"] != name);
            read_all::<V>(&redeclared(older, &today), |mut json| {
                json[name] = default.clone();
                json
            });
        }
    }
    every_topic!(check);
}

#[test]
fn a_newer_writer_has_more_fields() {
    let inner = json!({"type": "record", "name": "Extra", "fields": [
        {"name": "kind", "type": {"type": "enum", "name": "ExtraKind", "symbols": ["a", "b"]}},
        {"name": "list", "type": {"type": "array", "items": "long"}},
        {"name": "again", "type": "ExtraKind"},
    ]});
    let extra = |name: &str, kind: &Json| json!({"name": name, "type": kind});
    let (map, union) =
        (json!({"type": "map", "values": "int"}), json!(["null", "Extra", "string"]));
    fn check<K: Key, V: Value>(topic: Topic<K, V>, first: &Json, last: &[Json]) {
        let mut newer = schema_of(topic.spec.name);
        fields(&mut newer).insert(0, first.clone());
        fields(&mut newer).extend_from_slice(last);
        read_all::<V>(&newer, |mut json| {
            json.as_object_mut().unwrap().retain(|name, _| !name.starts_with("extra_"));
            json
        });
    }
    let first = extra("extra_record", &inner);
    let last = [extra("extra_map", &map), extra("extra_union", &union)];
    macro_rules! with_extras {
        ($topic:expr) => {
            check($topic, &first, &last)
        };
    }
    with_extras!(schemas::topic::OBSERVATION);
    with_extras!(schemas::topic::REQUIREMENT);
    with_extras!(schemas::topic::ACCOUNT_STATE);
    with_extras!(schemas::topic::COMPLIANCE_CHANGE);
    with_extras!(schemas::topic::SCORE_STATE);
}

#[test]
fn a_word_of_a_newer_writer_is_the_default() {
    const NEW: &str = "new_for_";
    fn known(json: Json) -> Json {
        match json {
            Json::String(text) => json!(text.strip_prefix(NEW).unwrap_or(&text)),
            Json::Array(items) => items.into_iter().map(known).collect(),
            Json::Object(entries) => {
                entries.into_iter().map(|(key, v)| (key, known(v))).collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let mut newer = schema_of(topic.spec.name);
        change(&mut newer, &|schema| {
            if schema["type"] == "enum" {
                let new = format!("{NEW}{}", schema["default"].as_str().unwrap());
                // In front, so that all positions change too.
                schema["symbols"].as_array_mut().unwrap().insert(0, json!(new));
            }
        });
        read_all::<V>(&newer, known);
    }
    every_topic!(check);
}

#[test]
fn every_enum_names_one_of_its_words_as_default() {
    fn check(kind: &Kind, seen: &mut usize) {
        match kind {
            Kind::Enum { name, symbols, default } => {
                let default = default.as_ref().unwrap_or_else(|| panic!("{name} has no default"));
                assert!(symbols.contains(default), "{default} of {name}");
                *seen += 1;
            }
            Kind::Array(inner) | Kind::Map(inner) => check(inner, seen),
            Kind::Union(members) => members.iter().for_each(|member| check(member, seen)),
            Kind::Record { fields, .. } => fields.iter().for_each(|(_, k)| check(k, seen)),
            Kind::Plain(_) => {}
        }
    }
    let mut seen = 0;
    for (_, schema) in schemas::topic::value_schemas() {
        check(&Kind::parse(&schema), &mut seen);
    }
    assert!(seen >= 10, "only {seen} enums");
}

#[test]
fn a_word_of_a_newer_writer_is_an_error_where_people_write() {
    let newer = r#"{"type": "enum", "name": "scorecard.Severity",
        "symbols": ["info", "low", "medium", "high", "critical", "apocalyptic"]}"#;
    let newer = apache_avro::Schema::parse_str(newer).unwrap();
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&newer);
    let reader = reader.human_readable(false).build().unwrap();
    let read = |index: u8| reader.read_deser::<Severity>(&mut &[2 * index][..]).unwrap();
    assert_eq!(read(1), Severity::Low);
    assert_eq!(read(5), Severity::High, "the default");
    assert_eq!(serde_json::from_str::<Severity>("\"low\"").ok(), Some(Severity::Low));
    let error = serde_json::from_str::<Severity>("\"lwo\"").expect_err("a typing error");
    assert!(error.to_string().contains("unknown variant `lwo`"), "{error}");
}

#[test]
fn union_members_are_known_by_name() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let mut other = schema_of(topic.spec.name);
        change(&mut other, &|schema| {
            // The lists of fields have names, the members of unions are types.
            if let Json::Array(members) = schema
                && members.iter().any(|m| m == "null" || m["type"] == "record")
            {
                members.rotate_left(1);
            }
            if let Json::Object(entries) = schema {
                entries.remove("default");
            }
        });
        assert_ne!(Kind::parse(&other.to_string()), Kind::parse(&golden(topic.spec.name)));
        read_all::<V>(&other, |json| json);
    }
    check(schemas::topic::OBSERVATION);
    check(schemas::topic::REPORT);
    check(schemas::topic::SCORE_STATE);
    check(schemas::topic::COMPLIANCE_STATE);
}

#[test]
fn a_member_that_only_a_newer_writer_knows_is_refused() {
    let mut newer = schema_of("observation");
    let event = fields(&mut newer).iter_mut().find(|field| field["name"] == "event").unwrap();
    let paused = json!({"type": "record", "name": "Paused", "fields": []});
    event["type"].as_array_mut().unwrap().insert(0, paused);
    let schema = newer.to_string();
    let mut refused = 0;
    for datum in every_choice(&Kind::parse(&schema)) {
        let paused = datum.json()["event"].get("Paused").is_some();
        match read::<Observation>(&schema, &datum) {
            Ok(value) => {
                assert!(!paused && serde_json::to_value(value).unwrap() == datum.json());
            }
            Err(AvroError::Misfit { reason, .. }) => {
                assert!(paused && reason.contains("event"), "{reason}");
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(refused > 0);
}

#[test]
fn other_orders_documents_and_narrower_numbers_are_read() {
    fn check<K: Key, V: Value>(topic: Topic<K, V>) {
        let mut other = schema_of(topic.spec.name);
        change(&mut other, &|schema| match schema {
            Json::String(name) if name == "long" => *name = "int".to_owned(),
            Json::Object(entries) => {
                entries.remove("default");
                entries.insert("doc".to_owned(), json!("another writer's words"));
                if entries.contains_key("symbols") {
                    entries["symbols"].as_array_mut().unwrap().reverse();
                }
            }
            _ => {}
        });
        let before = other.clone();
        fields(&mut other).rotate_left(1);
        read_all::<V>(&redeclared(other, &before), |json| json);
    }
    every_topic!(check);
}

#[test]
fn what_was_always_there_may_become_an_option() {
    let mut older = schema_of("score.state");
    for field in fields(&mut older) {
        if field["type"] == json!(["null", "long"]) {
            *field = json!({"name": field["name"], "type": "long"});
        }
    }
    read_all::<schemas::ScoreState>(&older, |json| json);
}

#[test]
fn what_can_not_be_ours_is_refused() {
    let check = |how: &dyn Fn(&mut Json), part: &str| {
        let mut other = schema_of("spend");
        how(&mut other);
        let schema = other.to_string();
        let datum = every_choice(&Kind::parse(&schema)).remove(0);
        let error = read::<Spend>(&schema, &datum).unwrap_err();
        let mut text = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            text.push_str(&source.to_string());
        }
        assert!(text.contains(part) && !error.is_transient(), "{text}");
    };
    check(&|schema| schema["name"] = json!("Tick"), "scorecard.Tick");
    check(&|schema| schema["fields"][0]["name"] = json!("konto"), "account");
    check(&|schema| schema["fields"][0]["type"] = json!("long"), "Long where String");
    check(&|schema| schema["fields"][1]["type"] = json!("string"), "String where Long");
}
