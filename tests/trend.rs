//! `scorecard setup clickhouse`, `sink clickhouse` and `trend`: a log goes in, answers come out.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;
use std::process::{Command, Output};

use kit::clickhouse::ClickHouse;
use schemas::{Codec, ScoreKey, ScoreState, ScoreStatus, topic};
use serde_json::Value;
use stream::{LogConfig, Publisher};

/// 2026-03-01, midnight.
const START_MS: i64 = 1_772_323_200_000;
const DAY_MS: i64 = 86_400_000;

/// Writes an account's score of two days, with a day between them.
fn write(folder: &Path) {
    let dir = folder.join("log");
    let config =
        LogConfig::Local { dir, partitions: 4, retention_days: None, history_retention_days: None };
    let log = stream::open(&config, "scorecard").unwrap();
    log.apply().unwrap();
    let mut publisher = Publisher::open(&*log, &Codec::default(), "scorecard", "test").unwrap();
    for (day, passing) in [(0, 1), (2, 3)] {
        let state = ScoreState {
            status: ScoreStatus::Scored,
            score: Some(passing * 250_000_000),
            total: 4,
            noncompliant: 4 - passing,
            ..ScoreState::default()
        };
        let key = ScoreKey::new("=1+1", "*");
        publisher.put(&topic::SCORE_HISTORY, &key, &state, START_MS + day * DAY_MS).unwrap();
    }
    publisher.flush().unwrap();
}

fn scorecard(folder: &Path, words: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(words.split(' ')).arg("--config").arg(folder.join("scorecard.yaml")).args(more);
    command.output().unwrap()
}

fn said(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn complaint(output: Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn history_is_carried_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut server = ClickHouse::start().unwrap();
    let configured = |more: &str| {
        let text = format!("log: {{local: log}}\npartitions: 4\n{more}\n");
        std::fs::write(folder.join("scorecard.yaml"), text).unwrap();
    };
    configured("");
    write(folder);
    let none = complaint(scorecard(folder, "trend", &["--all"]));
    assert!(none.contains("the configuration has no `clickhouse`"), "{none}");

    configured(&format!("clickhouse: {{url: \"{}\", retention_days: 4000}}", server.url()));
    for words in ["trend --all", "sink clickhouse --once"] {
        let old = complaint(scorecard(folder, words, &[]));
        assert!(old.contains("run `scorecard setup clickhouse`"), "{words}: {old}");
    }
    let planned = said(scorecard(folder, "setup clickhouse", &["--dry-run"]));
    assert!(planned.contains("CREATE TABLE IF NOT EXISTS score_history"), "{planned}");
    assert!(planned.ends_with("nothing was done: this was a dry run\n"), "{planned}");
    let done = said(scorecard(folder, "setup clickhouse", &[]));
    assert!(done.contains("applying migration 0001_tables\n"), "{done}");
    let again = said(scorecard(folder, "setup clickhouse", &[]));
    assert_eq!(again, "database scorecard is as it must be\n");

    said(scorecard(folder, "sink clickhouse --once", &[]));
    let span = ["--account", "=1+1", "--from", "2026-03-01", "--to", "2026-03-03"];
    let table = said(scorecard(folder, "trend", &span));
    let wanted = "\
day          score  total  noncompliant  excepted  filled
2026-03-01  25.0 %      4             3         0
2026-03-02  25.0 %      4             3         0     yes
2026-03-03  75.0 %      4             1         0
";
    assert_eq!(table, wanted);
    let json = said(scorecard(folder, "trend --output json", &span));
    let rows: Vec<Value> = json.lines().map(|row| row.parse().unwrap()).collect();
    assert_eq!(rows[2]["score"], 0.75);
    let csv = said(scorecard(folder, "trend what-if --of account --output csv", &[]));
    assert_eq!(csv, "id,name,score,score_if_expired,moved\n", "no requirement has a score");
    for words in ["trend movers", "trend time-to-fix", "trend exceptions"] {
        assert!(said(scorecard(folder, words, &[])).starts_with("nothing is known"), "{words}");
    }

    let whose = complaint(scorecard(folder, "trend", &[]));
    assert!(whose.contains("whose score?"), "{whose}");
    let both = complaint(scorecard(folder, "trend --all --account 1", &[]));
    assert!(both.contains("cannot be used with"), "{both}");
    let mixed = complaint(scorecard(folder, "trend --all movers", &[]));
    assert!(mixed.contains("for scores by day alone"), "{mixed}");
    server.stop().unwrap();
    let away = complaint(scorecard(folder, "trend --all", &[]));
    assert!(away.contains("reading the migrations in ClickHouse's database scorecard"), "{away}");
    assert!(away.contains("onnect"), "{away}");
}
