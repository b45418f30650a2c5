//! What changed since a time, and why: turned verdicts as something that a person reads.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemas::{Cause, ComplianceKey, Credit, RequirementKey, Standing, Verdict};

use crate::past::Turn;
use crate::view::{AccountView, RequirementView, View};

type Turns = BTreeMap<ComplianceKey, Turn>;

/// What a turn means for who answers for the account; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It fails and did not.
    NewlyFailing,
    /// It lost the credit of its exception and still fails.
    Lapsed,
    /// It was judged and can't be any more: never to be read as mended.
    NotJudged,
    /// It fails with the credit of an exception.
    Credited,
    /// It failed and does not any more, or is gone.
    Fixed,
}

impl ChangeKind {
    /// All of them, the gravest first.
    pub const ALL: [Self; 5] =
        [Self::NewlyFailing, Self::Lapsed, Self::NotJudged, Self::Credited, Self::Fixed];

    /// Gives the words for it, with a mark that needs no colour.
    pub fn word(self) -> &'static str {
        match self {
            Self::NewlyFailing => "✗ newly failing",
            Self::Lapsed => "✗ credit lapsed",
            Self::NotJudged => "? not judged any more",
            Self::Credited => "○ newly accepted",
            Self::Fixed => "✓ fixed",
        }
    }

    /// Says what a turn means; none where it means nothing to anybody.
    fn of(turn: &Turn) -> Option<Self> {
        let fails = |one: Option<Standing>| one.is_some_and(|one| one.verdict == Verdict::Fail);
        let credited = |one: Option<Standing>| {
            one.is_some_and(|one| one.verdict == Verdict::Fail && one.credit == Credit::Live)
        };
        let (before, after) = (turn.before, turn.after);
        match (fails(before), fails(after)) {
            (_, true) if credited(after) => (!credited(before)).then_some(Self::Credited),
            (true, true) => credited(before).then_some(Self::Lapsed),
            (false, true) => Some(Self::NewlyFailing),
            (_, false) if after.is_some_and(|one| one.verdict == Verdict::Unknown) => {
                before.map(|_| Self::NotJudged)
            }
            (true, false) => Some(Self::Fixed),
            (false, false) => None,
        }
    }
}

/// One of the subject's verdicts that turned.
pub(crate) struct ChangeView<'v, 't> {
    /// What it means.
    pub(crate) kind: ChangeKind,
    /// Of which resource.
    pub(crate) key: &'t ComplianceKey,
    /// How it turned.
    pub(crate) turn: &'t Turn,
    /// In which account.
    pub(crate) account: &'v AccountView<'t>,
    /// Under which requirement.
    pub(crate) requirement: RequirementView<'t>,
}

/// Gives what changed in the subject's accounts, kind by kind, the gravest and the newest first.
///
/// Nothing is told of accounts that had no score then: everything in them would be new.
pub(crate) fn of<'v, 't>(view: &'v View<'t>) -> Vec<ChangeView<'v, 't>> {
    let Some(since) = &view.past.since else {
        return Vec::new();
    };
    let known = view.accounts.iter().filter(|account| account.in_cut(since).is_some());
    let accounts: BTreeMap<&str, &AccountView<'t>> =
        known.map(|account| (account.state.account.as_str(), account)).collect();
    let mut all: Vec<ChangeView<'v, 't>> = Vec::new();
    for id in requirements(&view.past.turns) {
        let text = view.tables.requirements.get(&RequirementKey::new(id));
        let requirement = RequirementView { id, text };
        for (of, &account) in &accounts {
            let turns = turns_of(&view.past.turns, id, of);
            all.extend(turns.filter_map(|(key, turn)| {
                Some(ChangeView { kind: ChangeKind::of(turn)?, key, turn, account, requirement })
            }));
        }
    }
    // The sort is stable: equal ones stay by key.
    all.sort_by_key(|one| (one.kind, Reverse(one.requirement.severity()), Reverse(one.turn.at_ms)));
    all
}

/// Gives the requirements of turns, each once, without walking over all turns.
fn requirements(turns: &Turns) -> impl Iterator<Item = &str> {
    let first = |from: &ComplianceKey| turns.range(from..).next().map(|(key, _)| key);
    let start = ComplianceKey::new("", "", "", "", "");
    let keys = std::iter::successors(first(&start), move |key| {
        // The first key behind all of this requirement.
        first(&ComplianceKey::new(format!("{}\0", key.requirement), "", "", "", ""))
    });
    keys.map(|key| key.requirement.as_str())
}

/// Gives the turns of a requirement in an account.
fn turns_of<'t>(
    turns: &'t Turns,
    requirement: &'t str,
    account: &'t str,
) -> impl Iterator<Item = (&'t ComplianceKey, &'t Turn)> {
    let from = ComplianceKey::new(requirement, account, "", "", "");
    turns
        .range(from..)
        .take_while(move |(key, _)| key.requirement == requirement && key.account == account)
}

/// Gives the first of each kind, as many as fit.
pub(crate) fn first<'c, 'v, 't>(
    changes: &'c [ChangeView<'v, 't>],
    each_max: usize,
) -> impl Iterator<Item = &'c ChangeView<'v, 't>> {
    let kinds = changes.chunk_by(|a, b| a.kind == b.kind);
    kinds.flat_map(move |kind| &kind[..kind.len().min(each_max)])
}

impl ChangeView<'_, '_> {
    /// Gives the resource's name, or its id where none is known.
    pub(crate) fn resource(&self) -> &str {
        if self.turn.name.is_empty() { &self.key.resource } else { &self.turn.name }
    }

    /// Says how it stood and how it stands.
    pub(crate) fn transition(&self) -> String {
        format!("{} → {}", standing(self.turn.before), standing(self.turn.after))
    }

    /// Says what made it so.
    pub(crate) fn cause(&self) -> &'static str {
        cause(self.kind, &self.turn.cause)
    }
}

fn standing(one: Option<Standing>) -> &'static str {
    match one {
        None => "not there",
        Some(Standing { verdict: Verdict::Pass, .. }) => "in order",
        Some(Standing { verdict: Verdict::Unknown, .. }) => "not judged",
        Some(Standing { verdict: Verdict::NotApplicable, .. }) => "not concerned",
        Some(Standing { credit: Credit::Live, .. }) => "failing, accepted",
        Some(Standing { credit: Credit::Lapsed, .. }) => "failing, credit lapsed",
        Some(Standing { credit: Credit::None, .. }) => "failing",
    }
}

/// Says in words which kind of record caused a change.
fn cause(kind: ChangeKind, cause: &Cause) -> &'static str {
    match (cause.topic.as_str(), kind) {
        ("tick", ChangeKind::Lapsed) => "the exception ended",
        ("tick", ChangeKind::Credited) => "the exception began",
        ("tick", _) => "time went on",
        ("observation", _) => "a scan saw it",
        ("report", _) => "a scanner reported it",
        ("exception", _) => "the risk register changed",
        ("requirement", _) => "the standard changed",
        ("account.listing" | "account.register", _) => "an account's entry changed",
        _ => "",
    }
}
