//! An executive's score: the scores of his accounts, weighted by what they spend.

use apache_avro::AvroSchema;
use schemas::{Contribution, RollupState};
use serde::{Deserialize, Serialize};

/// What an executive's accounts spend and score, kept by difference.
///
/// Scores are in millionths here: the product of a large company's cents and billionths would not
/// fit, and a millionth of a score is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Spending {
    /// Accounts that have a score and a figure of their spend.
    pub known: i64,
    /// Their spend in hundredths.
    pub spend: i64,
    /// The sum of their spends times scores.
    pub spend_score: i64,
    /// The sum of their scores.
    pub known_score: i64,
    /// Accounts that have a score and no figure.
    pub unknown: i64,
    /// The sum of their scores.
    pub unknown_score: i64,
    /// The median of the figures, of accounts without a score too; none when there is none.
    pub median: Option<i64>,
}

impl Spending {
    /// Sums up shares; the only way to a median that is right.
    pub fn of<'a>(shares: impl Iterator<Item = &'a Contribution>) -> Self {
        let mut sums = Self::default();
        let mut figures = Vec::new();
        for share in shares {
            sums.add(share, 1);
            figures.extend(share.weight);
        }
        figures.sort_unstable();
        sums.median = median(&figures);
        sums
    }

    /// Puts a share in place of another one of the same account and spend.
    pub fn replace(&mut self, before: &Contribution, after: &Contribution) {
        self.add(before, -1);
        self.add(after, 1);
    }

    fn add(&mut self, share: &Contribution, sign: i64) {
        let Some(score) = share.score.map(|score| (score + 500).div_euclid(1_000)) else { return };
        match share.weight {
            Some(spend) => {
                self.known += sign;
                self.spend += sign * spend;
                self.spend_score += sign * spend * score;
                self.known_score += sign * score;
            }
            None => {
                self.unknown += sign;
                self.unknown_score += sign * score;
            }
        }
    }

    /// Writes the score and what it comes from into a sum.
    ///
    /// An account without a figure weighs as the median of the known ones. Where no figure is known
    /// or nothing was spent, every account weighs 1.
    pub fn finish(&self, sum: &mut RollupState) {
        let each = self.median.unwrap_or(0);
        let (weight, weighted) =
            (self.spend + each * self.unknown, self.spend_score + each * self.unknown_score);
        sum.scored = self.known + self.unknown;
        (sum.weight, sum.weighted_score, sum.estimated) = match weight {
            0 => (sum.scored, self.known_score + self.unknown_score, sum.scored),
            weight => (weight, weighted, self.unknown),
        };
        let score = |weight: i64| {
            let (weighted, weight) = (i128::from(sum.weighted_score) * 1_000, i128::from(weight));
            i64::try_from((weighted + weight / 2).div_euclid(weight)).unwrap_or(i64::MAX)
        };
        sum.score = (sum.weight > 0).then(|| score(sum.weight));
    }
}

/// Gives the middle of sorted figures; of two middles the mean, rounded down.
fn median(figures: &[i64]) -> Option<i64> {
    let middle = figures.len() / 2;
    match figures.len() {
        0 => None,
        len if len % 2 == 1 => Some(figures[middle]),
        _ => Some((figures[middle - 1] + figures[middle]).div_euclid(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(cents: Option<i64>, percent: Option<i64>) -> Contribution {
        let score = percent.map(|percent| percent * 10_000_000);
        Contribution { weight: cents, score, total: 0, noncompliant: 0, excepted: 0 }
    }

    #[track_caller]
    fn check(shares: &[Contribution], expected: (Option<i64>, i64, i64, i64)) {
        let mut sum = RollupState::default();
        Spending::of(shares.iter()).finish(&mut sum);
        let percent = sum.score.map(|score| score / 10_000_000);
        assert_eq!((percent, sum.weight, sum.scored, sum.estimated), expected);
    }

    #[test]
    fn who_spends_more_weighs_more() {
        check(&[], (None, 0, 0, 0));
        check(&[share(Some(300), Some(100)), share(Some(100), Some(0))], (Some(75), 400, 2, 0));
        // (300 * 100 + 100 * 0 + 200 * 50) / 600: the median of 100 and 300 is 200.
        let three = [share(Some(300), Some(100)), share(Some(100), Some(0)), share(None, Some(50))];
        check(&three, (Some(66), 600, 3, 1));
        check(&[share(None, Some(100)), share(None, Some(0))], (Some(50), 2, 2, 2));
        check(&[share(Some(0), Some(100)), share(Some(0), Some(0))], (Some(50), 2, 2, 2));
        // What has no score weighs nothing, but its figure is known.
        check(&[share(Some(40), None), share(None, Some(30))], (Some(30), 40, 1, 1));
    }

    #[test]
    fn a_large_company_fits() {
        let cents = 100_000_000_000; // A thousand million dollars in each account.
        let shares: Vec<_> = (0..50).map(|n| share(Some(cents), Some(2 * n))).collect();
        check(&shares, (Some(49), 50 * cents, 50, 0));
    }

    #[test]
    fn a_score_that_moves_is_replaced_exactly() {
        let shares = [share(Some(7), Some(10)), share(None, Some(20)), share(Some(9), None)];
        let mut sums = Spending::of(shares.iter());
        sums.replace(&shares[0], &share(Some(7), Some(90)));
        sums.replace(&shares[1], &share(None, None));
        let now = [share(Some(7), Some(90)), share(None, None), share(Some(9), None)];
        assert_eq!(sums, Spending::of(now.iter()));
    }
}
