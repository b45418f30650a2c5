//! The configuration file: one YAML document for every role.

pub(crate) mod defaults;
pub(crate) mod document;
mod fault;
mod paths;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use producer_register::{Longest, Mutelist, RiskColumns, Zone};
use producer_standard::Layer;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use stream::{kafka::KafkaConfig, registry::RegistryConfig};

use crate::{findings::Findings, telemetry};

/// Everything a process may be told. Relative paths start at the file's folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// What topics' and groups' names begin with.
    #[serde(default = "default_prefix")]
    pub(crate) prefix: String,
    /// Partitions of every topic: fixed for the life of the log.
    #[serde(default)]
    pub(crate) partitions: Option<i32>,
    /// Where records are kept.
    pub(crate) log: Log,
    /// The folder of the tasks' own tables; made anew from the log when it is lost.
    #[serde(default = "default_state")]
    pub(crate) state: PathBuf,
    /// The schema registry; without one records carry their schema's fingerprint.
    #[serde(default)]
    pub(crate) schema_registry: Option<RegistryConfig>,
    /// AWS: payers, the audit role, regions.
    #[serde(default)]
    pub(crate) aws: Option<producer_aws::Config>,
    /// The security standard: one layer or several, of which each may change those before it.
    #[serde(default = "default_standard", deserialize_with = "one_or_several")]
    #[schemars(with = "Layers", default)]
    pub(crate) standard: Vec<Layer>,
    /// The company's registers.
    #[serde(default)]
    pub(crate) register: Register,
    /// Where the days of the registers begin and end.
    #[serde(default)]
    pub(crate) time_zone: Zone,
    /// Outside sources: reports of scanners, and programs that print findings.
    #[serde(default)]
    pub(crate) findings: Vec<Findings>,
    /// The folder that workbooks are written to.
    #[serde(default = "default_workbooks")]
    pub(crate) workbooks: PathBuf,
    /// The bucket of `sink s3`.
    #[serde(default)]
    pub(crate) s3: Option<sink_s3::Config>,
    /// What `sink siem` tells; each round of `run` tells it too where this is there.
    #[serde(default)]
    pub(crate) siem: Option<sink_siem::Config>,
    /// The cluster of `sink elasticsearch`.
    #[serde(default)]
    pub(crate) elasticsearch: Option<sink_elasticsearch::Config>,
    /// ClickHouse, of `sink clickhouse` and `trend`.
    #[serde(default)]
    pub(crate) clickhouse: Option<sink_clickhouse::Config>,
    /// Who is told of what can't wait, by `sink alert`; each round of `run` tells it too where this
    /// is there.
    #[serde(default)]
    pub(crate) alerts: Option<sink_alert::Config>,
    /// The mail server and the schedules of `sink mail`.
    #[serde(default)]
    pub(crate) mail: Option<sink_mail::Config>,
    /// Minutes between the starts of two scans.
    #[serde(default = "default_scan_interval")]
    pub(crate) scan_interval_minutes: u64,
    /// Minutes over which a scheduled scan's accounts begin, each at its own moment.
    #[serde(default = "default_scan_jitter")]
    pub(crate) scan_jitter_minutes: u64,
    /// Worker threads of each stage in this process.
    #[serde(default = "default_workers")]
    pub(crate) workers: usize,
    /// The page of `serve`; `run` serves it too where this is there.
    #[serde(default)]
    pub(crate) page: Option<sink_page::Config>,
    /// Where a process serves its metrics and health; nowhere when absent.
    #[serde(default)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where a process sends the spans of its work; nowhere when absent.
    #[serde(default)]
    pub(crate) telemetry: Option<telemetry::Config>,
}

/// Where records are kept: a folder, or Kafka.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// A folder of this machine: one process at a time.
    #[serde(default)]
    pub(crate) local: Option<PathBuf>,
    /// Apache Kafka.
    #[serde(default)]
    pub(crate) kafka: Option<KafkaConfig>,
}

