//! ClickHouse, and our sink to it as production runs it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kit::clickhouse::ClickHouse;
use kit::recorder::Request;
use schemas::Codec;
use serde_json::json;
use sink_clickhouse::{Config, Database, LIMITS, ROLE, Tables};
use sink_frame::Role;

use super::bare::Answer;
use super::contest;
use super::history::END_MS;
use super::ours::{self, Lap};
use crate::site::{PREFIX, Site, pin};

/// The server, on core 0.
pub(crate) struct Server(ClickHouse);

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let server = ClickHouse::start()?;
        pin(server.pid().context("ClickHouse does not run")?, "0");
        Ok(Self(server))
    }
}

fn config(url: &str) -> Result<Config> {
    // What was simulated is kept, whatever day it is.
    Ok(serde_json::from_value(json!({"url": url, "database": PREFIX, "retention_days": 4_000}))?)
}

impl contest::Server for Server {
    const NAME: &'static str = "clickhouse";
    const UNIT: &'static str = "rows";
    /// As the sink has it.
    const CONCURRENCY: usize = 2;
    const ROLE: Role = ROLE;

    fn port(&self) -> u16 {
        self.0.port()
    }

    fn renew(&self) -> Result<()> {
        self.0.query(&format!("DROP DATABASE IF EXISTS {PREFIX}"))?;
        let config = config(&self.0.url())?;
        Database::prepare(&config)?.apply(&config)?;
        Ok(())
    }

    fn carry(&self, url: &str, site: &Site, role: &'static Role) -> Result<Lap> {
        let (codec, database) = (Codec::default(), Database::prepare(&config(url)?)?);
        let mut tables = Tables::new(&*site.log, &codec, PREFIX, database, &|| END_MS);
        ours::carry(role, LIMITS, site, &mut tables)
    }

    fn held(&self) -> Result<BTreeMap<String, u64>> {
        // All tables have versions; the one of lives is no batch's.
        let names = format!(
            "SELECT name FROM system.tables WHERE database = '{PREFIX}' \
             AND engine LIKE '%MergeTree' AND name NOT IN ('life', 'migration')"
        );
        let mut held = BTreeMap::new();
        for row in self.0.query(&names)? {
            let name = row["name"].as_str().context("a table has a name")?.to_owned();
            let rows =
                self.0.query(&format!("SELECT count() AS n FROM {PREFIX}.`{name}` FINAL"))?;
            held.insert(name, rows[0]["n"].as_u64().context("a count is a number")?);
        }
        Ok(held)
    }

    fn is_batch(request: &Request) -> bool {
        request.method == "POST" && request.target.contains("insert_deduplication_token=bench")
    }

    fn is_preparation(_: &Request) -> bool {
        false
    }

    fn check(_: &Answer) -> Result<()> {
        // An insert is done or refused as a whole, which its status says.
        Ok(())
    }
}
