//! One scan by one contender, measured from outside.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kit::gateway::Gateway;
use kit::moto::Moto;
use kit::process::{self as child, Child};
use schemas::{Codec, ObservationEvent, topic};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stream::{LogConfig, snapshot};

use super::crowd::Crowd;
use crate::process;

const CRAWLER: &str = "bench/peers/crawl.py";

/// Limit for one scan.
const LIMIT: Duration = Duration::from_secs(1_800);

/// Time between two looks at the memory of a scan.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const PREFIX: &str = "bench";
const PARTITIONS: i32 = 4;

/// Who scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Contender {
    /// `bench/peers/crawl.py`.
    Boto3,
    /// `scorecard collect` on a local log.
    Ours,
}

/// What a scan took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Lap {
    pub(crate) contender: Contender,
    pub(crate) accounts: usize,
    /// Documents by resource type.
    pub(crate) resources: BTreeMap<String, u64>,
    /// Requests that the server answered.
    pub(crate) calls: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: u64,
}

impl Lap {
    /// Documents of all types.
    pub(crate) fn documents(&self) -> u64 {
        self.resources.values().sum()
    }
}

/// How often each operation is called.
pub(crate) type Mix = BTreeMap<String, u64>;

/// Gives the ids of our collectors that the crawler stands for.
pub(crate) fn compared() -> Result<Vec<String>> {
    let printed = kit::python(CRAWLER, &["--collectors"])?;
    serde_json::from_str(&printed).context("crawl.py prints JSON")
}

/// Scans and measures.
pub(crate) fn lap(
    contender: Contender,
    moto: &Moto,
    crowd: &Crowd,
    collectors: &[String],
) -> Result<Lap> {
    eprintln!("scanning {} accounts: {contender:?}", crowd.accounts);
    let folder = tempfile::tempdir()?;
    let endpoint = moto.endpoint();
    let command = command(contender, folder.path(), &endpoint, crowd, collectors)?;
    let (calls_before, cpu_before) = (requests(moto), process::ended_children_cpu_seconds()?);
    let start = Instant::now();
    let mut running = Child::spawn(command, folder.path(), "scan")?;
    let mut peak_bytes = 0;
    while running.is_running() {
        // The last look fails where the scan has just ended.
        peak_bytes = process::memory(running.pid()).map_or(peak_bytes, |memory| memory.peak);
        ensure!(start.elapsed() < LIMIT, "the scan takes too long\n{}", running.tail());
        std::thread::sleep(LOOK_EVERY);
    }
    let seconds = start.elapsed().as_secs_f64();
    let ended = running.wait(LIMIT)?;
    ensure!(ended.status.success(), "{contender:?} failed:\n{}\n{}", ended.stdout, ended.stderr);
    Ok(Lap {
        contender,
        accounts: crowd.accounts,
        resources: match contender {
            Contender::Boto3 => crawled(&ended.stdout)?,
            Contender::Ours => observed(folder.path())?,
        },
        calls: requests(moto) - calls_before,
        seconds,
        cpu_seconds: process::ended_children_cpu_seconds()? - cpu_before,
        peak_bytes,
    })
}

/// Scans through a gateway and tells which calls were made.
pub(crate) fn mix(
    contender: Contender,
    moto: &Moto,
    crowd: &Crowd,
    collectors: &[String],
) -> Result<Mix> {
    eprintln!("looking at the calls of {contender:?}");
    let gateway = Gateway::start(moto.port())?;
    let folder = tempfile::tempdir()?;
    let endpoint = gateway.endpoint();
    child::run(command(contender, folder.path(), &endpoint, crowd, collectors)?, LIMIT)?;
    let counts = gateway.counts().into_iter();
    Ok(counts.map(|(operation, count)| (operation.to_string(), count)).collect())
}

/// Gives the command of a scan that writes into a folder.
fn command(
    contender: Contender,
    folder: &Path,
    endpoint: &str,
    crowd: &Crowd,
    collectors: &[String],
) -> Result<Command> {
    let mut command = match contender {
        Contender::Boto3 => {
            let mut command = process::pinned(&kit::setup::get()?.python);
            command
                .arg(kit::setup::repository().join(CRAWLER))
                .args([endpoint, &crowd.payer])
                .arg(folder)
                .args(&crowd.regions)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
        Contender::Ours => {
            let config = folder.join("config.yaml");
            let aws = json!({"payers": [{"account": crowd.payer}], "role": "audit",
                "endpoint": endpoint, "regions": crowd.regions, "spend": "none"});
            let text = format!(
                "prefix: {PREFIX}\npartitions: {PARTITIONS}\nlog: {{local: ./data}}\naws: {aws}\n"
            );
            std::fs::write(&config, text).context("writing the configuration")?;
            let mut command = process::pinned(program()?);
            command.arg("collect").arg("--config").arg(config);
            command.args(collectors.iter().flat_map(|id| ["--service", id]));
            command
        }
    };
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE");
    Ok(command)
}

/// Gives the program, which lies beside this one.
fn program() -> Result<std::path::PathBuf> {
    let path = std::env::current_exe().context("finding this program")?.with_file_name("scorecard");
    if !path.is_file() {
        bail!("{} is not there: bench/run builds it", path.display());
    }
    Ok(path)
}

/// Counts what the server has logged: one line a request.
fn requests(moto: &Moto) -> u64 {
    moto.log().lines().filter(|line| line.contains(" HTTP/1.1")).count() as u64
}

/// Reads what the crawler printed.
fn crawled(stdout: &str) -> Result<BTreeMap<String, u64>> {
    #[derive(Deserialize)]
    struct Printed {
        resources: BTreeMap<String, u64>,
    }
    let printed: Printed = serde_json::from_str(stdout).context("crawl.py prints JSON")?;
    Ok(printed.resources)
}

/// Counts the observed resources in the log that a scan of ours wrote.
fn observed(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let log = LogConfig::Local {
        dir: folder.join("data"),
        partitions: PARTITIONS,
        retention_days: None,
        history_retention_days: None,
    };
    let log = stream::open(&log, PREFIX)?;
    let records = snapshot::history(&*log, &Codec::default(), PREFIX, &topic::OBSERVATION)?;
    let mut counts = BTreeMap::new();
    for (_, _, observation) in records {
        if matches!(observation.event, ObservationEvent::Observed { .. }) {
            *counts.entry(observation.resource_type).or_default() += 1;
        }
    }
    Ok(counts)
}
