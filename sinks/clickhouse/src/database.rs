//! The database: statements, rows and inserts over ClickHouse's HTTP interface.

use std::time::Duration;

use clickhouse::{Client, RowOwned, RowRead, RowWrite};
use serde_json::Value;

use crate::{ClickHouseError, Config, http};

/// Limit for a statement: everything above is a server that hangs.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// Limit for an insert. A full batch takes a second or two, and a member of a group must poll; one
/// that takes longer is sent again, and its token drops what came in time after all.
const INSERT_LIMIT: Duration = Duration::from_secs(20);

/// A connection to the database that a configuration names.
///
/// Calls run on a runtime of their own, on the calling thread.
#[derive(Debug)]
pub struct Database {
    runtime: tokio::runtime::Runtime,
    client: Runnable,
    name: String,
}

/// The client; its own `Debug` would show the password.
struct Runnable(Client);

impl std::fmt::Debug for Runnable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// An answer: the columns' names, and rows of plain values.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows: text, numbers, booleans and nulls, in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

impl Database {
    /// Prepares calls; makes none.
    ///
    /// # Errors
    /// When the password or the certificates can't be read.
    pub fn prepare(config: &Config) -> Result<Self, ClickHouseError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut client = http::client(config.ca_file.as_deref())?
            .with_url(&config.url)
            .with_user(&config.user)
            .with_database(&config.database)
            .with_product_info("scorecard", env!("CARGO_PKG_VERSION"));
        if let Some(password) = &config.password {
            let read = password.read("clickhouse.password").map_err(ClickHouseError::Password)?;
            client = client.with_password(read);
        }
        Ok(Self {
            runtime: runtime.map_err(ClickHouseError::Runtime)?,
            client: Runnable(client),
            name: config.database.clone(),
        })
    }

    /// Gives the database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a statement that gives no rows.
    pub(crate) fn execute(&self, attempted: &str, statement: &str) -> Result<(), ClickHouseError> {
        let query = self.client.0.query_raw(statement);
        self.within(attempted, ANSWER_LIMIT, query.execute())
    }

    /// Runs a statement that gives no rows, in the database that every server has.
    pub(crate) fn execute_outside(
        &self,
        attempted: &str,
        statement: &str,
    ) -> Result<(), ClickHouseError> {
        let query = self.client.0.clone().with_database("default").query_raw(statement);
        self.within(attempted, ANSWER_LIMIT, query.execute())
    }

    /// Reads rows of a type; parameters are bound by the server, as `{name:Type}`.
    pub(crate) fn rows<R: RowOwned + RowRead>(
        &self,
        attempted: &str,
        statement: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<R>, ClickHouseError> {
        let bind = |query: clickhouse::query::Query, (name, value): &(&str, &str)| {
            query.param(name, value)
        };
        let query = parameters.iter().fold(self.client.0.query_raw(statement), bind);
        self.within(attempted, ANSWER_LIMIT, query.fetch_all::<R>())
    }

    /// Asks a question; parameters are bound by the server, as `{name:Type}`.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub fn ask(
        &self,
        attempted: &str,
        statement: &str,
        parameters: &[(&str, String)],
    ) -> Result<Answer, ClickHouseError> {
        let mut query = self.client.0.query_raw(statement);
        for (name, value) in parameters {
            query = query.param(name, value);
        }
        // Counts are far below 2^53, and numbers shall be numbers.
        query = query.with_setting("output_format_json_quote_64bit_integers", "0");
        let bytes = self.within(attempted, ANSWER_LIMIT, async {
            query.fetch_bytes("JSONCompactEachRowWithNames")?.collect().await
        })?;
        let wrong = |source| ClickHouseError::Answer { attempted: attempted.to_owned(), source };
        let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let columns = lines.next().map_or(Ok(Vec::new()), serde_json::from_slice).map_err(wrong)?;
        let rows = lines.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Answer { columns, rows })
    }

    /// Waits for calls, such as inserts.
    pub(crate) fn wait<T>(&self, calls: impl Future<Output = T>) -> T {
        self.runtime.block_on(calls)
    }

    /// Inserts rows as one block, which a repeated token drops in the table and in its views.
    pub(crate) async fn insert<'a, R>(
        &self,
        table: &str,
        token: &str,
        rows: impl Iterator<Item = &'a R>,
    ) -> Result<(), ClickHouseError>
    where
        R: RowOwned + RowWrite,
    {
        let attempted = format!("inserting {token} into {table}");
        self.limited(&attempted, INSERT_LIMIT, async {
            let insert = self.client.0.insert::<R>(table).await?;
            let mut insert = insert
                .with_setting("insert_deduplicate", "1")
                .with_setting("insert_deduplication_token", token)
                .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
                // The answer means that the rows are there.
                .with_setting("async_insert", "0");
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        })
        .await
    }

    fn within<T>(
        &self,
        attempted: &str,
        limit: Duration,
        call: impl Future<Output = clickhouse::error::Result<T>>,
    ) -> Result<T, ClickHouseError> {
        self.wait(self.limited(attempted, limit, call))
    }

    async fn limited<T>(
        &self,
        attempted: &str,
        limit: Duration,
        call: impl Future<Output = clickhouse::error::Result<T>>,
    ) -> Result<T, ClickHouseError> {
        let done = tokio::time::timeout(limit, call).await;
        done.unwrap_or(Err(clickhouse::error::Error::TimedOut)).map_err(|source| {
            ClickHouseError::Call {
                attempted: attempted.to_owned(),
                database: self.name.clone(),
                source,
            }
        })
    }
}