/// The company's registers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// The accounts register: CSV, JSON or YAML.
    #[serde(default)]
    pub(crate) accounts: Option<PathBuf>,
    /// The risk register: JSON as a SharePoint list exports it.
    #[serde(default)]
    pub(crate) risks: Option<PathBuf>,
    /// What its columns are called.
    #[serde(default)]
    pub(crate) columns: RiskColumns,
    /// How long an exception may last.
    #[serde(default)]
    pub(crate) longest: Longest,
    /// A mutelist of Prowler, whose rules become exceptions.
    #[serde(default)]
    pub(crate) mutelist: Option<Mutelist>,
}

fn default_prefix() -> String {
    "scorecard".to_owned()
}

fn default_standard() -> Vec<Layer> {
    vec![Layer::Shipped]
}

/// Layers as the file may list them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Layers {
    One(Layer),
    Several(Vec<Layer>),
}

fn one_or_several<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Layer>, D::Error> {
    Ok(match Layers::deserialize(input)? {
        Layers::One(layer) => vec![layer],
        Layers::Several(layers) => layers,
    })
}

fn default_state() -> PathBuf {
    "scorecard-state".into()
}

fn default_workbooks() -> PathBuf {
    "workbooks".into()
}

fn default_scan_interval() -> u64 {
    30
}

fn default_scan_jitter() -> u64 {
    5
}

fn default_workers() -> usize {
    1
}

/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Partitions of a local log, where one process does everything.
pub(crate) const LOCAL_PARTITIONS: i32 = 4;

/// Partitions on Kafka: enough for a dozen workers.
const KAFKA_PARTITIONS: i32 = 12;

/// The arguments of every command that reads the configuration.
#[derive(clap::Args, Clone)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(long = "config", value_name = "FILE", env = "SCORECARD_CONFIG")]
    pub(crate) path: PathBuf,
    /// Sets a key of the configuration instead of the file, for example log.local=./log; any
    /// number of times. A variable of the environment does too: SCORECARD__LOG__LOCAL=./log
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// The same arguments where a command can do without, or has commands below it.
#[derive(clap::Args, Clone)]
pub(crate) struct OptionalConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "SCORECARD_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Sets a key of the configuration instead of the file; any number of times
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    set: Vec<String>,
}

impl OptionalConfigFile {
    /// Gives the file, if one is named.
    pub(crate) fn file(&self) -> Option<ConfigFile> {
        let path = self.config.clone()?;
        Some(ConfigFile { path, set: self.set.clone() })
    }

    /// Reads it as [`ConfigFile::read`] does, if one is named.
    pub(crate) fn read(&self) -> Result<Option<Config>> {
        self.file().map(|file| file.read()).transpose()
    }
}

impl ConfigFile {
    /// Names a file of which nothing is set otherwise by arguments.
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), set: Vec::new() }
    }

    /// Reads the file, and what the environment and the arguments say instead.
    pub(crate) fn read(&self) -> Result<Config> {
        let environment = environment();
        self.read_in(&environment)
            .with_context(|| format!("in the configuration {}", self.path.display()))
    }

    fn read_in(&self, environment: &BTreeMap<String, String>) -> Result<Config> {
        let text = self.text()?;
        let set = document::overrides(environment, &self.set)?;
        // What nothing is set of is read as it is: its lines are the file's own.
        let (text, name) = match set.is_empty() {
            true => (text, self.path.display().to_string()),
            false => (
                document::merged(&text, environment, &set)?.yaml(true),
                format!("{} with what is set", self.path.display()),
            ),
        };
        let options = document::options(environment);
        let read = serde_saphyr::from_str_with_options(&text, options);
        let mut config: Config = read.map_err(|fault| fault::told(&fault, &name))?;
        config.anchor(self.path.parent().unwrap_or(Path::new(".")));
        config.check()?;
        Ok(config)
    }

    /// Gives what is said, with who says it; what goes without saying is not among it.
    pub(crate) fn document(&self) -> Result<document::Node> {
        self.document_in(&environment())
            .with_context(|| format!("in the configuration {}", self.path.display()))
    }

    fn document_in(&self, environment: &BTreeMap<String, String>) -> Result<document::Node> {
        let set = document::overrides(environment, &self.set)?;
        document::merged(&self.text()?, environment, &set)
    }

    fn text(&self) -> Result<String> {
        let mut text = String::new();
        let file = File::open(&self.path).context("reading it")?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).context("reading it")?;
        ensure!(text.len() as u64 <= FILE_BYTES_MAX, "it has more than {FILE_BYTES_MAX} bytes");
        Ok(text)
    }
}

