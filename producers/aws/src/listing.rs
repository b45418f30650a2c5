//! What a scan learns before it is planned: the accounts of every payer.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::AccountListing;

use crate::config::{Config, PayerConfig};
use crate::organizations::Organization;
use crate::summary::PayerFailure;
use crate::unit::Shared;

/// The accounts of the payers that could be asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listed {
    /// Each account once, sorted by id.
    pub(crate) listings: Vec<AccountListing>,
    /// What payers did not give, sorted.
    pub(crate) failed: Vec<PayerFailure>,
}

impl Listed {
    /// Tells whether an account is listed.
    pub(crate) fn has(&self, account: &str) -> bool {
        self.listings.iter().any(|listing| listing.account == account)
    }
}

/// What the log holds of accounts' listings, by account.
pub(crate) type Known = BTreeMap<String, AccountListing>;

/// Lists the accounts of all payers. What is not told of an account is as it was known.
pub(crate) async fn list(shared: Arc<Shared>, config: Config, known: Known) -> Listed {
    let mut accounts = BTreeMap::new();
    let mut failed = Vec::new();
    for payer in &config.payers {
        let mut fail = |what: &str, error: String| {
            let (payer, what) = (payer.account.clone(), what.to_owned());
            tracing::warn!(payer, what, error, "an organisation did not answer");
            failed.push(PayerFailure { payer, what, error });
        };
        match list_payer(&shared, &config, payer, &known, &mut fail).await {
            Ok(listings) => add(&mut accounts, listings),
            Err(error) => fail("its accounts are not listed", error),
        }
    }
    failed.sort();
    Listed { listings: accounts.into_values().collect(), failed }
}

async fn list_payer(
    shared: &Shared,
    config: &Config,
    payer: &PayerConfig,
    known: &Known,
    fail: &mut impl FnMut(&str, String),
) -> Result<Vec<AccountListing>, String> {
    let role = config.audit_role(payer);
    let session = shared.sessions.assume(&role, &payer.account).await;
    let session = session.map_err(|error| error.to_string())?;
    let endpoints = shared.sessions.endpoints();
    let organization = Organization::new(&session, endpoints, &payer.account);
    let mut listings = organization.accounts().await?;
    let ids: Vec<_> = listings.iter().map(|listing| listing.account.clone()).collect();
    let (units, tags) = tokio::join!(organization.units(), organization.tags(&ids));
    let units = units.map_err(|error| fail("the units of its accounts are not listed", error));
    let tags = tags.map_err(|error| fail("the tags of its accounts are not listed", error));
    for listing in &mut listings {
        let id = &listing.account;
        let before = known.get(id);
        listing.units = match &units {
            Ok(units) => units.get(id).cloned().unwrap_or_default(),
            Err(()) => before.map(|known| known.units.clone()).unwrap_or_default(),
        };
        listing.tags = match &tags {
            Ok(tags) => tags.get(id).cloned().unwrap_or_default(),
            Err(()) => before.map(|known| known.tags.clone()).unwrap_or_default(),
        };
    }
    Ok(listings)
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
