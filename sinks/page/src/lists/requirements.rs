//! Requirements: over all accounts, in one account, and as a map of both.

use std::collections::BTreeMap;

use schemas::{Requirement, Scoring};
use sink_workbook::Score;

use crate::rows::Rows;
use crate::table::{Cell, Column, Kind, List, Value, columns, count, score, standing, text};
use crate::tables::Share;
use crate::view::View;
use crate::{links, routes::Parts};

/// The standard, with each requirement's score over the accounts; the gravest first.
pub(crate) fn requirements<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("title", "Requirement", Kind::Text),
        ("requirement", "Id", Kind::Text),
        ("severity", "Severity", Kind::Text),
        ("weight", "Weight", Kind::Count),
        ("score", "Score", Kind::Score),
        ("standing", "Standing", Kind::Text),
        ("open", "To fix", Kind::Count),
        ("accepted", "Accepted", Kind::Count),
        ("unknown", "Unknown", Kind::Count),
        ("accounts", "Accounts that fail", Kind::Count),
    ]);
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for account in view.accounts().filter(|account| account.state.is_scored()) {
        for (id, state) in view.scores(&account.state.account) {
            sums.entry(id).or_default().add(state);
        }
    }
    let mut table = List::new("requirements", "The standard, the gravest first", of);
    table.rows = view
        .requirements()
        .into_iter()
        .map(|one| {
            let sum = sums.get(one.id.as_str()).copied().unwrap_or_default();
            let value = sum.score(one);
            vec![
                text(view.title(&one.id)).to(links::requirement(&one.id)),
                text(&*one.id),
                Value::Severity(one.severity).into(),
                count(one.weight),
                score(value),
                standing(value),
                count(sum.open),
                count(sum.accepted),
                count(sum.unknown),
                count(sum.accounts),
            ]
        })
        .collect();
    Some(table)
}

/// A requirement over accounts.
#[derive(Clone, Copy, Default)]
struct Sum {
    share: Share,
    open: i64,
    accepted: i64,
    unknown: i64,
    accounts: i64,
    is_collected: bool,
}

impl Sum {
    fn add(&mut self, state: &schemas::ScoreState) {
        let open = state.noncompliant - state.excepted;
        // Each account counts once, whatever the requirement weighs.
        if let Some(value) = state.score {
            self.share.weighted_score += value;
            self.share.weight += 1;
        }
        self.open += open;
        self.accepted += state.excepted;
        self.unknown += state.unknown;
        self.accounts += i64::from(open > 0);
        self.is_collected |= state.scopes_collected > 0;
    }

    fn score(self, requirement: &Requirement) -> Score {
        match self.share.value() {
            _ if requirement.scoring == Scoring::Penalty => {
                Score::Penalty(self.open * requirement.weight)
            }
            Some(value) => Score::Scored { value, partial: false },
            None if self.is_collected => Score::NotApplicable,
            None => Score::NotCollected,
        }
    }
}

/// An account's scores by requirement: the gravest first.
pub(crate) fn of_account<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let account = view.account(parts.get("account"))?;
    let of = columns(&[
        ("title", "Requirement", Kind::Text),
        ("requirement", "Id", Kind::Text),
        ("severity", "Severity", Kind::Text),
        ("weight", "Weight", Kind::Count),
        ("score", "Score", Kind::Score),
        ("standing", "Standing", Kind::Text),
        ("total", "Judged", Kind::Count),
        ("open", "To fix", Kind::Count),
        ("accepted", "Accepted", Kind::Count),
        ("unknown", "Unknown", Kind::Count),
        ("costs", "Costs points", Kind::Points),
        ("why", "Why", Kind::Text),
    ]);
    let id = &account.state.account;
    let weights = account.overall.map_or(0, |one| one.weight);
    let caption = format!("Requirements in {}, the gravest first", account.name());
    let mut table = List::new("requirements", caption, of);
    table.title = account.name().to_owned();
    let scores: BTreeMap<&str, _> = view.scores(id).collect();
    table.rows = view
        .requirements()
        .into_iter()
        .filter_map(|one| {
            let state = *scores.get(one.id.as_str())?;
            let value = Score::of(Some(one), Some(state));
            let costs = match value {
                Score::Scored { value, .. } if weights > 0 => {
                    Value::Points(one.weight as f64 * (1.0 - value) / weights as f64 * 100.0)
                }
                _ => Value::Empty,
            };
            Some(vec![
                text(view.title(&one.id)).to(links::rows(id, &one.id)),
                text(&*one.id),
                Value::Severity(one.severity).into(),
                count(one.weight),
                score(value),
                standing(value),
                count(state.total),
                count(state.noncompliant - state.excepted),
                count(state.excepted),
                count(state.unknown),
                costs.into(),
                text("explain").to(links::explain(id, &one.id)),
            ])
        })
        .collect();
    Some(table)
}

