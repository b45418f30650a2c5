//! What it brings to mend all that fails of one requirement in one account.

use std::cmp::Ordering;

use schemas::{Requirement, ScoreState, Scoring};

use crate::score;

/// Mending all open failures of one requirement in one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mend {
    /// How many resources are to be mended.
    pub to_mend: i64,
    /// Weight times the growth of the requirement's score, as an exact fraction.
    growth: Fraction,
}

/// A fraction with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fraction(i128, i128);

impl Mend {
    /// Works out what mending a requirement's open failures in an account brings; none where there
    /// is nothing to mend or nothing to win.
    ///
    /// `open_rows` counts the rows that fail without credit: where an account has one vote, every
    /// one of them is to be mended for it.
    pub fn of(
        requirement: &Requirement,
        state: &ScoreState,
        open_rows: impl FnOnce() -> usize,
    ) -> Option<Self> {
        state.score?;
        let open = score::open(state);
        let counts = requirement.scoring != Scoring::Penalty && requirement.weight > 0;
        if !counts || open <= 0 || state.total <= 0 {
            return None;
        }
        let to_mend = match requirement.scoring {
            Scoring::AllOrNothing => i64::try_from(open_rows()).unwrap_or(i64::MAX).max(1),
            _ => open,
        };
        let growth = i128::from(requirement.weight) * i128::from(open);
        Some(Self { to_mend, growth: Fraction(growth, i128::from(state.total)) })
    }

    /// Gives by how much a score grows, as a share of 1; `weight` is the sum of its weights, which
    /// is more than 0.
    pub fn gain(&self, weight: i64) -> f64 {
        self.growth.0 as f64 / self.growth.1 as f64 / weight as f64
    }

    /// Compares two so that the better one comes first: most points for each resource, then most
    /// points.
    pub fn better(&self, other: &Self) -> Ordering {
        let (a, b) = (self.for_each(), other.for_each());
        b.cmp_to(a).then(other.growth.cmp_to(self.growth))
    }

    fn for_each(&self) -> Fraction {
        Fraction(self.growth.0, self.growth.1 * i128::from(self.to_mend))
    }
}

impl Fraction {
    fn cmp_to(self, other: Self) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }
}
