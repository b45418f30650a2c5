//! Migrations on the real engine: made once, repeated without effect, refused when changed.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use kit::clickhouse::ClickHouse;
use sink_clickhouse::{ClickHouseError, Config, Database, VERSION};
use world::tables::{config, prepared, with_password};

fn ttl(server: &ClickHouse, table: &str) -> String {
    let statement = format!(
        "SELECT extract(engine_full, 'TTL [^S]*') AS ttl FROM system.tables WHERE name = '{table}'"
    );
    server.query(&statement).unwrap()[0]["ttl"].as_str().unwrap().trim().to_owned()
}

#[test]
fn tables_are_made_once_and_follow_the_configuration() {
    let server = ClickHouse::start().unwrap();
    let config = Config { retention_days: 400, ..config(&server) };
    let database = Database::prepare(&config).unwrap();
    let missing = database.check().unwrap_err();
    assert!(matches!(missing, ClickHouseError::Old { is: 0, needs: VERSION, .. }), "{missing:?}");
    assert!(missing.to_string().contains("run `scorecard setup clickhouse`"), "{missing}");

    let planned = database.plan(&config).unwrap();
    assert_eq!(planned.len() as u32, 1 + VERSION, "{planned:#?}");
    assert!(server.query("SELECT 1 FROM scorecard.life").is_err(), "a plan changes nothing");
    let done = database.apply(&config).unwrap();
    assert_eq!(done, planned);
    database.check().unwrap();
    assert_eq!(database.plan(&config).unwrap(), []);
    assert_eq!(database.apply(&config).unwrap(), [], "again");

    assert_eq!(ttl(&server, "score_history"), "TTL toDateTime(at) + toIntervalDay(400)");
    let longer = Config { retention_days: 500, ..config.clone() };
    assert_eq!(database.plan(&longer).unwrap().len(), 5);
    database.apply(&longer).unwrap();
    assert_eq!(ttl(&server, "score_history"), "TTL toDateTime(at) + toIntervalDay(500)");
    assert_eq!(ttl(&server, "score_daily"), "TTL day + toIntervalDay(3650)");
    assert_eq!(database.plan(&longer).unwrap(), []);
}

#[test]
fn a_migration_that_was_cut_off_is_done_again() {
    let server = ClickHouse::start().unwrap();
    let (config, database) = prepared(&server);
    // As after a crash before the last migration was recorded, with some of it there.
    server
        .query(&format!(
            "ALTER TABLE scorecard.schema_migration DELETE WHERE version = {VERSION}
        SETTINGS mutations_sync = 1"
        ))
        .unwrap();
    server.query("DROP VIEW scorecard.changes").unwrap();
    let old = database.check().unwrap_err();
    assert!(matches!(old, ClickHouseError::Old { is, .. } if is == VERSION - 1), "{old:?}");
    assert_eq!(database.apply(&config).unwrap().len(), 1);
    assert!(server.query("SELECT * FROM scorecard.changes").unwrap().is_empty());
}

#[test]
fn a_changed_migration_is_refused() {
    let server = ClickHouse::start().unwrap();
    let (config, database) = prepared(&server);
    server
        .query(
            "INSERT INTO scorecard.schema_migration (version, name, checksum)
        VALUES (1, '0001_tables', 'other')",
        )
        .unwrap();
    let error = database.apply(&config).unwrap_err();
    assert!(matches!(error, ClickHouseError::Altered { .. }), "{error:?}");
    assert!(error.to_string().contains("0001_tables"), "{error}");
}

#[test]
fn a_wrong_password_and_a_server_that_is_away_are_told_apart() {
    let mut server = ClickHouse::start_with_password("geheim").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "falsch\n").unwrap();
    let refused = Database::prepare(&with_password(&server, &file)).unwrap().check().unwrap_err();
    assert!(!refused.passes(), "{refused:?}");
    std::fs::write(&file, "geheim\n").unwrap();
    let config = with_password(&server, &file);
    let database = Database::prepare(&config).unwrap();
    database.apply(&config).unwrap();
    database.check().unwrap();
    assert!(!format!("{database:?} {config:?}").contains("geheim"));
    server.stop().unwrap();
    let away = database.check().unwrap_err();
    assert!(away.passes(), "{away:?}");
}
