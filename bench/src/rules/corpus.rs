//! What is judged: the simulator's documents, and those of the test cases that ship.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use compliance::{StandardEntry, document};
use producer_simulator::{Config, Source, simulate};
use rules::{Context, Document};
use schemas::{ObservationEvent, Resource};
use serde::Deserialize;
use serde_json::{Value, json};

/// The account of the test cases, as `scorecard test` has it.
const ACCOUNT: &str = "111122223333";

/// The instant of cases that name none: 2026-11-24T00:00:00Z.
const NOW_MS: i64 = 1_795_478_400_000;

/// The first day that is simulated: 2026-11-01T00:00:00Z.
const START_MS: i64 = 1_793_491_200_000;

/// Documents, and what has to be known to judge them.
pub(crate) struct Corpus {
    /// For the report.
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Sample>,
    pub(crate) known: Known,
}

/// A document, as text and parsed, and the rules that apply to it.
pub(crate) struct Sample {
    pub(crate) resource: Resource,
    pub(crate) configuration: Value,
    pub(crate) supplementary: Value,
    /// Indices into the rules that ship.
    pub(crate) rules: Vec<usize>,
    pub(crate) now_ms: i64,
}

/// Accounts that are ours or were approved.
#[derive(Clone, Default)]
pub(crate) struct Known(BTreeSet<String>);

impl Context for Known {
    fn is_known_account(&self, account_id: &str) -> bool {
        self.0.contains(account_id)
    }
}

impl Corpus {
    /// Counts pairs of a document and a rule that applies to it.
    pub(crate) fn evaluations(&self) -> usize {
        self.samples.iter().map(|sample| sample.rules.len()).sum()
    }

    /// Gives which rules apply to any of the documents.
    pub(crate) fn rules(&self) -> BTreeSet<usize> {
        self.samples.iter().flat_map(|sample| sample.rules.iter().copied()).collect()
    }
}

impl Sample {
    fn new(resource: Resource, rules: Vec<usize>, now_ms: i64) -> Result<Self> {
        let (configuration, supplementary) = parse(&resource)?;
        Ok(Self { resource, configuration, supplementary, rules, now_ms })
    }

    /// Gives what a rule judges; nothing is copied.
    pub(crate) fn document(&self) -> Document<'_> {
        document(&self.resource, &self.configuration, &self.supplementary, &[])
    }

    /// Tells whether every call that the document tells of was answered, and nothing was cut off.
    pub(crate) fn is_whole(&self) -> bool {
        self.resource.errors.is_empty() && self.resource.truncated.is_empty()
    }

    /// Gives the size of the texts in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.resource.configuration.len() + self.resource.supplementary.len()
    }
}

/// Parses a document's two texts.
pub(crate) fn parse(resource: &Resource) -> serde_json::Result<(Value, Value)> {
    let read = |text: &str| serde_json::from_str(text);
    Ok((read(&resource.configuration)?, read(&resource.supplementary)?))
}

/// Gives every resource of a simulated organisation as it was seen last, judged at the end.
pub(crate) fn simulated(accounts: usize, entries: &[Arc<StandardEntry>]) -> Result<Corpus> {
    let config = Config { accounts, days: 2, start_ms: START_MS, ..Config::default() };
    let mut latest = BTreeMap::new();
    let mut known = BTreeSet::new();
    let mut now_ms = START_MS;
    for event in simulate(&config) {
        now_ms = now_ms.max(event.at_ms);
        match event.source {
            Source::Listing(row) => drop(known.insert(row.account)),
            Source::Register(row) if row.approved || !row.third_party => {
                known.insert(row.account);
            }
            Source::Observed(row) => {
                if let ObservationEvent::Observed { resource } = row.event {
                    latest.insert(resource.key(), resource);
                }
            }
            _ => (),
        }
    }
    let applying = |resource: &Resource| {
        let all = entries.iter().enumerate();
        let all = all.filter(|(_, one)| one.requirement.resource_type == resource.resource_type);
        all.map(|(at, _)| at).collect()
    };
    let samples = latest.into_values().map(|resource| {
        let rules = applying(&resource);
        Sample::new(resource, rules, now_ms)
    });
    let samples = samples.collect::<Result<Vec<_>>>()?;
    ensure!(!samples.is_empty(), "the simulator gave no document");
    Ok(Corpus { name: "simulator", samples, known: Known(known) })
}

/// A requirement's file, as far as its cases need it.
#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(default)]
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    now: Option<String>,
    #[serde(default)]
    r: Value,
    #[serde(default)]
    s: Value,
    #[serde(default)]
    errors: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    truncated: Vec<String>,
    #[serde(default)]
    known_accounts: Vec<String>,
}

/// Gives the documents of the test cases in a folder, each for its own rule.
///
/// Accounts that one case knows are known to all, so that one context does for the corpus.
pub(crate) fn cases(folder: &Path, entries: &[Arc<StandardEntry>]) -> Result<Corpus> {
    let mut samples = Vec::new();
    let mut known = BTreeSet::from([ACCOUNT.to_owned()]);
    for (at, entry) in entries.iter().enumerate() {
        let path = folder.join(format!("{}.yaml", entry.requirement.id));
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let file: File = serde_saphyr::from_str(&text)
            .with_context(|| format!("reading the cases in {}", path.display()))?;
        ensure!(file.id == entry.requirement.id, "{} is not named by its id", path.display());
        for case in file.tests {
            known.extend(case.known_accounts.iter().cloned());
            samples.push(sample(case, at, entry)?);
        }
    }
    Ok(Corpus { name: "test cases", samples, known: Known(known) })
}

fn sample(case: Case, rule: usize, entry: &StandardEntry) -> Result<Sample> {
    let text = |value: Value| if value.is_null() { json!({}) } else { value }.to_string();
    let now_ms = match case.now.as_deref() {
        Some(now) => rules::parse_instant(now).context("reading a case's instant")?,
        None => NOW_MS,
    };
    let resource = Resource {
        provider: "aws".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        resource_type: entry.requirement.resource_type.clone(),
        id: "test".to_owned(),
        name: "test".to_owned(),
        arn: String::new(),
        tags: case.tags,
        configuration: text(case.r),
        supplementary: text(case.s),
        errors: case.errors,
        truncated: case.truncated,
        captured_ms: now_ms,
    };
    Sample::new(resource, vec![rule], now_ms)
}
