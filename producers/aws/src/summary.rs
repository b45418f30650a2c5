//! What a scan did, and how far it is: from the records of its units.

use std::collections::BTreeMap;

use schemas::{ScanUnit, UnitStatus};

use crate::board::has_ended;

/// A payer whose accounts could not be listed, or not all that is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayerFailure {
    /// The payer's account id.
    pub payer: String,
    /// What could not be had of it, in words.
    pub what: String,
    /// `Code: message`.
    pub error: String,
}

/// How far a scan has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The scan's id; empty when none is under way.
    pub scan: String,
    /// Units that have ended, in whatever process.
    pub units_done: usize,
    /// Units of the scan.
    pub units_total: usize,
    /// Units at work in this process.
    pub units_here: usize,
    /// Resources that were seen.
    pub resources: i64,
    /// Scopes that failed.
    pub failed: i64,
    /// Calls that this process made.
    pub calls: u64,
}

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The scan's id.
    pub scan: String,
    /// Whether it was under way already, and was only helped to its end.
    pub joined: bool,
    /// Accounts that the payers list; none for a scan that was joined.
    pub accounts_listed: usize,
    /// Units that were planned.
    pub planned: usize,
    /// Accounts that were not asked because they are suspended, sorted.
    pub accounts_suspended: Vec<String>,
    /// What payers did not give, sorted.
    pub payers_failed: Vec<PayerFailure>,
    /// The scan's units by account, each with its end, unless the process was stopped before.
    pub units: BTreeMap<String, ScanUnit>,
}

impl Summary {
    /// Resources that were seen.
    pub fn resources(&self) -> i64 {
        self.units.values().map(|unit| unit.resources).sum()
    }

    /// Scopes that were asked.
    pub fn scopes(&self) -> i64 {
        self.units.values().map(|unit| unit.scopes).sum()
    }

    /// Scopes that failed.
    pub fn failed(&self) -> i64 {
        self.units.values().map(|unit| unit.failed).sum()
    }

    /// Calls that were made in the accounts.
    pub fn calls(&self) -> i64 {
        self.units.values().map(|unit| unit.calls).sum()
    }

    /// Accounts whose unit has ended.
    pub fn accounts_ended(&self) -> usize {
        self.units.values().filter(|unit| has_ended(unit)).count()
    }

    /// What went wrong in words: one line a payer and account, however many scopes failed.
    pub fn problems(&self) -> Vec<String> {
        let payers = self.payers_failed.iter();
        let payers = payers.map(|f| format!("payer {}: {}: {}", f.payer, f.what, f.error));
        payers.chain(self.units.values().filter_map(problem)).collect()
    }
}

/// Says what went wrong in a unit.
fn problem(unit: &ScanUnit) -> Option<String> {
    let account = &unit.account;
    let error = unit.error.as_deref().unwrap_or("no reason is known");
    match unit.status {
        UnitStatus::Completed if unit.failed == 0 => None,
        UnitStatus::Completed => {
            let (failed, scopes) = (unit.failed, unit.scopes);
            Some(format!("account {account}: {failed} of {scopes} scopes not collected; {error}"))
        }
        UnitStatus::Failed => Some(format!("account {account}: not collected: {error}")),
        UnitStatus::TimedOut => Some(format!(
            "account {account}: {} of {} scopes not collected in time: {error}",
            unit.failed, unit.scopes
        )),
        UnitStatus::Planned => Some(format!("account {account}: not collected yet")),
    }
}
