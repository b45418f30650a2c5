//! Two organisations on moto, and what a scan of them gave.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use kit::denier::Denier;
use kit::moto::Moto;
use producer_aws::collectors::{ALL, Coverage};
use producer_aws::{Config, Progress, Sink, SinkError, Summary, scan_as};
use schemas::{AccountListing, Observation, ObservationEvent, Resource};
use serde_json::{Value, json};

/// The regions that `fill.py` fills and scans are told.
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// The test's clock starts here.
pub(crate) const START_MS: i64 = 1_780_000_000_000;

const FILL: &str = "producers/aws/tests/fill.py";

/// Keeps records; refuses them above a limit.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) listings: Vec<AccountListing>,
    pub(crate) observations: Vec<(Observation, i64)>,
    pub(crate) flushed: usize,
    pub(crate) limit: usize,
}

impl Sink for Memory {
    fn listing(&mut self, listing: &AccountListing, _at_ms: i64) -> Result<(), SinkError> {
        assert!(self.observations.is_empty(), "listings come first");
        self.listings.push(listing.clone());
        Ok(())
    }

    fn observation(&mut self, observation: &Observation, at_ms: i64) -> Result<(), SinkError> {
        if self.observations.len() == self.limit {
            return Err("the disk is full".into());
        }
        self.observations.push((observation.clone(), at_ms));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.flushed = self.listings.len() + self.observations.len();
        Ok(())
    }
}

/// A server with two organisations behind the proxy that refuses.
pub(crate) struct World {
    pub(crate) moto: Moto,
    pub(crate) denier: Denier,
    /// Account ids by payer.
    pub(crate) accounts: BTreeMap<String, Vec<String>>,
    /// Moves on with each question.
    pub(crate) clock: Cell<i64>,
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        let moto = Moto::start()?;
        let denier = Denier::start(moto.port())?;
        let printed = kit::python(FILL, &["organisations", &moto.endpoint()])?;
        let accounts = serde_json::from_str(&printed).context("the script prints JSON")?;
        Ok(Self { moto, denier, accounts, clock: Cell::new(START_MS) })
    }

    pub(crate) fn config(&self, change: Value) -> Result<Config> {
        let payers: Vec<_> = self.accounts.keys().map(|id| json!({"account": id})).collect();
        let mut config = json!({"role": "Audit", "external_id": "xy", "payers": payers,
            "regions": REGIONS, "endpoint": self.denier.endpoint(), "max_attempts": 2});
        if let (Value::Object(config), Value::Object(change)) = (&mut config, change) {
            config.extend(change);
        }
        Ok(serde_json::from_value(config)?)
    }

    pub(crate) async fn scan(&self, config: &Config) -> Result<Scanned> {
        let mut sink =
            Memory { listings: vec![], observations: vec![], flushed: 0, limit: usize::MAX };
        let clock = &self.clock;
        let progress = RefCell::new(Vec::new());
        let tick = || {
            clock.set(clock.get() + 1);
            clock.get()
        };
        let note = |step| progress.borrow_mut().push(step);
        let summary = scan_as(super::credentials(), config, &mut sink, tick, &note).await?;
        Ok(Scanned { summary, sink, progress: progress.into_inner() })
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

pub(crate) struct Scanned {
    pub(crate) summary: Summary,
    pub(crate) sink: Memory,
    pub(crate) progress: Vec<Progress>,
}

/// Account, region, resource type.
pub(crate) type ScopeKey = (String, String, String);

impl Scanned {
    /// Gives how each scope ended, after checking that it is one whole story.
    pub(crate) fn scopes(&self) -> Result<BTreeMap<ScopeKey, Result<i64, String>>> {
        let mut open: BTreeMap<ScopeKey, i64> = BTreeMap::new();
        let mut ended = BTreeMap::new();
        for (observation, _) in &self.sink.observations {
            let Observation { account, region, resource_type, event, .. } = observation;
            ensure!(observation.scan == self.summary.scan && observation.attempt == 1);
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
        self.sink.observations.iter().filter_map(|(observation, _)| match &observation.event {
            ObservationEvent::Observed { resource } => Some(resource),
            _ => None,
        })
    }

    /// Gives the documents as `oracle.py inventory` prints them.
    pub(crate) fn inventory(&self) -> Result<Value> {
        let mut out = json!({});
        for resource in self.resources() {
            ensure!(resource.errors.is_empty(), "{:?}", resource.errors);
            let configuration: Value = serde_json::from_str(&resource.configuration)?;
            let supplementary: Value = serde_json::from_str(&resource.supplementary)?;
            out[&resource.account][&resource.resource_type][&resource.id] = json!({
                "region": resource.region, "name": resource.name, "arn": resource.arn,
                "tags": resource.tags, "configuration": configuration,
                "supplementary": supplementary,
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
