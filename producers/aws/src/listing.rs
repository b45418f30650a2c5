//! What a scan learns before it is planned: the accounts of every payer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_types::SdkConfig;
use schemas::{AccountKey, AccountListing, Spend};

use crate::account::Account;
use crate::api::{Budget, Limit};
use crate::collectors::{payer_actions, session_policy};
use crate::config::{AuditRole, Concurrency, Config, PayerConfig};
use crate::listed::{Answers, Known};
use crate::organizations::Organization;
use crate::spend::charges;
use crate::summary::PayerFailure;
use crate::unit::Shared;

/// The accounts of the payers that could be asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listed {
    /// Each account once, sorted by id.
    pub(crate) listings: Vec<AccountListing>,
    /// Payers that listed all their accounts.
    pub(crate) whole: BTreeSet<String>,
    /// Whether those are all payers.
    pub(crate) all: bool,
    /// What the log had before.
    pub(crate) known: Known,
    /// What billing knows.
    pub(crate) spend: Vec<Spend>,
    /// What payers did not give, sorted.
    pub(crate) failed: Vec<PayerFailure>,
}

impl Listed {
    /// Tells whether an account is listed.
    pub(crate) fn has(&self, account: &str) -> bool {
        self.listings.iter().any(|listing| listing.account == account)
    }

    /// Gives the payers' answers.
    pub(crate) fn answers(&self) -> Answers<'_> {
        Answers { whole: &self.whole, all: self.all, listings: &self.listings }
    }
}

/// Lists the accounts of all payers, and asks for their spend. What a payer does not tell of its
/// accounts is as it was known.
pub(crate) async fn list(shared: Arc<Shared>, config: Config, known: Known, now_ms: i64) -> Listed {
    let mut listed = Listed { known, ..Listed::default() };
    let mut accounts = BTreeMap::new();
    for payer in &config.payers {
        let asked = Payer { shared: &shared, config: &config, payer, now_ms };
        match asked.ask(&mut listed).await {
            Ok(listings) => {
                listed.whole.insert(payer.account.clone());
                add(&mut accounts, listings);
            }
            Err(error) => asked.fail("its accounts are not listed", error, &mut listed),
        }
    }
    listed.all = listed.whole.len() == config.payers.len();
    listed.listings = accounts.into_values().collect();
    listed.failed.sort();
    listed
}

/// One payer that is asked.
struct Payer<'a> {
    shared: &'a Shared,
    config: &'a Config,
    payer: &'a PayerConfig,
    now_ms: i64,
}

impl Payer<'_> {
    /// Gives the payer's accounts; what else it does not tell goes to the failures.
    async fn ask(&self, listed: &mut Listed) -> Result<Vec<AccountListing>, String> {
        let id = &self.payer.account;
        let role = self.config.audit_role(self.payer);
        let policy = session_policy(&payer_actions(self.config.spend));
        let session = self.shared.sessions.assume(&role, id, &policy).await;
        let session = session.map_err(|error| error.to_string())?;
        let organization = Organization::new(&session, self.shared.sessions.endpoints(), id);
        let mut listings = organization.accounts().await?;
        let ids: Vec<_> = listings.iter().map(|listing| listing.account.clone()).collect();
        let account = self.account(&role, session);
        let (units, tags, spend) = tokio::join!(
            organization.units(),
            organization.tags(&ids),
            charges(&account, &ids, self.now_ms, self.config.spend)
        );
        let mut told = |what, error| self.fail(what, error, listed);
        let units = units.map_err(|e| told("the units of its accounts are not listed", e)).ok();
        let tags = tags.map_err(|e| told("the tags of its accounts are not listed", e)).ok();
        let spend = spend.map_err(|e| told("the spend of its accounts is not known", e));
        listed.spend.extend(spend.unwrap_or_default());
        for listing in &mut listings {
            let before = listed.known.get(&AccountKey::new(&*listing.account));
            place(listing, units.as_ref(), tags.as_ref(), before.and_then(Option::as_ref));
        }
        Ok(listings)
    }

    /// The payer as an account, with limits of its own.
    fn account(&self, role: &AuditRole, session: SdkConfig) -> Account {
        let Concurrency { calls, calls_per_second, .. } = self.config.concurrency;
        let limit = Arc::new(Limit::new(calls, calls_per_second, &Budget::new(u64::MAX)));
        let id = &self.payer.account;
        Account::new(
            id.clone(),
            role.partition,
            role.arn(id),
            session,
            &self.shared.model,
            self.shared.sessions.endpoints(),
            &limit,
        )
    }

    fn fail(&self, what: &str, error: String, listed: &mut Listed) {
        let payer = self.payer.account.clone();
        tracing::warn!(payer, what, error, "an organisation did not answer");
        listed.failed.push(PayerFailure { payer, what: what.to_owned(), error });
    }
}

/// Sets an account's units and tags, or those that were known where none could be had.
fn place(
    listing: &mut AccountListing,
    units: Option<&BTreeMap<String, Vec<String>>>,
    tags: Option<&BTreeMap<String, BTreeMap<String, String>>>,
    before: Option<&AccountListing>,
) {
    let id = &listing.account;
    listing.units = match units {
        Some(units) => units.get(id).cloned().unwrap_or_default(),
        None => before.map(|before| before.units.clone()).unwrap_or_default(),
    };
    listing.tags = match tags {
        Some(tags) => tags.get(id).cloned().unwrap_or_default(),
        None => before.map(|before| before.tags.clone()).unwrap_or_default(),
    };
}

/// Adds a payer's accounts; an account belongs to the first payer that lists it.
fn add(accounts: &mut BTreeMap<String, AccountListing>, listings: Vec<AccountListing>) {
    for listing in listings {
        if let Some(known) = accounts.get(&listing.account) {
            let (account, first, other) = (&listing.account, &known.payer, &listing.payer);
            tracing::warn!(account, first, other, "an account is listed by two payers");
        } else {
            accounts.insert(listing.account.clone(), listing);
        }
    }
}
