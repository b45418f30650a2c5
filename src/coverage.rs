//! `scorecard coverage`: what was collected of each account, how old it is, and what went wrong.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use schemas::{
    AccountKey, AccountState, AccountStatus, ScanUnit, TypeCoverage, UnitStatus,
    topic::{ACCOUNT_STATE, SCAN_UNIT},
};
use serde::Serialize;
use stream::{Position, Record, snapshot};

use crate::{
    config::ConfigFile,
    output::{self, Form, say},
    site::{Site, now_ms},
};

/// Shows what was collected of each account, how old it is, and what went wrong
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only what failed, timed out or was never collected
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    form: Form,
}

/// What was collected. Times are UTC milliseconds.
#[derive(Debug, PartialEq, Serialize)]
struct Coverage {
    /// When it was looked.
    at_ms: i64,
    /// Sorted by id.
    accounts: Vec<Account>,
    /// Sums over the accounts above.
    totals: Totals,
}

/// What was collected of an account.
#[derive(Debug, PartialEq, Serialize)]
struct Account {
    account: String,
    name: String,
    /// Names of the organisational units above it, from below the root down.
    units: Vec<String>,
    /// Its tags in the organisation.
    tags: BTreeMap<String, String>,
    /// The word of `account.state`: active, suspended, closing, left, unknown.
    status: AccountStatus,
    /// Since when it stands so; null when no organisation ever listed it.
    status_since_ms: Option<i64>,
    /// Whether it is scored: suspended accounts and those that left are not.
    scored: bool,
    /// The last unit of collection work; null when there was none within the log's retention.
    unit: Option<Unit>,
    /// Sorted by resource type; reports of outside scanners come as `report/<source>`.
    services: Vec<Service>,
}

/// A unit of collection work.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Unit {
    scan: String,
    attempt: i32,
    /// planned, completed, failed, timed_out.
    status: UnitStatus,
    /// When it was planned, or ended.
    at_ms: i64,
    /// The process that ended it; empty while it is planned.
    worker: String,
    calls: i64,
    resources: i64,
    scopes: i64,
    scopes_failed: i64,
    error: Option<String>,
}

/// What was collected of a resource type in an account.
#[derive(Debug, PartialEq, Serialize)]
struct Service {
    resource_type: String,
    /// When the scope with the oldest data was completed; null when none ever was.
    oldest_ms: Option<i64>,
    /// Resources that its scopes held when each was last completed.
    resources: i64,
    scopes: i64,
    scopes_collected: i64,
    scopes_failed: i64,
    /// `region: Code: message` of one scope whose latest attempt failed.
    error: Option<String>,
}

/// Sums over accounts. Accounts that are not scored count in the first two alone.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Totals {
    accounts: usize,
    accounts_not_scored: usize,
    /// Every scope was collected once, and none failed last time.
    accounts_whole: usize,
    /// No scope was ever collected.
    accounts_never_collected: usize,
    resources: i64,
    scopes: i64,
    scopes_collected: i64,
    scopes_failed: i64,
    oldest_ms: Option<i64>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let site = Site::existing(&args.config.read()?)?;
    let states = site.table(&ACCOUNT_STATE)?;
    let units = last_units(&site).context("reading the units of work")?;
    let mut accounts = accounts(states, units);
    if let Some(id) = &args.account {
        accounts.retain(|account| account.account == *id);
        ensure!(!accounts.is_empty(), "nothing is known of an account {id}");
    }
    if args.failed {
        accounts.retain_mut(keep_failed);
    }
    let totals = Totals::of(&accounts);
    let coverage = Coverage { at_ms: now_ms(), accounts, totals };
    if args.form.is_json() {
        say!("{}", serde_json::to_string(&coverage)?)
    } else {
        output::write(words::text(&coverage, args.failed))
    }
}

/// Reads the last unit of each account, in pieces: the topic holds every scan of its retention.
fn last_units(site: &Site) -> Result<BTreeMap<String, Unit>> {
    let ends = site.log.ends(&[SCAN_UNIT.spec])?;
    let from: Vec<Position> = ends.iter().map(|end| Position { offset: 0, ..*end }).collect();
    let mut units = BTreeMap::new();
    snapshot::between(&*site.log, &from, &ends, |records: Vec<Record>| -> Result<()> {
        for record in records {
            let Some(value) = &record.value else { continue };
            let unit: ScanUnit = site.codec.decode(value).with_context(|| {
                format!("offset {} of partition {}", record.offset, record.partition)
            })?;
            take_unit(&mut units, unit, record.timestamp_ms);
        }
        Ok(())
    })?;
    Ok(units)
}

