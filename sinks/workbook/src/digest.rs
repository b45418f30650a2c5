//! A subject's figures in short: what a mail or a page says of it.

use schemas::Severity;

use crate::actions;
use crate::changes::{self, ChangeKind, ChangeView};
use crate::config::DAY_MS;
use crate::executives;
use crate::index::Index;
use crate::past::Past;
use crate::view::{AccountView, View};
use crate::{Limits, Subject, Tables};

/// A subject's figures in short. Scores are shares of 1, points hundredths of it, times UTC
/// milliseconds, money hundredths of the currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Digest {
    /// Whose figures.
    pub subject: Subject,
    /// The time of the tables.
    pub at_ms: i64,
    /// The risk-weighted score over the accounts, as the workbook's summary shows it.
    pub score: Option<f64>,
    /// The score's letter, `A` to `F`.
    pub grade: Option<&'static str>,
    /// `● good`, `▲ fair`, `■ poor`, `N/A` or `not collected`.
    pub standing: &'static str,
    /// Since when changes are told; none where no score of that time is kept.
    pub since_ms: Option<i64>,
    /// The score that the same accounts had then.
    pub before: Option<f64>,
    /// The weeks before, the oldest first: their time and the same accounts' score then.
    pub weeks: Vec<(i64, Option<f64>)>,
    /// How many accounts there are.
    pub accounts: usize,
    /// Names of accounts of which no data ever came.
    pub not_collected: Vec<String>,
    /// Failing votes without credit.
    pub open: i64,
    /// Failing votes with the credit of a live exception.
    pub accepted: i64,
    /// Rows that could not be judged.
    pub unknown: i64,
    /// Rows that fail since then without credit.
    pub newly_failing: usize,
    /// Rows that failed then and do not any more, or are gone.
    pub fixed: usize,
    /// What turned and why, the gravest kinds first, each kind within its limit; none for a
    /// subject of many owners, which is shown no resource.
    pub changes: Vec<Change>,
    /// The next best actions: most points for the fewest resources.
    pub actions: Vec<NextAction>,
    /// Live exceptions that expire soon, the next one first.
    pub expiring: Vec<Expiring>,
    /// The accounts with the lowest scores.
    pub lowest: Vec<AccountLine>,
    /// The enterprise's executives with the lowest scores; none for others.
    pub executives: Vec<ExecutiveLine>,
}

/// A verdict that turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What the turn means.
    pub kind: ChangeKind,
    /// The requirement's severity.
    pub severity: Severity,
    /// The requirement's title.
    pub requirement: String,
    /// The account's name.
    pub account: String,
    /// The resource's region.
    pub region: String,
    /// The resource's name, or its id.
    pub resource: String,
    /// The part of the resource; empty for the whole.
    pub part: String,
    /// When it turned.
    pub at_ms: i64,
    /// How it stood and how it stands.
    pub transition: String,
    /// What made it so, in words; empty where there are none for it.
    pub cause: String,
}

/// Mending all open failures of one requirement in one account.
#[derive(Clone, Debug, PartialEq)]
pub struct NextAction {
    /// The requirement's title.
    pub requirement: String,
    /// The account's name.
    pub account: String,
    /// The requirement's severity.
    pub severity: Severity,
    /// How many resources are to be mended.
    pub to_mend: i64,
    /// By how many points the score grows.
    pub points: f64,
    /// How they are mended.
    pub remediation: String,
}

/// An exception that expires soon.
#[derive(Clone, Debug, PartialEq)]
pub struct Expiring {
    /// Its id in the risk register.
    pub id: String,
    /// Why the risk was accepted.
    pub reason: String,
    /// The first moment without its credit.
    pub expires_ms: i64,
    /// Whole days until then.
    pub days_left: i64,
    /// Rows that it gives credit.
    pub credited: usize,
    /// The requirements that it is for, separated by commas.
    pub requirements: String,
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountLine {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its score.
    pub score: Option<f64>,
    /// How that stands, in the words of [`Digest::standing`].
    pub standing: &'static str,
    /// Failing votes without credit.
    pub open: i64,
}

/// An executive.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutiveLine {
    /// His name.
    pub name: String,
    /// The score of his accounts, weighted by spend.
    pub score: Option<f64>,
    /// How that stands, in the words of [`Digest::standing`].
    pub standing: &'static str,
    /// What his accounts spend, as far as it is known.
    pub spend_cents: i64,
}

