//! Sums over accounts, kept exact: a share that changes is taken out as it was and put in as it is.

mod executive;

use schemas::{Contribution, RollupState};

pub use executive::Spending;

/// Replaces an account's share in a sum.
///
/// Shape: the sum, the share before and after (none: there is none), and how many accounts came
/// (1), stayed (0) or left (-1) with it → the sum after, none when no account contributes any more.
/// Units: scores in billionths, the sum's rounded half up. Shares of an executive weigh nothing
/// here: see [`Spending`].
pub fn replace(
    sum: RollupState,
    before: Option<&Contribution>,
    after: Option<&Contribution>,
    accounts: i64,
) -> Option<RollupState> {
    let mut sum = sum;
    sum.accounts += accounts;
    for (share, sign) in [(before, -1), (after, 1)] {
        if let Some(share) = share {
            add(&mut sum, share, sign);
        }
    }
    sum.score =
        (sum.weight > 0).then(|| (sum.weighted_score + sum.weight / 2).div_euclid(sum.weight));
    (sum.accounts > 0).then_some(sum)
}

fn add(sum: &mut RollupState, share: &Contribution, sign: i64) {
    sum.total += sign * share.total;
    sum.noncompliant += sign * share.noncompliant;
    sum.excepted += sign * share.excepted;
    if let (Some(score), Some(weight)) = (share.score, share.weight) {
        sum.scored += sign;
        sum.weight += sign * weight;
        sum.weighted_score += sign * weight * score;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(weight: i64, score: Option<i64>) -> Contribution {
        Contribution { weight: Some(weight), score, total: 4, noncompliant: 2, excepted: 1 }
    }

    #[test]
    fn a_sum_is_the_weighted_mean_of_its_shares() {
        let (a, b) = (share(10, Some(750_000_000)), share(2, Some(0)));
        let sum = replace(RollupState::default(), None, Some(&a), 1).expect("one account");
        let sum = replace(sum, None, Some(&b), 1).expect("two accounts");
        let sum = replace(sum, None, Some(&share(9, None)), 0).expect("no score, but votes");
        // (10 * 0.75 + 2 * 0) / 12
        assert_eq!(sum.score, Some(625_000_000));
        assert_eq!((sum.accounts, sum.scored, sum.total, sum.excepted), (2, 2, 12, 3));
        let sum = replace(sum, Some(&a), Some(&share(10, Some(500_000_000))), 0).expect("stays");
        assert_eq!(sum.score, Some(416_666_667));
    }

    #[test]
    fn the_last_share_takes_the_sum_with_it() {
        let a = share(1, Some(5));
        let sum = replace(RollupState::default(), None, Some(&a), 1).expect("one account");
        assert_eq!(replace(sum, Some(&a), None, -1), None);
    }
}
