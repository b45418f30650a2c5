//! Migrations: versioned files, applied once, in order, and never changed.

use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config::{DAILY_RETENTION_DAYS, RETENTION_DAYS};
use crate::{ClickHouseError, Config, Database};

/// The migrations in their order: `(name, text)`. Their version is their place, from 1.
const MIGRATIONS: [(&str, &str); 4] = [
    ("0001_tables", include_str!("../migrations/0001_tables.sql")),
    ("0002_days", include_str!("../migrations/0002_days.sql")),
    ("0003_views", include_str!("../migrations/0003_views.sql")),
    ("0004_rows_of_changes", include_str!("../migrations/0004_rows_of_changes.sql")),
];

/// The version of the tables that this release writes and reads.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Where migrations are recorded.
const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    version UInt32, name String, checksum String, applied DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY version";

/// Tables whose rows end by age, the column and which of the two retentions.
const ENDING: [(&str, &str, Retention); 7] = [
    ("score_history", "toDateTime(at)", Retention::Rows),
    ("rollup_history", "toDateTime(at)", Retention::Rows),
    ("compliance_change", "toDateTime(at)", Retention::Rows),
    ("account_history", "toDateTime(at)", Retention::Rows),
    ("credit_history", "toDateTime(at)", Retention::Rows),
    ("score_daily", "day", Retention::Days),
    ("rollup_daily", "day", Retention::Days),
];

/// Code of ClickHouse: there is no such database, or no such table.
const UNKNOWN: [u32; 2] = [81, 60];

#[derive(Clone, Copy)]
enum Retention {
    Rows,
    Days,
}

/// Something that is to be done before the sink can work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is, for people.
    pub what: String,
    /// The statements in their order, each safe to repeat.
    pub statements: Vec<String>,
}

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
struct Applied {
    version: u32,
    name: String,
    checksum: String,
}

/// A table as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
struct Described {
    name: String,
    engine_full: String,
}

impl Database {
    /// Says what is to be done before the sink can work; nothing when all is there.
    ///
    /// # Errors
    /// When the server can't be asked, or a migration was changed after it had been applied.
    pub fn plan(&self, config: &Config) -> Result<Vec<Step>, ClickHouseError> {
        let mut steps = Vec::new();
        let (applied, tables) = match self.applied() {
            Ok(applied) => (applied, self.tables()?),
            Err(error) if is_unknown(&error) => {
                steps.push(beginning(self.name()));
                Default::default()
            }
            Err(error) => return Err(error),
        };
        steps.extend(migrations(&applied, self.name())?);
        steps.extend(retentions(&tables, config));
        Ok(steps)
    }

    /// Does what is to be done, and gives it; safe to repeat, and to repeat when it was cut off.
    ///
    /// # Errors
    /// As [`Database::plan`], and when a statement is refused.
    pub fn apply(&self, config: &Config) -> Result<Vec<Step>, ClickHouseError> {
        let steps = self.plan(config)?;
        // A server refuses every statement in a database that is not there.
        self.execute_outside("making the database", &create(self.name()))?;
        for step in &steps {
            for statement in &step.statements {
                self.execute(&step.what, statement)?;
            }
        }
        Ok(steps)
    }

    /// Makes sure that the tables are as new as this release needs.
    ///
    /// # Errors
    /// [`ClickHouseError::Old`], which says which command to run; or the server can't be asked.
    pub fn check(&self) -> Result<(), ClickHouseError> {
        let is = match self.applied() {
            Ok(applied) => applied.last().map_or(0, |last| last.version),
            Err(error) if is_unknown(&error) => 0,
            Err(error) => return Err(error),
        };
        if is < VERSION {
            let database = self.name().to_owned();
            return Err(ClickHouseError::Old { database, is, needs: VERSION });
        }
        Ok(())
    }

    fn applied(&self) -> Result<Vec<Applied>, ClickHouseError> {
        let statement =
            "SELECT version, name, checksum FROM schema_migration FINAL ORDER BY version";
        self.rows("reading the migrations", statement, &[])
    }

    fn tables(&self) -> Result<Vec<Described>, ClickHouseError> {
        let statement = "SELECT name, engine_full FROM system.tables
            WHERE database = {database:String} ORDER BY name";
        self.rows("looking at the tables", statement, &[("database", self.name())])
    }
}

/// Gives the statement that makes the database; its name is letters, digits and _.
fn create(database: &str) -> String {
    format!("CREATE DATABASE IF NOT EXISTS {database}")
}

fn beginning(database: &str) -> Step {
    let what = format!("making the database {database} and its table of migrations");
    Step { what, statements: vec![create(database), RECORD.to_owned()] }
}

fn is_unknown(error: &ClickHouseError) -> bool {
    error.code().is_some_and(|code| UNKNOWN.contains(&code))
}

