//! Next best actions: what brings the most points for the fewest resources.

use std::cmp::Ordering;

use schemas::{Credit, Requirement, Scoring, Verdict};

use crate::table::{Kind, Table, Value, columns, count, text};
use crate::view::{Account, View};
use crate::{links, routes::Parts};

/// Actions that are listed; later ones are not next.
const ACTIONS_MAX: usize = 500;

/// Mending all open failures of one requirement in one account.
pub(crate) struct Action<'t> {
    /// The requirement.
    pub(crate) requirement: &'t Requirement,
    /// The account.
    pub(crate) account: Account<'t>,
    /// How many resources are to be mended.
    pub(crate) to_mend: i64,
    /// By how much the score over the accounts grows, as a share of 1.
    pub(crate) gain: f64,
    /// Weight times the growth of the requirement's score, as an exact fraction.
    growth: (i128, i128),
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
    actions.sort_by(|a, b| {
        let each = compared(b.growth, b.to_mend, a.growth, a.to_mend);
        each.then_with(|| compared(b.growth, 1, a.growth, 1))
    });
    actions.truncate(ACTIONS_MAX);
    actions
}

/// Compares two fractions that are each shared by so many.
fn compared(a: (i128, i128), by_a: i64, b: (i128, i128), by_b: i64) -> Ordering {
    (a.0 * b.1 * i128::from(by_b)).cmp(&(b.0 * a.1 * i128::from(by_a)))
}

fn action<'t>(
    view: View<'t>,
    account: Account<'t>,
    requirement: &'t Requirement,
    weights: i64,
) -> Option<Action<'t>> {
    let id = &account.state.account;
    let key = schemas::ScoreKey::new(&**id, &*requirement.id);
    let state = view.tables.scores.get(&key)?;
    state.score?;
    let open = state.noncompliant - state.excepted;
    let counts = requirement.scoring != Scoring::Penalty && requirement.weight > 0;
    if !counts || open <= 0 || state.total <= 0 || weights <= 0 {
        return None;
    }
    let growth = (i128::from(requirement.weight) * i128::from(open), i128::from(state.total));
    let to_mend = match requirement.scoring {
        // The account has one vote: every failing resource is to be mended for it.
        Scoring::AllOrNothing => {
            let rows = view.verdicts(&requirement.id, id);
            let open =
                rows.filter(|(_, row)| row.verdict == Verdict::Fail && row.credit != Credit::Live);
            i64::try_from(open.count()).unwrap_or(i64::MAX).max(1)
        }
        _ => open,
    };
    let gain = growth.0 as f64 / growth.1 as f64 / weights as f64;
    Some(Action { requirement, account, to_mend, gain, growth })
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
                count(one.to_mend),
                Value::Points(one.gain * 100.0).into(),
                text(&*one.requirement.remediation),
            ]
        })
        .collect();
    Some(table)
}
