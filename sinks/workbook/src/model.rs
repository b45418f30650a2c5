//! A workbook as data: whose accounts it is about, and its sheets.

use std::fmt;

use schemas::{AccountState, RollupKey};

use crate::index::Index;
use crate::view::View;
use crate::{Limits, Past, Sheet, Tables, tabs};

/// Whose accounts a workbook is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// All of them: the enterprise's workbook.
    Enterprise,
    /// Those that one payer's organisation lists.
    Payer(String),
    /// Those that one owner answers for.
    Owner(Owner),
}

impl Subject {
    /// Tells whether the workbook names resources, or counts them only.
    pub(crate) fn names_resources(&self) -> bool {
        matches!(self, Subject::Owner(_))
    }

    /// Gives the key of the sums over them; none where nobody sums them up.
    pub(crate) fn rollup(&self) -> Option<RollupKey> {
        match self {
            Subject::Enterprise => Some(RollupKey::new("enterprise", "all")),
            Subject::Payer(payer) => Some(RollupKey::new("payer", payer)),
            Subject::Owner(Owner::Named(owner)) => Some(RollupKey::new("owner", owner)),
            Subject::Owner(Owner::Unassigned) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Enterprise => f.write_str("all accounts"),
            Subject::Payer(payer) => write!(f, "accounts of payer {payer}"),
            Subject::Owner(owner) => owner.fmt(f),
        }
    }
}

/// Who answers for accounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// Who answers for the accounts, as the register names them.
    Named(String),
    /// Nobody: the accounts without an owner.
    Unassigned,
}

/// How people call the owner of accounts that have none.
pub(crate) const UNASSIGNED: &str = "unassigned";

impl Owner {
    /// Gives who is called so; `unassigned` is nobody.
    pub fn called(name: &str) -> Self {
        match name {
            UNASSIGNED => Owner::Unassigned,
            _ => Owner::Named(name.to_owned()),
        }
    }

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
    /// What it is about.
    pub subject: Subject,
    /// The time of the tables, in UTC milliseconds.
    pub at_ms: i64,
    /// The sheets in their order.
    pub sheets: Vec<Sheet>,
}

/// Gives all who get a workbook: the enterprise, its payers, its owners by name and last nobody,
/// when an account has no owner. None at all where there is no account.
pub fn subjects(tables: &Tables) -> Vec<Subject> {
    Index::new(tables, &Past::default()).subjects()
}

/// Lays out a workbook within the usual limits.
///
/// Shape: for an owner summary, scores, one sheet an account by name, exceptions, about; for the
/// enterprise or a payer summary, scores, accounts, executives, trust, about. Units: scores are
/// shares of 1, points are hundredths of it, times are UTC. Errors: none; what is missing is shown
/// as missing.
pub fn lay_out(tables: &Tables, past: &Past, subject: &Subject) -> Model {
    lay_out_within(tables, past, subject, &Limits::default())
}

/// Lays out a workbook within given limits.
pub fn lay_out_within(tables: &Tables, past: &Past, subject: &Subject, limits: &Limits) -> Model {
    let index = Index::new(tables, past).count_for(std::slice::from_ref(subject));
    lay_out_from(&index, subject, limits)
}

/// Lays out one of many workbooks of the same tables.
pub(crate) fn lay_out_from(index: &Index<'_>, subject: &Subject, limits: &Limits) -> Model {
    let view = View::new(index, subject, limits);
    Model { subject: subject.clone(), at_ms: view.at_ms, sheets: tabs::sheets(&view) }
}
