//! A scan: all payers, their accounts, every scope in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use schemas::{AccountListing, AccountStatus, Observation, ObservationEvent};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;

use crate::api::{Budget, Model};
use crate::collect::{Shared, Unit, collect};
use crate::config::{AuditRole, Config};
use crate::error::Error;
use crate::organizations::{PROVIDER, list_accounts};
use crate::scope::{Event, PayerFailure, Report, Scope, ScopeFailure};
use crate::session::Sessions;
use crate::sink::Sink;

/// Reports that may wait for the sink; collectors pause above it, so that memory stays bounded.
const REPORTS_MAX: usize = 256;

/// Each scan asks each scope once; a repeated scan is a scan of its own.
const ATTEMPT: i32 = 1;

/// How far a scan has come; given after each account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Accounts whose scopes have all ended.
    pub accounts_done: usize,
    /// Accounts that the scan asks.
    pub accounts_total: usize,
    /// The account that has just ended.
    pub account: String,
    /// Its scopes that failed, sorted.
    pub failures: Vec<ScopeFailure>,
}

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The scan's id in its observations.
    pub scan: String,
    /// Accounts that the payers list.
    pub accounts_listed: usize,
    /// Accounts that were asked.
    pub accounts_scanned: usize,
    /// Accounts that were not asked because they are suspended, sorted.
    pub accounts_suspended: Vec<String>,
    /// Resources that were seen.
    pub resources: u64,
    /// Scopes that were completed.
    pub scopes_completed: u64,
    /// Scopes that failed, sorted.
    pub scopes_failed: Vec<ScopeFailure>,
    /// Payers whose accounts could not be listed, sorted.
    pub payers_failed: Vec<PayerFailure>,
}

/// Scans all payers with the credentials of aws-config's default chain.
///
/// Listings of all payers come first, then observations, those of one scope in order and those of
/// several scopes interleaved. `clock` gives UTC milliseconds; `progress` is called after each
/// account. What fails on the side of AWS is in the summary and in the observations.
///
/// # Errors
/// When the configuration can't be used or the sink does not take a record.
pub async fn scan(
    config: &Config,
    sink: &mut dyn Sink,
    clock: impl Fn() -> i64,
    progress: &dyn Fn(Progress),
) -> Result<Summary, Error> {
    run(config, None, sink, &clock, progress).await
}

/// [`scan`] with given credentials.
///
/// # Errors
/// As [`scan`].
pub async fn scan_as(
    credentials: SharedCredentialsProvider,
    config: &Config,
    sink: &mut dyn Sink,
    clock: impl Fn() -> i64,
    progress: &dyn Fn(Progress),
) -> Result<Summary, Error> {
    run(config, Some(credentials), sink, &clock, progress).await
}

async fn run(
    config: &Config,
    credentials: Option<SharedCredentialsProvider>,
    sink: &mut dyn Sink,
    clock: &dyn Fn() -> i64,
    progress: &dyn Fn(Progress),
) -> Result<Summary, Error> {
    config.validate()?;
    let model = Arc::new(Model::embedded()?);
    let sessions = Sessions::prepare(config, credentials).await;
    let shared = Arc::new(Shared {
        sessions,
        model,
        budget: Budget::new(config.concurrency.calls_per_scan),
        calls_per_second: config.concurrency.calls_per_second,
        regions: config.regions.clone(),
        calls_max: config.concurrency.calls,
    });

    // Zero-padded, so that the text sorts by time.
    let scan = format!("{:015}", clock());
    let mut scan = Scan { summary: Summary { scan, ..Summary::default() }, sink, clock };
    let mut accounts = scan.list(config, &shared.sessions).await?;
    let units = scan.units(&mut accounts);
    let receiver_and_tasks = start(&shared, units, config.concurrency.accounts);
    scan.receive(receiver_and_tasks, progress).await
}

/// Starts a task for each account; at most `accounts_max` of them work at the same time.
fn start(
    shared: &Arc<Shared>,
    units: Vec<Unit>,
    accounts_max: usize,
) -> (Receiver<Report>, JoinSet<()>) {
    let (sender, receiver) = mpsc::channel(REPORTS_MAX);
    let permits = Arc::new(Semaphore::new(accounts_max));
    let mut tasks = JoinSet::new();
    for unit in units {
        let (shared, permits, sender) = (Arc::clone(shared), Arc::clone(&permits), sender.clone());
        tasks.spawn(async move {
            // The semaphore is never closed; if it were, only the bound would be lost.
            let _permit = permits.acquire().await.ok();
            collect(&shared, unit, sender).await;
        });
    }
    (receiver, tasks)
}

/// The part of a scan that writes.
struct Scan<'a> {
    summary: Summary,
    sink: &'a mut dyn Sink,
    clock: &'a dyn Fn() -> i64,
}

