//! One site: a configuration with its folder and log, and runs of the program on it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use kit::kafka::Kafka;
use kit::organisation::{Organisation, PAYERS};
use kit::process::{self, Child};
use schemas::Codec;
use serde_json::Value;
use stream::{LogConfig, Publisher, kafka::KafkaConfig};
use tempfile::TempDir;

use crate::tables::Tables;

/// The requirements whose verdicts `model.py` finds by hand.
const JUDGED: [&str; 9] = [
    "cloudtrail-enabled",
    "ec2-admin-ports",
    "iam-access-key-age",
    "iam-console-mfa",
    "iam-role-trust",
    "iam-root",
    "rds-encryption",
    "s3-encryption",
    "s3-public-access",
];

/// Limit for one run; a loaded machine with two cores needed 15 s at most.
const RUN_LIMIT: Duration = Duration::from_secs(120);

const PARTITIONS: i32 = 4;

/// Makes a bucket and says what it holds.
const BUCKET: &str = "sinks/s3/tests/bucket.py";

/// A configuration with its folder, and the log that it names.
pub(crate) struct Site {
    pub(crate) name: String,
    folder: TempDir,
    prefix: String,
    log: LogConfig,
}

/// A run that ended well.
pub(crate) struct Run {
    /// When it was started and had ended, in UTC milliseconds.
    pub(crate) time_ms: RangeInclusive<i64>,
    /// How long it took from the end of the scan to the end.
    pub(crate) after_scan: Duration,
    /// What `--output json` printed.
    pub(crate) summary: Value,
}

