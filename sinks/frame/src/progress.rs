//! How far a sink is: what people, metrics and health are told.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::ledger::Counts;

/// How far a sink is since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Committed records by what became of them.
    pub counts: Counts,
    /// What was done to the target, in its own words; what was done twice counts twice.
    pub effects: Vec<(&'static str, u64)>,
    /// Committed batches.
    pub commits: u64,
    /// Pauses after which something was tried again.
    pub retries: u64,
    /// How often another member took this one's place.
    pub fencings: u64,
    /// Items that no record asked for and the target refused.
    pub refused_besides: u64,
    /// Why nothing happens at the moment.
    pub waiting: Option<String>,
    /// The next offset of each owned input partition, as far as the target holds what is below.
    pub positions: BTreeMap<(&'static str, i32), i64>,
    /// When a batch was committed last, or when all was read and nothing left to do; none before
    /// that.
    pub succeeded: Option<Instant>,
}

impl Progress {
    /// Gives the records whose effects the target holds, and which are committed.
    pub fn records(&self) -> u64 {
        self.counts.records()
    }

    /// The target did this so often since its start.
    pub(crate) fn set_effect(&mut self, word: &'static str, count: u64) {
        *self.effect_mut(word) = count;
    }

    /// The target's courier did this so often more.
    pub(crate) fn add_effect(&mut self, word: &'static str, count: u64) {
        *self.effect_mut(word) += count;
    }

    fn effect_mut(&mut self, word: &'static str) -> &mut u64 {
        let found = self.effects.iter().position(|(one, _)| *one == word);
        let at = found.unwrap_or_else(|| {
            self.effects.push((word, 0));
            self.effects.len() - 1
        });
        &mut self.effects[at].1
    }

    /// Gives how often the target did something, by its own word for it.
    pub fn effect(&self, word: &str) -> u64 {
        let found = self.effects.iter().find(|(one, _)| *one == word);
        found.map_or(0, |(_, count)| *count)
    }
}
