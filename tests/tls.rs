//! TLS to every server that is spoken to by HTTP: believed by the certificates that its setting
//! names, and by nothing else. The doctor asks with the clients that the sinks have.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use kit::clickhouse::ClickHouse;
use kit::elasticsearch::Elasticsearch;
use kit::hook::Hook;
use kit::otlp::Collector;
use kit::registry::Registry;
use kit::tls::Front;
use serde_json::{Value, json};

/// Runs a command with a configuration; gives whether it succeeded and what it printed.
fn scorecard(folder: &Path, config: &Value, args: &[&str]) -> (bool, String) {
    std::fs::write(folder.join("scorecard.yaml"), config.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(args).args(["--config", "scorecard.yaml"]).current_dir(folder);
    let done = command.output().unwrap();
    let said = if args[0] == "doctor" { done.stdout } else { done.stderr };
    (done.status.success(), String::from_utf8(said).unwrap())
}

/// What the doctor says of each part: whether all is well, and what it found.
fn doctor(folder: &Path, config: &Value) -> BTreeMap<String, (bool, String)> {
    let (_, said) = scorecard(folder, config, &["doctor", "--output", "json"]);
    let checks = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let checks = checks.map(|check| {
        let text = |name: &str| check[name].as_str().unwrap().to_owned();
        (text("part"), (check["is_well"].as_bool().unwrap(), text("found")))
    });
    checks.collect()
}

/// The port of a URL.
fn port(url: &str) -> u16 {
    let port = url.strip_prefix("http://127.0.0.1:").unwrap();
    port.split('/').next().unwrap().parse().unwrap()
}

/// A configuration in which each front is a server; `authority` gives the certificates of a part.
fn configuration<'a>(
    fronts: &BTreeMap<&'a str, Front>,
    authority: impl Fn(&'a str) -> Value,
) -> Value {
    let mut config = json!({"log": {"local": "./log"}});
    for (part, front) in fronts {
        let mut server = json!({"url": front.url()});
        let ca_file = authority(part);
        if !ca_file.is_null() {
            server["ca_file"] = ca_file;
        }
        match *part {
            "alerts" => config["alerts"] = json!({"webhook": server}),
            part => config[part] = server,
        }
    }
    config
}

#[test]
fn a_server_is_believed_by_the_authority_that_is_named_and_by_no_other() {
    let (search, history) = (Elasticsearch::start().unwrap(), ClickHouse::start().unwrap());
    let (registry, collector) = (Registry::start().unwrap(), Collector::start().unwrap());
    let hook = Hook::start().unwrap();
    let ports = [
        ("elasticsearch", search.port()),
        ("clickhouse", history.port()),
        ("schema_registry", port(&registry.url())),
        ("telemetry", port(&collector.url())),
        ("alerts", port(&hook.url())),
    ];
    let fronts: BTreeMap<_, _> =
        ports.into_iter().map(|(part, port)| (part, Front::start(port).unwrap())).collect();
    let folder = tempfile::tempdir().unwrap();
    let stranger = Front::start(search.port()).unwrap();

    let config = configuration(&fronts, |part| json!(fronts[part].authority()));
    for target in ["elasticsearch", "clickhouse"] {
        let (is_well, said) = scorecard(folder.path(), &config, &["setup", target]);
        assert!(is_well, "{target}: {said}");
    }
    let said = doctor(folder.path(), &config);
    for part in fronts.keys() {
        let (is_well, found) = &said[*part];
        assert!(is_well, "{part}: {found}");
    }
    for authority in [Value::Null, json!(stranger.authority())] {
        let said = doctor(folder.path(), &configuration(&fronts, |_| authority.clone()));
        for part in fronts.keys() {
            let (is_well, found) = &said[*part];
            assert!(!is_well && found.contains("certificate"), "{authority}, {part}: {found}");
        }
    }
}
