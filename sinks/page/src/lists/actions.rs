//! Next best actions: what brings the most points for the fewest resources.

use schemas::{Credit, Requirement, ScoreState, Verdict};
use sink_workbook::{Account, Mend};

use crate::table::{Kind, List, Value, columns, count, text};
use crate::view::View;
use crate::{links, routes::Parts};

/// Actions that are listed; later ones are not next.
const ACTIONS_MAX: usize = 500;

/// Mending all open failures of one requirement in one account.
pub(crate) struct Action<'t> {
    /// The requirement.
    pub(crate) requirement: &'t Requirement,
    /// The account.
    pub(crate) account: Account<'t>,
    /// What it brings.
    pub(crate) mend: Mend,
    /// By how much the score over the accounts grows, as a share of 1.
    pub(crate) gain: f64,
}

/// Gives the best actions, best first: most points for each resource, then most points.
pub(crate) fn best(view: View<'_>) -> Vec<Action<'_>> {
    let accounts: Vec<_> = view.accounts().filter(|one| one.state.is_scored()).collect();
    let weights: i64 = accounts.iter().filter_map(|one| one.overall).map(|one| one.weight).sum();
    if weights <= 0 {
        return Vec::new();
    }
    let mut actions: Vec<_> = accounts
        .into_iter()
        .flat_map(|account| {
            let scores = view.scores(&account.state.account);
            scores.filter_map(move |(id, state)| action(view, account, id, state, weights))
        })
        .enumerate()
        .collect();
    // Those that bring the same stay in the order of accounts and requirements.
    let better = |a: &(usize, Action<'_>), b: &(usize, Action<'_>)| {
        a.1.mend.better(&b.1.mend).then(a.0.cmp(&b.0))
    };
    if actions.len() > ACTIONS_MAX {
        // Of hundreds of thousands a few are shown: the others need no order.
        actions.select_nth_unstable_by(ACTIONS_MAX, better);
        actions.truncate(ACTIONS_MAX);
    }
    actions.sort_unstable_by(better);
    actions.into_iter().map(|(_, action)| action).collect()
}

fn action<'t>(
    view: View<'t>,
    account: Account<'t>,
    requirement: &str,
    state: &ScoreState,
    weights: i64,
) -> Option<Action<'t>> {
    // Most have nothing to mend: they are told by their counts alone.
    if state.noncompliant <= state.excepted {
        return None;
    }
    let requirement = view.requirement(requirement)?;
    let open_rows = || {
        let rows = view.verdicts(&requirement.id, &account.state.account);
        rows.filter(|(_, row)| row.verdict == Verdict::Fail && row.credit != Credit::Live).count()
    };
    let mend = Mend::of(requirement, state, open_rows)?;
    Some(Action { requirement, account, mend, gain: mend.gain(weights) })
}

/// The best actions as a table.
pub(crate) fn actions<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("requirement", "What to mend", Kind::Text),
        ("account", "Account", Kind::Text),
        ("severity", "Severity", Kind::Text),
        ("resources", "Resources", Kind::Count),
        ("points", "Points", Kind::Points),
        ("remediation", "How", Kind::Text),
    ]);
    let caption = "Next best actions: most points of the score for the fewest resources";
    let mut table = List::new("actions", caption, of);
    table.empty = "There is nothing to mend.";
    table.rows = best(view)
        .into_iter()
        .map(|one| {
            let account = &one.account.state.account;
            vec![
                text(view.title(&one.requirement.id)).to(links::rows(account, &one.requirement.id)),
                text(one.account.name()).to(links::account(account)),
                Value::Severity(one.requirement.severity).into(),
                count(one.mend.to_mend),
                Value::Points(one.gain * 100.0).into(),
                text(&*one.requirement.remediation),
            ]
        })
        .collect();
    Some(table)
}
