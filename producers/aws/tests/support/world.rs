//! Two organisations on moto, and what a scan of them gave.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result, ensure};
use kit::gateway::Gateway;
use kit::moto::{Moto, Options};
use producer_aws::collectors::{ALL, Coverage};
use producer_aws::{Clock, Config, Outlet, Progress, Scanner, Summary, Wanted};
use schemas::topic::{ACCOUNT_LISTING, OBSERVATION, REPORT, SCAN_UNIT};
use schemas::{
    AccountListing, Codec, Key, Observation, ObservationEvent, Report, Resource, ScanUnit, Topic,
};
use serde_json::{Value, json};
use stream::{LogConfig, snapshot};

/// The regions that `fill.py` fills and scans are told.
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// The test's clock starts here.
pub(crate) const START_MS: i64 = 1_780_000_000_000;

/// The one account with a support plan, a payer; it has as many checks as moto knows.
pub(crate) const PLAN: &str = "222222222222";

const FILL: &str = "producers/aws/tests/fill.py";

/// A server with two organisations behind the proxy that refuses.
pub(crate) struct World {
    pub(crate) moto: Moto,
    pub(crate) gateway: Gateway,
    /// Account ids by payer.
    pub(crate) accounts: BTreeMap<String, Vec<String>>,
    /// Moves on with each question.
    pub(crate) now_ms: Arc<AtomicI64>,
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        let moto = Moto::start_with(&Options::default().support_plan(PLAN))?;
        let gateway = Gateway::start(moto.port())?;
        let printed = kit::python(FILL, &["organisations", &moto.endpoint()])?;
        let accounts = serde_json::from_str(&printed).context("the script prints JSON")?;
        Ok(Self { moto, gateway, accounts, now_ms: Arc::new(AtomicI64::new(START_MS)) })
    }

    pub(crate) fn config(&self, change: Value) -> Result<Config> {
        let payers: Vec<_> = self.accounts.keys().map(|id| json!({"account": id})).collect();
        let mut config = json!({"role": "Audit", "external_id": "xy", "payers": payers,
            "regions": REGIONS, "endpoint": self.gateway.endpoint(), "max_attempts": 2});
        if let (Value::Object(config), Value::Object(change)) = (&mut config, change) {
            config.extend(change);
        }
        Ok(serde_json::from_value(config)?)
    }

    /// Scans everything into a fresh log of one partition, so that all records have one order.
    pub(crate) fn scan(&self, config: &Config) -> Result<Scanned> {
        let folder = tempfile::tempdir()?;
        self.scan_into(folder.path(), config, &Wanted::default())
    }

    /// Scans what is wanted into the log in a folder, and reads all that is in it then.
    pub(crate) fn scan_into(
        &self,
        folder: &Path,
        config: &Config,
        wanted: &Wanted,
    ) -> Result<Scanned> {
        let outlet = outlet(folder)?;
        let credentials = Some(super::credentials());
        let mut scanner =
            Scanner::open(outlet.clone(), config, "tests", credentials, self.clock())?;
        let progress = RefCell::new(Vec::new());
        let note = |step: &Progress| progress.borrow_mut().push(step.clone());
        let summary = scanner.scan(wanted, &|| false, &note)?.context("nobody stopped it")?;
        Scanned::read(&outlet, summary, progress.into_inner())
    }

    /// Gives a clock that moves on with each question.
    pub(crate) fn clock(&self) -> Clock {
        let now_ms = Arc::clone(&self.now_ms);
        Arc::new(move || now_ms.fetch_add(1, Ordering::SeqCst) + 1)
    }

    pub(crate) fn all(&self) -> BTreeSet<&str> {
        self.accounts.values().flatten().map(String::as_str).collect()
    }

    /// The last member account of the first payer.
    pub(crate) fn member(&self) -> &str {
        let mut members = self
            .accounts
            .iter()
            .flat_map(|(payer, all)| all.iter().filter(move |account| *account != payer));
        members.next().expect("the first payer has members")
    }
}

/// What a scan wrote.
pub(crate) struct Scanned {
    pub(crate) summary: Summary,
    pub(crate) listings: Vec<AccountListing>,
    /// Observations with the times of their records.
    pub(crate) observations: Vec<(Observation, i64)>,
    pub(crate) units: Vec<ScanUnit>,
    pub(crate) reports: Vec<Report>,
    pub(crate) progress: Vec<Progress>,
}

