//! From integer counts to scores, and the words for them: division happens here.

use schemas::{Requirement, RollupState, SCORE_ONE, ScoreState, ScoreStatus, Scoring, tenths};

use crate::sheet::{Cell, Tint};
use crate::style::Style;

/// From here on a score is good, as it is shown: rounded to a tenth of a percent.
pub(crate) const GOOD: f64 = 0.95;

/// Below this a score is poor, as it is shown.
pub(crate) const POOR: f64 = 0.80;

/// Letters for scores as they are shown, and from where on each is given: `A` is what is good,
/// `D` and `F` are what is poor.
pub(crate) const GRADES: [(&str, f64); 5] =
    [("A", GOOD), ("B", 0.90), ("C", POOR), ("D", 0.65), ("F", 0.0)];

/// A score, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// A share of 1; partial when some region was never collected.
    Scored {
        /// The share.
        value: f64,
        /// Whether data of some region is missing.
        partial: bool,
    },
    /// Penalty points: lower is better, never averaged in.
    Penalty(i64),
    /// Nothing to judge.
    NotApplicable,
    /// No data.
    NotCollected,
}

impl Score {
    /// Gives the score of a requirement in an account; a row that is missing was never collected.
    pub fn of(requirement: Option<&Requirement>, state: Option<&ScoreState>) -> Self {
        let Some(state) = state else {
            return Score::NotCollected;
        };
        let scoring = requirement.map(|requirement| requirement.scoring);
        match (state.status, scoring) {
            (ScoreStatus::NotCollected, _) => Score::NotCollected,
            (ScoreStatus::NotApplicable, _) => Score::NotApplicable,
            (ScoreStatus::Scored, Some(Scoring::Penalty)) => {
                let weight = requirement.map_or(0, |requirement| requirement.weight);
                Score::Penalty(open(state) * weight)
            }
            (ScoreStatus::Scored, _) if state.total > 0 => Score::Scored {
                value: ratio(state.total, state.noncompliant, state.excepted),
                partial: state.scopes_collected < state.scopes,
            },
            (ScoreStatus::Scored, _) => Self::stored(state),
        }
    }

    /// Gives the score of an account from the state of `*`.
    pub fn of_account(state: Option<&ScoreState>) -> Self {
        match state {
            None => Score::NotCollected,
            Some(state) => match state.status {
                ScoreStatus::NotCollected => Score::NotCollected,
                ScoreStatus::NotApplicable => Score::NotApplicable,
                ScoreStatus::Scored => match weighted(state.weighted_score, state.weight) {
                    Some(value) => {
                        Score::Scored { value, partial: state.scopes_collected < state.scopes }
                    }
                    None => Score::NotApplicable,
                },
            },
        }
    }

    /// Gives the score of a sum over accounts.
    pub fn of_sum(sum: &RollupState) -> Self {
        match sum.score {
            Some(score) => {
                let partial = sum.scored < sum.accounts;
                Score::Scored { value: score as f64 / SCORE_ONE as f64, partial }
            }
            None => Score::NotCollected,
        }
    }

    fn stored(state: &ScoreState) -> Self {
        match state.score {
            Some(score) => Score::Scored {
                value: score as f64 / SCORE_ONE as f64,
                partial: state.scopes_collected < state.scopes,
            },
            None => Score::NotApplicable,
        }
    }

    /// Gives the share of 1, when there is one.
    pub fn value(self) -> Option<f64> {
        match self {
            Score::Scored { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Gives the score's cell, in a table of scores.
    pub(crate) fn cell(self) -> Cell {
        match self {
            Score::Scored { value, partial } => {
                Cell::number(value, if partial { Style::ScorePartial } else { Style::Score })
            }
            Score::Penalty(points) => Cell::count(points, Style::Penalty),
            Score::NotApplicable => Cell::text("N/A", Style::NotApplicable),
            Score::NotCollected => Cell::text("not collected", Style::NotCollected),
        }
    }

    /// Gives the cell of a score that sums up others.
    pub(crate) fn strong_cell(self) -> Cell {
        let mut cell = self.cell();
        cell.style = match cell.style {
            Style::Score => Style::ScoreStrong,
            Style::ScorePartial => Style::ScoreStrongPartial,
            style => style,
        };
        cell
    }

    /// Gives the score's letter, when there is a score.
    pub fn grade(self) -> Option<&'static str> {
        let value = shown(self.value()?);
        GRADES.iter().find(|(_, from)| value >= *from).map(|(letter, _)| *letter)
    }

    /// Gives the word that says how the score stands.
    pub fn word(self) -> &'static str {
        match self {
            Score::Scored { value, .. } if shown(value) >= GOOD => "● good",
            Score::Scored { value, .. } if shown(value) >= POOR => "▲ fair",
            Score::Scored { .. } => "■ poor",
            Score::Penalty(_) => "penalty",
            Score::NotApplicable => "N/A",
            Score::NotCollected => "not collected",
        }
    }

    /// Tells whether the score is a poor one.
    pub fn is_poor(self) -> bool {
        self.value().is_some_and(is_poor)
    }

    /// Gives the cell of that word.
    pub(crate) fn word_cell(self) -> Cell {
        let style = match self {
            Score::Scored { value, .. } if shown(value) >= GOOD => Style::Good,
            Score::Scored { value, .. } if shown(value) >= POOR => Style::Fair,
            Score::Scored { .. } => Style::Poor,
            Score::Penalty(_) => Style::Text,
            Score::NotApplicable => Style::NotApplicable,
            Score::NotCollected => Style::NotCollected,
        };
        Cell::text(self.word(), style)
    }

    /// Gives the colour of the account's tab.
    pub(crate) fn tint(self) -> Tint {
        match self {
            Score::Scored { value, .. } if shown(value) >= GOOD => Tint::Good,
            Score::Scored { value, .. } if shown(value) >= POOR => Tint::Fair,
            Score::Scored { .. } => Tint::Poor,
            _ => Tint::Unscored,
        }
    }
}

/// Rounds a score as cells show it, so that no `95.0%` is called less than good.
fn shown(value: f64) -> f64 {
    tenths(value) as f64 / 1_000.0
}

/// Tells whether a score is a poor one, as it is shown.
pub(crate) fn is_poor(value: f64) -> bool {
    shown(value) < POOR
}

/// Tells whether a number format would show a score as perfect that is not.
pub(crate) fn is_nearly_perfect(value: f64) -> bool {
    value >= 0.999_5 && tenths(value) < 1_000
}

/// Gives `1 - (noncompliant - excepted) / total`; `total` is not 0.
pub(crate) fn ratio(total: i64, noncompliant: i64, excepted: i64) -> f64 {
    1.0 - (noncompliant - excepted) as f64 / total as f64
}

/// Gives a weighted mean from its sums: weight times score in billionths, and weight.
pub fn weighted(weighted_score: i64, weight: i64) -> Option<f64> {
    (weight > 0).then(|| weighted_score as f64 / (weight as f64 * SCORE_ONE as f64))
}

/// Gives the failing votes without credit.
pub(crate) fn open(state: &ScoreState) -> i64 {
    state.noncompliant - state.excepted
}