/// Says which migrations are to be applied.
fn migrations(applied: &[Applied], database: &str) -> Result<Vec<Step>, ClickHouseError> {
    let mut steps = Vec::new();
    for (version, (name, text)) in (1..).zip(MIGRATIONS) {
        let ours = checksum(text);
        match applied.iter().find(|one| one.version == version) {
            Some(one) if one.checksum == ours => {}
            Some(one) => {
                return Err(ClickHouseError::Altered {
                    name: name.to_owned(),
                    database: database.to_owned(),
                    applied: one.checksum.clone(),
                    ours,
                });
            }
            None => steps.push(migration(version, name, text, &ours)),
        }
    }
    Ok(steps)
}

fn migration(version: u32, name: &str, text: &str, checksum: &str) -> Step {
    let mut statements = statements(text);
    // Ours, and letters, digits and _ alone: nothing to escape. Last, so that a migration that was
    // cut off is applied again.
    statements.push(format!(
        "INSERT INTO schema_migration (version, name, checksum) \
         VALUES ({version}, '{name}', '{checksum}')"
    ));
    Step { what: format!("applying migration {name}"), statements }
}

/// Splits a migration into its statements; comments are left out.
fn statements(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Says which tables keep their rows for another time than is configured.
fn retentions(tables: &[Described], config: &Config) -> Vec<Step> {
    let mut steps = Vec::new();
    for (table, column, which) in ENDING {
        let (days, migrated) = match which {
            Retention::Rows => (config.retention_days, RETENTION_DAYS),
            Retention::Days => (config.daily_retention_days, DAILY_RETENTION_DAYS),
        };
        // As the server writes `INTERVAL 400 DAY`.
        let ttl = format!("TTL {column} + toIntervalDay({days})");
        let is_so = match tables.iter().find(|one| one.name == table) {
            Some(table) => table.engine_full.contains(&ttl),
            None => days == migrated,
        };
        if !is_so {
            let what = format!("keeping the rows of {table} for {days} days");
            steps
                .push(Step { what, statements: vec![format!("ALTER TABLE {table} MODIFY {ttl}")] });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(count: u32) -> Vec<Applied> {
        let one = |version: u32| {
            let (name, text) = MIGRATIONS[version as usize - 1];
            Applied { version, name: name.to_owned(), checksum: checksum(text) }
        };
        (1..=count).map(one).collect()
    }

    #[test]
    fn what_is_missing_is_planned_in_order() {
        let names = |count| -> Vec<String> {
            let steps = migrations(&applied(count), "d").unwrap();
            steps.into_iter().map(|step| step.what).collect()
        };
        let all: Vec<_> = MIGRATIONS.map(|(name, _)| format!("applying migration {name}")).into();
        assert_eq!(names(0), all);
        assert_eq!(names(1), all[1..]);
        assert_eq!(names(VERSION), [""; 0]);
    }

    #[test]
    fn a_changed_migration_is_refused() {
        let mut rows = applied(2);
        rows[1].checksum = "0".repeat(32);
        let error = migrations(&rows, "d").unwrap_err().to_string();
        assert!(error.contains("0002_days") && error.contains("database d"), "{error}");
    }

    #[test]
    fn names_count_up_and_statements_can_be_repeated() {
        for (version, (name, text)) in (1..).zip(MIGRATIONS) {
            assert!(name.starts_with(&format!("{version:04}_")), "{name}");
            for statement in statements(text) {
                let made_again = statement.starts_with("CREATE OR REPLACE VIEW ");
                assert!(made_again || statement.contains(" IF NOT EXISTS "), "{name}: {statement}");
            }
        }
        assert_eq!(statements("-- a; b\nA;\n\n  -- c\nB\n;\n"), ["A", "B"]);
        // `printf abc | sha256sum`
        assert_eq!(checksum("abc"), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn only_another_retention_is_set() {
        let config: Config =
            serde_json::from_str(r#"{"url": "http://localhost", "retention_days": 7}"#).unwrap();
        let table = |name: &str, days: u32| Described {
            name: name.to_owned(),
            engine_full: format!(
                "M ORDER BY a TTL toDateTime(at) + toIntervalDay({days}) SETTINGS"
            ),
        };
        let steps = retentions(&[table("score_history", 7), table("rollup_history", 70)], &config);
        let whats: Vec<_> = steps.iter().map(|step| &*step.what).collect();
        assert!(!whats.contains(&"keeping the rows of score_history for 7 days"), "{whats:?}");
        assert_eq!(whats[0], "keeping the rows of rollup_history for 7 days");
    }

    #[test]
    fn migrations_begin_with_the_usual_retention() {
        let config: Config = serde_json::from_str(r#"{"url": "http://localhost"}"#).unwrap();
        assert_eq!(retentions(&[], &config), []);
        let all: Vec<_> = MIGRATIONS.iter().flat_map(|(_, text)| statements(text)).collect();
        for (table, column, which) in ENDING {
            let days = if matches!(which, Retention::Rows) { 400 } else { 3_650 };
            let made = format!("CREATE TABLE IF NOT EXISTS {table} (");
            let made = all.iter().find(|one| one.starts_with(&made)).unwrap();
            assert!(made.contains(&format!("TTL {column} + INTERVAL {days} DAY")), "{made}");
        }
    }
}