/// The accounts under one requirement, the lowest score first.
pub(crate) fn of_requirement<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let requirement = view.requirement(parts.get("requirement"))?;
    let of = columns(&[
        ("name", "Account", Kind::Text),
        ("account", "Id", Kind::Text),
        ("score", "Score", Kind::Score),
        ("standing", "Standing", Kind::Text),
        ("total", "Judged", Kind::Count),
        ("open", "To fix", Kind::Count),
        ("accepted", "Accepted", Kind::Count),
        ("unknown", "Unknown", Kind::Count),
        ("owner", "Owner", Kind::Text),
    ]);
    let caption = format!("{}: accounts, the lowest score first", view.title(&requirement.id));
    let mut table = List::new("accounts", caption, of);
    table.title = view.title(&requirement.id).to_owned();
    let mut rows: Vec<(f64, Vec<Cell>)> = view
        .accounts()
        .map(|account| {
            let id = &account.state.account;
            let state = view.counts(id, &requirement.id);
            let value = Score::of(Some(requirement), state);
            let counted = |n: fn(&schemas::ScoreState) -> i64| {
                state.map_or(Value::Empty, |state| Value::Count(n(state)))
            };
            let order = value.value().unwrap_or(f64::INFINITY);
            (
                order,
                vec![
                    text(account.name()).to(links::rows(id, &requirement.id)),
                    text(&**id),
                    score(value),
                    standing(value),
                    counted(|one| one.total).into(),
                    counted(|one| one.noncompliant - one.excepted).into(),
                    counted(|one| one.excepted).into(),
                    counted(|one| one.unknown).into(),
                    text(account.state.owner.as_deref().unwrap_or_default()),
                ],
            )
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    table.rows = rows.into_iter().map(|(_, row)| row).collect();
    Some(table)
}

/// Accounts down, requirements across: what stands where.
pub(crate) fn heat<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let requirements = view.requirements();
    let mut of = columns(&[("account", "Account", Kind::Text), ("score", "Score", Kind::Score)]);
    of.extend(requirements.iter().map(|one| Column {
        name: one.id.clone().into(),
        label: view.title(&one.id).to_owned().into(),
        kind: Kind::Score,
    }));
    let mut accounts: Vec<_> = view.accounts().map(|one| (one.score(), one)).collect();
    let value = |score: Score| score.value().unwrap_or(f64::INFINITY);
    accounts.sort_by(|(a, _), (b, _)| value(*a).total_cmp(&value(*b)));
    let mut table = List::new("heat", "Scores of accounts by requirement, the lowest first", of);
    table.is_matrix = true;
    table.rows = Rows::of(accounts, move |(own, account)| {
        let id = &account.state.account;
        let head = [text(account.name()).to(links::account(id)), score(*own)];
        let scores = view.tables.scores.get(id.as_str());
        let cells = requirements.iter().map(|one| {
            let state = scores.and_then(|scores| scores.of.get(&one.id));
            score(Score::of(Some(one), state)).to(links::rows(id, &one.id))
        });
        head.into_iter().chain(cells).collect()
    });
    Some(table)
}

/// Tells which requirements have a score in some account.
pub(crate) fn scored<'t>(view: View<'t>) -> Vec<&'t Requirement> {
    let mut all = view.requirements();
    let accounts: Vec<_> =
        view.accounts().filter_map(|one| view.tables.scores.get(&one.state.account)).collect();
    all.retain(|one| {
        let mut states = accounts.iter().map(|scores| scores.of.get(&one.id));
        states.any(|state| Score::of(Some(one), state).value().is_some())
    });
    all
}
