//! What the server's tables hold, in the shape in which the invented history expects it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::clickhouse::ClickHouse;
use schemas::Codec;
use serde_json::Value as Json;
use sink_clickhouse::{Config, Database, LIMITS, Tables};
use sink_frame::{Frame, Limits, Progress, Role};
use stream::secret::Secret;
use stream::worker::Stop;
use stream::{Log, LogConfig};

use super::{START_MS, World, sorted};

/// The columns of each table that are compared.
const COLUMNS: [(&str, &str); 7] = [
    ("requirement_history", "requirement, ms(at) AS at, title, severity, weight, log_offset"),
    (
        "exception_history",
        "exception, ms(at) AS at, state, accounts, ms(expires) AS expires, log_offset",
    ),
    (
        "account_history",
        "account, ms(at) AS at, deleted, name, payer, owner, executive, spend_cents, scopes,
         scopes_collected, ms(oldest) AS oldest, `coverage.collected` AS collected, log_partition,
         log_offset",
    ),
    (
        "compliance",
        "requirement, account, resource, ms(at) AS at, verdict, credit, evidence, name, exception,
         ms(since) AS since, log_partition, log_offset",
    ),
    (
        "compliance_change",
        "requirement, account, resource, ms(at) AS at, verdict_before, credit_before, verdict,
         credit, cause_topic, cause_offset, name, arn, evidence, exception, log_partition,
         log_offset",
    ),
    (
        "score_history",
        "account, requirement, ms(at) AS at, status, toInt64(round(score * 1e9)) AS billionths,
         weight, total, noncompliant, excepted, log_partition, log_offset",
    ),
    (
        "rollup_history",
        "kind, id, ms(at) AS at, deleted, toInt64(round(score * 1e9)) AS billionths, accounts,
         log_partition, log_offset",
    ),
];

pub(crate) const DATABASE: &str = "scorecard";

pub(crate) fn config(server: &ClickHouse) -> Config {
    let text = serde_json::json!({"url": server.url(), "retention_days": 4000});
    serde_json::from_value(text).unwrap()
}

/// A database with its tables.
pub(crate) fn prepared(server: &ClickHouse) -> (Config, Database) {
    let config = config(server);
    let database = Database::prepare(&config).unwrap();
    database.apply(&config).unwrap();
    (config, database)
}

pub(crate) fn with_password(server: &ClickHouse, file: &Path) -> Config {
    Config { password: Some(Secret::File(file.to_owned())), ..config(server) }
}

/// Runs the sink as this role, to where the log ends now.
pub(crate) fn carry(
    role: &'static Role,
    limits: Limits,
    log: &dyn Log,
    prefix: &str,
    config: &Config,
) -> Progress {
    follow((role, limits), log, prefix, config, None)
}

/// Runs the sink until it is stopped; without that to where the log ends now.
pub(crate) fn follow(
    (role, limits): (&'static Role, Limits),
    log: &dyn Log,
    prefix: &str,
    config: &Config,
    stop: Option<&Stop>,
) -> Progress {
    let codec = Codec::default();
    let database = Database::prepare(config).unwrap();
    let mut tables = Tables::new(log, &codec, prefix, database, &|| START_MS);
    let frame = Frame {
        role,
        log,
        slot: "test",
        limits,
        once: stop.is_none(),
        patience: Some(Duration::from_secs(120)),
        tell: &|_| (),
    };
    frame.run(&mut tables, stop.unwrap_or(&Stop::new())).unwrap()
}

/// Batches that nobody waits for to grow.
pub(crate) const AT_ONCE: Limits = Limits { linger: Duration::ZERO, ..LIMITS };

/// A log in a folder, with its topics.
pub(crate) fn local_log(folder: &Path, prefix: &str) -> Arc<dyn Log> {
    let local = LogConfig::Local {
        dir: folder.to_owned(),
        partitions: 2,
        retention_days: None,
        history_retention_days: None,
    };
    let log = stream::open(&local, prefix).unwrap();
    log.apply().unwrap();
    log
}

/// Runs a statement in the sink's database.
pub(crate) fn query(server: &ClickHouse, statement: &str) -> Vec<Json> {
    let statement = statement.replace("ms(", "toUnixTimestamp64Milli(");
    let statement = statement.replace("FROM ", &format!("FROM {DATABASE}."));
    server.query(&statement).unwrap()
}

fn rows(server: &ClickHouse, table: &str) -> Vec<Json> {
    let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == table).unwrap();
    sorted(query(server, &format!("SELECT {columns} FROM {table} FINAL")))
}

/// Makes sure that the tables, and what the views keep of them, hold what they must and no more.
pub(crate) fn assert_equal(server: &ClickHouse, world: &World) {
    for table in world.tables() {
        let (is, wanted) = (rows(server, table), world.rows(table));
        let wrong = is.iter().zip(&wanted).find(|(is, wanted)| is != wanted);
        assert!(wrong.is_none(), "{table}: {wrong:#?}");
        assert_eq!(is.len(), wanted.len(), "{table}");
    }
    assert_days(server, world);
}

fn assert_days(server: &ClickHouse, world: &World) {
    let is = query(
        server,
        "SELECT id, requirement, toInt64(toUInt16(day)) AS day,
             toInt64(round(days.score * 1e9)) AS score, toInt64(round(days.worst * 1e9)) AS worst,
             toInt64(round(days.best * 1e9)) AS best FROM days WHERE kind = 'account'",
    );
    let (is, wanted) = (sorted(is), world.days());
    let wrong = is.iter().zip(&wanted).find(|(is, wanted)| is != wanted);
    assert!(wrong.is_none(), "days: {wrong:#?}");
    assert_eq!(is.len(), wanted.len(), "days");
}

/// Counts the rows that lie in a table and have not been merged: doubles count.
pub(crate) fn raw_count(server: &ClickHouse, table: &str) -> usize {
    query(server, &format!("SELECT count() AS n FROM {table}"))[0]["n"].as_u64().unwrap() as usize
}
