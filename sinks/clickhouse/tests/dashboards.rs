//! Grafana's dashboards: every query of every panel runs on the real engine and finds something.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::path::{Path, PathBuf};

use kit::clickhouse::ClickHouse;
use serde_json::Value as Json;
use sink_clickhouse::ROLE;
use world::tables::{AT_ONCE, carry, local_log, prepared};
use world::{Size, World};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/grafana").join(name)
}

fn dashboards() -> Vec<(String, Json)> {
    let files = std::fs::read_dir(folder("dashboards")).unwrap();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.file_name().unwrap().to_string_lossy().into_owned(), text.parse().unwrap())
    };
    files.map(|file| read(file.unwrap().path())).collect()
}

/// Gives each member of this name, however deep.
fn members<'a>(json: &'a Json, name: &str) -> Vec<&'a Json> {
    let below = match json {
        Json::Object(map) => map.values().flat_map(|value| members(value, name)).collect(),
        Json::Array(list) => list.iter().flat_map(|value| members(value, name)).collect(),
        _ => Vec::new(),
    };
    json.get(name).into_iter().chain(below).collect()
}

/// Fills in what Grafana and its plug-in for ClickHouse fill in.
fn filled(statement: &str, owners: &str, requirements: &str) -> String {
    let (from, to) = ("toDateTime('2026-03-01 00:00:00')", "toDateTime('2026-03-09 00:00:00')");
    let mut statement = statement
        .replace("${owner:singlequote}", owners)
        .replace("${requirement:singlequote}", requirements)
        .replace("$__fromTime", from)
        .replace("$__toTime", to);
    while let Some(start) = statement.find("$__dateFilter(") {
        let rest = &statement[start..];
        let end = start + rest.find(')').unwrap();
        let column = statement[start + "$__dateFilter(".len()..end].to_owned();
        let filter = format!("{column} >= toDate({from}) AND {column} <= toDate({to})");
        statement.replace_range(start..=end, &filter);
    }
    assert!(!statement.contains('$'), "a variable that nobody fills in: {statement}");
    statement
}

#[test]
fn every_query_runs_and_finds_something() {
    let place = tempfile::tempdir().unwrap();
    let log = local_log(place.path(), "t");
    let server = ClickHouse::start().unwrap();
    let (config, database) = prepared(&server);
    let size = Size { accounts: 6, requirements: 3, days: 6, resources: 20 };
    World::of(&*log, "t", size).write(&*log);
    carry(&ROLE, AT_ONCE, &*log, "t", &config);
    let list = |statement| {
        let rows = database.ask("listing", statement, &[]).unwrap().rows;
        let texts = rows.iter().map(|row| format!("'{}'", row[0].as_str().unwrap()));
        texts.collect::<Vec<_>>().join(",")
    };
    let owners = list("SELECT DISTINCT owner FROM accounts");
    let requirements = list("SELECT requirement FROM requirements");

    let mut count = 0;
    for (file, dashboard) in dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let variables = variables.iter().filter(|variable| variable["type"] == "query");
        let statements = variables.map(|variable| &variable["query"]);
        for statement in statements.chain(members(&dashboard, "rawSql")) {
            let statement = filled(statement.as_str().unwrap(), &owners, &requirements);
            let answer = database.ask("a panel", &statement, &[]);
            let answer = answer.unwrap_or_else(|error| panic!("{file}: {statement}\n{error:?}"));
            assert!(!answer.rows.is_empty(), "{file}: finds nothing: {statement}");
            count += 1;
        }
    }
    assert!(count > 20, "{count} queries");
}

#[test]
fn dashboards_name_their_data_source_by_a_variable() {
    let all = dashboards();
    assert_eq!(all.len(), 4);
    let mut uids = std::collections::BTreeSet::new();
    for (file, dashboard) in &all {
        let sources = members(dashboard, "datasource");
        assert!(!sources.is_empty());
        for source in sources {
            assert_eq!(source["uid"], "${datasource}", "{file}: {source}");
            assert_eq!(source["type"], "grafana-clickhouse-datasource", "{file}");
        }
        let first = &dashboard["templating"]["list"][0];
        assert_eq!(first["name"], "datasource", "{file}");
        assert_eq!(first["query"], "grafana-clickhouse-datasource", "{file}");
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{file}");
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: std::collections::BTreeSet<_> =
            panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{file}: panels have ids of their own");
    }
    let source = std::fs::read_to_string(folder("provisioning/datasources/clickhouse.yaml"));
    assert!(source.unwrap().contains("type: grafana-clickhouse-datasource"));
    let provider = std::fs::read_to_string(folder("provisioning/dashboards/scorecard.yaml"));
    assert!(provider.unwrap().contains("path: /var/lib/grafana/dashboards"));
}
