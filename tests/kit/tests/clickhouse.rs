//! ClickHouse answers, keeps its data over a crash, and fails when it is asked to.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::time::Duration;

use kit::clickhouse::{ClickHouse, Fault};
use kit::http;
use serde_json::json;

#[test]
fn clickhouse_keeps_its_data_over_a_crash() {
    let mut server = ClickHouse::start().unwrap();
    server.query("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a").unwrap();
    server.query("INSERT INTO t SELECT number, 'x' FROM numbers(3)").unwrap();
    server.stop().unwrap();
    assert!(http::request(server.port(), "GET", "/ping", "", b"").is_err());
    server.start_again().unwrap();
    let rows = server.query("SELECT count() AS n, sum(a) AS s FROM t").unwrap();
    assert_eq!(rows, [json!({"n": 3, "s": 3})]);
    let error = server.query("SELECT nothing FROM t").unwrap_err().to_string();
    assert!(error.contains("status 404") && error.contains("Code: 47"), "{error}");
    assert!(server.log().contains("POST"), "{}", server.log());
}

#[test]
fn settings_and_parameters_hold_for_one_request() {
    let server = ClickHouse::start_with_password("geheim").unwrap();
    let ask = |path: &str, key: &str| {
        let answer = http::request(server.port(), "POST", path, key, b"").unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let key = "X-ClickHouse-Key: geheim\r\n";
    let select = "/?query=SELECT%20getSetting('max_threads'),%20%7Bwho:String%7D";
    let with = format!("{select}&max_threads=3&param_who=it%5C's");
    assert_eq!(ask(&with, key), (200, "3\tit\\'s\n".to_owned()));
    let (status, text) = ask("/?query=SELECT%20getSetting('max_threads')%20=%203", key);
    assert_eq!((status, &*text), (200, "0\n"));
    let (status, text) = ask("/?query=SELECT%201", "");
    assert_eq!(status, 401, "{text}");
    let query = server.query("SELECT 1 AS one").unwrap();
    assert_eq!(query, [json!({"one": 1})]);
}

#[test]
fn inserts_go_wrong_as_asked() {
    let mut server = ClickHouse::start().unwrap();
    server.query("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").unwrap();
    let port = server.port();
    let insert = |a: u64| {
        let path = "/?query=INSERT%20INTO%20t%20FORMAT%20TSV";
        let answer = http::request(port, "POST", path, "", format!("{a}\n").as_bytes());
        answer.map(|answer| answer.status)
    };
    server.disturb(Fault::Answer(503), 1, 2).unwrap();
    let seen: Vec<u16> = (1..=4).map(|a| insert(a).unwrap()).collect();
    assert_eq!(seen, [200, 503, 503, 200]);
    server.disturb(Fault::Cut, 0, 1).unwrap();
    assert!(insert(5).is_err());
    server.disturb(Fault::Forget, 0, 1).unwrap();
    assert!(insert(6).is_err());
    server.disturb(Fault::Hold(0), 0, 1).unwrap();
    assert_eq!(insert(7).unwrap(), 200);
    server.wait_until_held(Duration::from_secs(5)).unwrap();
    let rows = server.query("SELECT arraySort(groupArray(a)) AS a FROM t").unwrap();
    assert_eq!(rows, [json!({"a": [1, 4, 6, 7]})]);
}
