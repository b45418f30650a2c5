//! The node keeps documents over restarts, and the proxy refuses what it is told to.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use kit::elasticsearch::Elasticsearch;
use kit::elasticsearch::front::{Fault, Front};
use kit::http;
use serde_json::{Value, json};

const BULK: &str = "Content-Type: application/x-ndjson\r\n";

/// Writes documents 1 to `count` and gives status and answer.
fn bulk(port: u16, count: u32) -> (u16, Value) {
    let line = |n: u32| {
        format!("{{\"index\":{{\"_index\":\"t\",\"_id\":\"{n}\"}}}}\n{{\"event.id\":\"{n}\"}}\n")
    };
    let body: String = (1..=count).map(line).collect();
    let answer = http::request(port, "POST", "/_bulk", BULK, body.as_bytes()).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn documents_outlive_a_restart_and_faults_strike() {
    let mut node = Elasticsearch::start().unwrap();
    let mapping = json!({"mappings": {"properties": {"event.id": {"type": "keyword"}}}});
    assert_eq!(node.call("PUT", "/t", &mapping).unwrap().0, 200);
    let front = Front::start(node.port()).unwrap();
    let port = front.url().rsplit(':').next().unwrap().parse().unwrap();

    front.inject(Fault::Items { status: 429, one_in: 3 }, Some(1));
    let (status, answer) = bulk(port, 7);
    let statuses: Vec<u64> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["index"]["status"].as_u64().unwrap())
        .collect();
    assert_eq!((status, statuses), (200, vec![201, 201, 429, 201, 201, 429, 201]));
    assert_eq!(node.documents("t", &json!({"match_all": {}})).unwrap().len(), 5);

    front.inject(Fault::Requests { status: 503, retry_after_s: Some(1) }, Some(1));
    assert_eq!(bulk(port, 7).0, 503);
    front.inject(Fault::TooLarge { bytes_max: 100 }, None);
    assert_eq!(bulk(port, 7).0, 413);
    assert_eq!(bulk(port, 1).0, 200);
    front.inject(Fault::Cut, Some(1));
    assert!(
        http::request(port, "POST", "/_bulk", BULK, b"{\"index\":{\"_index\":\"t\"}}\n{}\n")
            .is_err()
    );
    assert_eq!(bulk(port, 7).0, 200, "the fault was for one request");
    assert_eq!((front.refused_items(), front.struck()), (2, 4));

    node.stop().unwrap();
    assert!(node.call("GET", "/", &Value::Null).is_err());
    node.restart().unwrap();
    assert_eq!(node.documents("t", &json!({"exists": {"field": "event.id"}})).unwrap().len(), 7);
}
