//! The scanners whose reports can be read: one file each.

mod cloudsploit;
pub(crate) mod exec;
mod prowler;
mod s3import;
mod securityhub;
pub mod trusted_advisor;

use std::collections::BTreeSet;

use schemas::Finding;

/// A scanner.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its id in configurations, mappings and topics.
    pub id: &'static str,
    /// Reads a report.
    pub parse: fn(&Document<'_>) -> Result<Parsed, String>,
}

/// Every scanner, sorted by id.
pub const ALL: &[Source] = &[
    cloudsploit::SOURCE,
    prowler::SOURCE,
    s3import::SOURCE,
    securityhub::SOURCE,
    trusted_advisor::SOURCE,
];

/// A report as it was found.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its text, without a byte order mark.
    pub text: &'a str,
    /// The check that all of it is about, where the text does not say: as it was configured, or
    /// the file's name without its ending.
    pub check: Option<&'a str>,
}

/// A report's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The usable rows in their order, each with the account that it names, if it names one.
    pub rows: Vec<(Option<String>, Finding)>,
    /// The others: place (a JSON Pointer, or a line) and reason.
    pub broken: Vec<(String, String)>,
    /// The accounts that the report says it is about, each in whole; one of them may have no row.
    /// Empty where a report does not say: a resource of another account is not that account.
    pub accounts: BTreeSet<String>,
    /// What the report itself says is missing from it, in words.
    pub missing: Option<String>,
}

impl Parsed {
    /// Takes what became of a row that names its account.
    fn take(&mut self, place: String, row: Result<(String, Finding), String>) {
        match row {
            Ok((account, finding)) => {
                self.accounts.insert(account.clone());
                self.rows.push((Some(account), finding));
            }
            Err(reason) => self.broken.push((place, reason)),
        }
    }
}

/// The region of what has none.
pub(crate) const GLOBAL: &str = "global";

/// Finds a scanner by its id.
pub fn by_id(id: &str) -> Option<&'static Source> {
    ALL.iter().find(|source| source.id == id)
}
