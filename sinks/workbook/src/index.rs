//! What all subjects' views share, found once: whose accounts are whose, and what they add up to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use schemas::{AccountState, Credit, Requirement, ScoreKey, Severity, Verdict};

use crate::view::{RequirementView, VerdictRow};
use crate::{Owner, Past, Subject, Tables, parallel};

/// What all views of some tables share.
pub(crate) struct Index<'t> {
    /// The tables.
    pub(crate) tables: &'t Tables,
    /// What came before.
    pub(crate) past: &'t Past,
    /// All requirements, the gravest first.
    pub(crate) requirements: Vec<RequirementView<'t>>,
    /// Places of the requirements in that order.
    ranks: BTreeMap<&'t str, usize>,
    /// The company's own accounts, by name.
    ours: Vec<&'t AccountState>,
    /// Places of an owner's accounts among them.
    owners: BTreeMap<Owner, Vec<usize>>,
    /// Places of a payer's accounts among them.
    payers: BTreeMap<&'t str, Vec<usize>>,
    /// What accounts' rows come to, as far as it was counted.
    tallies: BTreeMap<&'t str, Tally>,
}

/// An account's rows: without credit first, the gravest first.
#[derive(Default)]
pub(crate) struct Rows<'t> {
    /// Those that fail.
    pub(crate) failing: Vec<VerdictRow<'t>>,
    /// Those that could not be judged.
    pub(crate) unknown: Vec<VerdictRow<'t>>,
    /// How many verdicts were kept although newer data could not tell.
    pub(crate) held: usize,
}

/// What an account's rows come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Rows that could not be judged.
    pub(crate) unknown: usize,
    /// Failing rows that an exception gives credit, and those that it concerns without credit.
    pub(crate) uses: BTreeMap<String, (usize, usize)>,
}

impl<'t> Index<'t> {
    /// Finds what views share.
    pub(crate) fn new(tables: &'t Tables, past: &'t Past) -> Self {
        let requirements = requirements(tables);
        let ranks = requirements.iter().zip(0..).map(|(view, rank)| (view.id, rank)).collect();
        let mut ours: Vec<&AccountState> =
            tables.accounts.values().filter(|state| concerns_us(tables, state)).collect();
        ours.sort_by_cached_key(|state| (state.name.to_lowercase(), &state.account));
        let mut owners: BTreeMap<Owner, Vec<usize>> = BTreeMap::new();
        let mut payers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, state) in ours.iter().enumerate() {
            owners.entry(Owner::of(state)).or_default().push(at);
            if !state.payer.is_empty() {
                payers.entry(&state.payer).or_default().push(at);
            }
        }
        Self { tables, past, requirements, ranks, ours, owners, payers, tallies: BTreeMap::new() }
    }

    /// Gives all who get a workbook: the enterprise, the payers, the owners, last nobody.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        let enterprise = (!self.ours.is_empty()).then_some(Subject::Enterprise).into_iter();
        let payers = self.payers.keys().map(|payer| Subject::Payer((*payer).to_owned()));
        let owners = self.owners.keys().cloned().map(Subject::Owner);
        enterprise.chain(payers).chain(owners).collect()
    }

    /// Gives a subject's accounts, by name.
    pub(crate) fn accounts(&self, subject: &Subject) -> Vec<&'t AccountState> {
        let places = match subject {
            Subject::Enterprise => return self.ours.clone(),
            Subject::Payer(payer) => self.payers.get(payer.as_str()),
            Subject::Owner(owner) => self.owners.get(owner),
        };
        places.into_iter().flatten().map(|&at| self.ours[at]).collect()
    }

    /// Counts the accounts' rows, on all cores, when workbooks want the counts without the rows.
    pub(crate) fn count_for(mut self, subjects: &[Subject]) -> Self {
        let named: BTreeSet<&str> = subjects
            .iter()
            .filter(|subject| !subject.names_resources())
            .flat_map(|subject| self.accounts(subject))
            .map(|state| state.account.as_str())
            .collect();
        let named: Vec<&str> = named.into_iter().collect();
        let count = |account: &&'t str| Ok::<_, Infallible>(self.rows(account).tally());
        let Ok(tallies) = parallel::map(&named, count, |_| {});
        self.tallies = named.into_iter().zip(tallies).collect();
        self
    }

    /// Gives what [`Index::count_for`] has counted for an account.
    pub(crate) fn tally(&self, account: &str) -> Tally {
        self.tallies.get(account).cloned().unwrap_or_default()
    }

    /// Unpacks an account's rows.
    pub(crate) fn rows(&self, account: &str) -> Rows<'t> {
        let mut rows = Rows::default();
        for (key, state) in self.tables.compliance.of(account) {
            rows.held += usize::from(state.held);
            let place = self.ranks.get(key.requirement.as_str()).copied();
            let text = place.and_then(|place| self.requirements[place].text);
            let row = VerdictRow { rank: place.unwrap_or(usize::MAX), key, state, text };
            match row.state.verdict {
                Verdict::Fail => rows.failing.push(row),
                Verdict::Unknown => rows.unknown.push(row),
                Verdict::Pass | Verdict::NotApplicable => {}
            }
        }
        // The sorts are stable: under one requirement rows stay by their keys.
        rows.failing.sort_by_key(|row| (row.state.credit == Credit::Live, row.rank));
        rows.unknown.sort_by_key(|row| row.rank);
        rows
    }
}

impl Rows<'_> {
    /// Counts the rows.
    pub(crate) fn tally(&self) -> Tally {
        let mut uses: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for row in &self.failing {
            let Some(id) = row.state.exception.as_ref() else {
                continue;
            };
            let (credited, uncredited) = uses.entry(id.clone()).or_default();
            match row.state.credit {
                Credit::Live => *credited += 1,
                Credit::Lapsed | Credit::None => *uncredited += 1,
            }
        }
        Tally { unknown: self.unknown.len(), uses }
    }
}

/// Tells whether an account is the company's own: foreign ones that the register merely approves
/// have neither an owner nor data.
fn concerns_us(tables: &Tables, state: &AccountState) -> bool {
    let scored = || {
        let mut scores = tables.scores.range(ScoreKey::new(&state.account, "")..);
        scores.next().is_some_and(|(key, score)| key.account == state.account && score.total > 0)
    };
    let collected = || state.coverage.iter().any(|kind| kind.collected > 0);
    state.listed || Owner::of(state) != Owner::Unassigned || collected() || scored()
}

/// Gives every requirement of the standard and of the scores, the gravest first.
fn requirements(tables: &Tables) -> Vec<RequirementView<'_>> {
    let scored = tables.scores.keys().map(|key| (key.requirement.as_str(), None));
    let mut all: BTreeMap<&str, Option<&Requirement>> =
        scored.filter(|(id, _)| *id != "*").collect();
    all.extend(
        tables.requirements.iter().map(|(key, text)| (key.requirement.as_str(), Some(text))),
    );
    let mut all: Vec<RequirementView> =
        all.into_iter().map(|(id, text)| RequirementView { id, text }).collect();
    all.sort_by_key(|view| {
        let weight = view.text.map_or(0, |text| text.weight);
        (Reverse::<Severity>(view.severity()), Reverse(weight), view.title(), view.id)
    });
    all
}
