//! Accepted risk: which exceptions concern an owner, how each stands, and what it does.

use std::collections::BTreeMap;

use schemas::{Credit, Exception};

use crate::Tables;
use crate::view::AccountView;

/// An exception that concerns the owner's accounts.
pub(crate) struct ExceptionView<'t> {
    /// The entry of the risk register.
    pub(crate) exception: &'t Exception,
    /// How it stands.
    pub(crate) standing: ExceptionStanding,
    /// Rows of the owner's accounts that it gives credit.
    pub(crate) credited: usize,
    /// Rows that it concerns without giving credit.
    pub(crate) uncredited: usize,
}

/// How an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExceptionStanding {
    Live,
    Expired,
    NotApproved,
}

/// Gives the exceptions that concern some accounts: live ones first, the next to expire first.
pub(crate) fn concerning<'t>(
    tables: &'t Tables,
    accounts: &[AccountView<'t>],
) -> Vec<ExceptionView<'t>> {
    let mut uses: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in accounts.iter().flat_map(|account| &account.failing) {
        let Some(id) = row.state.exception.as_deref() else {
            continue;
        };
        let (credited, uncredited) = uses.entry(id).or_default();
        match row.state.credit {
            Credit::Live => *credited += 1,
            Credit::Lapsed | Credit::None => *uncredited += 1,
        }
    }
    let concerned = |exception: &Exception| {
        exception
            .accounts
            .iter()
            .any(|id| id == "*" || accounts.iter().any(|account| account.state.account == *id))
    };
    let mut all: Vec<ExceptionView> = tables
        .exceptions
        .values()
        .filter(|exception| !accounts.is_empty() && concerned(exception))
        .map(|exception| {
            let (credited, uncredited) = uses.get(&*exception.id).copied().unwrap_or_default();
            ExceptionView {
                exception,
                standing: ExceptionStanding::at(exception, tables.at_ms),
                credited,
                uncredited,
            }
        })
        .collect();
    all.sort_by_key(|view| {
        let expires_ms = view.exception.expires_ms.unwrap_or(i64::MAX);
        (view.standing, expires_ms, &view.exception.id)
    });
    all
}

impl ExceptionStanding {
    fn at(exception: &Exception, at_ms: i64) -> Self {
        match exception.expires_ms {
            _ if !exception.approved => ExceptionStanding::NotApproved,
            Some(expires_ms) if expires_ms <= at_ms => ExceptionStanding::Expired,
            _ => ExceptionStanding::Live,
        }
    }
}
