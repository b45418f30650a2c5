//! The overview's red boxes: what needs somebody's decision now.

use schemas::{ExceptionPhase, percent};

use super::summary::{indented, section};
use super::{accounts, trust};
use crate::relations::RelationView;
use crate::score::POOR;
use crate::sheet::{Cell, Row, Sheet};
use crate::style::Style;
use crate::text::{counted, thousands};
use crate::view::{AccountView, View};

/// Names in one box.
const NAMES_MAX: usize = 3;

/// One box: what it is about, what is to be said, and the tab that has all of it.
struct Alarm {
    label: &'static str,
    style: Style,
    text: String,
    tab: Option<&'static str>,
}

/// Adds the boxes that there is a reason for.
pub(super) fn boxes(view: &View<'_>, relations: &[RelationView<'_, '_>], sheet: &mut Sheet) {
    section(sheet, "What needs a decision now", "");
    let alarms: Vec<Alarm> =
        [poor(view), unapproved(relations), expired(view)].into_iter().flatten().collect();
    if alarms.is_empty() {
        let text = "Nothing: no account is poor, nobody unknown is trusted, no exception expired.";
        sheet.push(indented(super::line(text, Style::Plain)));
    }
    for alarm in alarms {
        sheet.push(indented(Row::new(vec![
            Cell::text(alarm.label, alarm.style),
            Cell::link(&alarm.text, alarm.tab, Style::TableLink, Style::Text).over(9),
        ])));
    }
}

/// Accounts that stand poorly, by what they spend.
fn poor(view: &View<'_>) -> Option<Alarm> {
    let poor = view.accounts.iter().filter(|account| account.score().is_poor());
    let mut poor: Vec<&AccountView> = poor.collect();
    // The sort is stable: equal ones stay by name.
    poor.sort_by_key(|account| std::cmp::Reverse(account.state.spend_cents));
    let named = poor.iter().take(NAMES_MAX).map(|account| {
        let score = percent(account.score().value().unwrap_or_default());
        let spend = match account.state.spend_cents {
            // Rounded, as cells show it.
            Some(cents) => format!("spends {}", thousands((cents + 50).div_euclid(100))),
            None => "spend not known".to_owned(),
        };
        format!("{} ({score}, {spend})", account.state.name)
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let text = format!(
        "{} below {:.0} %. Most is spent in {named}",
        counted(poor.len() as i64, "account stands", "accounts stand"),
        POOR * 100.0
    );
    let alarm =
        Alarm { label: "■ Poor accounts", style: Style::Alarm, text, tab: Some(accounts::NAME) };
    (!poor.is_empty()).then_some(alarm)
}

/// Principals that may act in an account and that nobody approved.
fn unapproved(all: &[RelationView<'_, '_>]) -> Option<Alarm> {
    let unknown = all.iter().filter(|one| !one.state.known).count() as i64;
    let vendors = all.len() as i64 - unknown;
    let known = counted(vendors, "vendor", "vendors");
    let others = counted(unknown, "principal", "principals");
    let text = match (unknown, vendors) {
        (0, _) => format!("{known} that nobody approved may act in an account"),
        (_, 0) => format!("{others} that nobody knows may act in an account"),
        _ => format!(
            "{others} that nobody knows may act in an account; so may {known} that nobody approved"
        ),
    };
    let (label, style) = match unknown {
        0 => ("▲ Vendors", Style::Fair),
        _ => ("■ Unknown trust", Style::Alarm),
    };
    (!all.is_empty()).then_some(Alarm { label, style, text, tab: Some(trust::NAME) })
}

/// Exceptions that expired and whose resources fail still.
fn expired(view: &View<'_>) -> Option<Alarm> {
    let expired = view.exceptions.iter();
    let expired: Vec<_> =
        expired.filter(|one| one.phase == ExceptionPhase::Expired && one.uncredited > 0).collect();
    let rows: usize = expired.iter().map(|one| one.uncredited).sum();
    let ids: Vec<&str> =
        expired.iter().take(NAMES_MAX).map(|one| one.exception.id.as_str()).collect();
    let more = expired.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!(
        "{} expired, and {} that {} for still: {}{more}",
        counted(expired.len() as i64, "exception", "exceptions"),
        counted(rows as i64, "resource fails", "resources fail"),
        if expired.len() == 1 { "it was" } else { "they were" },
        ids.join(", "),
    );
    let alarm = Alarm { label: "■ Expired exceptions", style: Style::Alarm, text, tab: None };
    (!expired.is_empty()).then_some(alarm)
}