/// Keeps a unit that is at least as new as the one that is known: an older one may end late.
fn take_unit(units: &mut BTreeMap<String, Unit>, unit: ScanUnit, at_ms: i64) {
    let is_old = |known: &Unit| (&known.scan, known.attempt) > (&unit.scan, unit.attempt);
    if units.get(&unit.account).is_some_and(is_old) {
        return;
    }
    let taken = Unit {
        scan: unit.scan,
        attempt: unit.attempt,
        status: unit.status,
        at_ms,
        worker: unit.worker,
        calls: unit.calls,
        resources: unit.resources,
        scopes: unit.scopes,
        scopes_failed: unit.failed,
        error: unit.error,
    };
    units.insert(unit.account, taken);
}

/// Joins what the tables and what the units know; either may know more accounts.
fn accounts(
    mut states: BTreeMap<AccountKey, AccountState>,
    mut units: BTreeMap<String, Unit>,
) -> Vec<Account> {
    let ids: BTreeSet<String> =
        states.keys().map(|key| key.account.clone()).chain(units.keys().cloned()).collect();
    let account = |id: String| {
        let (state, unit) = (states.remove(&AccountKey::new(&*id)), units.remove(&id));
        Account::new(id, state, unit)
    };
    ids.into_iter().map(account).collect()
}

/// Leaves what went wrong in an account; tells whether anything did.
fn keep_failed(account: &mut Account) -> bool {
    if !account.scored {
        return false;
    }
    let never = account.services.is_empty();
    let unit_failed = account.unit.as_ref().is_some_and(Unit::has_failed);
    account.services.retain(Service::has_failed);
    never || unit_failed || !account.services.is_empty()
}

impl Account {
    fn new(id: String, state: Option<AccountState>, unit: Option<Unit>) -> Self {
        let Some(state) = state else {
            return Self {
                name: id.clone(),
                account: id,
                units: Vec::new(),
                tags: BTreeMap::new(),
                status: AccountStatus::Unknown,
                status_since_ms: None,
                scored: true,
                unit,
                services: Vec::new(),
            };
        };
        Self {
            account: id,
            status: state.status,
            status_since_ms: state.status_since_ms,
            scored: state.is_scored(),
            name: state.name,
            units: state.units,
            tags: state.tags,
            unit,
            services: state.coverage.into_iter().map(Service::from).collect(),
        }
    }
}

impl Unit {
    fn has_failed(&self) -> bool {
        matches!(self.status, UnitStatus::Failed | UnitStatus::TimedOut)
    }
}

impl Service {
    fn has_failed(&self) -> bool {
        self.scopes_failed > 0 || self.scopes_collected == 0
    }
}

impl From<TypeCoverage> for Service {
    fn from(row: TypeCoverage) -> Self {
        Self {
            resource_type: row.resource_type,
            oldest_ms: row.oldest_ms,
            resources: row.resources,
            scopes: row.scopes,
            scopes_collected: row.collected,
            scopes_failed: row.failed,
            error: row.error,
        }
    }
}

impl Totals {
    fn of(accounts: &[Account]) -> Self {
        let mut totals = Self { accounts: accounts.len(), ..Self::default() };
        for account in accounts {
            if !account.scored {
                totals.accounts_not_scored += 1;
                continue;
            }
            let services = &account.services;
            let never = services.iter().all(|one| one.scopes_collected == 0);
            let whole =
                |one: &Service| one.scopes_failed == 0 && one.scopes_collected == one.scopes;
            totals.accounts_never_collected += usize::from(never);
            totals.accounts_whole += usize::from(!never && services.iter().all(whole));
            services.iter().for_each(|one| totals.add(one));
        }
        totals
    }

    fn add(&mut self, one: &Service) {
        self.resources += one.resources;
        self.scopes += one.scopes;
        self.scopes_collected += one.scopes_collected;
        self.scopes_failed += one.scopes_failed;
        self.oldest_ms = self.oldest_ms.into_iter().chain(one.oldest_ms).min();
    }
}

#[cfg(test)]
mod tests;
