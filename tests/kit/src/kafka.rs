//! Apache Kafka: one KRaft node on loopback ports, with its data and log in a folder of its own.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

use crate::process::Child;
use crate::proxy::Proxy;
use crate::{node, ports};

/// Limit for a start; a loaded machine with two cores needed 20 s at most.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Limit for a clean shutdown.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// What a transaction coordinator logs when it skips markers for partitions without a leader.
const MARKER_SKIPPED: &str = "Couldn't find leader endpoint for partitions";

/// Runs that Kafka itself may spoil before [`Kafka::unspoiled`] gives up.
const SPOILED_MAX: usize = 6;

/// One Kafka node. It is killed on drop, and its folder removed unless the test has failed.
#[derive(Debug)]
pub struct Kafka {
    folder: Option<TempDir>,
    port: u16,
    server: Option<Child>,
    starts: u32,
    prefixes: AtomicU32,
}

impl Kafka {
    /// Formats a fresh data folder and starts a node on it; returns when it serves clients.
    ///
    /// # Errors
    /// When the jars cannot be fetched or the node does not come up; the message shows its log.
    pub fn start() -> Result<Self> {
        Self::start_with("")
    }

    /// As [`Kafka::start`], with more lines of `server.properties`; they win over the usual ones.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_with(properties: &str) -> Result<Self> {
        let mut kafka = Self::formatted(ports::free(), properties)?;
        kafka.launch()?;
        Ok(kafka)
    }

    /// Runs something on a node of its own; where it fails and Kafka [forgot a
    /// marker](Kafka::forgot_a_marker), it is begun anew on another node.
    ///
    /// # Errors
    /// As [`Kafka::start_with`], what the run gives, and when Kafka spoils one run after another.
    pub fn unspoiled<T>(
        properties: &str,
        mut run: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        for _ in 0..SPOILED_MAX {
            let mut kafka = Self::start_with(properties)?;
            let done = catch_unwind(AssertUnwindSafe(|| run(&mut kafka)));
            if matches!(done, Ok(Ok(_))) || !kafka.forgot_a_marker()? {
                return done.unwrap_or_else(|panic| resume_unwind(panic));
            }
            println!("Kafka forgot the end of a transaction: another run");
        }
        bail!("Kafka spoiled all of {SPOILED_MAX} runs")
    }

    /// As [`Kafka::start_with`], with a second listener that tells its clients to come through the
    /// proxy: whoever begins at [`Proxy::address`] never meets the node itself.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_behind_a_proxy(properties: &str) -> Result<(Self, Proxy)> {
        let (port, behind, controller) = (ports::free(), ports::free(), ports::free());
        let proxy = Proxy::start(behind)?;
        let listeners = format!(
            "controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{behind},\
             CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://{}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,\
             CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=PLAINTEXT\n{properties}",
            proxy.address()
        );
        let mut kafka = Self::formatted(port, &listeners)?;
        kafka.launch()?;
        Ok((kafka, proxy))
    }

    /// Formats a data folder for a node that is not started yet.
    pub(crate) fn formatted(port: u16, properties: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("scorecard-kafka-")
            .tempdir()
            .context("making a folder for Kafka")?;
        format_storage(folder.path(), port, properties)?;
        let prefixes = AtomicU32::new(0);
        Ok(Self { folder: Some(folder), port, server: None, starts: 0, prefixes })
    }

    /// Returns the one node that all tests of this process share, and starts it at first use.
    ///
    /// Tests keep apart by [`Kafka::prefix`]. A test that stops or kills its node starts its own.
    ///
    /// # Errors
    /// As [`Kafka::start`]; a failed start is not tried again.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Kafka>> = OnceLock::new();
        let kafka = SHARED.get_or_init(Self::start).as_ref();
        kafka.map_err(|error| anyhow!("the shared Kafka node did not start: {error:#}"))
    }

    /// The address for clients: `127.0.0.1:PORT`. It stays the same over restarts.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns a name that no other test of this node gets, for its topics, groups and
    /// transactional ids: `NAME-1`, `NAME-2` and so on.
    pub fn prefix(&self, name: &str) -> String {
        format!("{name}-{}", self.prefixes.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The running node's process id, or none when it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::pid)
    }

    /// The folder that holds `data/`, the configuration and one log for each start.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().expect("only drop takes the folder").path()
    }

    /// Shuts the node down cleanly; [`Kafka::restart`] starts it again.
    ///
    /// # Errors
    /// When it does not run, or does not end in a minute.
    pub fn stop(&mut self) -> Result<()> {
        self.server()?.terminate(STOP_LIMIT).context("stopping Kafka")?;
        self.server = None;
        Ok(())
    }

    /// Ends the node at once, as `kill -9` does; [`Kafka::restart`] starts it again.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill9(&mut self) -> Result<()> {
        self.server()?.kill9()?;
        self.server = None;
        Ok(())
    }

    /// Starts the node again on the same data and ports, stopping it first when it runs.
    ///
    /// # Errors
    /// When it does not come up; the message shows its log.
    pub fn restart(&mut self) -> Result<()> {
        if self.server.is_some() {
            self.stop()?;
        }
        self.launch()
    }

    /// Sends a signal to the node by its short name, such as `STOP` or `CONT`.
    ///
    /// # Errors
    /// When the node does not run.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        self.server()?.signal(name)
    }

    /// Tells whether the node has ended a transaction without writing its marker: what was
    /// committed may then be lost, or what was aborted be seen. No client can prevent or mend it,
    /// so a test of ours says nothing about such a run. See `docs/decisions`, "A partition without
    /// a leader can make Kafka forget the end of a transaction".
    ///
    /// # Errors
    /// When the node's log can't be read.
    pub fn forgot_a_marker(&self) -> Result<bool> {
        Ok(self.log()?.contains(MARKER_SKIPPED))
    }

    /// Everything that the node has logged, over all its starts.
    ///
    /// # Errors
    /// When the node's log can't be read.
    pub fn log(&self) -> Result<String> {
        let mut text = String::new();
        for start in 1..=self.starts {
            let log = self.folder().join(format!("server-{start}.out"));
            let one = fs::read(&log).with_context(|| format!("reading {}", log.display()))?;
            text += &String::from_utf8_lossy(&one);
        }
        Ok(text)
    }

    fn server(&mut self) -> Result<&mut Child> {
        self.server.as_mut().context("Kafka is not running")
    }

    pub(crate) fn launch(&mut self) -> Result<()> {
        self.starts += 1;
        let folder = self.folder();
        let name = format!("server-{}", self.starts);
        self.server = Some(node::launch(folder, &name, START_LIMIT)?);
        Ok(())
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.server = None;
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("Kafka's data and log are kept in {}", folder.keep().display());
        }
    }
}

/// Writes the configuration and makes the data folder, as `kafka-storage.sh format` does.
fn format_storage(folder: &Path, port: u16, more: &str) -> Result<()> {
    let data = folder.join("data");
    let data = data.to_str().context("the folder's name is no UTF-8")?;
    let properties = include_str!("../kafka/server.properties")
        .replace("{port}", &port.to_string())
        .replace("{controller_port}", &ports::free().to_string())
        .replace("{data}", data);
    if properties.contains(['{', '}']) {
        bail!("a word in braces was not filled in: {properties}");
    }
    // Of two lines with one name the last counts.
    let properties = format!("{properties}\n{more}\n");
    let config = folder.join("server.properties");
    fs::write(&config, properties).with_context(|| format!("writing {}", config.display()))?;
    node::format(folder, &[], START_LIMIT)
}
