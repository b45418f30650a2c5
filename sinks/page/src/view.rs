//! What one viewer sees of the tables, and the figures that follow from it.

use schemas::{
    AccountState, AccountStatus, ComplianceKey, ComplianceState, Exception, Requirement,
    RequirementKey, RollupKey, ScoreState, TrustKey, TrustState,
};
use sink_workbook::{Account, Score, weighted};

use crate::tables::{Change, DAY_MS, DAYS_MAX, Share, Tables};

/// Whose accounts somebody may see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everybody's.
    All,
    /// Those that one owner answers for.
    Owner(String),
}

/// What one viewer sees.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    pub(crate) tables: &'t Tables,
    pub(crate) scope: &'t Scope,
}

impl<'t> View<'t> {
    /// Gives the accounts by id. Foreign ones that the register merely approves are not among them.
    pub(crate) fn accounts(self) -> impl Iterator<Item = Account<'t>> {
        let states = self.tables.accounts.values();
        states
            .filter(move |state| self.holds(state) && self.is_ours(state))
            .map(move |state| Account { state, overall: self.overall(&state.account) })
    }

    /// Gives an account by its id.
    pub(crate) fn account(self, id: &str) -> Option<Account<'t>> {
        let state = self.tables.accounts.get(&schemas::AccountKey::new(id))?;
        let overall = self.overall(id);
        (self.holds(state) && self.is_ours(state)).then_some(Account { state, overall })
    }

    fn overall(self, account: &str) -> Option<&'t ScoreState> {
        self.tables.scores.get(account)?.own.as_ref()
    }

    fn holds(self, state: &AccountState) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Owner(owner) => state.owner.as_ref() == Some(owner),
        }
    }

    fn is_ours(self, state: &AccountState) -> bool {
        let is_owned = state.owner.as_deref().is_some_and(|owner| !owner.trim().is_empty());
        let is_collected = || state.coverage.iter().any(|kind| kind.collected > 0);
        state.listed || is_owned || is_collected()
    }

    /// Gives the requirements, the gravest first.
    pub(crate) fn requirements(self) -> Vec<&'t Requirement> {
        let mut all: Vec<&Requirement> = self.tables.requirements.values().collect();
        all.sort_by(|a, b| {
            let order = (b.severity, b.weight).cmp(&(a.severity, a.weight));
            order.then_with(|| a.title.cmp(&b.title))
        });
        all
    }

    /// Gives a requirement by its id.
    pub(crate) fn requirement(self, id: &str) -> Option<&'t Requirement> {
        self.tables.requirements.get(&RequirementKey::new(id))
    }

    /// Gives a requirement's title, or its id where the standard does not hold it any more.
    pub(crate) fn title(self, id: &'t str) -> &'t str {
        let title = self.requirement(id).map_or(id, |one| one.title.as_str());
        if title.is_empty() { id } else { title }
    }

    /// Gives an account's scores by requirement, without its own.
    pub(crate) fn scores(self, account: &str) -> impl Iterator<Item = (&'t str, &'t ScoreState)> {
        let scores = self.tables.scores.get(account).into_iter().flat_map(|scores| &scores.of);
        scores.map(|(requirement, score)| (requirement.as_str(), score))
    }

    /// Gives what is counted of a requirement in an account.
    pub(crate) fn counts(self, account: &str, requirement: &str) -> Option<&'t ScoreState> {
        self.tables.scores.get(account)?.of.get(requirement)
    }

    /// Gives the score of a requirement in an account.
    pub(crate) fn score_of(self, account: &str, requirement: &str) -> Score {
        Score::of(self.requirement(requirement), self.counts(account, requirement))
    }

    /// Gives the rows of a requirement in an account that fail or can't be judged.
    pub(crate) fn verdicts(
        self,
        requirement: &str,
        account: &str,
    ) -> impl Iterator<Item = (&'t ComplianceKey, &'t ComplianceState)> {
        let (requirement, account) = (requirement.to_owned(), account.to_owned());
        let from = ComplianceKey::new(&*requirement, &*account, "", "", "");
        self.tables
            .verdicts
            .range(from..)
            .take_while(move |(key, _)| key.requirement == requirement && key.account == account)
    }

    /// Gives the requirements of which rows are kept, those that the standard dropped too.
    pub(crate) fn judged(self) -> Vec<&'t str> {
        let mut ids: Vec<&str> =
            self.requirements().into_iter().map(|one| one.id.as_str()).collect();
        let mut from = ComplianceKey::new("", "", "", "", "");
        while let Some((key, _)) = self.tables.verdicts.range(&from..).next() {
            if self.requirement(&key.requirement).is_none() {
                ids.push(&key.requirement);
            }
            // The first key behind all rows of this requirement.
            from = ComplianceKey::new(format!("{}\0", key.requirement), "", "", "", "");
        }
        ids
    }

    /// Gives an account's principals.
    pub(crate) fn trust(
        self,
        account: &str,
    ) -> impl Iterator<Item = (&'t TrustKey, &'t TrustState)> {
        let account = account.to_owned();
        let rows = self.tables.trust.range(TrustKey::new(&*account, "")..);
        rows.take_while(move |(key, _)| key.account == account)
    }

    /// Gives the exceptions that cover an account that is seen.
    pub(crate) fn exceptions(self) -> Vec<&'t Exception> {
        let accounts: Vec<_> = self.accounts().collect();
        let concerns = |exception: &&Exception| match self.scope {
            Scope::All => true,
            Scope::Owner(_) => accounts
                .iter()
                .any(|one| exception.covers_account(&one.state.account, Some(one.state))),
        };
        self.tables.exceptions.values().filter(concerns).collect()
    }

    /// Gives an account's newest changes, the newest first.
    pub(crate) fn changes(self, account: &str) -> impl Iterator<Item = &'t Change> {
        self.tables.changes.get(account).into_iter().flat_map(|changes| changes.iter().rev())
    }

    /// Gives the score over the accounts: the roll-up's where everybody's are seen.
    pub(crate) fn score(self) -> Score {
        let (mut sum, mut partial) = (Share::default(), false);
        for account in self.accounts().filter(|account| account.state.is_scored()) {
            partial |= account.is_partial();
            sum.add(account.overall);
        }
        let enterprise = self.tables.rollups.get(&RollupKey::new("enterprise", "all"));
        if let (Scope::All, Some(state)) = (self.scope, enterprise) {
            sum = Share { weighted_score: state.weighted_score, weight: state.weight };
        }
        sum.value().map_or(Score::NotCollected, |value| Score::Scored { value, partial })
    }

    /// Gives the score over the accounts of each of the last days, the oldest first; none where
    /// nothing ran on that day.
    pub(crate) fn days(self) -> Vec<(i64, Option<f64>)> {
        let first = self.today() - DAYS_MAX + 1;
        let mut sums = [Share::default(); DAYS_MAX as usize];
        let place = |day: i64| usize::try_from(day - first).ok();
        for account in self.accounts() {
            for (day, share) in self.tables.days.get(&account.state.account).into_iter().flatten() {
                let Some(sum) = place(*day).and_then(|at| sums.get_mut(at)) else { continue };
                sum.weighted_score += share.weighted_score;
                sum.weight += share.weight;
            }
        }
        self.last_days(|day| place(day).and_then(|at| sums.get(at)).and_then(|sum| sum.value()))
    }

    /// Gives an account's score of each of the last days, the oldest first.
    pub(crate) fn days_of(self, account: &str) -> Vec<(i64, Option<f64>)> {
        let days = self.tables.days.get(account);
        self.last_days(|day| days.and_then(|days| days.get(&day)).and_then(|share| share.value()))
    }

    fn today(self) -> i64 {
        self.tables.at_ms.div_euclid(DAY_MS)
    }

    fn last_days(self, score: impl Fn(i64) -> Option<f64>) -> Vec<(i64, Option<f64>)> {
        let today = self.today();
        (today - DAYS_MAX + 1..=today).map(|day| (day, score(day))).collect()
    }

    /// Gives the score of an account so many days ago, or the nearest one kept after that.
    pub(crate) fn score_before(self, account: &str, days: i64) -> Option<f64> {
        let from = self.today() - days;
        let kept = self.tables.days.get(account)?;
        kept.range(from..).next().and_then(|(_, share)| share.value())
    }
}

impl Share {
    /// Adds an account's own share.
    pub(crate) fn add(&mut self, score: Option<&ScoreState>) {
        if let Some(score) = score {
            self.weighted_score += score.weighted_score;
            self.weight += score.weight;
        }
    }

    /// Gives the mean; none where nothing weighs.
    pub(crate) fn value(self) -> Option<f64> {
        weighted(self.weighted_score, self.weight)
    }
}

/// Says what is odd about an account: where it stands, and what could not be read.
pub(crate) fn remarks(account: Account<'_>) -> String {
    let mut remarks = Vec::new();
    match account.state.status {
        AccountStatus::Active => {}
        AccountStatus::Suspended | AccountStatus::Left => {
            remarks.push(format!("{}, not scored", account.state.status));
        }
        status => remarks.push(status.to_string()),
    }
    let failed: i64 = account.state.coverage.iter().map(|kind| kind.failed).sum();
    if failed > 0 {
        let error = account.state.coverage.iter().find_map(|kind| kind.error.as_deref());
        let error = error.map_or(String::new(), |error| format!(": {error}"));
        remarks.push(format!("the last scan failed in {failed} scopes{error}"));
    }
    remarks.join("; ")
}
