//! One site with a simulated history in its log, and the program at work on it.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use kit::{
    http::{self, Answer},
    kafka::Kafka,
    process::{Child, Finished},
    secured::Secured,
};
use producer_simulator as simulator;
use schemas::{Codec, RequirementKey, TopicSpec, topic};
use serde_json::Value;
use stream::{
    Log, LogConfig, Publisher,
    kafka::KafkaConfig,
    local::{LocalLog, LocalOptions},
};
use tempfile::TempDir;

/// Limit for one command, and for stages to come to rest.
const LIMIT: Duration = Duration::from_secs(120);

/// Nothing may move for so long before stages count as at rest: ends are asked for in between.
const REST: Duration = Duration::from_secs(5);

const DAY_MS: i64 = 86_400_000;

/// A configuration with its folder, and the log that it names.
pub(crate) struct Site {
    pub(crate) prefix: String,
    pub(crate) partitions: i32,
    folder: TempDir,
    log: LogConfig,
}

/// A process that listens.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Site {
    /// Makes a site with an empty log in its folder.
    pub(crate) fn local(partitions: i32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("log");
        let log = LogConfig::Local {
            dir,
            partitions,
            retention_days: None,
            history_retention_days: None,
        };
        let site = Self { prefix: "scorecard".to_owned(), partitions, folder, log };
        site.configure("{local: ./log}")?;
        site.open()?.apply()?;
        Ok(site)
    }

    /// Makes a configuration for another prefix in this site's local log.
    pub(crate) fn beside(&self, prefix: &str) -> Result<Self> {
        let (folder, log) = (tempfile::tempdir()?, self.log.clone());
        Ok(Self { prefix: prefix.to_owned(), partitions: self.partitions, folder, log })
    }

    /// Makes a site with empty topics of its own on the shared Kafka node.
    pub(crate) fn kafka(name: &str, partitions: i32) -> Result<Self> {
        let kafka = Kafka::shared()?;
        let site = Self::on_kafka(&kafka.prefix(name), partitions)?;
        site.open()?.apply()?;
        Ok(site)
    }

    /// Makes a configuration for a prefix on the shared Kafka node.
    pub(crate) fn on_kafka(prefix: &str, partitions: i32) -> Result<Self> {
        let bootstrap = Kafka::shared()?.bootstrap();
        let config = serde_json::json!({"bootstrap": bootstrap, "replication_factor": 1});
        let config: KafkaConfig = serde_json::from_value(config)?;
        let config = KafkaConfig { partitions, ..config };
        let folder = tempfile::tempdir()?;
        let log = LogConfig::Kafka(config);
        let site = Self { prefix: prefix.to_owned(), partitions, folder, log };
        site.configure(&format!(
            "{{kafka: {{bootstrap: \"{bootstrap}\", replication_factor: 1}}}}"
        ))?;
        Ok(site)
    }

    /// Makes a configuration for a prefix on a node that asks for a name and a password.
    pub(crate) fn secured(
        node: &Secured,
        prefix: &str,
        partitions: i32,
        user: &str,
        password: &str,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let secret = folder.path().join("password");
        fs::write(&secret, password)?;
        let kafka = serde_json::json!({
            "bootstrap": node.sasl(),
            "replication_factor": 1,
            "properties": {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": user,
                "ssl.ca.location": node.authority(),
            },
            "secrets": {"sasl.password": {"file": secret}},
        });
        // JSON is YAML; the library is told the number of partitions elsewhere.
        let yaml = serde_json::json!({"kafka": kafka}).to_string();
        let mut config: KafkaConfig = serde_json::from_value(kafka)?;
        config.partitions = partitions;
        let log = LogConfig::Kafka(config);
        let site = Self { prefix: prefix.to_owned(), partitions, folder, log };
        site.configure(&yaml)?;
        Ok(site)
    }

    fn configure(&self, log: &str) -> Result<()> {
        let text = format!(
            "prefix: {}\npartitions: {}\nlog: {log}\nstate: ./state\n",
            self.prefix, self.partitions
        );
        Ok(fs::write(self.file(), text)?)
    }

    /// Gives the configuration file.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("config.yaml")
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Opens the log; on a local one nobody else can meanwhile.
    pub(crate) fn open(&self) -> Result<Arc<dyn Log>> {
        Ok(stream::open(&self.log, &self.prefix)?)
    }

    /// Writes the standard that ships, and some days of a simulated organisation up to today.
    pub(crate) fn fill(&self, accounts: usize, days: usize) -> Result<()> {
        let log = self.open()?;
        let mut publisher =
            Publisher::open(&*log, &Codec::default(), &self.prefix, "producer simulator")?;
        let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let start_ms = (now_ms / DAY_MS - i64::try_from(days)?) * DAY_MS;
        for requirement in producer_standard::shipped().requirements {
            let key = RequirementKey::new(&*requirement.id);
            publisher.put(&topic::REQUIREMENT, &key, &requirement, start_ms)?;
        }
        let config =
            simulator::Config { accounts, days, size: 6, start_ms, ..simulator::Config::default() };
        for event in simulator::simulate(&config) {
            simulator::publish(&event, &mut publisher)?;
        }
        Ok(publisher.flush()?)
    }

    /// Runs a command that needs no configuration to its end, which must be a good one.
    pub(crate) fn run_alone(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command.args(arguments).env_remove("SCORECARD_LOG");
        let finished = Child::spawn(command, self.folder.path(), arguments[0])?.wait(LIMIT)?;
        ensure!(finished.status.success(), "{}\n{}", finished.stdout, finished.stderr);
        Ok(finished.stdout)
    }

    /// Runs a command to its end, whichever it is.
    pub(crate) fn end_of(&self, arguments: &[&str]) -> Result<Finished> {
        let name = format!("{}-{}", arguments[0], std::process::id());
        Child::spawn(self.command(arguments), self.folder.path(), &name)?.wait(LIMIT)
    }

    /// Runs a command to its end, which must be a good one; gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.end_of(arguments)?;
        ensure!(finished.status.success(), "{}\n{}", finished.stdout, finished.stderr);
        Ok(finished.stdout)
    }

    /// Starts a command.
    pub(crate) fn spawn(&self, arguments: &[&str], name: &str) -> Result<Child> {
        Child::spawn(self.command(arguments), self.folder.path(), name)
    }

    /// Starts a command that listens.
    pub(crate) fn start(&self, arguments: &[&str], name: &str) -> Result<Process> {
        let mut command = self.command(arguments);
        command.args(["--listen", "127.0.0.1:0"]);
        let mut child = Child::spawn(command, self.folder.path(), name)?;
        let said = "listening at http://127.0.0.1:";
        child.wait_for_output(said, LIMIT)?;
        let stderr = child.stderr();
        let port = stderr.split(said).nth(1).and_then(|rest| rest.lines().next());
        let port = port.context("the port is told")?.trim().parse()?;
        Ok(Process { child, port })
    }

    /// Lets both stages take everything, in one process that ends then; gives what it said last.
    pub(crate) fn process(&self) -> Result<Value> {
        let mut process = self.start(&["process"], "process")?;
        let tasks = process.wait_for_rest(self.partitions)?;
        process.end()?;
        Ok(tasks)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command.args(arguments).arg("--config").arg(self.file()).env_remove("SCORECARD_LOG");
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE");
        command
    }

    /// Lets a local log compact itself, and drop events that are older than a day.
    pub(crate) fn age(&self) -> Result<()> {
        let LogConfig::Local { dir, partitions, .. } = &self.log else { bail!("no local log") };
        let retention = Some(Duration::from_secs(24 * 3_600));
        let options = LocalOptions { retention, ..LocalOptions::default() };
        let log = LocalLog::open_with(dir, *partitions, &self.prefix, options)?;
        // What the first pass has seen, the second may drop.
        log.compact()?;
        Ok(log.compact()?)
    }

    /// Counts the records of a topic that are kept, over all partitions.
    pub(crate) fn kept(&self, topic: &'static TopicSpec) -> Result<u64> {
        Ok(stream::snapshot::records(&*self.open()?, topic)?.len() as u64)
    }

    /// Counts the offsets of topics over all partitions.
    pub(crate) fn count(&self, topics: &[&'static TopicSpec]) -> Result<u64> {
        let ends = self.open()?.ends(topics)?;
        Ok(ends.iter().map(|end| end.offset as u64).sum())
    }
}

