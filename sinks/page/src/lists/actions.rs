//! Next best actions: what brings the most points for the fewest resources.

use schemas::{Credit, Requirement, ScoreKey, Verdict};
use sink_workbook::{Account, Mend};

use crate::table::{Kind, Table, Value, columns, count, text};
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
    let mut actions: Vec<_> = accounts
        .into_iter()
        .flat_map(|account| {
            let scores = view.scores(&account.state.account);
            scores.filter_map(move |(id, _)| action(view, account, view.requirement(id)?, weights))
        })
        .collect();
    actions.sort_by(|a, b| a.mend.better(&b.mend));
    actions.truncate(ACTIONS_MAX);
    actions
}

fn action<'t>(
    view: View<'t>,
    account: Account<'t>,
    requirement: &'t Requirement,
    weights: i64,
) -> Option<Action<'t>> {
    let id = &account.state.account;
    let state = view.tables.scores.get(&ScoreKey::new(&**id, &*requirement.id))?;
    let open_rows = || {
        let rows = view.verdicts(&requirement.id, id);
        rows.filter(|(_, row)| row.verdict == Verdict::Fail && row.credit != Credit::Live).count()
    };
    let mend = Mend::of(requirement, state, open_rows)?;
    let gain = (weights > 0).then(|| mend.gain(weights))?;
    Some(Action { requirement, account, mend, gain })
}

/// The best actions as a table.
pub(crate) fn actions(view: View<'_>, _: &Parts) -> Option<Table> {
    let of = columns(&[
        ("requirement", "What to mend", Kind::Text),
        ("account", "Account", Kind::Text),
        ("severity", "Severity", Kind::Text),
        ("resources", "Resources", Kind::Count),
        ("points", "Points", Kind::Points),
        ("remediation", "How", Kind::Text),
    ]);
    let caption = "Next best actions: most points of the score for the fewest resources";
    let mut table = Table::new("actions", caption, of);
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