/// Gives a subject's figures in short.
pub fn digest(tables: &Tables, past: &Past, subject: &Subject, limits: &Limits) -> Digest {
    let index = Index::new(tables, past).count_for(std::slice::from_ref(subject));
    let view = View::new(&index, subject, limits);
    let score = view.score();
    let changes = changes::of(&view);
    let count = |kind| changes.iter().filter(|one| one.kind == kind).count();
    let missing = view.accounts.iter().filter(|account| !account.is_collected());
    let order = view.lowest_first();
    Digest {
        subject: subject.clone(),
        at_ms: view.at_ms,
        score: score.value(),
        grade: score.grade(),
        standing: score.word(),
        since_ms: past.since.as_ref().map(|cut| cut.at_ms),
        before: view.before(),
        weeks: past.weeks.iter().map(|week| (week.at_ms, view.score_in(week))).collect(),
        accounts: view.accounts.len(),
        not_collected: missing.map(|account| account.state.name.clone()).collect(),
        open: view.sum.noncompliant - view.sum.excepted,
        accepted: view.sum.excepted,
        unknown: view.accounts.iter().map(|account| account.tally.unknown as i64).sum(),
        newly_failing: count(ChangeKind::NewlyFailing),
        fixed: count(ChangeKind::Fixed),
        changes: told(&view, &changes),
        actions: actions::best(&view).iter().map(action).collect(),
        expiring: expiring(&view),
        lowest: order
            .iter()
            .take(limits.lines_max)
            .map(|&index| line(&view.accounts[index]))
            .collect(),
        executives: executives_of(&view),
    }
}

fn told(view: &View<'_>, changes: &[ChangeView<'_, '_>]) -> Vec<Change> {
    if !view.is_of_owner() {
        return Vec::new();
    }
    changes::first(changes, view.limits.changes_max)
        .map(|one| Change {
            kind: one.kind,
            severity: one.requirement.severity(),
            requirement: one.requirement.title().to_owned(),
            account: one.account.state.name.clone(),
            region: one.key.region.clone(),
            resource: one.resource().to_owned(),
            part: one.key.part.clone(),
            at_ms: one.turn.at_ms,
            transition: one.transition(),
            cause: one.cause().to_owned(),
        })
        .collect()
}

fn action(action: &actions::Action<'_, '_>) -> NextAction {
    NextAction {
        requirement: action.title().to_owned(),
        account: action.account.state.name.clone(),
        severity: action.requirement.severity,
        to_mend: action.to_mend,
        points: action.gain * 100.0,
        remediation: action.requirement.remediation.clone(),
    }
}

fn expiring(view: &View<'_>) -> Vec<Expiring> {
    let soon = view.expiring().into_iter().take(view.limits.expiring_max);
    let told = soon.filter_map(|one| {
        let expires_ms = one.exception.expires_ms?;
        Some(Expiring {
            id: one.exception.id.clone(),
            reason: one.exception.reason.clone(),
            expires_ms,
            days_left: (expires_ms - view.at_ms) / DAY_MS,
            credited: one.credited,
            requirements: one.exception.requirements.join(", "),
        })
    });
    told.collect()
}

fn line(account: &AccountView<'_>) -> AccountLine {
    let score = account.score();
    AccountLine {
        name: account.state.name.clone(),
        id: account.state.account.clone(),
        score: score.value(),
        standing: score.word(),
        open: account.open(),
    }
}

fn executives_of(view: &View<'_>) -> Vec<ExecutiveLine> {
    // An executive's score is one over all payers.
    if *view.subject != Subject::Enterprise {
        return Vec::new();
    }
    let lowest = executives::of(view).into_iter().take(view.limits.lines_max);
    let lines = lowest.map(|one| ExecutiveLine {
        name: one.name.to_owned(),
        score: one.score().value(),
        standing: one.score().word(),
        spend_cents: one.spend_cents,
    });
    lines.collect()
}
