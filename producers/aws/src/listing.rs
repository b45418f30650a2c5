//! What a scan learns before it is planned: the accounts of every payer.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::AccountListing;

use crate::config::Config;
use crate::organizations::list_accounts;
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

/// Lists the accounts of all payers.
pub(crate) async fn list(shared: Arc<Shared>, config: Config) -> Listed {
    let mut accounts = BTreeMap::new();
    let mut failed = Vec::new();
    for payer in &config.payers {
        let role = config.audit_role(payer);
        let sessions = &shared.sessions;
        let listed = match sessions.assume(&role, &payer.account).await {
            Ok(session) => list_accounts(&session, sessions.endpoints(), &payer.account).await,
            Err(error) => Err(error.to_string()),
        };
        match listed {
            Ok(listings) => add(&mut accounts, listings),
            Err(error) => {
                let payer = payer.account.clone();
                tracing::warn!(payer, error, "accounts not listed");
                let what = "its accounts are not listed".to_owned();
                failed.push(PayerFailure { payer, what, error });
            }
        }
    }
    failed.sort();
    Listed { listings: accounts.into_values().collect(), failed }
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