/// Opens a local log in a folder.
pub(crate) fn outlet(folder: &Path) -> Result<Outlet> {
    let dir = folder.to_owned();
    let config =
        LogConfig::Local { dir, partitions: 1, retention_days: None, history_retention_days: None };
    let log = stream::open(&config, "tests")?;
    log.apply()?;
    Ok(Outlet { log, codec: Codec::default(), prefix: "tests".to_owned() })
}

fn history<K: Key, V: schemas::Value>(
    outlet: &Outlet,
    topic: &Topic<K, V>,
) -> Result<Vec<(V, i64)>> {
    let Outlet { log, codec, prefix } = outlet;
    let events = snapshot::history(&**log, codec, prefix, topic)?;
    Ok(events.into_iter().map(|(record, _, value)| (value, record.timestamp_ms)).collect())
}

/// Account, region, resource type.
pub(crate) type ScopeKey = (String, String, String);

impl Scanned {
    fn read(outlet: &Outlet, summary: Summary, progress: Vec<Progress>) -> Result<Self> {
        let listings = history(outlet, &ACCOUNT_LISTING)?;
        let units = history(outlet, &SCAN_UNIT)?;
        let reports = history(outlet, &REPORT)?;
        Ok(Self {
            listings: listings.into_iter().map(|(listing, _)| listing).collect(),
            observations: history(outlet, &OBSERVATION)?,
            units: units.into_iter().map(|(unit, _)| unit).collect(),
            reports: reports.into_iter().map(|(report, _)| report).collect(),
            summary,
            progress,
        })
    }

    /// Gives how each scope ended, after checking that it is one whole story.
    pub(crate) fn scopes(&self) -> Result<BTreeMap<ScopeKey, Result<i64, String>>> {
        let mut open: BTreeMap<ScopeKey, i64> = BTreeMap::new();
        let mut ended = BTreeMap::new();
        for (observation, _) in &self.observations {
            let Observation { account, region, resource_type, event, .. } = observation;
            assert_eq!(observation.scan, self.summary.scan);
            let key = (account.clone(), region.clone(), resource_type.clone());
            ensure!(!ended.contains_key(&key), "{key:?} goes on after its end");
            match event {
                ObservationEvent::Started {} => {
                    ensure!(open.insert(key, 0).is_none(), "started twice");
                }
                ObservationEvent::Observed { resource } => {
                    ensure!(resource.account == *account, "a resource of its account");
                    ensure!(resource.resource_type == *resource_type, "a resource of its type");
                    *open.get_mut(&key).context("seen before the start")? += 1;
                }
                ObservationEvent::Completed { count } => {
                    let seen = open.remove(&key).context("completed before the start")?;
                    ensure!(seen == *count, "{key:?} says {count} of {seen}");
                    ended.insert(key, Ok(*count));
                }
                ObservationEvent::Failed { error } => {
                    open.remove(&key).context("failed before the start")?;
                    ended.insert(key, Err(error.clone()));
                }
            }
        }
        ensure!(open.is_empty(), "{open:?} have no end");
        Ok(ended)
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.observations.iter().filter_map(|(observation, _)| match &observation.event {
            ObservationEvent::Observed { resource } => Some(resource),
            _ => None,
        })
    }

    /// Gives the documents as `oracle.py inventory` prints them; of errors the codes.
    pub(crate) fn inventory(&self) -> Result<Value> {
        let mut out = json!({});
        for resource in self.resources() {
            let codes: BTreeMap<_, _> = resource
                .errors
                .iter()
                .map(|(name, error)| (name, error.split(':').next().unwrap_or_default()))
                .collect();
            let configuration: Value = serde_json::from_str(&resource.configuration)?;
            let supplementary: Value = serde_json::from_str(&resource.supplementary)?;
            out[&resource.account][&resource.resource_type][&resource.id] = json!({
                "region": resource.region, "name": resource.name, "arn": resource.arn,
                "tags": resource.tags, "configuration": configuration,
                "supplementary": supplementary, "errors": codes,
            });
        }
        Ok(out)
    }
}

/// Every scope that a scan of an account has in the configured regions.
pub(crate) fn scopes_of(account: &str) -> BTreeSet<ScopeKey> {
    let scope = |region: &str, kind: &str| (account.to_owned(), region.into(), kind.into());
    let scopes = ALL.iter().flat_map(|collector| match collector.coverage {
        Coverage::Global => vec![scope("global", collector.resource_type)],
        Coverage::Regional => {
            REGIONS.iter().map(|region| scope(region, collector.resource_type)).collect()
        }
    });
    scopes.collect()
}
