//! Executives: their scores, weighted by what their accounts spend.

use std::collections::BTreeMap;

use schemas::RollupState;

use crate::score::Score;
use crate::view::View;

/// One executive.
pub(crate) struct ExecutiveView<'t> {
    /// As the register names him.
    pub(crate) name: &'t str,
    /// His sums.
    pub(crate) sum: &'t RollupState,
    /// What his accounts spend, in hundredths, as far as it is known.
    pub(crate) spend_cents: i64,
}

/// Gives the executives, the lowest score first, those without one last.
pub(crate) fn of<'t>(view: &View<'t>) -> Vec<ExecutiveView<'t>> {
    let mut spends: BTreeMap<&str, i64> = BTreeMap::new();
    for account in &view.accounts {
        if let Some(executive) = account.state.executive.as_deref() {
            *spends.entry(executive).or_default() += account.state.spend_cents.unwrap_or(0);
        }
    }
    let sums = view.tables.rollups.iter().filter(|(key, _)| key.kind == "executive");
    let mut executives: Vec<_> = sums
        .map(|(key, sum)| {
            let spend_cents = spends.get(&*key.id).copied().unwrap_or(0);
            ExecutiveView { name: &key.id, sum, spend_cents }
        })
        .collect();
    // The sort is stable: equal ones stay by name.
    executives.sort_by_key(|executive| executive.sum.score.unwrap_or(i64::MAX));
    executives
}

impl ExecutiveView<'_> {
    /// Gives the score.
    pub(crate) fn score(&self) -> Score {
        Score::of_sum(self.sum)
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
