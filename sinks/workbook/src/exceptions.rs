//! Accepted risk: which exceptions concern an owner, how each stands, and what it does.

use std::collections::BTreeMap;

use schemas::{Exception, ExceptionPhase};

use crate::Tables;
use crate::view::AccountView;

/// An exception that concerns the owner's accounts.
pub(crate) struct ExceptionView<'t> {
    /// The entry of the risk register.
    pub(crate) exception: &'t Exception,
    /// How it stands.
    pub(crate) phase: ExceptionPhase,
    /// Rows of the owner's accounts that it gives credit.
    pub(crate) credited: usize,
    /// Rows that it concerns without giving credit.
    pub(crate) uncredited: usize,
}

/// Gives the exceptions that concern some accounts: live ones first, the next to expire first.
pub(crate) fn concerning<'t>(
    tables: &'t Tables,
    accounts: &[AccountView<'t>],
) -> Vec<ExceptionView<'t>> {
    let mut uses: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (id, (credited, uncredited)) in accounts.iter().flat_map(|account| &account.tally.uses) {
        let sum = uses.entry(id).or_default();
        *sum = (sum.0 + credited, sum.1 + uncredited);
    }
    let concerned = |exception: &Exception| {
        let covers = |account: &AccountView<'_>| {
            exception.covers_account(&account.state.account, Some(account.state))
        };
        accounts.iter().any(covers)
    };
    let mut all: Vec<ExceptionView> = tables
        .exceptions
        .values()
        .filter(|exception| concerned(exception))
        .map(|exception| {
            let (credited, uncredited) = uses.get(&*exception.id).copied().unwrap_or_default();
            ExceptionView { exception, phase: exception.phase(tables.at_ms), credited, uncredited }
        })
        .collect();
    all.sort_by_key(|view| {
        let expires_ms = view.exception.expires_ms.unwrap_or(i64::MAX);
        (view.phase, expires_ms, &view.exception.id)
    });
    all
}
