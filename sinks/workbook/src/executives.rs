//! Executives: their scores, weighted by what their accounts spend.

use std::collections::BTreeMap;

use schemas::RollupState;

use crate::past::Cut;
use crate::score::Score;
use crate::view::{AccountView, View};

/// One executive.
pub(crate) struct ExecutiveView<'v, 't> {
    /// As the register names him.
    pub(crate) name: &'t str,
    /// His sums.
    pub(crate) sum: &'t RollupState,
    /// What his accounts spend, in hundredths, as far as it is known.
    pub(crate) spend_cents: i64,
    /// His accounts.
    accounts: Vec<&'v AccountView<'t>>,
}

/// Gives the executives, the lowest score first, those without one last.
pub(crate) fn of<'v, 't>(view: &'v View<'t>) -> Vec<ExecutiveView<'v, 't>> {
    let mut accounts: BTreeMap<&str, Vec<&AccountView<'t>>> = BTreeMap::new();
    for account in &view.accounts {
        if let Some(executive) = account.state.executive.as_deref() {
            accounts.entry(executive).or_default().push(account);
        }
    }
    let sums = view.tables.rollups.iter().filter(|(key, _)| key.kind == "executive");
    let mut executives: Vec<_> = sums
        .map(|(key, sum)| {
            let accounts = accounts.remove(&*key.id).unwrap_or_default();
            let spend_cents = accounts.iter().filter_map(|account| account.state.spend_cents).sum();
            ExecutiveView { name: &key.id, sum, spend_cents, accounts }
        })
        .collect();
    // The sort is stable: equal ones stay by name.
    executives.sort_by_key(|executive| executive.sum.score.unwrap_or(i64::MAX));
    executives
}

impl ExecutiveView<'_, '_> {
    /// Gives the score.
    pub(crate) fn score(&self) -> Score {
        Score::of_sum(self.sum)
    }

    /// Gives the score that his accounts of today had together in a cut, weighted by what they
    /// spend today: what they spent then is not known.
    pub(crate) fn score_in(&self, cut: &Cut) -> Option<f64> {
        let each = self.median().unwrap_or(0);
        let then: Vec<(f64, i64)> = self
            .accounts
            .iter()
            .filter_map(|account| {
                Some((account.score_in(cut)?, account.state.spend_cents.unwrap_or(each)))
            })
            .collect();
        let spent = then.iter().any(|(_, weight)| *weight > 0);
        let weigh = |weight: i64| if spent { weight as f64 } else { 1.0 };
        let weight: f64 = then.iter().map(|(_, weight)| weigh(*weight)).sum();
        let sum: f64 = then.iter().map(|(score, weight)| score * weigh(*weight)).sum();
        (weight > 0.0).then(|| sum / weight)
    }

    /// Gives the middle of the figures that are known, as the sum takes it for those without one.
    fn median(&self) -> Option<i64> {
        let mut figures: Vec<i64> =
            self.accounts.iter().filter_map(|account| account.state.spend_cents).collect();
        figures.sort_unstable();
        let middle = figures.len() / 2;
        let upper = *figures.get(middle)?;
        Some(match figures.len() % 2 {
            1 => upper,
            _ => (figures[middle - 1] + upper).div_euclid(2),
        })
    }

    /// Gives the failing votes without credit.
    pub(crate) fn open(&self) -> i64 {
        self.sum.noncompliant - self.sum.excepted
    }

    /// Says what his accounts weigh where not every one has a figure.
    pub(crate) fn remark(&self) -> String {
        match (self.sum.estimated, self.sum.scored) {
            (0, _) => String::new(),
            (estimated, scored) if estimated == scored => {
                "no spend is known: every account weighs the same".to_owned()
            }
            (estimated, _) => {
                let accounts = crate::text::counted(estimated, "account weighs", "accounts weigh");
                format!("{accounts} as the median of the others: no figure")
            }
        }
    }
}
