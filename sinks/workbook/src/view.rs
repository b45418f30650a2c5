//! One subject's part of the tables, joined and sorted: all that its tabs are made of.

use std::collections::BTreeMap;
use std::ops::Deref;

use schemas::{
    AccountState, AccountStatus, ComplianceKey, ComplianceState, ExceptionPhase, Requirement,
    RollupState, ScoreKey, ScoreState, Scoring, Severity,
};

use crate::exceptions::{self, ExceptionView};
use crate::index::{Index, Rows, Tally};
use crate::past::Past;
use crate::score::{self, Score};
use crate::sheet::Cell;
use crate::style::Style;
use crate::{Account, Limits, Subject, Tables, names, tabs};

/// One subject's part of the tables.
pub(crate) struct View<'t> {
    /// Whose accounts.
    pub(crate) subject: &'t Subject,
    /// All of them.
    pub(crate) tables: &'t Tables,
    /// What is known of earlier times.
    pub(crate) past: &'t Past,
    /// The time of the tables, in UTC milliseconds.
    pub(crate) at_ms: i64,
    /// What bounds the workbook.
    pub(crate) limits: &'t Limits,
    /// The accounts, by name.
    pub(crate) accounts: Vec<AccountView<'t>>,
    /// All requirements, the gravest first.
    pub(crate) requirements: Vec<RequirementView<'t>>,
    /// Exceptions that concern the accounts: live ones first, the next to expire first.
    pub(crate) exceptions: Vec<ExceptionView<'t>>,
    /// Their sums.
    pub(crate) sum: Sum,
    /// Whether the roll-up's sums are the accounts' sums.
    pub(crate) sum_check: SumCheck,
}

/// One of the accounts.
pub(crate) struct AccountView<'t> {
    /// What is known of it as a whole.
    whole: Account<'t>,
    /// The name of its sheet.
    pub(crate) sheet: String,
    /// Its scores by requirement.
    pub(crate) scores: BTreeMap<&'t str, &'t ScoreState>,
    /// Its rows, where the workbook names resources.
    pub(crate) rows: Rows<'t>,
    /// What its rows come to.
    pub(crate) tally: Tally,
}

/// A requirement; rows may name one that the standard does not hold any more.
#[derive(Clone, Copy)]
pub(crate) struct RequirementView<'t> {
    /// Its id.
    pub(crate) id: &'t str,
    /// Its text.
    pub(crate) text: Option<&'t Requirement>,
}

/// One verdict.
pub(crate) struct VerdictRow<'t> {
    /// Of which resource.
    pub(crate) key: ComplianceKey,
    /// The verdict.
    pub(crate) state: ComplianceState,
    /// The text of its requirement, when the standard holds it.
    pub(crate) text: Option<&'t Requirement>,
    /// The requirement's place, the gravest first.
    pub(crate) rank: usize,
}

/// Sums over accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) weight: i64,
    pub(crate) weighted_score: i64,
    pub(crate) total: i64,
    pub(crate) noncompliant: i64,
    pub(crate) excepted: i64,
}

/// What became of comparing the roll-up's sums with the accounts'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SumCheck {
    /// They are the same.
    Agrees,
    /// They were read at different moments: the roll-up had not caught up.
    Differs,
    /// There is no roll-up of these accounts.
    NoRollup,
}

impl<'t> View<'t> {
    /// Joins what concerns one subject.
    pub(crate) fn new(index: &Index<'t>, subject: &'t Subject, limits: &'t Limits) -> Self {
        let states = index.accounts(subject);
        let pairs: Vec<(&str, &str)> =
            states.iter().map(|state| (state.account.as_str(), state.name.as_str())).collect();
        let sheets = names::sheet_names(&pairs, &tabs::NAMES);
        let accounts: Vec<AccountView> = states
            .into_iter()
            .zip(sheets)
            .map(|(state, sheet)| AccountView::new(index, subject, state, sheet))
            .collect();
        let (tables, past) = (index.tables, index.past);
        let (sum, sum_check) = sums(tables, subject, &accounts);
        Self {
            subject,
            tables,
            past,
            at_ms: tables.at_ms,
            limits,
            exceptions: exceptions::concerning(tables, &accounts),
            accounts,
            requirements: index.requirements.clone(),
            sum,
            sum_check,
        }
    }

    /// Tells whether the workbook is an owner's: only those name resources.
    pub(crate) fn is_of_owner(&self) -> bool {
        matches!(self.subject, Subject::Owner(_))
    }

    /// Gives the accounts that have a tab and a column of their own.
    pub(crate) fn shown(&self) -> &[AccountView<'t>] {
        &self.accounts[..self.accounts.len().min(self.limits.accounts_max)]
    }

    /// Gives the sheet of an account, when it has one and links are not used up.
    pub(crate) fn sheet_of(&self, index: usize) -> Option<&str> {
        (index < self.shown().len() && index < self.limits.links_max)
            .then(|| self.accounts[index].sheet.as_str())
    }

