//! Next best actions: what brings the owner the most points for the fewest resources.

use schemas::{Credit, Requirement, SCORE_ONE};

use crate::Mend;
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
    /// By how much the sum of weight times score grows, in billionths, as tables keep scores: what
    /// is made of it is 1 and no more where everything is mended.
    pub(crate) weighted_gain: i64,
    /// What it brings.
    mend: Mend,
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
    actions.sort_by(|a, b| a.mend.better(&b.mend));
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
    let mend = Mend::of(requirement, state, || open_rows(account, requirement))?;
    let gain = (view.sum.weight > 0).then(|| mend.gain(view.sum.weight))?;
    let weighted_gain = state.weight * (SCORE_ONE - state.score?);
    Some(Action { requirement, account, index, to_mend: mend.to_mend, gain, weighted_gain, mend })
}

/// Counts the failing rows without credit.
fn open_rows(account: &AccountView<'_>, requirement: &Requirement) -> usize {
    let rows =
        account.rows.failing.iter().filter(|row| {
            row.key.requirement == requirement.id && row.state.credit != Credit::Live
        });
    rows.count()
}

impl Action<'_, '_> {
    /// Gives the requirement's title, or its id where it has none.
    pub(crate) fn title(&self) -> &str {
        let requirement = self.requirement;
        if requirement.title.is_empty() { &requirement.id } else { &requirement.title }
    }
}
