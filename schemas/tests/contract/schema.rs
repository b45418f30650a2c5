//! Avro's specification once more, apart from the library: schemas, canonical forms, fingerprints.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

/// A schema with its references resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `null`, `boolean`, `int`, `long`, `string`, ...
    Plain(String),
    Array(Box<Kind>),
    Map(Box<Kind>),
    Union(Vec<Kind>),
    Enum {
        name: String,
        symbols: Vec<String>,
        default: Option<String>,
    },
    Record {
        name: String,
        fields: Vec<(String, Kind)>,
    },
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Kind {
        let json = serde_json::from_str(text).expect("a schema is JSON");
        kind(&json, &mut BTreeMap::new())
    }

    /// The name by which the members of a union are told apart.
    pub(crate) fn name(&self) -> &str {
        match self {
            Kind::Plain(name) | Kind::Enum { name, .. } | Kind::Record { name, .. } => name,
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            Kind::Union(_) => "union",
        }
    }
}

fn kind(json: &Json, named: &mut BTreeMap<String, Kind>) -> Kind {
    if let Json::Array(members) = json {
        return Kind::Union(members.iter().map(|member| kind(member, named)).collect());
    }
    let Json::Object(_) = json else {
        let name = text(json);
        let plain = || Kind::Plain(name.clone());
        return named.get(short(&name)).cloned().unwrap_or_else(plain);
    };
    let name = json.get("name").map(text).unwrap_or_default();
    let name = short(&name).to_owned();
    let found = match text(&json["type"]).as_str() {
        "array" => return Kind::Array(Box::new(kind(&json["items"], named))),
        "map" => return Kind::Map(Box::new(kind(&json["values"], named))),
        "enum" => Kind::Enum {
            name: name.clone(),
            symbols: list(&json["symbols"]).iter().map(text).collect(),
            default: json.get("default").map(text),
        },
        "record" => Kind::Record {
            name: name.clone(),
            fields: list(&json["fields"])
                .iter()
                .map(|field| (text(&field["name"]), kind(&field["type"], named)))
                .collect(),
        },
        plain => return Kind::Plain(plain.to_owned()),
    };
    named.insert(name, found.clone());
    found
}

/// The CRC-64-AVRO of a schema's Parsing Canonical Form.
///
/// Source: Avro 1.12 specification, "Schema Fingerprints" (its Java code, bit by bit).
pub(crate) fn fingerprint(schema: &str) -> u64 {
    let json: Json = serde_json::from_str(schema).expect("a schema is JSON");
    crc64(canonical(&json, "").as_bytes())
}

fn crc64(bytes: &[u8]) -> u64 {
    const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
    bytes.iter().fold(EMPTY, |crc, byte| {
        let mut entry = (crc ^ u64::from(*byte)) & 0xff;
        for _ in 0..8 {
            entry = (entry >> 1) ^ (EMPTY & (entry & 1).wrapping_neg());
        }
        (crc >> 8) ^ entry
    })
}

/// Source: Avro 1.12 specification, "Transforming into Parsing Canonical Form".
fn canonical(schema: &Json, namespace: &str) -> String {
    match schema {
        Json::String(name) if is_plain(name) => json!(name).to_string(),
        Json::String(name) => json!(full(name, namespace)).to_string(),
        Json::Array(members) => commas('[', members.iter().map(|m| canonical(m, namespace)), ']'),
        _ => canonical_object(schema, namespace),
    }
}

fn canonical_object(schema: &Json, namespace: &str) -> String {
    let kind = text(&schema["type"]);
    if is_plain(&kind) {
        return json!(kind).to_string();
    }
    let name = schema.get("name").map(text).unwrap_or_default();
    let space = schema.get("namespace").map_or(namespace.to_owned(), text);
    let head = format!("\"name\":{},\"type\":\"{kind}\"", json!(full(&name, &space)));
    match kind.as_str() {
        "array" => {
            let items = canonical(&schema["items"], namespace);
            format!("{{\"type\":\"array\",\"items\":{items}}}")
        }
        "map" => {
            let values = canonical(&schema["values"], namespace);
            format!("{{\"type\":\"map\",\"values\":{values}}}")
        }
        "enum" => format!("{{{head},\"symbols\":{}}}", schema["symbols"]),
        _ => {
            let fields = list(&schema["fields"]).iter().map(|field| {
                let kind = canonical(&field["type"], &space);
                format!("{{\"name\":{},\"type\":{kind}}}", field["name"])
            });
            format!("{{{head},\"fields\":{}}}", commas('[', fields, ']'))
        }
    }
}

fn full(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn commas(open: char, parts: impl Iterator<Item = String>, close: char) -> String {
    let parts: Vec<_> = parts.collect();
    format!("{open}{}{close}", parts.join(","))
}

fn is_plain(name: &str) -> bool {
    let plain = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    plain.contains(&name)
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().expect("a split has a part")
}

fn text(json: &Json) -> String {
    json.as_str().expect("a text").to_owned()
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

#[test]
fn fingerprints_are_those_of_the_specification() {
    // Expected values: Avro's share/test/data/schema-tests.txt.
    for (schema, expected) in [
        ("\"null\"", 7_195_948_357_588_979_594),
        ("{\"type\":\"null\"}", 7_195_948_357_588_979_594),
        ("\"boolean\"", -6_970_731_678_124_411_036),
        ("\"int\"", 8_247_732_601_305_521_295),
        ("\"long\"", -3_434_872_931_120_570_953),
        ("\"string\"", -8_142_146_995_180_207_161),
        ("[ ]", -1_241_056_759_729_112_623_i64),
        (r#"["int", {"type": "boolean"}]"#, 5_392_556_393_470_105_090),
        (r#"{"fields": [], "type": "record", "name": "foo"}"#, -4_824_392_279_771_201_922),
        (
            r#"{"fields": [], "type": "record", "name": "foo", "namespace": "x.y"}"#,
            5_916_914_534_497_305_771,
        ),
        (
            r#"{"fields": [{"type": "boolean", "aliases": [], "name": "f1", "default": true},
                {"order": "descending", "name": "f2", "doc": "Hello", "type": "int"}],
                "type": "record", "name": "foo"}"#,
            -4_860_222_112_080_293_046,
        ),
        (
            r#"{"namespace": "x.y.z", "type": "enum", "name": "foo", "doc": "foo bar",
                "symbols": ["A1", "A2"]}"#,
            -4_448_647_247_586_288_245,
        ),
        (r#"{"items": {"type": "null"}, "type": "array"}"#, -589_620_603_366_471_059),
        (r#"{"values": "string", "type": "map"}"#, -8_732_877_298_790_414_990),
        (
            r#"{"name": "PigValue", "type": "record", "fields": [
                {"name": "value", "type": ["null", "int", "long", "PigValue"]}]}"#,
            -1_759_257_747_318_642_341,
        ),
    ] {
        assert_eq!(fingerprint(schema) as i64, expected, "{schema}");
    }
}
