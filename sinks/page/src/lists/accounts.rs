//! Accounts, those whose score moved, executives, and scores by day.

use std::collections::BTreeMap;

use schemas::RollupKey;
use sink_workbook::{Account, Score};

use crate::rows::Rows;
use crate::table::{Cell, Kind, List, Value, columns, count, score, standing, text, time};
use crate::tables::DAY_MS;
use crate::view::{Scope, View, remarks};
use crate::{links, routes::Parts};

/// Days over which a score is said to have moved.
const MOVED_DAYS: i64 = 7;

/// Moves below this are noise: a tenth of a point.
const MOVED_MIN: f64 = 0.001;

/// All accounts, the lowest score first.
pub(crate) fn accounts<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("name", "Account", Kind::Text),
        ("account", "Id", Kind::Text),
        ("score", "Score", Kind::Score),
        ("standing", "Standing", Kind::Text),
        ("days", "90 days", Kind::Line),
        ("open", "To fix", Kind::Count),
        ("accepted", "Accepted", Kind::Count),
        ("unknown", "Unknown", Kind::Count),
        ("owner", "Owner", Kind::Text),
        ("executive", "Executive", Kind::Text),
        ("spend", "Spend", Kind::Money),
        ("oldest", "Oldest data", Kind::Time),
        ("remarks", "Remarks", Kind::Text),
    ]);
    let mut table = List::new("accounts", "Accounts, the lowest score first", of);
    table.rows = Rows::of(lowest_first(view), move |account| row(view, *account));
    Some(table)
}

/// Gives the accounts, the lowest score first; those without one last.
fn lowest_first(view: View<'_>) -> Vec<Account<'_>> {
    let mut accounts: Vec<_> = view.accounts().collect();
    let value = |account: &Account<'_>| account.score().value().unwrap_or(f64::INFINITY);
    accounts.sort_by(|a, b| {
        value(a)
            .total_cmp(&value(b))
            .then_with(|| a.name().to_lowercase().cmp(&b.name().to_lowercase()))
    });
    accounts
}

fn row(view: View<'_>, account: Account<'_>) -> Vec<Cell> {
    let state = account.state;
    let counted = |n: fn(&schemas::ScoreState) -> i64| match account.overall {
        Some(overall) if account.is_collected() => count(n(overall)),
        _ => Value::Empty.into(),
    };
    let days = view.days_of(&state.account).into_iter().map(|(_, score)| score);
    vec![
        text(account.name()).to(links::account(&state.account)),
        text(&*state.account),
        score(account.score()),
        standing(account.score()),
        Value::Line(days.collect()).into(),
        counted(|one| one.noncompliant - one.excepted)
            .to(links::path(&["failing", &state.account])),
        counted(|one| one.excepted),
        counted(|one| one.unknown),
        text(state.owner.as_deref().unwrap_or_default()),
        text(state.executive.as_deref().unwrap_or_default()),
        state.spend_cents.map_or(Value::Empty, Value::Money).into(),
        time(account.oldest_ms()),
        text(remarks(account)),
    ]
}

/// Accounts whose score moved within a week, the largest move first.
pub(crate) fn movers<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("name", "Account", Kind::Text),
        ("account", "Id", Kind::Text),
        ("before", "Before", Kind::Score),
        ("score", "Now", Kind::Score),
        ("points", "Points", Kind::Points),
        ("direction", "Direction", Kind::Text),
    ]);
    let mut moved: Vec<_> = view
        .accounts()
        .filter_map(|account| {
            let before = view.score_before(&account.state.account, MOVED_DAYS)?;
            let now = account.score().value()?;
            ((now - before).abs() >= MOVED_MIN).then_some((account, before, now))
        })
        .collect();
    moved.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
    let mut table = List::new("movers", "Accounts whose score moved in the last 7 days", of);
    table.empty = "No score moved in the last 7 days.";
    table.rows = moved
        .into_iter()
        .map(|(account, before, now)| {
            let id = &account.state.account;
            let word = if now > before { "▲ up" } else { "▼ down" };
            vec![
                text(account.name()).to(links::account(id)),
                text(&**id),
                score(Score::Scored { value: before, partial: false }),
                score(account.score()),
                Value::Points((now - before) * 100.0).into(),
                text(word).to(links::path(&["changes", id])),
            ]
        })
        .collect();
    Some(table)
}

