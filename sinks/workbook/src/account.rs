//! An account as a whole: its score, and how far it was collected.

use schemas::{AccountState, ScoreState};

use crate::score::{self, Score};

/// An account with its own score.
#[derive(Clone, Copy, Debug)]
pub struct Account<'t> {
    /// What is known of it.
    pub state: &'t AccountState,
    /// Its own score (`*`); none where nothing was ever scored.
    pub overall: Option<&'t ScoreState>,
}

impl<'t> Account<'t> {
    /// Gives its name, or its id.
    pub fn name(self) -> &'t str {
        if self.state.name.is_empty() { &self.state.account } else { &self.state.name }
    }

    /// Gives its score.
    pub fn score(self) -> Score {
        match Score::of_account(self.overall) {
            // Nothing was seen of it: whatever the sums say, there is no "nothing to judge".
            Score::NotApplicable if !self.is_collected() => Score::NotCollected,
            score => score,
        }
    }

    /// Gives the failing votes without credit.
    pub fn open(self) -> i64 {
        self.overall.map_or(0, score::open)
    }

    /// Tells whether any scope of it was ever completed.
    pub fn is_collected(self) -> bool {
        let scopes = self.state.coverage.iter().any(|kind| kind.collected > 0);
        scopes || self.overall.is_some_and(|state| state.scopes_collected > 0)
    }

    /// Tells whether some scope was tried and never completed.
    pub fn is_partial(self) -> bool {
        let (scopes, collected, _) = self.scopes();
        collected < scopes
    }

    /// Gives the scopes that were tried, that were once completed, and whose latest attempt failed.
    pub fn scopes(self) -> (i64, i64, i64) {
        self.state.coverage.iter().fold((0, 0, 0), |sum, kind| {
            (sum.0 + kind.scopes, sum.1 + kind.collected, sum.2 + kind.failed)
        })
    }

    /// Gives the time of its oldest data, in UTC milliseconds.
    pub fn oldest_ms(self) -> Option<i64> {
        self.state.coverage.iter().filter_map(|kind| kind.oldest_ms).min()
    }
}
