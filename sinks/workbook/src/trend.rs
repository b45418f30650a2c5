//! Trends: scores of earlier weeks of the same accounts, and how far they moved.

use schemas::{AccountKey, ScoreState};

use crate::past::{Cut, WEEK_MS};
use crate::score::{self, Score};
use crate::view::{AccountView, View};

/// Below this a score stays as it is, in points: cells show tenths.
const POINTS_SHOWN: f64 = 0.05;

impl<'t> View<'t> {
    /// Gives the risk-weighted score that the accounts of today had together in a cut.
    pub(crate) fn score_in(&self, cut: &Cut) -> Option<f64> {
        let states = self.accounts.iter().filter_map(|account| account.in_cut(cut));
        let (sum, weight) = states.fold((0, 0), |(sum, weight), state| {
            (sum + state.weighted_score, weight + state.weight)
        });
        score::weighted(sum, weight)
    }

    /// Gives the cut of so many weeks before, if the log keeps it.
    pub(crate) fn weeks_ago(&self, weeks: i64) -> Option<&Cut> {
        let at_ms = self.at_ms - weeks * WEEK_MS;
        self.past.weeks.iter().find(|cut| cut.at_ms == at_ms)
    }

    /// Gives the accounts that have a score now and had none in a cut.
    pub(crate) fn without_score_in<'c>(
        &'c self,
        cut: &'c Cut,
    ) -> impl Iterator<Item = &'c AccountView<'t>> {
        let scored = self.accounts.iter().filter(|account| account.score().value().is_some());
        scored.filter(|account| account.in_cut(cut).is_none())
    }

    /// Gives the score at the time since which changes are told.
    pub(crate) fn before(&self) -> Option<f64> {
        self.past.since.as_ref().and_then(|cut| self.score_in(cut))
    }
}

impl AccountView<'_> {
    /// Gives the account's sums in a cut, if it had a score then.
    pub(crate) fn in_cut<'c>(&self, cut: &'c Cut) -> Option<&'c ScoreState> {
        let state = cut.accounts.get(&AccountKey::new(&self.state.account));
        state.filter(|state| Score::of_account(Some(state)).value().is_some())
    }

    /// Gives the account's score in a cut.
    pub(crate) fn score_in(&self, cut: &Cut) -> Option<f64> {
        self.in_cut(cut).and_then(|state| Score::of_account(Some(state)).value())
    }
}

/// Gives how many points lie between two scores, when there are two.
pub(crate) fn points(now: Option<f64>, before: Option<f64>) -> Option<f64> {
    now.zip(before).map(|(now, before)| (now - before) * 100.0)
}

/// Tells whether so many points are a move that a cell would show.
pub(crate) fn is_move(points: f64) -> bool {
    points.abs() >= POINTS_SHOWN
}

/// Says where a score went by so many points, with an arrow: `↑ up 1.2 points`.
pub fn moved(points: f64) -> String {
    let tenths = format!("{:.1}", points.abs());
    let noun = if tenths == "1.0" { "point" } else { "points" };
    match is_move(points) {
        false => "→ unchanged".to_owned(),
        true if points > 0.0 => format!("↑ up {tenths} {noun}"),
        true => format!("↓ down {tenths} {noun}"),
    }
}
