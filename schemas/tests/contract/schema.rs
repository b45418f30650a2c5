//! Avro's specification once more, apart from the library: canonical forms and fingerprints.

use serde_json::{Value as Json, json};

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
    ] {
        assert_eq!(fingerprint(schema) as i64, expected, "{schema}");
    }
}