    /// Gives the places of the accounts, the lowest score first; those without a score come last,
    /// and equal ones stay by name.
    pub(crate) fn lowest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.accounts.len()).collect();
        let value = |index: usize| self.accounts[index].score().value().unwrap_or(f64::INFINITY);
        order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
        order
    }

    /// Gives what the accounts spend together, in hundredths, as far as it is known.
    pub(crate) fn spend_cents(&self) -> i64 {
        self.accounts.iter().filter_map(|account| account.state.spend_cents).sum()
    }

    /// Gives the time of the oldest data of all accounts, in UTC milliseconds.
    pub(crate) fn oldest_ms(&self) -> Option<i64> {
        self.accounts.iter().filter_map(|account| account.oldest_ms()).min()
    }

    /// Gives the live exceptions that expire soon, the next one first.
    pub(crate) fn expiring(&self) -> Vec<&ExceptionView<'t>> {
        let until_ms = self.at_ms.saturating_add(self.limits.expiring_within_ms);
        let live = self.exceptions.iter().filter(|view| view.phase == ExceptionPhase::Live);
        live.filter(|view| view.exception.expires_ms.is_some_and(|ms| ms <= until_ms)).collect()
    }

    /// Gives the risk-weighted score over the accounts.
    pub(crate) fn score(&self) -> Score {
        match score::weighted(self.sum.weighted_score, self.sum.weight) {
            Some(value) => Score::Scored {
                value,
                partial: self.accounts.iter().any(|account| account.is_partial()),
            },
            None if self.accounts.iter().any(|account| account.is_collected()) => {
                Score::NotApplicable
            }
            None => Score::NotCollected,
        }
    }
}

/// A view has all that its account has.
impl<'t> Deref for AccountView<'t> {
    type Target = Account<'t>;

    fn deref(&self) -> &Account<'t> {
        &self.whole
    }
}

impl<'t> AccountView<'t> {
    fn new(index: &Index<'t>, subject: &Subject, state: &'t AccountState, sheet: String) -> Self {
        let account = state.account.as_str();
        let mut scores: BTreeMap<&str, &ScoreState> = index
            .tables
            .scores
            .range(ScoreKey::new(account, "")..)
            .take_while(|(key, _)| key.account == account)
            .map(|(key, score)| (key.requirement.as_str(), score))
            .collect();
        let overall = scores.remove("*");
        let (rows, tally) = if subject.names_resources() {
            let rows = index.rows(account);
            let tally = rows.tally();
            (rows, tally)
        } else {
            (Rows::default(), index.tally(account))
        };
        Self { whole: Account { state, overall }, sheet, scores, rows, tally }
    }

    /// Gives the score of a requirement in the account.
    pub(crate) fn score_of(&self, requirement: RequirementView<'_>) -> Score {
        Score::of(requirement.text, self.scores.get(requirement.id).copied())
    }

    /// Gives the cell of a count of the account; an empty one where nothing was ever seen of it.
    pub(crate) fn count_cell(&self, n: i64) -> Cell {
        match self.score() {
            Score::NotCollected => Cell::empty(Style::Count),
            _ => Cell::count(n, Style::Count),
        }
    }

    /// Gives the cell of the share of scopes that were collected.
    pub(crate) fn scopes_cell(&self) -> Cell {
        match self.scopes() {
            (0, _, _) => Cell::text("none", Style::NotCollected),
            (scopes, collected, _) => Cell::number(collected as f64 / scopes as f64, Style::Share),
        }
    }

    /// Gives what is odd about the account, in words.
    pub(crate) fn remarks(&self) -> String {
        let mut remarks = Vec::new();
        if !self.state.listed && self.state.status != AccountStatus::Left {
            remarks.push("no organisation lists it".to_owned());
        }
        match self.state.status {
            AccountStatus::Active => {}
            AccountStatus::Left => remarks.push("left its organisation, not scored".to_owned()),
            AccountStatus::Suspended => remarks.push("suspended, not scored".to_owned()),
            status @ (AccountStatus::Closing | AccountStatus::Unknown) => {
                remarks.push(status.to_string());
            }
        }
        let (_, _, failed) = self.scopes();
        if failed > 0 {
            let error = self.state.coverage.iter().find_map(|kind| {
                let error = kind.error.as_deref()?;
                Some(format!(" ({}: {error})", kind.resource_type))
            });
            let scopes = crate::text::counted(failed, "scope", "scopes");
            remarks.push(format!("last scan failed in {scopes}{}", error.unwrap_or_default()));
        }
        remarks.join("; ")
    }
}

impl VerdictRow<'_> {
    /// Gives the requirement that it was judged under.
    pub(crate) fn requirement(&self) -> RequirementView<'_> {
        RequirementView { id: &self.key.requirement, text: self.text }
    }
}

impl<'t> RequirementView<'t> {
    /// Gives the requirement's title, or its id when the standard does not hold it any more.
    pub(crate) fn title(&self) -> &'t str {
        match self.text {
            Some(text) if !text.title.is_empty() => &text.title,
            _ => self.id,
        }
    }

    /// Gives its severity; what is not known is grave.
    pub(crate) fn severity(&self) -> Severity {
        self.text.map_or(Severity::High, |text| text.severity)
    }

    /// Tells whether it counts penalty points.
    pub(crate) fn is_penalty(&self) -> bool {
        self.text.is_some_and(|text| text.scoring == Scoring::Penalty)
    }
}

fn sums(tables: &Tables, subject: &Subject, accounts: &[AccountView<'_>]) -> (Sum, SumCheck) {
    let mut own = Sum::default();
    for state in accounts.iter().filter_map(|account| account.overall) {
        own.weight += state.weight;
        own.weighted_score += state.weighted_score;
        own.total += state.total;
        own.noncompliant += state.noncompliant;
        own.excepted += state.excepted;
    }
    let rollup = subject.rollup().and_then(|key| tables.rollups.get(&key));
    match rollup.map(Sum::from) {
        None => (own, SumCheck::NoRollup),
        Some(sum) if sum == own => (sum, SumCheck::Agrees),
        Some(sum) => (sum, SumCheck::Differs),
    }
}

impl From<&RollupState> for Sum {
    fn from(state: &RollupState) -> Self {
        Self {
            weight: state.weight,
            weighted_score: state.weighted_score,
            total: state.total,
            noncompliant: state.noncompliant,
            excepted: state.excepted,
        }
    }
}