/// Gives the variables that are text.
fn environment() -> BTreeMap<String, String> {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl Config {
    /// Gives the number of partitions of every topic.
    pub(crate) fn partitions(&self) -> i32 {
        let usual = if self.log.local.is_some() { LOCAL_PARTITIONS } else { KAFKA_PARTITIONS };
        self.partitions.unwrap_or(usual)
    }

    fn check(&self) -> Result<()> {
        match (&self.log.local, &self.log.kafka) {
            (Some(_), Some(_)) => bail!("log: `local` and `kafka` exclude each other"),
            (None, None) => bail!("log: either `local: DIR` or `kafka: {{bootstrap: HOST:PORT}}`"),
            _ => {}
        }
        if self.partitions.is_some_and(|count| !(1..=1_000).contains(&count)) {
            bail!("partitions: must lie between 1 and 1000");
        }
        if self.workers == 0 {
            bail!("workers: must be at least 1");
        }
        if self.standard.is_empty() {
            bail!("standard: name at least one layer, a folder or `shipped`");
        }
        for findings in &self.findings {
            findings.check().context("findings")?;
        }
        if let Some(registry) = &self.schema_registry {
            let checked = registry.validate();
            checked.map_err(|problem| anyhow!("schema_registry: url: {problem}"))?;
        }
        if let Some(aws) = &self.aws {
            aws.validate().context("aws")?;
        }
        if let Some(s3) = &self.s3 {
            s3.validate().context("s3")?;
        }
        if let Some(siem) = &self.siem {
            siem.validate().context("siem")?;
        }
        if let Some(elasticsearch) = &self.elasticsearch {
            elasticsearch.validate().context("elasticsearch")?;
        }
        if let Some(clickhouse) = &self.clickhouse {
            clickhouse.validate().context("clickhouse")?;
        }
        if let Some(alerts) = &self.alerts {
            alerts.validate(self.mail.is_some()).context("alerts")?;
        }
        if let Some(mail) = &self.mail {
            mail.validate().context("mail")?;
        }
        if let Some(page) = &self.page {
            page.validate().context("page")?;
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.validate().context("telemetry")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use stream::secret::Secret;

    use super::*;

    #[test]
    fn the_manuals_examples_are_configurations() {
        let page = include_str!("../docs/src/configuration.md");
        let examples = page.split("```yaml\n").skip(1).filter_map(|text| text.split("```").next());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        let mut mechanisms = Vec::new();
        for example in examples {
            std::fs::write(&path, example).unwrap();
            let config = ConfigFile::at(&path).read().unwrap();
            let Some(kafka) = config.log.kafka else {
                match (config.aws, config.register.mutelist) {
                    (Some(aws), _) => {
                        let key = Secret::File(folder.path().join("digest.key"));
                        assert_eq!(aws.digest_key, Some(key));
                    }
                    (None, Some(list)) => {
                        assert_eq!(list.path, folder.path().join("mutelist.yaml"));
                    }
                    (None, None) => assert_eq!(config.findings.len(), 4, "{example}"),
                }
                continue;
            };
            assert_eq!(kafka.secrets.len(), 1, "{example}");
            mechanisms.push(kafka.properties.get("sasl.mechanism").cloned().unwrap_or_default());
        }
        assert_eq!(mechanisms, ["PLAIN", "SCRAM-SHA-512", "", "OAUTHBEARER"]);
    }

    #[test]
    fn a_file_that_is_too_long_or_too_deep_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let error = ConfigFile::at(&path).read().map(drop).unwrap_err();
            let document = ConfigFile::at(&path).document().map(drop).unwrap_err();
            (format!("{error:#}"), format!("{document:#}"))
        };
        let long = format!("log: {{local: ./log}}\n# {}\n", "x".repeat(1 << 20));
        assert!(told(&long).0.ends_with("it has more than 1048576 bytes"));
        let (read, shown) = told(&"[".repeat(100_000));
        assert!(read.contains("recursion limit"), "{read}");
        assert_eq!(read.lines().next(), shown.lines().next());
        // A billion laughs.
        let list = |at: usize| {
            format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 10].join(", "))
        };
        let bomb = format!("a0: &a0 laugh\n{}", (1..10).map(list).collect::<String>());
        let (read, shown) = told(&bomb);
        assert!(
            read.contains("unknown key a0; there are prefix, ") && shown.contains("nodes"),
            "{read}\n{shown}"
        );
    }

    #[test]
    fn the_example_for_a_siem_is_a_configuration() {
        let page = include_str!("../docs/src/siem.md");
        let example = page.split("```yaml\n").nth(1).and_then(|text| text.split("```").next());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        std::fs::write(&path, format!("log: {{local: ./log}}\n{}", example.unwrap())).unwrap();
        let siem = ConfigFile::at(path).read().unwrap().siem.unwrap();
        assert!(siem.inventory);
        assert_eq!(siem.splunk.unwrap().sourcetype.as_deref(), Some("scorecard:ocsf"));
    }

    #[test]
    fn the_example_for_alerts_is_a_configuration() {
        let page = include_str!("../docs/src/alerts.md");
        let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        std::fs::write(&path, format!("log: {{local: ./log}}\n{example}")).unwrap();
        let alerts = ConfigFile::at(path).read().unwrap().alerts.unwrap();
        let token = alerts.webhook.unwrap().token.unwrap();
        assert_eq!(token, Secret::File(folder.path().join("webhook.token")), "from its folder");
        assert_eq!((alerts.recipients.len(), alerts.quiet_minutes), (1, 60));
    }

    #[test]
    fn the_example_for_mail_is_a_configuration() {
        let page = include_str!("../docs/src/mail.md");
        let example = page.split("```yaml\n").nth(1).and_then(|text| text.split("```").next());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        std::fs::write(&path, format!("log: {{local: ./log}}\n{}", example.unwrap())).unwrap();
        let mail = ConfigFile::at(path).read().unwrap().mail.unwrap();
        assert_eq!(mail.password, Some(Secret::File(folder.path().join("mail.password"))));
        assert!(mail.only_if_changed && mail.owners.is_some());
        assert_eq!(mail.payers.unwrap().recipients.len(), 1);
    }

    #[test]
    fn the_standard_has_one_layer_or_several() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        let read = |line: &str| {
            std::fs::write(&path, format!("log: {{local: log}}\n{line}\n")).unwrap();
            ConfigFile::at(&path).read().map(|config| config.standard)
        };
        let within = |name: &str| Layer::Folder(folder.path().join(name));
        let table = [
            ("", vec![Layer::Shipped]),
            ("standard: shipped", vec![Layer::Shipped]),
            ("standard: ours", vec![within("ours")]),
            ("standard: [ours]", vec![within("ours")]),
            ("standard: [shipped, ours/]", vec![Layer::Shipped, within("ours/")]),
            ("standard: [./shipped, /x]", vec![within("./shipped"), Layer::Folder("/x".into())]),
        ];
        for (line, layers) in table {
            assert_eq!(read(line).unwrap(), layers, "{line}");
        }
        for line in ["standard: []", "standard: {a: b}", "standard: [[shipped]]"] {
            let error = format!("{:#}", read(line).unwrap_err());
            assert!(error.contains("standard") || error.contains("line 2"), "{line}: {error}");
        }
    }

    #[test]
    fn a_secrets_file_lies_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scorecard.yaml");
        let secrets = "{sasl.password: {file: password}, ssl.key.password: {env: KEY}}";
        let kafka = format!("kafka: {{bootstrap: \"b:9093\", secrets: {secrets}}}");
        let registry = "schema_registry: {url: \"https://r\", password: {file: /run/r}, \
                        ca_file: ca.pem}";
        std::fs::write(&path, format!("log: {{{kafka}}}\n{registry}\n")).unwrap();
        let config = ConfigFile::at(path).read().unwrap();
        let secrets = config.log.kafka.unwrap().secrets;
        assert_eq!(secrets["sasl.password"], Secret::File(folder.path().join("password")));
        assert_eq!(secrets["ssl.key.password"], Secret::Env("KEY".to_owned()));
        let registry = config.schema_registry.unwrap();
        assert_eq!(registry.password, Some(Secret::File("/run/r".into())));
        assert_eq!(registry.ca_file, Some(folder.path().join("ca.pem")));
    }
}
