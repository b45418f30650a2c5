//! The scanners whose reports can be read: one file each.

mod cloudsploit;

use schemas::Finding;

/// A scanner.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its id in configurations, mappings and topics.
    pub id: &'static str,
    /// Reads a report's text.
    pub parse: fn(&str) -> Result<Parsed, String>,
}

/// Every scanner, sorted by id.
pub const ALL: &[Source] = &[cloudsploit::SOURCE];

/// A report's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The usable rows in their order, each with the account that it names, if it names one.
    pub rows: Vec<(Option<String>, Finding)>,
    /// The others: JSON Pointer and reason.
    pub broken: Vec<(String, String)>,
}

/// Finds a scanner by its id.
pub fn by_id(id: &str) -> Option<&'static Source> {
    ALL.iter().find(|source| source.id == id)
}