/// An account to collect with the role that opens it, by the account's id.
type Accounts = BTreeMap<String, (AccountListing, AuditRole)>;

impl Scan<'_> {
    /// Lists the accounts of all payers and publishes the listings.
    async fn list(&mut self, config: &Config, sessions: &Sessions) -> Result<Accounts, Error> {
        let mut accounts = Accounts::new();
        for payer in &config.payers {
            let role = config.audit_role(payer);
            let listed = match sessions.assume(&role, &payer.account).await {
                Ok(session) => list_accounts(&session, sessions.endpoints(), &payer.account).await,
                Err(error) => Err(error.to_string()),
            };
            match listed {
                Ok(listings) => add(&mut accounts, listings, &role),
                Err(error) => {
                    let payer = payer.account.clone();
                    tracing::warn!(payer, error, "accounts not listed");
                    self.summary.payers_failed.push(PayerFailure { payer, error });
                }
            }
        }
        for (listing, _) in accounts.values() {
            let sent = self.sink.listing(listing, (self.clock)());
            sent.map_err(|source| Error::Sink { what: "an account listing", source })?;
        }
        self.flush()?;
        self.summary.payers_failed.sort();
        self.summary.accounts_listed = accounts.len();
        Ok(accounts)
    }

    /// Decides which accounts to ask: a suspended account answers nobody.
    fn units(&mut self, accounts: &mut Accounts) -> Vec<Unit> {
        let mut units = Vec::new();
        for (account, (listing, role)) in std::mem::take(accounts) {
            if listing.status == AccountStatus::Suspended {
                self.summary.accounts_suspended.push(account);
            } else {
                units.push(Unit { account, role });
            }
        }
        self.summary.accounts_scanned = units.len();
        units
    }

    /// Publishes what the accounts' tasks report, until all have ended.
    async fn receive(
        mut self,
        (mut reports, mut tasks): (Receiver<Report>, JoinSet<()>),
        progress: &dyn Fn(Progress),
    ) -> Result<Summary, Error> {
        let mut done = BTreeSet::new();
        while let Some(report) = reports.recv().await {
            match report {
                // An error ends the scan here; dropping the tasks stops them.
                Report::Scope(scope, event) => self.observe(&scope, event)?,
                Report::AccountDone(account) => {
                    done.insert(account.clone());
                    progress(self.progress(done.len(), account));
                }
            }
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an account's task ended early");
            }
        }
        self.flush()?;
        self.summary.scopes_failed.sort();
        Ok(self.summary)
    }

    fn observe(&mut self, scope: &Scope, event: Event) -> Result<(), Error> {
        let now_ms = (self.clock)();
        let event = match event {
            Event::Started => ObservationEvent::Started {},
            Event::Seen(document) => {
                self.summary.resources += 1;
                ObservationEvent::Observed { resource: document.stamp(now_ms) }
            }
            Event::Completed { count } => {
                self.summary.scopes_completed += 1;
                ObservationEvent::Completed { count }
            }
            Event::Failed { error } => {
                self.summary.scopes_failed.push(failure(scope, &error));
                ObservationEvent::Failed { error }
            }
        };
        let observation = Observation {
            scan: self.summary.scan.clone(),
            attempt: ATTEMPT,
            provider: PROVIDER.to_owned(),
            account: scope.account.clone(),
            region: scope.region.clone(),
            resource_type: scope.resource_type.to_owned(),
            event,
        };
        let sent = self.sink.observation(&observation, now_ms);
        sent.map_err(|source| Error::Sink { what: "an observation", source })
    }

    fn progress(&self, accounts_done: usize, account: String) -> Progress {
        let failures = self.summary.scopes_failed.iter();
        let failures = failures.filter(|failure| failure.account == account);
        let mut failures: Vec<_> = failures.cloned().collect();
        failures.sort();
        let accounts_total = self.summary.accounts_scanned;
        Progress { accounts_done, accounts_total, account, failures }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.sink.flush().map_err(|source| Error::Sink { what: "the last records", source })
    }
}

/// Adds a payer's accounts; an account belongs to the first payer that lists it.
fn add(accounts: &mut Accounts, listings: Vec<AccountListing>, role: &AuditRole) {
    for listing in listings {
        match accounts.get(&listing.account) {
            Some((known, _)) => tracing::warn!(
                account = listing.account,
                payer = known.payer,
                other = listing.payer,
                "an account is listed by two payers"
            ),
            None => {
                accounts.insert(listing.account.clone(), (listing, role.clone()));
            }
        }
    }
}

fn failure(scope: &Scope, error: &str) -> ScopeFailure {
    ScopeFailure {
        account: scope.account.clone(),
        region: scope.region.clone(),
        resource_type: scope.resource_type.to_owned(),
        error: error.to_owned(),
    }
}