impl Process {
    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        http::request(self.port, "GET", path, "", b"")
    }

    pub(crate) fn text(&self, path: &str) -> Result<(u16, String)> {
        let answer = self.get(path)?;
        Ok((answer.status, String::from_utf8(answer.body)?))
    }

    /// Waits until every task of both stages is done; gives the tasks.
    pub(crate) fn wait_for_rest(&mut self, partitions: i32) -> Result<Value> {
        let start = Instant::now();
        let mut since: Option<(Instant, u64)> = None;
        loop {
            ensure!(self.child.is_running(), "it ended: {}", self.child.tail());
            let view: Value = serde_json::from_str(&self.text("/tasks")?.1)?;
            let records = at_rest(&view, partitions);
            since = match (records, since) {
                (Some(now), Some((at, then))) if now == then => {
                    if at.elapsed() >= REST {
                        return Ok(view);
                    }
                    Some((at, then))
                }
                (records, _) => records.map(|records| (Instant::now(), records)),
            };
            if start.elapsed() > LIMIT {
                bail!("the stages are not at rest: {view:#}\n{}", self.child.tail());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it as a supervisor does.
    pub(crate) fn end(mut self) -> Result<()> {
        let status = self.child.terminate(LIMIT)?;
        ensure!(status.success(), "asked to end, it failed: {}", self.child.tail());
        Ok(())
    }

    /// Gives the samples of /metrics by name and labels as they are written.
    pub(crate) fn metrics(&self) -> Result<BTreeMap<String, f64>> {
        let (status, text) = self.text("/metrics")?;
        ensure!(status == 200, "{status}: {text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').context("a sample has a value")?;
            Ok((name.to_owned(), value.parse()?))
        });
        samples.collect()
    }
}

/// Gives the records that were taken if every task of both stages has nothing left.
fn at_rest(view: &Value, partitions: i32) -> Option<u64> {
    let stages = view["stages"].as_array()?;
    let tasks: Vec<&Value> =
        stages.iter().filter_map(|one| one["tasks"].as_array()).flatten().collect();
    let done = tasks
        .iter()
        .all(|task| task["phase"] == "running" && task["lag"] == 0 && task["pending"] == false);
    let all = stages.len() == 2 && tasks.len() == 2 * usize::try_from(partitions).ok()?;
    (all && done).then(|| tasks.iter().filter_map(|task| task["records"].as_u64()).sum())
}
