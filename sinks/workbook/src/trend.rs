//! Trends: scores of earlier weeks of the same accounts, and how far they moved.

use schemas::{AccountKey, ScoreState};

use crate::past::Cut;
use crate::score::{self, Score};
use crate::view::{AccountView, View};

/// Below this a score stays as it is, in points: cells show tenths.
const POINTS_SHOWN: f64 = 0.05;

impl View<'_> {
    /// Gives the risk-weighted score that the accounts of today had together in a cut.
    pub(crate) fn score_in(&self, cut: &Cut) -> Option<f64> {
        let states = self.accounts.iter().filter_map(|account| account.in_cut(cut));
        let (sum, weight) = states.fold((0, 0), |(sum, weight), state| {
            (sum + state.weighted_score, weight + state.weight)
        });
        score::weighted(sum, weight)
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

/// Says where a score went, with an arrow: `↑ up 1.2 points`.
pub(crate) fn words(points: f64) -> String {
    let tenths = format!("{:.1}", points.abs());
    let noun = if tenths == "1.0" { "point" } else { "points" };
    match points {
        up if up >= POINTS_SHOWN => format!("↑ up {tenths} {noun}"),
        down if down <= -POINTS_SHOWN => format!("↓ down {tenths} {noun}"),
        _ => "→ unchanged".to_owned(),
    }
}