/// Executives by what their accounts spend; none for an owner, whose accounts are not all.
pub(crate) fn executives<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    if *view.scope != Scope::All {
        return None;
    }
    let of = columns(&[
        ("executive", "Executive", Kind::Text),
        ("score", "Score", Kind::Score),
        ("standing", "Standing", Kind::Text),
        ("days", "90 days", Kind::Line),
        ("spend", "Spend", Kind::Money),
        ("accounts", "Accounts", Kind::Count),
        ("open", "To fix", Kind::Count),
        ("estimated", "Without a figure", Kind::Count),
    ]);
    let mut people: BTreeMap<&str, Vec<Account<'_>>> = BTreeMap::new();
    for account in view.accounts() {
        if let Some(name) = account.state.executive.as_deref() {
            people.entry(name).or_default().push(account);
        }
    }
    let mut rows: Vec<(i64, Vec<Cell>)> = Vec::new();
    for (name, accounts) in people {
        let Some(sum) = view.tables.rollups.get(&RollupKey::new("executive", name)) else {
            continue;
        };
        let spend: i64 = accounts.iter().filter_map(|one| one.state.spend_cents).sum();
        let line = by_spend(view, &accounts);
        rows.push((
            spend,
            vec![
                text(name).to(format!("/accounts?q={}", links::escaped(name))),
                score(Score::of_sum(sum)),
                standing(Score::of_sum(sum)),
                Value::Line(line).into(),
                Value::Money(spend).into(),
                count(sum.accounts),
                count(sum.noncompliant - sum.excepted),
                count(sum.estimated),
            ],
        ));
    }
    rows.sort_by_key(|(spend, _)| std::cmp::Reverse(*spend));
    let mut table = List::new("executives", "Executives by what their accounts spend", of);
    table.empty = "The register names no executive.";
    table.rows = rows.into_iter().map(|(_, row)| row).collect();
    Some(table)
}

/// Gives the mean of some accounts' scores by day, weighed by what they spend now.
fn by_spend(view: View<'_>, accounts: &[Account<'_>]) -> Vec<Option<f64>> {
    let weight = |account: &Account<'_>| account.state.spend_cents.unwrap_or(0).max(1) as f64;
    let lines: Vec<_> =
        accounts.iter().map(|one| (weight(one), view.days_of(&one.state.account))).collect();
    let days = lines.first().map_or(0, |(_, line)| line.len());
    (0..days)
        .map(|day| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (weight, line) in &lines {
                if let Some(score) = line[day].1 {
                    sum += weight * score;
                    weights += weight;
                }
            }
            (weights > 0.0).then(|| sum / weights)
        })
        .collect()
}

/// The score over all accounts of each day.
pub(crate) fn days<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    Some(by_day("days", "Score of each of the last 90 days (UTC), over all accounts", view.days()))
}

/// An account's score of each day.
pub(crate) fn days_of<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let account = view.account(parts.get("account"))?;
    let caption = format!("Score of {} on each of the last 90 days (UTC)", account.name());
    Some(by_day("days", &caption, view.days_of(&account.state.account)))
}

fn by_day(name: &str, caption: &str, days: Vec<(i64, Option<f64>)>) -> List<'static> {
    let of = columns(&[("day", "Day", Kind::Time), ("score", "Score", Kind::Score)]);
    let mut table = List::new(name, caption, of);
    table.empty = "No score of the last 90 days is kept.";
    table.rows = days
        .into_iter()
        .rev()
        .filter_map(|(day, value)| {
            let value = value?;
            Some(vec![time(Some(day * DAY_MS)), score(Score::Scored { value, partial: false })])
        })
        .collect();
    table
}
