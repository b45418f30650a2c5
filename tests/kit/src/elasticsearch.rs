//! Elasticsearch: one node from its jars on a loopback port, with its data in a folder of its own.
//!
//! The jars lack what the full product adds: `GET /`, data streams, lifecycles, deletion by query.

pub mod front;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Child;
use crate::{http, ports, setup};

/// Limit for a start; a quiet machine needs 5 s.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Limit for a clean shutdown.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Answers as soon as the node has a master and knows its indices.
const HEALTH: &str = "/_cluster/health?wait_for_status=yellow&timeout=30s";

/// One node. It is killed on drop, and its folder removed unless the test has failed.
#[derive(Debug)]
pub struct Elasticsearch {
    folder: Option<TempDir>,
    port: u16,
    transport_port: u16,
    server: Option<Child>,
    starts: u32,
}

impl Elasticsearch {
    /// Starts a node without any index; returns when it answers.
    ///
    /// # Errors
    /// When the jars can't be fetched or the node does not come up; the message shows its log.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("scorecard-elasticsearch-")
            .tempdir()
            .context("making a folder for Elasticsearch")?;
        furnish(folder.path()).context("furnishing Elasticsearch's folder")?;
        let (port, transport_port) = (ports::free(), ports::free());
        let mut node = Self { folder: Some(folder), port, transport_port, server: None, starts: 0 };
        node.launch()?;
        Ok(node)
    }

    /// Returns the one node that all tests of this process share, and starts it at first use.
    ///
    /// Tests keep apart by the prefix of their indices. One that stops its node starts its own.
    ///
    /// # Errors
    /// As [`Elasticsearch::start`]; a failed start is not tried again.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Elasticsearch>> = OnceLock::new();
        let node = SHARED.get_or_init(Self::start).as_ref();
        node.map_err(|error| anyhow!("the shared Elasticsearch did not start: {error:#}"))
    }

    /// Where it listens; the same over restarts.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of [`Elasticsearch::url`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The running node's process id, or none when it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::pid)
    }

    /// The folder that holds the data, the configuration and one log for each start.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().expect("only drop takes the folder").path()
    }

    /// Shuts the node down cleanly; [`Elasticsearch::restart`] starts it again.
    ///
    /// # Errors
    /// When it does not run, or does not end in a minute.
    pub fn stop(&mut self) -> Result<()> {
        let server = self.server.as_mut().context("Elasticsearch is not running")?;
        server.terminate(STOP_LIMIT).context("stopping Elasticsearch")?;
        self.server = None;
        Ok(())
    }

    /// Starts the node again on the same data and port, stopping it first when it runs.
    ///
    /// # Errors
    /// When it does not come up; the message shows its log.
    pub fn restart(&mut self) -> Result<()> {
        if self.server.is_some() {
            self.stop()?;
        }
        self.launch()
    }

    /// Makes one call with a JSON body (none when it is null) and gives status and answer.
    ///
    /// # Errors
    /// When the node does not answer, or not in JSON.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = "Content-Type: application/json\r\n";
        let answer = http::request(self.port, method, path, headers, body.as_bytes())?;
        let json = serde_json::from_slice(&answer.body);
        Ok((answer.status, json.with_context(|| format!("reading the answer of {path}"))?))
    }

    /// Makes what was written visible to searches, and gives every document that a query finds to
    /// `take`, as the node tells of it: `_id`, `_version`, `_source`.
    ///
    /// # Errors
    /// When the node does not answer with documents.
    pub fn each(&self, index: &str, query: &Value, mut take: impl FnMut(Value)) -> Result<()> {
        let (status, said) = self.call("POST", &format!("/{index}/_refresh"), &Value::Null)?;
        if status != 200 {
            bail!("refreshing {index}: status {status}: {said}");
        }
        // A scroll in the index's own order: each page costs its own documents, however many there
        // are behind it.
        let path = format!("/{index}/_search?scroll=5m");
        let search = json!({"query": query, "size": 2_000, "version": true, "sort": ["_doc"]});
        let mut page = self.call("POST", &path, &search)?;
        loop {
            let (status, mut answer) = page;
            let id = answer["_scroll_id"].take();
            let hits = match answer["hits"]["hits"].take() {
                Value::Array(hits) if status == 200 => hits,
                _ => bail!("{index}: status {status}: {answer}"),
            };
            if hits.is_empty() {
                self.call("DELETE", "/_search/scroll", &json!({"scroll_id": id}))?;
                return Ok(());
            }
            hits.into_iter().for_each(&mut take);
            let next = json!({"scroll": "5m", "scroll_id": id});
            page = self.call("POST", "/_search/scroll", &next)?;
        }
    }

    /// Gives the sources of all documents that a query finds, by their `_id`, sorted.
    ///
    /// # Errors
    /// As [`Elasticsearch::each`].
    pub fn documents(&self, index: &str, query: &Value) -> Result<Vec<(String, Value)>> {
        let mut found = Vec::new();
        self.each(index, query, |mut hit| {
            let id = hit["_id"].as_str().unwrap_or_default().to_owned();
            found.push((id, hit["_source"].take()));
        })?;
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    fn launch(&mut self) -> Result<()> {
        self.starts += 1;
        let name = format!("server-{}", self.starts);
        let command = self.jvm()?;
        let mut server = Child::spawn_in_own_folder(command, self.folder(), &name)?;
        let up = http::wait_until_ok(self.port, HEALTH, START_LIMIT, || server.is_running());
        up.with_context(|| format!("starting Elasticsearch\n{}", server.tail()))?;
        self.server = Some(server);
        Ok(())
    }

    fn jvm(&self) -> Result<Command> {
        let parts = &setup::get()?.elasticsearch;
        let mut command = Command::new("java");
        command
            .args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:-UsePerfData", "--module-path"])
            .arg(parts.join("lib"))
            .args(["--add-modules", "ALL-MODULE-PATH"])
            .args(["--add-opens=java.base/java.io=ALL-UNNAMED", "-cp"])
            .arg(parts.join("classes"))
            .arg("Elasticsearch")
            .arg(self.folder())
            .args([self.port.to_string(), self.transport_port.to_string()])
            .current_dir(self.folder());
        Ok(command)
    }
}

impl Drop for Elasticsearch {
    fn drop(&mut self) {
        self.server = None;
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("Elasticsearch's data and log are kept in {}", folder.keep().display());
        }
    }
}

/// Puts what a node looks for into its home.
fn furnish(home: &Path) -> Result<()> {
    let config = home.join("config");
    fs::create_dir(&config)?;
    fs::write(
        config.join("log4j2.properties"),
        include_str!("../elasticsearch/log4j2.properties"),
    )?;
    symlink(setup::get()?.elasticsearch.join("modules"), home.join("modules"))?;
    Ok(())
}
