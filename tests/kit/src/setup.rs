//! Where the tests' own tools lie: the repository, the cache, servers' jars, Python environments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

/// The paths that `tests/kit/prepare` prints.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Folder with the jars of Apache Kafka.
    pub kafka: PathBuf,
    /// Folder with the jars of Elasticsearch in `lib/`, `modules/` and `classes/`.
    pub elasticsearch: PathBuf,
    /// The Python interpreter that has moto, boto3 and openpyxl.
    pub python: PathBuf,
    /// Folder with the classes compiled from `tests/kit/java`.
    pub java: PathBuf,
    /// The Python interpreter that has ClickHouse's engine.
    pub clickhouse: PathBuf,
    /// The program mailpit.
    pub mailpit: PathBuf,
    /// Folder with `node_modules` of what drives a browser.
    pub browser: PathBuf,
    /// The program that tries an interface by its OpenAPI document.
    pub schemathesis: PathBuf,
    /// Folder with the programs that `tests/kit/tools` lists.
    pub tools: PathBuf,
}

/// The root folder of the repository: the one that this runs in, or the one that it was built in.
///
/// Clones that share a folder for what cargo builds share programs too: a program may have been
/// built in another clone than the one it runs in.
pub fn repository() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let places = package.into_iter().chain(std::env::current_dir());
        let places: Vec<PathBuf> = places.collect();
        let mut roots = places.iter().flat_map(|place| place.ancestors());
        let root = roots.find(|root| root.join("tests/kit/prepare").is_file());
        root.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), Path::to_path_buf)
    })
}

/// Returns where the tools lie, and fetches what is missing: once a process, and at most once a
/// machine for each version.
///
/// # Errors
/// When something cannot be fetched or made; the message holds what the script said.
pub fn get() -> Result<&'static Setup> {
    static SETUP: OnceLock<Result<Setup>> = OnceLock::new();
    SETUP.get_or_init(prepare).as_ref().map_err(|error| {
        anyhow!("the tests' tools are not ready (tests/run sets them up): {error:#}")
    })
}

/// Runs the script that fills the cache; its progress is shown, its answer read.
fn prepare() -> Result<Setup> {
    let script = repository().join("tests/kit/prepare");
    let output = Command::new("bash")
        .arg(&script)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", script.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    if !output.status.success() {
        bail!("{} failed with {}: {said}", script.display(), output.status);
    }
    let answer = String::from_utf8(output.stdout).context("reading the paths of the tools")?;
    let paths: BTreeMap<&str, &str> =
        answer.lines().filter_map(|line| line.split_once('=')).collect();
    let path = |name: &str| {
        let found = paths.get(name).with_context(|| format!("{name} is not in {answer:?}"));
        found.map(PathBuf::from)
    };
    Ok(Setup {
        kafka: path("kafka")?,
        elasticsearch: path("elasticsearch")?,
        python: path("python")?,
        java: path("java")?,
        clickhouse: path("clickhouse")?,
        mailpit: path("mailpit")?,
        browser: path("browser")?,
        schemathesis: path("schemathesis")?,
        tools: path("tools")?,
    })
}
