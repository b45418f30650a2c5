//! Counts by outcome, and the book of one batch: what became of each of its records. Pure.

use crate::target::{Encoded, Fate};

/// How many records had which fate; together they are the records read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The target took them.
    pub written: u64,
    /// The target held them already, or something newer.
    pub unchanged: u64,
    /// A later record of their batch said more.
    pub superseded: u64,
    /// The target has no use for them.
    pub skipped: u64,
    /// The target refused them: they are dead letters.
    pub refused: u64,
    /// They can't be read: they are dead letters.
    pub dead: u64,
}

impl Counts {
    /// Gives the sum: the records read.
    pub fn records(&self) -> u64 {
        self.by_outcome().iter().map(|(_, count)| count).sum()
    }

    /// Gives each count with its word.
    pub fn by_outcome(&self) -> [(&'static str, u64); 6] {
        let Self { written, unchanged, superseded, skipped, refused, dead } = *self;
        [
            ("written", written),
            ("unchanged", unchanged),
            ("superseded", superseded),
            ("skipped", skipped),
            ("refused", refused),
            ("dead", dead),
        ]
    }

    /// Adds the counts of more records.
    pub fn add(&mut self, more: &Self) {
        self.written += more.written;
        self.unchanged += more.unchanged;
        self.superseded += more.superseded;
        self.skipped += more.skipped;
        self.refused += more.refused;
        self.dead += more.dead;
    }

    fn count(&mut self, fate: &Fate) {
        *match fate {
            Fate::Written => &mut self.written,
            Fate::Unchanged => &mut self.unchanged,
            Fate::Superseded => &mut self.superseded,
            Fate::Skipped => &mut self.skipped,
            Fate::Refused(_) => &mut self.refused,
            Fate::Dead(_) => &mut self.dead,
        } += 1;
    }
}

/// The book of a batch.
#[derive(Debug)]
pub(crate) struct Ledger {
    records: Vec<Page>,
    /// Why the target refused what no record asked for.
    pub(crate) refused_besides: Vec<String>,
}

/// What is known of one record.
#[derive(Clone, Debug, Default)]
struct Page {
    /// Entries that are not delivered yet; below zero when too many were told of.
    open: i64,
    fate: Option<Fate>,
}

/// A batch whose records are all settled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) counts: Counts,
    /// Indices of records that go to the dead letters, in order, and why.
    pub(crate) letters: Vec<(usize, String)>,
    /// Why the target refused what no record asked for.
    pub(crate) refused_besides: Vec<String>,
}

/// A record that is not settled: its index, and what is wrong.
pub(crate) type Unsettled = (usize, &'static str);

impl Ledger {
    /// Opens the book of a batch of so many records.
    pub(crate) fn open<I>(records: usize, encoded: &Encoded<I>) -> Result<Self, Unsettled> {
        let mut ledger =
            Self { records: vec![Page::default(); records], refused_besides: Vec::new() };
        for record in encoded.entries.iter().filter_map(|entry| entry.record) {
            ledger.page(record)?.open += 1;
        }
        for (record, fate) in &encoded.fates {
            ledger.note(*record, fate.clone())?;
        }
        Ok(ledger)
    }

    /// Opens a book for what no record asked for.
    pub(crate) fn besides() -> Self {
        Self { records: Vec::new(), refused_besides: Vec::new() }
    }

    /// An entry was delivered.
    pub(crate) fn settle(&mut self, record: Option<usize>, fate: Fate) -> Result<(), Unsettled> {
        match (record, fate) {
            (Some(record), fate) => {
                self.page(record)?.open -= 1;
                self.note(record, fate)
            }
            (None, Fate::Refused(reason)) => {
                self.refused_besides.push(reason);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// Gives the sums, if every record's fate is known.
    pub(crate) fn close(self) -> Result<Closed, Unsettled> {
        let refused_besides = self.refused_besides;
        let mut closed = Closed { refused_besides, ..Closed::default() };
        for (record, page) in self.records.into_iter().enumerate() {
            match page {
                Page { open: 1.., .. } => return Err((record, "an entry of it was lost")),
                Page { open: ..0, .. } => return Err((record, "an entry was delivered twice")),
                Page { fate: None, .. } => return Err((record, "nothing")),
                Page { open: 0, fate: Some(fate) } => {
                    closed.counts.count(&fate);
                    if let Fate::Refused(reason) | Fate::Dead(reason) = fate {
                        closed.letters.push((record, reason));
                    }
                }
            }
        }
        Ok(closed)
    }

    fn note(&mut self, record: usize, fate: Fate) -> Result<(), Unsettled> {
        let page = self.page(record)?;
        page.fate = page.fate.take().max(Some(fate));
        Ok(())
    }

    fn page(&mut self, record: usize) -> Result<&mut Page, Unsettled> {
        self.records.get_mut(record).ok_or((record, "the batch has no such record"))
    }
}

#[cfg(test)]
mod tests;