impl Site {
    /// Makes a site with a log in its folder.
    pub(crate) fn local(world: &Organisation) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("data");
        let log = LogConfig::Local {
            dir,
            partitions: PARTITIONS,
            retention_days: None,
            history_retention_days: None,
        };
        let name = format!("local-{}", world.next());
        let site = Self { prefix: name.clone(), name, folder, log };
        site.configure(world, "{local: ./data}")?;
        Ok(site)
    }

    /// Makes a site with topics of its own on the shared Kafka node.
    pub(crate) fn kafka(world: &Organisation) -> Result<Self> {
        let kafka = Kafka::shared()?;
        let bootstrap = kafka.bootstrap();
        let yaml = format!("{{kafka: {{bootstrap: \"{bootstrap}\", replication_factor: 1}}}}");
        let config = serde_json::json!({"bootstrap": bootstrap, "replication_factor": 1});
        let config: KafkaConfig = serde_json::from_value(config)?;
        let config = KafkaConfig { partitions: PARTITIONS, ..config };
        let site = Self {
            name: format!("kafka-{}", world.next()),
            folder: tempfile::tempdir()?,
            prefix: kafka.prefix("pipeline"),
            log: LogConfig::Kafka(config),
        };
        site.configure(world, &yaml)?;
        let applied = site.command(&["topics", "apply"]);
        process::run(applied, RUN_LIMIT).context("making the topics")?;
        Ok(site)
    }

    fn configure(&self, world: &Organisation, log: &str) -> Result<()> {
        let payers: Vec<String> =
            PAYERS.iter().map(|payer| format!("{{account: \"{payer}\"}}")).collect();
        let standard = self.write_standard()?;
        let text = format!(
            "prefix: {prefix}\npartitions: {PARTITIONS}\nlog: {log}\nstate: ./state\n\
             aws:\n  payers: [{payers}]\n  role: audit\n  regions: [us-east-1, eu-west-1]\n  \
             endpoint: {endpoint}\n  max_attempts: 2\n\
             standard: {standard:?}\n\
             register: {{accounts: accounts.csv, risks: risks.json}}\n\
             findings: [{{source: cloudsploit, path: cloudsploit}}]\n\
             workbooks: ./workbooks\n\
             s3: {{bucket: {bucket}, endpoint: {moto}}}\n",
            prefix = self.prefix,
            payers = payers.join(", "),
            endpoint = world.gateway.endpoint(),
            bucket = self.name,
            moto = world.moto.endpoint(),
        );
        kit::python(BUCKET, &["make", &world.moto.endpoint(), &self.name])?;
        fs::write(self.folder.path().join("config.yaml"), text)?;
        world.write_sources(self.folder.path())
    }

    /// Writes the requirements that `model.py` judges by hand, as they ship: those with a rule are
    /// fed by it alone.
    fn write_standard(&self) -> Result<PathBuf> {
        let folder = self.standard();
        fs::create_dir_all(&folder)?;
        for id in JUDGED {
            let name = format!("{id}.yaml");
            let text = fs::read_to_string(kit::setup::repository().join("standard").join(&name))?;
            let is_mapping = |line: &&str| *line == "checks:" || line.starts_with("  - {source: ");
            let has_rule = text.lines().any(|line| line == "rule:");
            let kept = text.lines().filter(|line| !(has_rule && is_mapping(line)));
            fs::write(folder.join(name), kept.collect::<Vec<_>>().join("\n") + "\n")?;
        }
        Ok(folder)
    }

    /// Gives the folder of the standard.
    pub(crate) fn standard(&self) -> PathBuf {
        self.folder.path().join("standard")
    }

    /// Gives the folder of the configuration.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Starts a run.
    pub(crate) fn start(&self) -> Result<Child> {
        let command = self.command(&["run", "--once", "--output", "json"]);
        Child::spawn(command, self.folder.path(), "run")
    }

    /// Starts one role by itself.
    pub(crate) fn start_role(&self, arguments: &[&str]) -> Result<Child> {
        Child::spawn(self.command(arguments), self.folder.path(), arguments[0])
    }

    /// Runs the program to its end, which must be a good one.
    pub(crate) fn run(&self) -> Result<Run> {
        let started_ms = now_ms()?;
        let mut child = self.start()?;
        child.wait_for_output("scanned ", RUN_LIMIT)?;
        let scanned = Instant::now();
        let finished = child.wait(RUN_LIMIT)?;
        ensure!(
            finished.status.success(),
            "the run on {} ended with {}:\n{}\n{}",
            self.name,
            finished.status,
            finished.stdout,
            finished.stderr
        );
        Ok(Run {
            time_ms: started_ms..=now_ms()?,
            after_scan: scanned.elapsed(),
            summary: serde_json::from_str(&finished.stdout)
                .with_context(|| format!("--output json printed {:?}", finished.stdout))?,
        })
    }

    /// Rebuilds the tables from the events; fails when a row differs.
    pub(crate) fn replay(&self) -> Result<String> {
        process::run(self.command(&["replay"]), RUN_LIMIT)
    }

    /// Gives the objects of the site's bucket by key.
    pub(crate) fn bucket(&self, world: &Organisation) -> Result<BTreeMap<String, Value>> {
        let shown = kit::python(BUCKET, &["show", &world.moto.endpoint(), &self.name])?;
        Ok(serde_json::from_str(&shown)?)
    }

    /// Opens the site's log for what a test writes itself.
    pub(crate) fn publisher(&self, role: &str) -> Result<Publisher> {
        let log = stream::open(&self.log, &self.prefix)?;
        Ok(Publisher::open(&*log, &Codec::default(), &self.prefix, role)?)
    }

    /// Reads the tables as they are now.
    pub(crate) fn tables(&self) -> Result<Tables> {
        Tables::read(&*stream::open(&self.log, &self.prefix)?, &self.prefix)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("config.yaml"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE")
            .env_remove("SCORECARD_LOG");
        command
    }
}

impl Run {
    /// Gives the summary's line of an account.
    pub(crate) fn account(&self, id: &str) -> Result<&Value> {
        let lines = self.summary["accounts"].as_array().context("the summary has accounts")?;
        let line = lines.iter().find(|line| line["account"] == id);
        line.with_context(|| format!("the summary has no account {id}: {}", self.summary))
    }

    /// Gives what the summary says went wrong.
    pub(crate) fn problems(&self) -> Vec<&str> {
        let problems = self.summary["problems"].as_array();
        problems.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

pub(crate) fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
