//! The schema registry's client against a small server that answers the registry's REST paths.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    collections::BTreeMap,
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use schemas::{Codec, Registry, Tick};
use stream::{
    registry::{HttpRegistry, RegistryConfig},
    secret::Secret,
};

/// Serves a registry until the process ends; gives its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut schemas: BTreeMap<u32, String> = BTreeMap::new();
        for stream in listener.incoming() {
            answer(stream.unwrap(), &mut schemas);
        }
    });
    url
}

/// Answers one request, as the registry's documentation says.
fn answer(stream: TcpStream, schemas: &mut BTreeMap<u32, String>) {
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |l| l.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, answer) = if headers.get("authorization").map(String::as_str)
        // printf 'scorecard:geheim' | base64
        != Some("Basic c2NvcmVjYXJkOmdlaGVpbQ==")
    {
        (401, r#"{"error_code": 401, "message": "Unauthorized"}"#.to_owned())
    } else {
        route(line.trim(), &headers, &body, schemas)
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        answer.len()
    );
    (&stream).write_all((head + &answer).as_bytes()).unwrap();
}

fn route(
    line: &str,
    headers: &BTreeMap<String, String>,
    body: &[u8],
    schemas: &mut BTreeMap<u32, String>,
) -> (u16, String) {
    if line == "POST /subjects/refused-value/versions HTTP/1.1" {
        let message = "Schema being registered is incompatible with an earlier schema";
        return (409, format!(r#"{{"error_code": 409, "message": "{message}"}}"#));
    }
    if line.starts_with("POST /subjects/scorecard.tick.v1-value/versions ") {
        assert_eq!(headers["content-type"], "application/vnd.schemaregistry.v1+json");
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let schema = body["schema"].as_str().unwrap();
        let found = schemas.iter().find(|(_, known)| *known == schema);
        let id = found.map_or(schemas.len() as u32 + 7, |(id, _)| *id);
        schemas.insert(id, schema.to_owned());
        return (200, format!(r#"{{"id": {id}}}"#));
    }
    let id = line
        .strip_prefix("GET /schemas/ids/")
        .and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    match id.and_then(|id| schemas.get(&id)) {
        Some(schema) => (200, serde_json::json!({ "schema": schema }).to_string()),
        None => (404, r#"{"error_code": 40403, "message": "Schema not found"}"#.to_owned()),
    }
}

fn client(url: &str, password: &str) -> HttpRegistry {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, password).unwrap();
    let config = RegistryConfig {
        url: url.to_owned(),
        username: Some("scorecard".to_owned()),
        password: Some(Secret::File(file)),
        ca_file: None,
        allow_plaintext: false,
    };
    HttpRegistry::new(&config).unwrap()
}

fn said(error: &(dyn Error + Send + Sync)) -> String {
    error.to_string()
}

#[test]
fn values_travel_in_the_wire_format() {
    let url = serve();
    let writer = Codec::with_registry(client(&url, "geheim\n"));
    let tick = Tick { minute_ms: 29_000_000 };
    let bytes = writer.encode("scorecard.tick.v1", &tick).unwrap();
    // Confluent's wire format: a zero, then the id in four bytes, big-endian.
    assert_eq!(bytes[..5], [0, 0, 0, 0, 7]);
    // Another process knows nothing but the registry.
    let reader = Codec::with_registry(client(&url, "geheim"));
    assert_eq!(reader.decode::<Tick>(&bytes).unwrap(), tick);
}

#[test]
fn a_schema_is_registered_once() {
    let registry = client(&serve(), "geheim");
    let subject = "scorecard.tick.v1-value";
    let first = registry.id_of(subject, r#""long""#).unwrap();
    let second = registry.id_of(subject, r#""string""#).unwrap();
    assert_ne!(first, second);
    assert_eq!(registry.id_of(subject, r#""long""#).unwrap(), first);
    assert_eq!(registry.schema_of(second).unwrap(), r#""string""#);
}

#[test]
fn refusals_say_why() {
    let url = serve();
    let registry = client(&url, "geheim");
    let error = registry.schema_of(99).unwrap_err();
    // A registry that is sure is told apart from one that does not answer: nobody waits for it.
    assert_eq!(error.downcast_ref::<schemas::UnknownSchema>().map(|unknown| unknown.0), Some(99));
    let error = registry.id_of("refused-value", "{}").unwrap_err();
    assert!(said(&*error).contains("status 409"), "{error}");
    assert!(said(&*error).contains("incompatible with an earlier schema"), "{error}");
    let error = client(&url, "wrong").schema_of(7).unwrap_err();
    assert!(said(&*error).contains("status 401"), "{error}");
    assert!(!format!("{error:?}").contains("wrong"));
}

#[test]
fn a_registry_that_is_down_is_an_error_that_waiting_may_mend() {
    let port = kit::ports::free();
    let codec = Codec::with_registry(client(&format!("http://127.0.0.1:{port}"), "x"));
    let error = codec.encode("t", &Tick { minute_ms: 0 }).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
