//! An owner's workbook as data: who the owners are, and the sheets of each.

use std::collections::BTreeSet;
use std::fmt;

use schemas::AccountState;

use crate::view::{self, OwnerView};
use crate::{Limits, Sheet, Tables, tabs};

/// Whose workbook it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// Who answers for the accounts, as the register names them.
    Named(String),
    /// Nobody: the accounts without an owner.
    Unassigned,
}

impl Owner {
    /// Gives the owner of an account.
    pub(crate) fn of(state: &AccountState) -> Self {
        match state.owner.as_deref() {
            Some(owner) if !owner.trim().is_empty() => Owner::Named(owner.to_owned()),
            _ => Owner::Unassigned,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Owner::Named(owner) => owner,
            Owner::Unassigned => "unassigned accounts",
        })
    }
}

/// A workbook before it is a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Whose workbook it is.
    pub owner: Owner,
    /// The time of the tables, in UTC milliseconds.
    pub at_ms: i64,
    /// The sheets in their order.
    pub sheets: Vec<Sheet>,
}

/// Gives all owners by name, and last the unassigned when an account has no owner.
pub fn owners(tables: &Tables) -> Vec<Owner> {
    let owners: BTreeSet<Owner> = tables
        .accounts
        .values()
        .filter(|state| view::concerns_us(tables, state))
        .map(Owner::of)
        .collect();
    owners.into_iter().collect()
}

/// Lays out an owner's workbook within the usual limits.
///
/// Shape: summary, scores, one sheet an account by name, exceptions, about. Units: scores are
/// shares of 1, points are hundredths of it, times are UTC. Errors: none; what is missing is shown
/// as missing.
pub fn owner_model(tables: &Tables, owner: &Owner) -> Model {
    owner_model_within(tables, owner, &Limits::default())
}

/// Lays out an owner's workbook within given limits.
pub fn owner_model_within(tables: &Tables, owner: &Owner, limits: &Limits) -> Model {
    let view = OwnerView::new(tables, owner, limits);
    Model { owner: owner.clone(), at_ms: tables.at_ms, sheets: tabs::sheets(&view) }
}
