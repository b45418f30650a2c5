//! Next best actions: what brings the owner the most points for the fewest resources.

use std::cmp::Ordering;

use schemas::{Credit, Requirement, Scoring};

use crate::score;
use crate::view::{AccountView, View};

/// Mending all open failures of one requirement in one account.
pub(crate) struct Action<'v, 't> {
    /// The requirement.
    pub(crate) requirement: &'t Requirement,
    /// The account.
    pub(crate) account: &'v AccountView<'t>,
    /// The account's place among the owner's accounts.
    pub(crate) index: usize,
    /// How many resources are to be mended.
    pub(crate) to_mend: i64,
    /// By how much the owner's score grows, as a share of 1.
    pub(crate) gain: f64,
    /// Weight times the growth of the requirement's score, as an exact fraction.
    growth: (i128, i128),
}

/// Gives the best actions, best first: most points for each resource, then most points.
pub(crate) fn best<'v, 't>(view: &'v View<'t>) -> Vec<Action<'v, 't>> {
    let mut actions: Vec<Action> = view
        .accounts
        .iter()
        .enumerate()
        .flat_map(|(index, account)| {
            let requirements = view.requirements.iter().filter_map(|view| view.text);
            requirements.filter_map(move |requirement| action(view, index, account, requirement))
        })
        .collect();
    // The sort is stable: equal ones stay by account, and by severity within an account.
    actions.sort_by(|a, b| b.for_each().cmp_to(a.for_each()).then(b.all().cmp_to(a.all())));
    actions.truncate(view.limits.actions_max);
    actions
}

fn action<'v, 't>(
    view: &View<'t>,
    index: usize,
    account: &'v AccountView<'t>,
    requirement: &'t Requirement,
) -> Option<Action<'v, 't>> {
    let state = *account.scores.get(requirement.id.as_str())?;
    state.score?;
    let open = score::open(state);
    let counts = requirement.scoring != Scoring::Penalty && requirement.weight > 0;
    if !counts || open <= 0 || state.total <= 0 || view.sum.weight <= 0 {
        return None;
    }
    let weight = i128::from(requirement.weight);
    let growth = (weight * i128::from(open), i128::from(state.total));
    let to_mend = match requirement.scoring {
        // The account has one vote: every failing resource is to be mended for it.
        Scoring::AllOrNothing => open_rows(account, requirement),
        _ => open,
    };
    Some(Action {
        requirement,
        account,
        index,
        to_mend,
        gain: growth.0 as f64 / growth.1 as f64 / view.sum.weight as f64,
        growth,
    })
}

/// Counts the failing rows without credit: where one fails all, every one is to be mended.
fn open_rows(account: &AccountView<'_>, requirement: &Requirement) -> i64 {
    let rows =
        account.rows.failing.iter().filter(|row| {
            row.key.requirement == requirement.id && row.state.credit != Credit::Live
        });
    i64::try_from(rows.count()).unwrap_or(i64::MAX).max(1)
}

/// A fraction with a positive denominator.
#[derive(Clone, Copy)]
struct Fraction(i128, i128);

impl Fraction {
    fn cmp_to(self, other: Self) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }
}

impl Action<'_, '_> {
    /// Gives the requirement's title, or its id where it has none.
    pub(crate) fn title(&self) -> &str {
        let requirement = self.requirement;
        if requirement.title.is_empty() { &requirement.id } else { &requirement.title }
    }

    fn all(&self) -> Fraction {
        Fraction(self.growth.0, self.growth.1)
    }

    fn for_each(&self) -> Fraction {
        Fraction(self.growth.0, self.growth.1 * i128::from(self.to_mend))
    }
}
